//! Signing in with an account elsewhere.
//!
//! Three steps: the browser is sent to the provider ([`Accounts::start_sign_in`]), comes back with what the
//! provider says ([`Accounts::return_from_provider`]), and the page that it lands on exchanges a code for a
//! session ([`Accounts::finish_sign_in`]), which is opened as after a password. All three are held together
//! by a cookie of that browser.

use onsale_auth::Role;
use onsale_private::Private;
use onsale_store::StoreError;
use onsale_store::account::{
    IdentityRow, LinkCondition, Linking, Purpose, SealedEmail, UserRole, UserRow,
};
use onsale_store::notice::Notice;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin, SignedIn};
use crate::email::Email;
use crate::error::AccountError;
use crate::fields;
use crate::providers::journey::{JOURNEY_MS, Journey};
use crate::providers::{Provider, ProviderError, ProviderInfo, Subject, return_to};
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

/// Why someone whom a provider may know does not get in. The words are an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// The person said no at the provider.
    Cancelled,
    /// The provider refused, could not be asked, or its answer is not to be believed.
    Provider,
    /// Too many sign-ins at once, or something changed meanwhile.
    TryAgain,
    /// The provider tells no address, and no account is linked.
    AddressMissing,
    /// An account has the address, and the provider does not vouch that it is this person's.
    AccountExists,
    /// An account has the address, which nobody has verified.
    AccountNotVerified,
    /// Only operators create accounts here.
    RegistrationClosed,
    /// The account cannot sign in.
    Disabled,
    /// Another account is linked to it.
    IdentityTaken,
    /// The account is linked to as many as it may be.
    TooManyIdentities,
    /// The session in which the link was asked for has ended.
    SessionEnded,
}

impl Refused {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Provider => "provider",
            Self::TryAgain => "try_again",
            Self::AddressMissing => "address_missing",
            Self::AccountExists => "account_exists",
            Self::AccountNotVerified => "account_not_verified",
            Self::RegistrationClosed => "registration_closed",
            Self::Disabled => "disabled",
            Self::IdentityTaken => "identity_taken",
            Self::TooManyIdentities => "too_many_identities",
            Self::SessionEnded => "session_ended",
        }
    }
}

/// Why a return leads no further: it is refused, which the person reads on a page, or it cannot be dealt
/// with.
enum Stop {
    Refused(Refused, Option<Uuid>),
    Failed(AccountError),
}

impl<E: Into<AccountError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

