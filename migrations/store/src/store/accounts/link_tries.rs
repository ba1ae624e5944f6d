//! Wrong passwords that come with the token of a mailed link. Who holds a link that someone else asked for has no more
//! tries at the account's password by it than these.

use crate::Store;
use crate::account::{Purpose, TokenHash, WRONG_PASSWORDS_PER_LINK_MAX};
use crate::audit::Unaudited;
use crate::database::{Durability, Value, integer};
use crate::error::StoreError;

const COUNT: &str = "UPDATE one_time_tokens SET wrong_passwords = wrong_passwords + 1, \
     used_at_ms = CASE WHEN wrong_passwords + 1 >= $3 THEN $2 END \
     WHERE token_hash = $1 AND used_at_ms IS NULL AND expires_at_ms > $2 RETURNING used_at_ms";
/// As with a change that is used, the address goes with the link.
const COUNT_OF_CHANGE: &str = "UPDATE address_changes SET wrong_passwords = wrong_passwords + 1, \
     used_at_ms = CASE WHEN wrong_passwords + 1 >= $3 THEN $2 END, \
     email_sealed = CASE WHEN wrong_passwords + 1 < $3 THEN email_sealed END \
     WHERE token_hash = $1 AND used_at_ms IS NULL AND expires_at_ms > $2 RETURNING used_at_ms";

impl Store {
    /// Counts a wrong password against the link that it came with, which is good no more after
    /// [`WRONG_PASSWORDS_PER_LINK_MAX`]. Whether it was the last one.
    ///
    /// # Errors
    /// As every write.
    pub async fn count_wrong_password(
        &self,
        hash: TokenHash,
        purpose: Purpose,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let sql = match purpose {
            Purpose::ChangeEmail => COUNT_OF_CHANGE,
            _ => COUNT,
        };
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let values = [
                    Value::Bytes(&hash),
                    integer("now_ms", now_ms)?.into(),
                    WRONG_PASSWORDS_PER_LINK_MAX.into(),
                ];
                let counted = transaction.fetch_optional(sql, &values).await?;
                let used_at_ms: Option<u64> = match &counted {
                    Some(row) => row.number_or_null("used_at_ms")?,
                    None => None,
                };
                transaction.commit(Unaudited::Automatic).await?;
                Ok(used_at_ms.is_some())
            })
            .await
    }
}
