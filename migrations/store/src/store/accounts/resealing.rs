//! Sealing again, with another key, what lies sealed in the rows of people.
//!
//! A batch is a transaction, and a value is replaced only where it is still what was read. So this runs
//! beside everything else, may be stopped at any point, and goes on where it stopped: what the current key
//! has sealed is not read again.

use onsale_private::{KeyId, Place, Sealed};
use uuid::Uuid;

use crate::audit::Unaudited;
use crate::database::{Durability, Value};
use crate::error::StoreError;
use crate::{Store, sealed_columns};

/// A column with sealed values, one a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SealedColumn {
    /// The address of an account.
    UserEmail,
    /// The name of an account.
    UserName,
    /// The telephone number of an account.
    UserPhone,
    /// The program of a session.
    SessionAgent,
    /// The network address of a session.
    SessionAddress,
    /// The address that an invitation was sent to.
    InvitedAddress,
    /// The address that an account is to get.
    NewEmail,
    /// The address of a guest.
    GuestEmail,
    /// The secret of an authenticator app.
    TotpSecret,
    /// Public key and counter of a passkey.
    PasskeyCredential,
    /// What a person calls a passkey.
    PasskeyName,
    /// An answer that is remembered under an idempotency key.
    AccountAnswer,
    /// The text of a code of a show.
    CodeText,
}

/// A value that is sealed with another key than the current one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OldValue {
    /// Its row.
    pub row: Uuid,
    /// The value.
    pub sealed: Sealed,
}

/// A value and the same, sealed anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resealed {
    /// Its row.
    pub row: Uuid,
    /// What was read.
    pub from: Sealed,
    /// What takes its place.
    pub to: Sealed,
}

struct Statements {
    /// Values of other keys than `$1`, of rows after `$2`, at most `$3`.
    select: &'static str,
    /// How many values each key has sealed.
    count: &'static str,
    /// Puts `$3` in the place of `$2` in row `$1`.
    replace: &'static str,
}

macro_rules! statements {
    ($table:literal, $row:literal, $column:literal) => {
        Statements {
            select: concat!(
                "SELECT ",
                $row,
                " AS row_id, ",
                $column,
                " AS sealed FROM ",
                $table,
                " WHERE ",
                $row,
                " > $2 AND ",
                $column,
                " IS NOT NULL AND substr(",
                $column,
                ", 2, 4) <> $1 ORDER BY ",
                $row,
                " LIMIT $3"
            ),
            count: concat!(
                "SELECT substr(",
                $column,
                ", 2, 4) AS key_id, COUNT(*) AS sealed FROM ",
                $table,
                " WHERE ",
                $column,
                " IS NOT NULL GROUP BY 1 ORDER BY 1"
            ),
            replace: concat!(
                "UPDATE ",
                $table,
                " SET ",
                $column,
                " = $3 WHERE ",
                $row,
                " = $1 AND ",
                $column,
                " = $2"
            ),
        }
    };
}

impl SealedColumn {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::UserEmail,
        Self::UserName,
        Self::UserPhone,
        Self::SessionAgent,
        Self::SessionAddress,
        Self::InvitedAddress,
        Self::NewEmail,
        Self::GuestEmail,
        Self::TotpSecret,
        Self::PasskeyCredential,
        Self::PasskeyName,
        Self::AccountAnswer,
        Self::CodeText,
    ];

    /// Where the value of a row lies.
    pub fn place(self, row: Uuid) -> Place {
        match self {
            Self::UserEmail => sealed_columns::email(row),
            Self::UserName => sealed_columns::name(row),
            Self::UserPhone => sealed_columns::phone(row),
            Self::SessionAgent => sealed_columns::agent(row),
            Self::SessionAddress => sealed_columns::address(row),
            Self::InvitedAddress => sealed_columns::invited(row),
            Self::NewEmail => sealed_columns::new_email(row),
            Self::GuestEmail => sealed_columns::guest_email(row),
            Self::TotpSecret => sealed_columns::totp_secret(row),
            Self::PasskeyCredential => sealed_columns::credential(row),
            Self::PasskeyName => sealed_columns::passkey_name(row),
            Self::AccountAnswer => sealed_columns::account_answer(row),
            Self::CodeText => sealed_columns::code_text(row),
        }
    }

    fn statements(self) -> Statements {
        match self {
            Self::UserEmail => statements!("users", "user_id", "email_sealed"),
            Self::UserName => statements!("users", "user_id", "name_sealed"),
            Self::UserPhone => statements!("users", "user_id", "phone_sealed"),
            Self::SessionAgent => statements!("sessions", "session_id", "agent_sealed"),
            Self::SessionAddress => statements!("sessions", "session_id", "address_sealed"),
            Self::InvitedAddress => {
                statements!("one_time_tokens", "invitation_id", "address_sealed")
            }
            Self::NewEmail => statements!("address_changes", "change_id", "email_sealed"),
            Self::GuestEmail => statements!("guests", "guest_id", "email_sealed"),
            Self::TotpSecret => statements!("totp_factors", "factor_id", "secret_sealed"),
            Self::PasskeyCredential => statements!("passkeys", "passkey_id", "credential_sealed"),
            Self::PasskeyName => statements!("passkeys", "passkey_id", "name_sealed"),
            Self::AccountAnswer => statements!("account_answers", "answer_id", "answer_sealed"),
            Self::CodeText => statements!("codes", "code_hash", "text_sealed"),
        }
    }
}

impl Store {
    /// How many values of a column each key has sealed.
    ///
    /// # Errors
    /// As every read.
    pub async fn sealing_keys(
        &self,
        column: SealedColumn,
    ) -> Result<Vec<(KeyId, u64)>, StoreError> {
        self.database
            .fetch(column.statements().count, &[])
            .await?
            .iter()
            .map(|row| {
                let key = KeyId::from_bytes(row.exactly("key_id")?);
                Ok((key, row.number("sealed")?))
            })
            .collect()
    }

    /// Values of a column that another key than `current` has sealed, of rows after `after`.
    ///
    /// # Errors
    /// As every read.
    pub async fn sealed_by_others(
        &self,
        column: SealedColumn,
        current: KeyId,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<OldValue>, StoreError> {
        let values = [Value::Bytes(current.as_bytes()), after.into(), limit.into()];
        self.database
            .fetch(column.statements().select, &values)
            .await?
            .iter()
            .map(|row| {
                Ok(OldValue {
                    row: row.uuid("row_id")?,
                    sealed: Sealed::from_stored(row.bytes("sealed")?),
                })
            })
            .collect()
    }

    /// Puts values that were sealed anew in the place of what was read; how many were still that. The
    /// values stay the same, so nothing is audited.
    ///
    /// # Errors
    /// As every write.
    pub async fn reseal(
        &self,
        column: SealedColumn,
        values: Vec<Resealed>,
    ) -> Result<u64, StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let mut replaced = 0;
                for Resealed { row, from, to } in &values {
                    let values = [(*row).into(), Value::from(from), Value::from(to)];
                    let replace = column.statements().replace;
                    replaced += transaction.execute(replace, &values).await?;
                }
                transaction.commit(Unaudited::Automatic).await?;
                Ok(replaced)
            })
            .await
    }
}
