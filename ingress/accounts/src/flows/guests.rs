//! Buying without an account, and taking over later what was bought so.

use onsale_auth::{Grant, Purchase, Role};
use onsale_private::Private;
use onsale_schemas::{ShowId, TenantId, UserId};
use onsale_store::account::{GuestRow, TakeOver};
use onsale_store::audit::AuditRow;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin};
use crate::acting::Acting;
use crate::email::Email;
use crate::error::AccountError;
use crate::fields;
use crate::repeat::Repeat;
use crate::vault::Vault;

/// What ids of guests are derived as.
const GUEST: &str = "guest";

/// A guest, as whoever has its token or has taken it over sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guest {
    /// The row.
    pub row: GuestRow,
    /// The address; `None` once it is forgotten or erased, or where it does not open.
    pub email: Option<Private>,
    /// The address does not open.
    pub is_unreadable: bool,
}

/// A guest that can buy.
#[derive(Debug)]
pub struct GuestSignedIn {
    /// For `Authorization: Bearer …`.
    pub access_token: Private,
    /// Its life, in seconds. There is no other one after it.
    pub expires_in_seconds: u64,
    /// Its id, in the log too.
    pub guest_id: Uuid,
}

impl Guest {
    pub(crate) fn open(vault: &Vault, row: GuestRow) -> Self {
        let mut is_unreadable = false;
        let email = vault.shown(vault.open_guest_email(&row), &mut is_unreadable);
        Self {
            row,
            email,
            is_unreadable,
        }
    }
}