fn refused<T>(why: Refused, user: Option<Uuid>) -> Result<T, Stop> {
    Err(Stop::Refused(why, user))
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
        let to = return_to(to.unwrap_or(HOME)).ok_or(AccountError::Invalid {
            field: "return_to",
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

    async fn land(
        &self,
        provider: &Provider,
        journey: &Journey,
        back: ProviderReturn,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Landed, Stop> {
        let code = match (back.error.as_deref(), back.code) {
            (Some("access_denied"), _) => return refused(Refused::Cancelled, None),
            (None, Some(code)) => code,
            (Some(_), _) | (None, None) => return refused(Refused::Provider, None),
        };
        let issuer = back.issuer.as_deref();
        let subject = self
            .providers
            .subject(provider, journey, &code, issuer, now_ms);
        let subject = match subject.await {
            Ok(subject) => subject,
            Err(ProviderError::Busy) => return refused(Refused::TryAgain, None),
            Err(error) => {
                let provider = &provider.name;
                tracing::warn!(%provider, %error, "a provider did not say who signs in");
                return refused(Refused::Provider, None);
            }
        };
        match journey.linking {
            Some((user, session)) => {
                self.link_identity(provider, &subject, (user, session), origin, now_ms)
                    .await
            }
            None => {
                self.sign_in(provider, journey, &subject, origin, now_ms)
                    .await
            }
        }
    }

    /// Says whose sign-in it is; of someone new, after an account was found or created.
    async fn sign_in(
        &self,
        provider: &Provider,
        journey: &Journey,
        subject: &Subject,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Landed, Stop> {
        let vault = self.vault(now_ms).await?;
        let hash = vault.subject_hash(&provider.authority(), &subject.id);
        match self.store.identity(hash).await? {
            Some(known) => {
                let user = self.store.user(known.user_id).await?;
                if !user.is_some_and(|user| user.is_active()) {
                    return refused(Refused::Disabled, Some(known.user_id));
                }
            }
            None => {
                self.by_address(provider, subject, origin, now_ms).await?;
            }
        }
        let code = OneTimeSecret::random();
        let until_ms = now_ms.saturating_add(HANDOVER_MS);
        let state = journey.state_hash();
        let handed = self
            .store
            .hand_sign_in_over(state, hash, code.hash(), now_ms, until_ms);
        if handed.await? {
            Ok(Landed::SignedIn(code))
        } else {
            refused(Refused::TryAgain, None)
        }
    }

    /// Links someone new to the account of its address, where both sides have verified it, or to a new account. Where
    /// account and mailbox are not known to be one person's, what someone else may have set up ends.
    async fn by_address(
        &self,
        provider: &Provider,
        subject: &Subject,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), Stop> {
        let Some(email) = subject.email.as_ref().and_then(Email::parse) else {
            return refused(Refused::AddressMissing, None);
        };
        let hash = self.vault(now_ms).await?.email_hash(&email);
        let Some(user) = self.store.user_by_email(hash).await? else {
            return self
                .create_account(provider, subject, &email, origin, now_ms)
                .await;
        };
        let id = user.user_id;
        if !provider.vouches_for(subject) {
            return refused(Refused::AccountExists, Some(id));
        }
        // Only who has the address learns of it.
        if !user.is_active() {
            return refused(Refused::Disabled, Some(id));
        }
        if user.email_verified_at_ms.is_none() {
            return refused(Refused::AccountNotVerified, Some(id));
        }
        let identity = self.identity(provider, subject, id, true, now_ms).await?;
        let notice = Notice::IdentityLinked.job(id, now_ms)?;
        let mut detail = json!({ "provider": provider.name, "by": "address" });
        if !user.owns_address() {
            detail["ended_ways_in"] = json!(true);
        }
        let entry = origin.own(id, "identity.link").with(detail);
        let condition = LinkCondition::VerifiedAddress(hash);
        match self
            .store
            .link_identity(&identity, condition, notice, entry)
            .await?
        {
            Linking::Linked => Ok(()),
            Linking::Withdrawn | Linking::Taken => refused(Refused::TryAgain, Some(id)),
            Linking::TooMany => refused(Refused::TooManyIdentities, Some(id)),
        }
    }

    /// An account without a password. An address that the provider does not vouch for is sent a link, as
    /// after a registration.
    async fn create_account(
        &self,
        provider: &Provider,
        subject: &Subject,
        email: &Email,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), Stop> {
        if !self.config.registration {
            return refused(Refused::RegistrationClosed, None);
        }
        let vault = self.vault(now_ms).await?;
        let is_vouched = provider.vouches_for(subject);
        let user_id = Uuid::new_v4();
        // A name that would be none here is left out.
        let name = subject.name.as_ref();
        let name = name.and_then(|name| fields::name(name).ok());
        let user = UserRow {
            user_id,
            role: UserRole::Buyer,
            email: Some(vault.seal_email(user_id, email)),
            email_verified_at_ms: is_vouched.then_some(now_ms),
            address_owned_at_ms: is_vouched.then_some(now_ms),
            name: name.map(|name| vault.seal_name(user_id, &name)),
            phone: None,
            password: None,
            locale: None,
            created_at_ms: now_ms,
            disabled_at_ms: None,
            erased_at_ms: None,
        };
        let proof = if is_vouched {
            None
        } else {
            let hash = vault.email_hash(email);
            if self
                .count_mail(Purpose::VerifyEmail, &hash, now_ms)
                .is_err()
            {
                return refused(Refused::TryAgain, None);
            }
            Some(self.verification(vault, &user, now_ms)?)
        };
        let identity = self
            .identity(provider, subject, user_id, is_vouched, now_ms)
            .await?;
        let entry = origin
            .own_as(user_id, Role::Buyer, "account.register")
            .with(json!({ "provider": provider.name }));
        let added = self
            .store
            .add_user_with_identity(&user, &identity, proof, entry);
        match added.await {
            Err(StoreError::Exists(_)) => refused(Refused::TryAgain, None),
            other => Ok(other?),
        }
    }

    /// Links an identity to the account of who asked for it in a session.
    async fn link_identity(
        &self,
        provider: &Provider,
        subject: &Subject,
        (user, session): (Uuid, Uuid),
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Landed, Stop> {
        let row = self.store.user(user).await?.filter(UserRow::is_active);
        let Some(row) = row else {
            return refused(Refused::SessionEnded, Some(user));
        };
        let vault = self.vault(now_ms).await?;
        let email = subject.email.as_ref().and_then(Email::parse);
        let theirs = email.map(|email| vault.email_hash(&email));
        let ours = row.email.as_ref().map(|email: &SealedEmail| email.hash);
        let is_vouched = theirs.is_some() && theirs == ours && provider.vouches_for(subject);
        let identity = self
            .identity(provider, subject, user, is_vouched, now_ms)
            .await?;
        let entry = origin
            .own(user, "identity.link")
            .with(json!({ "provider": provider.name, "by": "session" }));
        let notice = Notice::IdentityLinked.job(user, now_ms)?;
        let condition = LinkCondition::Session { session, now_ms };
        match self
            .store
            .link_identity(&identity, condition, notice, entry)
            .await?
        {
            Linking::Linked => Ok(Landed::Linked),
            Linking::Withdrawn => refused(Refused::SessionEnded, Some(user)),
            Linking::Taken => refused(Refused::IdentityTaken, Some(user)),
            Linking::TooMany => refused(Refused::TooManyIdentities, Some(user)),
        }
    }

    async fn identity(
        &self,
        provider: &Provider,
        subject: &Subject,
        user_id: Uuid,
        is_vouched: bool,
        now_ms: u64,
    ) -> Result<IdentityRow, AccountError> {
        let vault = self.vault(now_ms).await?;
        Ok(IdentityRow {
            identity_id: Uuid::now_v7(),
            user_id,
            provider: provider.name.clone(),
            subject_hash: vault.subject_hash(&provider.authority(), &subject.id),
            is_vouched,
            linked_at_ms: now_ms,
            last_used_at_ms: now_ms,
        })
    }
}
