//! Signing in with an account elsewhere.
//!
//! Three steps: the browser is sent to the provider ([`Accounts::start_sign_in`]), comes back with what the
//! provider says ([`Accounts::return_from_provider`]), and the page that it lands on exchanges a code for a
//! session ([`Accounts::finish_sign_in`]), which is opened as after a password. All three are held together
//! by a cookie of that browser.

mod land;
mod link;
mod refused;

use onsale_private::Private;
use onsale_store::account::UserRow;
use serde_json::json;
use uuid::Uuid;

use self::refused::{Refused, Stop};
use crate::accounts::{Accounts, Origin, SignedIn};
use crate::error::AccountError;
use crate::providers::journey::{JOURNEY_MS, Journey};
use crate::providers::{ProviderInfo, return_to};
use crate::secret::OneTimeSecret;

/// Within which a page has to bring the code of a sign-in, in milliseconds: 2 minutes.
const HANDOVER_MS: u64 = 120_000;
/// Life of the cookie of a sign-in, in seconds: the way there and back, and the exchange of the code.
pub const JOURNEY_COOKIE_SECONDS: u64 = (JOURNEY_MS + HANDOVER_MS) / 1_000;
/// Longest code of a sign-in, in bytes.
pub const SIGN_IN_CODE_MAX_BYTES: usize = 64;
/// The page that a browser lands on where none is named.
const HOME: &str = "/";

/// Where a browser goes, and what it takes along.
#[derive(Debug)]
pub struct SignInStart {
    /// An address of the provider.
    pub location: String,
    /// The cookie that holds the sign-in together.
    pub cookie: Private,
}

/// What a browser brings back from a provider.
#[derive(Debug, Default)]
pub struct ProviderReturn {
    /// What it was sent there with.
    pub state: String,
    /// What can be exchanged.
    pub code: Option<Private>,
    /// Whom the return is from (RFC 9207).
    pub issuer: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// Where a browser goes that is back from a provider.
#[derive(Debug)]
pub struct Landing {
    /// An address of this installation, with how it went in its fragment, which no server sees.
    pub location: Private,
    /// Whether the cookie is needed no more.
    pub is_over: bool,
}

/// How a sign-in went.
enum Landed {
    /// The code opens a session.
    SignedIn(OneTimeSecret),
    /// An identity is linked to the account of who asked for it.
    Linked,
    /// Neither.
    Refused(Refused),
}

impl Accounts {
    /// With whom people may sign in.
    pub fn providers(&self) -> Vec<ProviderInfo> {
        self.providers.infos()
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] for a provider that there is not; [`AccountError::Provider`].
    pub async fn start_sign_in(
        &self,
        provider: &str,
        to: Option<&str>,
        now_ms: u64,
    ) -> Result<SignInStart, AccountError> {
        self.begin(provider, to, None, now_ms).await
    }

    /// Sends a browser to a provider; `linking` is the account and session that ask for a link.
    pub(crate) async fn begin(
        &self,
        provider: &str,
        to: Option<&str>,
        linking: Option<(Uuid, Uuid)>,
        now_ms: u64,
    ) -> Result<SignInStart, AccountError> {
        let provider = self.providers.get(provider);
        let provider = provider.ok_or(AccountError::NotFound("provider"))?;
        let to = return_to(to.unwrap_or(HOME)).ok_or_else(|| AccountError::InvalidValue {
            field: "return_to",
            value: to.unwrap_or(HOME).to_owned(),
            expected: "a path of this site, as /shows/1",
        })?;
        let journey = Journey::new(&provider.name, to, linking, now_ms);
        let location = self
            .providers
            .authorization(provider, &journey, now_ms)
            .await?;
        let ring = self.vault(now_ms).await?.ring();
        let cookie = journey.seal(ring);
        let cookie = cookie.map_err(|error| AccountError::Internal(error.to_string()))?;
        Ok(SignInStart {
            location: location.into(),
            cookie: Private::new(cookie),
        })
    }

    /// Takes up what a browser brings back.
    ///
    /// # Errors
    /// [`AccountError::BadSignIn`] where this browser did not begin it, did so too long ago, or was here
    /// before. What the person can do something about is said where the browser lands.
    pub async fn return_from_provider(
        &self,
        provider: &str,
        cookie: Option<&str>,
        back: ProviderReturn,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Landing, AccountError> {
        let provider = self.providers.get(provider);
        let provider = provider.ok_or(AccountError::NotFound("provider"))?;
        let journey = self.journey(cookie, now_ms).await?;
        if journey.provider != provider.name || journey.state() != back.state {
            return Err(AccountError::BadSignIn);
        }
        // Before anything is asked of the provider: a code is exchanged once, whoever brings it.
        let (state, until_ms) = (journey.state_hash(), journey.expires_at_ms);
        if !self.store.begin_federated_sign_in(state, until_ms).await? {
            return Err(AccountError::BadSignIn);
        }
        let landed = match self.land(provider, &journey, back, origin, now_ms).await {
            Ok(landed) => landed,
            Err(Stop::Refused(why, user)) => {
                let detail = json!({ "why": why.as_str(), "provider": provider.name });
                self.note_refusal_with(user, detail, origin).await?;
                Landed::Refused(why)
            }
            Err(Stop::Failed(error)) => return Err(error),
        };
        let fragment = match &landed {
            Landed::SignedIn(code) => format!("sign_in={}", code.expose()),
            Landed::Linked => format!("linked={}", provider.name),
            Landed::Refused(why) => format!("sign_in_error={}", why.as_str()),
        };
        Ok(Landing {
            location: Private::new(self.providers.page(&journey.return_to, &fragment)),
            is_over: !matches!(landed, Landed::SignedIn(_)),
        })
    }

    /// Opens a session by the code that a browser landed with.
    ///
    /// # Errors
    /// [`AccountError::BadSignIn`] where the code is not good in this browser; otherwise as
    /// [`Accounts::login`].
    pub async fn finish_sign_in(
        &self,
        cookie: Option<&str>,
        code: &Private,
        tenant: Option<Uuid>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<SignedIn, AccountError> {
        let bad = || AccountError::BadSignIn;
        // Who came back in the last moment has time for the exchange.
        let began_until_ms = now_ms.saturating_sub(HANDOVER_MS);
        let journey = self.journey(cookie, began_until_ms).await?;
        let code = OneTimeSecret::parse(code.expose()).ok_or_else(bad)?;
        let taken = self
            .store
            .take_sign_in(journey.state_hash(), code.hash(), now_ms);
        let id = taken.await?.ok_or_else(bad)?;
        let user = self.store.user(id).await?.filter(UserRow::is_active);
        let Some(user) = user else {
            self.note_refusal(Some(id), "disabled", origin).await?;
            return Err(AccountError::Disabled);
        };
        match self.open(user, tenant, origin, now_ms).await {
            // Something changed within this moment.
            Err(AccountError::InvalidCredentials) => Err(AccountError::BadSignIn),
            opened => opened,
        }
    }

    async fn journey(&self, cookie: Option<&str>, now_ms: u64) -> Result<Journey, AccountError> {
        let vault = self.vault(now_ms).await?;
        cookie
            .and_then(|cookie| Journey::open(vault.ring(), cookie, now_ms))
            .ok_or(AccountError::BadSignIn)
    }
}