impl Accounts {
    /// A token for one purchase, of places of `show` where one is named. Nobody is looked for, so it takes
    /// the same whether or not an account or another guest has the address.
    ///
    /// # Errors
    /// [`AccountError::NoGuests`], [`AccountError::Invalid`].
    pub async fn open_guest(
        &self,
        email: &Private,
        show: Option<ShowId>,
        locale: Option<String>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<GuestSignedIn, AccountError> {
        if !self.config.guests {
            return Err(AccountError::NoGuests);
        }
        let email = fields::email(email)?;
        let locale = locale.map(fields::locale).transpose()?;
        let vault = self.vault(now_ms).await?;
        if let Some(guest) = self
            .opened_as_guest_before(&email, show, origin, now_ms)
            .await?
        {
            return Ok(guest);
        }
        let guest_id = self.new_guest_id(origin).await?;
        let life_seconds = self.config.guest_token_seconds;
        let row = GuestRow {
            guest_id,
            email: Some(vault.seal_guest_email(guest_id, &email)),
            locale,
            created_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(life_seconds.saturating_mul(1_000)),
            owner: None,
            erased_at_ms: None,
        };
        let entry = origin
            .anonymous()
            .did("guest.open", "guest", guest_id)
            .with(json!({ "show": show }));
        let guest = self.guest_signed_in(guest_id, show, life_seconds, now_ms)?;
        self.store.add_guest(&row, entry).await?;
        Ok(guest)
    }

    /// The answer to a guest.
    fn guest_signed_in(
        &self,
        guest_id: Uuid,
        show: Option<ShowId>,
        life_seconds: u64,
        now_ms: u64,
    ) -> Result<GuestSignedIn, AccountError> {
        let grant = Grant {
            user: UserId(guest_id),
            role: Role::Buyer,
            tenant: TenantId(Uuid::nil()),
            life_seconds,
        };
        let purchase = Purchase { show };
        let token = self.minter.mint_for_guest(&grant, purchase, now_ms)?;
        Ok(GuestSignedIn {
            access_token: Private::new(token),
            expires_in_seconds: life_seconds,
            guest_id,
        })
    }

    /// Another token for the guest that an earlier try of the same request has opened, good for as long as the first
    /// one.
    async fn opened_as_guest_before(
        &self,
        email: &Email,
        show: Option<ShowId>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Option<GuestSignedIn>, AccountError> {
        let Some(repeat) = &origin.repeat else {
            return Ok(None);
        };
        let address = self.vault(now_ms).await?.email_hash(email);
        for id in repeat.ids(GUEST) {
            let found = self.store.guest(id).await?;
            let is_its = |row: &GuestRow| {
                let has_address = row.email.as_ref().is_some_and(|of| of.hash == address);
                // Of one that an account has taken over, that account decides.
                has_address && row.owner.is_none() && row.erased_at_ms.is_none()
            };
            let Some(row) = found.filter(is_its) else {
                continue;
            };
            // A second begun counts as none, so no token outlives its guest.
            let left_seconds = row.expires_at_ms.saturating_sub(now_ms) / 1_000;
            if left_seconds > 0 && Repeat::is_recent(row.created_at_ms, now_ms) {
                repeat.note_found();
                let guest = self.guest_signed_in(id, show, left_seconds, now_ms)?;
                return Ok(Some(guest));
            }
        }
        Ok(None)
    }

    /// The id of a new guest. One that is there already keeps its id.
    async fn new_guest_id(&self, origin: &Origin) -> Result<Uuid, AccountError> {
        if let Some(repeat) = &origin.repeat {
            let id = repeat.id(GUEST);
            if self.store.guest(id).await?.is_none() {
                return Ok(id);
            }
        }
        Ok(Uuid::new_v4())
    }

    /// A guest.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] for one that is erased, or is not there.
    pub async fn guest(&self, guest: Uuid, now_ms: u64) -> Result<Guest, AccountError> {
        let row = self.store.guest(guest).await?;
        let row = row.filter(|row| row.erased_at_ms.is_none());
        let row = row.ok_or(AccountError::NotFound("guest"))?;
        Ok(Guest::open(self.vault(now_ms).await?, row))
    }

    /// What is kept about a guest beside its bookings: itself, and what it did and what was done to it, the
    /// newest first; false where there is more of that.
    ///
    /// # Errors
    /// As [`Accounts::guest`].
    pub async fn export_guest(
        &self,
        guest: Uuid,
        now_ms: u64,
    ) -> Result<(Guest, Vec<AuditRow>, bool), AccountError> {
        let found = self.guest(guest, now_ms).await?;
        let (audit, is_cut) = self.entries_about("guest", guest).await?;
        Ok((found, audit, !is_cut))
    }

    /// Erases the address of a guest that no account has taken over. Its bookings stay, under an id that
    /// names nobody any more. `answer` is as with [`Accounts::erase`].
    ///
    /// # Errors
    /// [`AccountError::NotFound`] where there is none.
    pub async fn erase_guest(
        &self,
        guest: Uuid,
        answer: (u16, &[u8]),
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let entry = origin
            .by_guest(guest, "guest.erase")
            .with(json!({ "erased": ["email", "locale"], "kept": ["bookings"] }));
        let last = match &origin.repeat {
            Some(repeat) => Some(self.last_answer(repeat, answer, now_ms).await?),
            None => None,
        };
        if self.store.erase_guest(guest, last, now_ms, entry).await? {
            Ok(())
        } else {
            Err(AccountError::NotFound("guest"))
        }
    }

    /// Gives an account whose address is known to be its person's what was bought as a guest with the same address;
    /// which guests those were.
    ///
    /// # Errors
    /// [`AccountError::NotVerified`], [`AccountError::NotOwned`], [`AccountError::NotFound`].
    pub async fn take_over_guests(
        &self,
        user: Uuid,
        by: &Acting,
        now_ms: u64,
    ) -> Result<Vec<Uuid>, AccountError> {
        let acting = by.clone();
        let audit = move |guests: &[Uuid]| {
            acting
                .did("guest.take_over", "user", user)
                .with(json!({ "guests": guests }))
        };
        let taken = self
            .store
            .take_over_guests(user, by.mandate, now_ms, audit)
            .await?;
        match taken {
            TakeOver::Taken(guests) => Ok(guests),
            TakeOver::NotVerified => Err(AccountError::NotVerified),
            TakeOver::NotOwned => Err(AccountError::NotOwned),
            TakeOver::NotThere => Err(AccountError::NotFound("account")),
        }
    }
}
