//! Who buys without an account.
//!
//! A guest is one purchase. Its id is a UUID of its own, under which the log has its bookings, so it reads
//! and cancels those and no others, whatever address it gave. An account takes guests over by having the
//! same address, where account and mailbox are known to be one person's: a row here then names it as their
//! owner. What the log says stays as it is: bookings are the guest's there for ever, and its ticket limit was
//! counted for the guest. Whoever reads or cancels bookings for people asks [`Store::guests_of`] and
//! [`Store::owner_of_guest`], too.
//!
//! Locks are taken after that of the account.

use onsale_private::LookupHash;
use uuid::Uuid;

use super::{answers, mandate, users};
use crate::Store;
use crate::account::{GUESTS_PER_ACCOUNT_MAX, GuestRow, Mandate, SealedEmail, TakeOver, UserRow};
use crate::account_answer::LastAnswer;
use crate::audit::{Audit, AuditEntry};
use crate::database::{Durability, Row, Transaction, Value, integer};
use crate::error::StoreError;
use crate::store::payments;

macro_rules! columns {
    () => {
        "guest_id, email_sealed, email_hash, locale, created_at_ms, expires_at_ms, owner_id, \
         taken_over_at_ms, erased_at_ms"
    };
}

/// Guests of a person: those that its account has taken over, and those of its address, which is given where it
/// is verified; of an address that is not, they may be another person's.
macro_rules! of_person {
    () => {
        "owner_id = $1 OR email_hash = $2"
    };
}

const INSERT: &str = "INSERT INTO guests (guest_id, email_sealed, email_hash, locale, created_at_ms, \
     expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6)";

/// Guests of an address that have something: what is paid for first, then what is held, the newest ones.
/// Those who only asked for a token are nobody's, or anyone could fill another person's account with them.
const TAKE_OVER: &str = "UPDATE guests SET owner_id = $1, taken_over_at_ms = $2 \
     WHERE email_hash = $3 AND owner_id IS NULL AND guest_id IN (SELECT g.guest_id FROM guests g \
     JOIN bookings b ON b.user_id = g.guest_id WHERE g.email_hash = $3 AND g.owner_id IS NULL \
     AND (b.confirmed_at_ms IS NOT NULL OR b.status = 'reserved') GROUP BY g.guest_id \
     ORDER BY MAX(CASE WHEN b.confirmed_at_ms IS NULL THEN 0 ELSE 1 END) DESC, \
     MAX(g.created_at_ms) DESC LIMIT $4) RETURNING guest_id";

/// Of these that housekeeping has not looked at, those with something, as [`TAKE_OVER`] has it, and those that
/// an account has taken over. A hold that ran out or was given back is nothing.
const KEEP: &str = "UPDATE guests SET is_kept = 1 WHERE guest_id IN (SELECT g.guest_id FROM guests g \
     WHERE g.is_kept = 0 AND g.expires_at_ms < $1 AND (g.owner_id IS NOT NULL \
     OR (SELECT b.user_id FROM bookings b WHERE b.user_id = g.guest_id \
     AND (b.confirmed_at_ms IS NOT NULL OR b.status = 'reserved') LIMIT 1) IS NOT NULL) LIMIT $2)";
const FORGET_UNUSED: &str = "DELETE FROM guests WHERE guest_id IN (SELECT guest_id FROM guests \
     WHERE is_kept = 0 AND expires_at_ms < $1 LIMIT $2)";

