//! Payments and refunds of an export.

use onsale_schemas::UserId;
use onsale_store::payment::MoneyPlace;

use crate::error::ApiError;
use crate::routes::payments::body::PaymentBody;
use crate::routes::refunds::body::RefundBody;
use crate::state::AppState;

/// Payments of one export, the newest ones of each who paid.
const PAYMENTS_MAX: usize = 10_000;
/// Payments that are read at once.
const PAYMENTS_PER_PAGE: u32 = 500;

/// What a person has paid and what went back of it.
#[derive(Default)]
pub(super) struct ExportedPayments {
    pub(super) payments: Vec<PaymentBody>,
    pub(super) refunds: Vec<RefundBody>,
    /// Whether there is more than that.
    pub(super) is_cut: bool,
}

/// The payments of an account and of its purchases as a guest, with their refunds.
pub(super) async fn payments(
    state: &AppState,
    user: UserId,
    guests: &[UserId],
) -> Result<ExportedPayments, ApiError> {
    let mut exported = ExportedPayments::default();
    for payer in std::iter::once(user).chain(guests.iter().copied()) {
        let mut after = None;
        loop {
            let store = &state.installation;
            let rows = store
                .payments_of_user(payer, after, PAYMENTS_PER_PAGE)
                .await?;
            let Some(last) = rows.last() else { break };
            after = Some(MoneyPlace {
                created_at_ms: last.created_at_ms,
                id: last.id,
            });
            for row in rows {
                if exported.payments.len() >= PAYMENTS_MAX {
                    exported.is_cut = true;
                    return Ok(exported);
                }
                // What took no money has nothing to give back.
                if row.captured > 0 {
                    let refunds = store.refunds_of_payment(row.id).await?.into_iter();
                    let bodies = refunds.map(|refund| RefundBody::new(refund, row.currency));
                    exported.refunds.extend(bodies);
                }
                exported.payments.push(row.into());
            }
        }
    }
    Ok(exported)
}
