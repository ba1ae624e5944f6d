//! Mails that tell people what happened to their accounts.

use crate::database::Transaction;
use crate::error::StoreError;
use crate::notice::NoticeJob;
use crate::store::jobs::enqueue;

/// Enqueues a notice, unless the address of its account is not verified, or the account was sent as many of
/// the kind on this day as there is room for.
pub(super) async fn tell(
    transaction: &mut Transaction,
    notice: &NoticeJob,
) -> Result<(), StoreError> {
    let verified = "SELECT user_id FROM users WHERE user_id = $1 \
         AND email_verified_at_ms IS NOT NULL";
    let values = [notice.user_id.into()];
    let verified = transaction.fetch_optional(verified, &values).await?;
    if verified.is_none() {
        return Ok(());
    }
    for job in notice.as_each() {
        if enqueue(transaction, &job).await? {
            break;
        }
    }
    Ok(())
}
