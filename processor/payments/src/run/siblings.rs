//! Other payments of the same booking. A row says what is due for one payment; what only several of them say together
//! stands here.

use onsale_store::payment::{Payment, PaymentState};

use super::ask_log::GivenBack;
use super::{Executor, RunError};
use crate::saga::{Seen, leaves_its_sale};

impl Executor {
    /// By which references the log may know the sale that a payment pays for: its own, then those of payments that
    /// have left theirs. `None` where the payment is not what it was when it was loaded, and nothing is to be asked
    /// for it.
    ///
    /// A booking that was confirmed for a payment whose money could then not be taken is paid by another one under the
    /// reference that it has, because the log knows one for good. Only the log knows which that is: the database may
    /// be behind.
    ///
    /// Payments whose money could not be taken are told first that they are replaced. Of that and the return of their
    /// places one is written down, so no place goes back under a payment that takes the sale over; where places are to
    /// go back, nobody else pays for them.
    pub(super) async fn references_of(
        &self,
        payment: &Payment,
    ) -> Result<Option<Vec<String>>, RunError> {
        let own = own_reference(payment);
        if payment.attempt <= 1 {
            // Another one is opened only once it is over.
            return Ok(Some(vec![own]));
        }
        let of_booking = self.store.payments_of_booking(payment.booking).await?;
        let is_as_loaded = |other: &Payment| other.version == payment.version;
        if !of_booking
            .iter()
            .any(|other| other.id == payment.id && is_as_loaded(other))
        {
            return Ok(None);
        }
        for other in of_booking.iter().filter(|other| waits(other, payment)) {
            self.tell(other.id, &Seen::Replaced).await?;
        }
        let of_booking = self.store.payments_of_booking(payment.booking).await?;
        if of_booking.iter().any(|other| waits(other, payment)) {
            return Ok(Some(vec![own]));
        }
        let left = of_booking
            .iter()
            .filter(|other| other.id != payment.id && leaves_its_sale(other))
            .map(own_reference);
        Ok(Some(std::iter::once(own).chain(left).collect()))
    }

    /// Gives the places of a sale back whose money could not be taken. That they are to go back is written down before,
    /// so no other payment takes the sale over meanwhile ([`Executor::references_of`]).
    pub(super) async fn give_sale_back(&self, payment: &Payment) -> Seen {
        let given_back = self
            .give_back(payment.id, payment.tenant, payment.booking)
            .await;
        match given_back {
            GivenBack::Done | GivenBack::Ended => Seen::GivenBack,
            GivenBack::Refused | GivenBack::Unknown => Seen::LogUnknown,
        }
    }
}

/// Whether the money of another payment could not be taken, and its sale is neither left nor given back.
fn waits(other: &Payment, payment: &Payment) -> bool {
    other.id != payment.id && other.state == PaymentState::CaptureFailed
}

/// The reference of a payment: its own id. What the gateway calls it may be found out late, and by two at once.
fn own_reference(payment: &Payment) -> String {
    payment.id.simple().to_string()
}
