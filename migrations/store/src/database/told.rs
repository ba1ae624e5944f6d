//! What a call answers, remembered in the transaction of what it did.

use super::{Transaction, Value};
use crate::account_answer::LastAnswer;
use crate::error::StoreError;

/// Ends the turn of a call. One that has passed on to another node ends, too: what was asked is done now. A call that
/// was erased or forgotten meanwhile has none.
pub(super) async fn remember(
    transaction: &mut Transaction,
    LastAnswer { answer_id, answer }: &LastAnswer,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE account_answers SET running_until_ms = NULL, status = $2, answer_sealed = $3 \
             WHERE answer_id = $1 AND running_until_ms IS NOT NULL",
            &[
                (*answer_id).into(),
                answer.status.into(),
                Value::from(answer.sealed.as_ref()),
            ],
        )
        .await
        .map(drop)
}