impl Store {
    /// Adds a guest.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for one that is owned or erased already; otherwise as every write.
    pub async fn add_guest(
        &self,
        guest: &GuestRow,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        if guest.owner.is_some() || guest.erased_at_ms.is_some() {
            return Err(StoreError::Invalid(
                "a new guest that is owned or erased already".to_owned(),
            ));
        }
        let (guest, audit) = (guest.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                transaction
                    .execute(
                        INSERT,
                        &[
                            guest.guest_id.into(),
                            guest.email.as_ref().map(|email| &email.sealed).into(),
                            guest.email.as_ref().map(|email| &email.hash).into(),
                            Value::from(&guest.locale),
                            integer("created_at_ms", guest.created_at_ms)?.into(),
                            integer("expires_at_ms", guest.expires_at_ms)?.into(),
                        ],
                    )
                    .await?;
                transaction.commit(audit).await
            })
            .await
    }

    /// One guest.
    ///
    /// # Errors
    /// As every read.
    pub async fn guest(&self, id: Uuid) -> Result<Option<GuestRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!("SELECT ", columns!(), " FROM guests WHERE guest_id = $1"),
                &[id.into()],
            )
            .await?
            .map(|row| guest_row(&row))
            .transpose()
    }

    /// The guests that an account has taken over, the newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn guests_of(&self, owner: Uuid) -> Result<Vec<GuestRow>, StoreError> {
        self.database
            .fetch(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM guests WHERE owner_id = $1 ORDER BY created_at_ms DESC, guest_id LIMIT $2"
                ),
                &[owner.into(), GUESTS_PER_ACCOUNT_MAX.into()],
            )
            .await?
            .iter()
            .map(guest_row)
            .collect()
    }

    /// The guests of a person, those that its account has taken over first, the newest of each first: where
    /// its address is verified, those of that address belong to it, too.
    ///
    /// # Errors
    /// As every read.
    pub async fn guests_of_person(
        &self,
        user: &UserRow,
        limit: u32,
    ) -> Result<Vec<GuestRow>, StoreError> {
        self.database
            .fetch(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM guests WHERE ",
                    of_person!(),
                    " ORDER BY CASE WHEN owner_id IS NULL THEN 1 ELSE 0 END, created_at_ms DESC, \
                     guest_id LIMIT $3"
                ),
                &[
                    user.user_id.into(),
                    user.owned_address().into(),
                    limit.into(),
                ],
            )
            .await?
            .iter()
            .map(guest_row)
            .collect()
    }

    /// The account that has taken a guest over; `None` where none has, or there is no such guest.
    ///
    /// # Errors
    /// As every read.
    pub async fn owner_of_guest(&self, id: Uuid) -> Result<Option<Uuid>, StoreError> {
        let found = self
            .database
            .fetch_optional(
                "SELECT owner_id FROM guests WHERE guest_id = $1",
                &[id.into()],
            )
            .await?;
        match found {
            Some(row) => row.uuid_or_null("owner_id"),
            None => Ok(None),
        }
    }

    /// Gives an account the guests of its address that have bookings, where that address is known to be its
    /// person's. With none of them nothing is written.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`]; otherwise as every write.
    pub async fn take_over_guests(
        &self,
        user: Uuid,
        right: Option<Mandate>,
        now_ms: u64,
        audit: impl FnOnce(&[Uuid]) -> AuditEntry + Send + 'static,
    ) -> Result<TakeOver, StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                // Of two calls at once, the second waits here and finds nothing left.
                let account = users::lock(&mut transaction, user).await?;
                let Some(account) = account.filter(UserRow::is_active) else {
                    return Ok(TakeOver::NotThere);
                };
                let Some(email) = &account.email else {
                    return Ok(TakeOver::NotThere);
                };
                if account.email_verified_at_ms.is_none() {
                    return Ok(TakeOver::NotVerified);
                }
                if !account.owns_address() {
                    return Ok(TakeOver::NotOwned);
                }
                mandate::check(&mut transaction, right).await?;
                let room = room_for_guests(&mut transaction, user).await?;
                let rows = transaction
                    .fetch(
                        TAKE_OVER,
                        &[
                            user.into(),
                            integer("now_ms", now_ms)?.into(),
                            Value::from(&email.hash),
                            room.into(),
                        ],
                    )
                    .await?;
                let mut taken = Vec::with_capacity(rows.len());
                for row in &rows {
                    taken.push(row.uuid("guest_id")?);
                }
                if !taken.is_empty() {
                    transaction.commit(audit(&taken)).await?;
                }
                Ok(TakeOver::Taken(taken))
            })
            .await
    }

    /// Erases the address of a guest that no account has taken over; false where there is no such one, or
    /// it is erased already. Its bookings stay, under an id that names nobody any more. `last` is what is remembered
    /// of the call that asks for it.
    ///
    /// # Errors
    /// As every write.
    pub async fn erase_guest(
        &self,
        id: Uuid,
        last: Option<LastAnswer>,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let erased = transaction
                    .execute(
                        "UPDATE guests SET email_sealed = NULL, email_hash = NULL, locale = NULL, \
                         erased_at_ms = $2 WHERE guest_id = $1 AND owner_id IS NULL \
                         AND erased_at_ms IS NULL",
                        &[id.into(), integer("now_ms", now_ms)?.into()],
                    )
                    .await?;
                if erased == 0 {
                    return Ok(false);
                }
                answers::erase(&mut transaction, id, last.as_ref()).await?;
                payments::forget_reasons(&mut transaction, id).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// Forgets guests who bought and hold nothing and whose token was good until before `unused_before_ms`;
    /// returns how many those were. Guests with bookings go with the last of these
    /// ([`Store::apply_retention_step`]).
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_guests(&self, unused_before_ms: u64) -> Result<u64, StoreError> {
        // Each is looked at once, so what is kept for years costs nothing every hour.
        self.forget_in_steps(KEEP, unused_before_ms).await?;
        self.forget_in_steps(FORGET_UNUSED, unused_before_ms).await
    }
}

