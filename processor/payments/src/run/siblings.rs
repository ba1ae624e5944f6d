//! Other payments of the same booking. A row says what is due for one payment; what only several of them say together
//! stands here.

use onsale_store::StoreError;
use onsale_store::payment::{Payment, PaymentState};

use super::Executor;
use super::ask_log::GivenBack;
use crate::saga::Seen;

impl Executor {
    /// By which reference the log knows the sale.
    ///
    /// A booking that was confirmed for a payment whose money could then not be taken is paid by another one under
    /// the reference that it has, because the log knows one for good.
    pub(super) async fn reference_of(&self, payment: &Payment) -> Result<String, StoreError> {
        if payment.attempt > 1
            && let Some(row) = self.store.booking(payment.booking).await?
            && let Some(reference) = row.payment_reference
        {
            let of_booking = self.store.payments_of_booking(payment.booking).await?;
            let others = of_booking.iter().filter(|other| other.id != payment.id);
            let mut of_reference = others.filter(|other| own_reference(other) == reference);
            if of_reference.any(has_no_money) {
                return Ok(reference);
            }
        }
        Ok(own_reference(payment))
    }

    /// Gives the places of a sale back whose money could not be taken, unless another payment has paid for it.
    pub(super) async fn give_sale_back(&self, payment: &Payment) -> Result<Seen, StoreError> {
        let of_booking = self.store.payments_of_booking(payment.booking).await?;
        let others: Vec<&Payment> = of_booking
            .iter()
            .filter(|other| other.id != payment.id)
            .collect();
        if others.iter().any(|other| is_paid(other)) {
            return Ok(Seen::GivenBack);
        }
        if others.iter().any(|other| is_about_to_pay(other)) {
            // It is looked at again in a moment.
            return Ok(Seen::LogUnknown);
        }
        let given_back = self
            .give_back(payment.id, payment.tenant, payment.booking)
            .await;
        Ok(match given_back {
            GivenBack::Done | GivenBack::Ended => Seen::GivenBack,
            GivenBack::Refused | GivenBack::Unknown => Seen::LogUnknown,
        })
    }
}

/// The reference of a payment: its own id. What the gateway calls it may be found out late, and by two at once.
fn own_reference(payment: &Payment) -> String {
    payment.id.simple().to_string()
}

/// Whether a payment that a booking was confirmed for has come to nothing.
fn has_no_money(payment: &Payment) -> bool {
    payment.captured == 0
        && matches!(
            payment.state,
            PaymentState::CaptureFailed | PaymentState::Failed | PaymentState::TimedOut
        )
}

fn is_paid(payment: &Payment) -> bool {
    matches!(
        payment.state,
        PaymentState::Capturing | PaymentState::Succeeded
    )
}

fn is_about_to_pay(payment: &Payment) -> bool {
    matches!(
        payment.state,
        PaymentState::Authorised | PaymentState::Paid | PaymentState::Cancelling
    )
}
