//! Reading second factors.

use onsale_private::Sealed;
use uuid::Uuid;

use crate::Store;
use crate::account::TokenHash;
use crate::database::{Row, Value};
use crate::error::StoreError;
use crate::factor::{Factors, PASSKEYS_PER_USER_MAX, PasskeyRow, TotpRow};

impl Store {
    /// The second factors of an account.
    ///
    /// # Errors
    /// As every read.
    pub async fn factors_of(&self, user: Uuid) -> Result<Factors, StoreError> {
        let mut factors = Factors::default();
        let totp = self
            .database
            .fetch(
                concat!(
                    "SELECT ",
                    totp_columns!(),
                    " FROM totp_factors WHERE user_id = $1"
                ),
                &[user.into()],
            )
            .await?;
        for row in &totp {
            let row = totp_row(row)?;
            match row.confirmed_at_ms {
                Some(_) => factors.totp = Some(row),
                None => factors.setting_up = Some(row),
            }
        }
        factors.passkeys = self
            .database
            .fetch(
                concat!(
                    "SELECT ",
                    passkey_columns!(),
                    " FROM passkeys WHERE user_id = $1 ORDER BY created_at_ms, passkey_id LIMIT $2"
                ),
                &[user.into(), PASSKEYS_PER_USER_MAX.into()],
            )
            .await?
            .iter()
            .map(passkey_row)
            .collect::<Result<_, _>>()?;
        let unused = self
            .database
            .fetch_optional(
                "SELECT COUNT(*) AS unused FROM recovery_codes \
                 WHERE user_id = $1 AND used_at_ms IS NULL",
                &[user.into()],
            )
            .await?;
        factors.recovery_codes = unused.map_or(Ok(0), |row| row.number("unused"))?;
        Ok(factors)
    }

    /// The passkey with this id at its authenticator.
    ///
    /// # Errors
    /// As every read.
    pub async fn passkey(&self, credential: TokenHash) -> Result<Option<PasskeyRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!(
                    "SELECT ",
                    passkey_columns!(),
                    " FROM passkeys WHERE credential_hash = $1"
                ),
                &[Value::Bytes(&credential)],
            )
            .await?
            .map(|row| passkey_row(&row))
            .transpose()
    }
}

fn totp_row(row: &Row) -> Result<TotpRow, StoreError> {
    Ok(TotpRow {
        factor_id: row.uuid("factor_id")?,
        user_id: row.uuid("user_id")?,
        secret: Sealed::from_stored(row.bytes("secret_sealed")?),
        created_at_ms: row.number("created_at_ms")?,
        confirmed_at_ms: row.number_or_null("confirmed_at_ms")?,
        last_step: row.number_or_null("last_step")?,
    })
}

fn passkey_row(row: &Row) -> Result<PasskeyRow, StoreError> {
    Ok(PasskeyRow {
        passkey_id: row.uuid("passkey_id")?,
        user_id: row.uuid("user_id")?,
        credential_hash: row.exactly("credential_hash")?,
        credential: Sealed::from_stored(row.bytes("credential_sealed")?),
        name: row.sealed_or_null("name_sealed")?,
        created_at_ms: row.number("created_at_ms")?,
        last_used_at_ms: row.number_or_null("last_used_at_ms")?,
    })
}
