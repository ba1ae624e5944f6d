//! A person's own profile.

use onsale_private::Private;
use onsale_store::account::{Act, ProfileChange};
use serde_json::json;
use uuid::Uuid;

use super::consent::in_session;
use crate::accounts::{Accounts, Origin, Person};
use crate::error::AccountError;
use crate::fields;

/// What a person changes: `None` leaves it, `Some(None)` removes it.
#[derive(Debug, Default)]
pub struct ProfileUpdate {
    /// The name.
    pub name: Option<Option<Private>>,
    /// The telephone number.
    pub phone: Option<Option<Private>>,
    /// The language.
    pub locale: Option<Option<String>>,
}

impl Accounts {
    /// A person, as what it is in `tenant`.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] for a token's user that has no account here.
    pub async fn me(
        &self,
        user: Uuid,
        tenant: Option<Uuid>,
        now_ms: u64,
    ) -> Result<Person, AccountError> {
        let row = self.store.user(user).await?;
        let row = row.filter(|row| row.erased_at_ms.is_none());
        let row = row.ok_or(AccountError::NotFound("account"))?;
        self.person(row, tenant, now_ms).await
    }

    /// Changes a profile, in the session that the person asks in, where there is one; the person as it is then.
    /// Where nothing is said, nothing is changed, and no entry is left.
    ///
    /// # Errors
    /// As [`Accounts::me`], and [`AccountError::Invalid`].
    pub async fn update_me(
        &self,
        user: Uuid,
        tenant: Option<Uuid>,
        session: Option<Uuid>,
        update: ProfileUpdate,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Person, AccountError> {
        let vault = self.vault(now_ms).await?;
        let name = update
            .name
            .map(|name| name.map(|name| fields::name(&name)).transpose())
            .transpose()?;
        let phone = update
            .phone
            .map(|phone| phone.map(|phone| fields::phone(&phone)).transpose())
            .transpose()?;
        let locale = update
            .locale
            .map(|locale| locale.map(fields::locale).transpose())
            .transpose()?;
        let changed: Vec<&str> = [
            ("name", name.is_some()),
            ("phone", phone.is_some()),
            ("locale", locale.is_some()),
        ]
        .into_iter()
        .filter_map(|(field, is_changed)| is_changed.then_some(field))
        .collect();
        if changed.is_empty() {
            return self.me(user, tenant, now_ms).await;
        }
        let change = ProfileChange {
            name: name.map(|name| name.map(|name| vault.seal_name(user, &name))),
            phone: phone.map(|phone| phone.map(|phone| vault.seal_phone(user, &phone))),
            locale,
        };
        let entry = origin
            .own(user, "account.change")
            .with(json!({ "fields": changed }));
        let by = session.map(|session| in_session(user, session, now_ms));
        let act = Act::new(entry, by);
        let row = self.store.change_profile(user, &change, act).await?;
        let row = row.ok_or(AccountError::NotFound("account"))?;
        self.person(row, tenant, now_ms).await
    }
}
