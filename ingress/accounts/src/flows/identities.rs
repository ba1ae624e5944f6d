//! A person's own list of accounts elsewhere by which it signs in.

use onsale_store::account::{Act, Unlinking, UserRow};
use onsale_store::notice::Notice;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;
use crate::flows::{Confirmation, SignInStart};

/// How a person signs in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnIdentities {
    /// Whether the account has a password.
    pub has_password: bool,
    /// The accounts elsewhere, the oldest link first.
    pub identities: Vec<OwnIdentity>,
}

/// An account elsewhere as its person sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnIdentity {
    /// Its id here.
    pub identity_id: Uuid,
    /// The name of the provider.
    pub provider: String,
    /// What people read; `None` where the provider is not configured any more.
    pub title: Option<String>,
    /// When it was linked, in milliseconds since 1970.
    pub linked_at_ms: u64,
    /// When it was last used, in milliseconds since 1970.
    pub last_used_at_ms: u64,
}

/// Which account elsewhere a person wants to link.
#[derive(Debug)]
pub struct LinkRequest<'a> {
    /// The provider.
    pub provider: &'a str,
    /// Where the browser goes then.
    pub return_to: Option<&'a str>,
    /// Who asks for it shows once more who it is.
    pub confirmation: Confirmation<'a>,
}

impl Accounts {
    /// How a person signs in.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] for a token's user that has no account here.
    pub async fn identities(&self, user: Uuid) -> Result<OwnIdentities, AccountError> {
        let row = self.store.user(user).await?;
        let row = row.filter(UserRow::is_active);
        let row = row.ok_or(AccountError::NotFound("account"))?;
        let rows = self.store.identities_of(user).await?;
        let identities = rows.into_iter().map(|row| OwnIdentity {
            title: self
                .providers
                .get(&row.provider)
                .map(|provider| provider.title.clone()),
            identity_id: row.identity_id,
            provider: row.provider,
            linked_at_ms: row.linked_at_ms,
            last_used_at_ms: row.last_used_at_ms,
        });
        Ok(OwnIdentities {
            has_password: row.password.is_some(),
            identities: identities.collect(),
        })
    }

    /// Sends the browser of a person who is signed in to a provider, to link its account there.
    ///
    /// # Errors
    /// [`AccountError::StepUp`], [`AccountError::InvalidCredentials`], [`AccountError::SignInAgain`] and
    /// others; otherwise as [`Accounts::start_sign_in`].
    pub async fn start_link(
        &self,
        user: Uuid,
        request: LinkRequest<'_>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<SignInStart, AccountError> {
        let LinkRequest {
            provider,
            return_to,
            confirmation,
        } = request;
        self.consent(user, confirmation, "identity.link", origin, now_ms)
            .await?;
        // A token of no session has nothing that is live until the browser is back.
        let session = confirmation.session.ok_or(AccountError::SignInAgain)?;
        self.begin(provider, return_to, Some((user, session)), now_ms)
            .await
    }

    /// Unlinks an account elsewhere, where that is not the last way in.
    ///
    /// # Errors
    /// As [`Accounts::start_link`]; [`AccountError::LastWayIn`].
    pub async fn unlink(
        &self,
        user: Uuid,
        identity: Uuid,
        confirmation: Confirmation<'_>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let doing = "identity.unlink";
        let row = self
            .consent(user, confirmation, doing, origin, now_ms)
            .await?;
        let entry = origin
            .own(user, doing)
            .with(json!({ "identity": identity }));
        let notice = Notice::IdentityUnlinked.job(user, now_ms)?;
        let configured = self.providers.names().map(str::to_owned).collect();
        let (shown, by) = (row.password.as_ref(), confirmation.mandate(user, now_ms));
        let act = Act::new(entry, by);
        let unlinked = self
            .store
            .unlink_identity(user, identity, shown, configured, notice, act);
        match unlinked.await? {
            Unlinking::Unlinked => Ok(()),
            Unlinking::NotThere => Err(AccountError::NotFound("identity")),
            Unlinking::LastWay => Err(AccountError::LastWayIn),
        }
    }
}