/// The guests of a person who is being erased name nobody any more: those that it took over, and where its
/// address is known to be its own, those of that address; otherwise they may be another person's.
/// How many there were.
pub(super) async fn erase_those_of(
    transaction: &mut Transaction,
    user: &UserRow,
    now_ms: u64,
) -> Result<u64, StoreError> {
    // What they have said when they asked for refunds, as long as it is known whose they are.
    transaction
        .execute(
            concat!(
                "UPDATE refunds SET reason = NULL WHERE reason IS NOT NULL AND asked_by IN \
                 (SELECT guest_id FROM guests WHERE ",
                of_person!(),
                ")"
            ),
            &[user.user_id.into(), user.owned_address().into()],
        )
        .await?;
    transaction
        .execute(
            concat!(
                "UPDATE guests SET email_sealed = NULL, email_hash = NULL, locale = NULL, \
                 owner_id = NULL, taken_over_at_ms = NULL, erased_at_ms = $3 WHERE ",
                of_person!()
            ),
            &[
                user.user_id.into(),
                user.owned_address().into(),
                integer("now_ms", now_ms)?.into(),
            ],
        )
        .await
}

/// How many guests an account may take over still.
async fn room_for_guests(transaction: &mut Transaction, user: Uuid) -> Result<u32, StoreError> {
    let counted = transaction
        .fetch_optional(
            "SELECT COUNT(*) AS owned FROM guests WHERE owner_id = $1",
            &[user.into()],
        )
        .await?;
    let owned = match counted {
        Some(row) => row.number("owned")?,
        None => 0,
    };
    Ok(GUESTS_PER_ACCOUNT_MAX.saturating_sub(owned))
}

fn guest_row(row: &Row) -> Result<GuestRow, StoreError> {
    let sealed = row.sealed_or_null("email_sealed")?;
    let hash = row.exactly_or_null("email_hash")?;
    let taken_over_at_ms = row.number_or_null("taken_over_at_ms")?;
    Ok(GuestRow {
        guest_id: row.uuid("guest_id")?,
        email: sealed.zip(hash).map(|(sealed, hash)| SealedEmail {
            sealed,
            hash: LookupHash::from_bytes(hash),
        }),
        locale: row.text_or_null("locale")?,
        created_at_ms: row.number("created_at_ms")?,
        expires_at_ms: row.number("expires_at_ms")?,
        owner: row.uuid_or_null("owner_id")?.zip(taken_over_at_ms),
        erased_at_ms: row.number_or_null("erased_at_ms")?,
    })
}
