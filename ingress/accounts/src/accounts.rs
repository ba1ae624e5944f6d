//! What every flow shares.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use onsale_auth::{Grant, Minter, OfSession, Role};
use onsale_private::{KeyRing, LookupHash, Private};
use onsale_schemas::UserId;
use onsale_store::Store;
use onsale_store::account::{Membership, Purpose, SessionRow, UserRow};
use onsale_store::audit::{Actor, AuditEntry, address_block};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::answer_count::AnswerCount;
use crate::config::AccountsConfig;
use crate::email::Email;
use crate::error::AccountError;
use crate::factors::Passkeys;
use crate::mail_pace::MailPace;
use crate::passwords::PasswordThreads;
use crate::providers::Providers;
use crate::repeat::Repeat;
use crate::sessions::{FamilyTokens, Policy, RefreshToken};
use crate::standing::Standing;
use crate::vault::{Profile, Vault};

/// The role of an actor whom nobody knows yet.
const ANONYMOUS: &str = "anonymous";
/// The role of an actor who has no account.
const GUEST: &str = "guest";
/// The role of a person who acts on its own account without a token that says one: by a mailed link, by a
/// refresh token, or back from a provider.
const PERSON: &str = "person";
/// Longest name of a client's program that is kept, in characters.
const AGENT_MAX_CHARS: usize = 200;
/// Pause before a database that could not be read is looked at again.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What the key is derived for by which refresh tokens follow one another.
const SUCCESSORS: &str = "successors of refresh tokens";

/// Accounts of one installation: every flow is a method.
pub struct Accounts {
    pub(crate) config: AccountsConfig,
    /// For people: accounts are nobody's but their person's, and whoever signs in, joins a tenant or opens one is
    /// not of it yet. So these look at all of the installation.
    pub(crate) store: Store,
    /// For tenants: it shows and changes what the caller's token says, see [`onsale_store::Scope`].
    pub(crate) tenants: Store,
    pub(crate) passwords: PasswordThreads,
    pub(crate) tokens: FamilyTokens,
    pub(crate) providers: Providers,
    /// `None` where browsers have none for the address of the pages.
    pub(crate) passkeys: Option<Passkeys>,
    mails: MailPace,
    pub(crate) answers: AnswerCount,
    pub(crate) minter: Minter,
    ring: Arc<KeyRing>,
    /// Needs the database, which may not be there at the start.
    vault: OnceCell<Vault>,
    /// Why it cannot be opened, as far as was looked.
    misfit: OnceLock<Option<String>>,
}

/// Why there can be no accounts.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gives no thread.
    #[error("the system gives no threads for passwords")]
    Threads(#[source] std::io::Error),
    /// A secret cannot be read, or TLS not be set up.
    #[error("sign-in with providers cannot be set up")]
    Providers(#[source] std::io::Error),
}

/// Where a request comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The request, as its answer names it.
    pub request_id: Option<String>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The client's program, as it calls itself.
    pub agent: Option<Private>,
    /// Of a request with a token: whose it is, and the role that it says.
    pub caller: Option<(Uuid, Role)>,
    /// Of a request that came with an idempotency key.
    pub repeat: Option<Repeat>,
}

/// A person as the person itself sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// The account.
    pub user: UserRow,
    /// What it holds.
    pub profile: Profile,
    /// What it is.
    pub standing: Standing,
}

/// Someone who has signed in, or goes on being so.
#[derive(Debug)]
pub struct SignedIn {
    /// For `Authorization: Bearer …`.
    pub access_token: Private,
    /// Its life, in seconds.
    pub expires_in_seconds: u64,
    /// For the next one.
    pub refresh_token: RefreshToken,
    /// Its life, in seconds.
    pub refresh_expires_in_seconds: u64,
    /// Who it is.
    pub person: Person,
}

impl Accounts {
    /// Starts the threads of passwords. `ring` is that of [`AccountsConfig::ring`]; `minter` signs access
    /// tokens.
    ///
    /// # Errors
    /// When the system gives no thread, or what providers need cannot be had.
    pub fn start(
        config: AccountsConfig,
        ring: KeyRing,
        minter: Minter,
        store: Store,
    ) -> Result<Self, StartError> {
        let queue_max = usize::try_from(config.password_queue_max).unwrap_or(usize::MAX);
        let passwords = PasswordThreads::start(config.threads(), queue_max, config.cost())
            .map_err(StartError::Threads)?;
        let providers = Providers::new(&config).map_err(StartError::Providers)?;
        Ok(Self {
            tokens: FamilyTokens::new(
                ring.derived(SUCCESSORS),
                ring.derived_from_others(SUCCESSORS),
            ),
            ring: Arc::new(ring),
            mails: MailPace::default(),
            answers: AnswerCount::default(),
            passkeys: config
                .pages_url
                .as_deref()
                .and_then(|pages| Passkeys::at(pages, config.service_name.trim())),
            vault: OnceCell::new(),
            misfit: OnceLock::new(),
            config,
            tenants: store.for_callers(),
            providers,
            store: store.for_installation(),
            passwords,
            minter,
        })
    }

    /// Passwords that wait for a thread.
    pub fn passwords_waiting(&self) -> usize {
        self.passwords.waiting()
    }

    /// What seals and finds.
    ///
    /// # Errors
    /// When the database is not there, or its key does not open.
    pub async fn vault(&self, now_ms: u64) -> Result<&Vault, AccountError> {
        let open = || Vault::open(&self.store, self.ring.clone(), now_ms);
        Ok(self.vault.get_or_try_init(open).await?)
    }

    /// Looks whether the keys that are configured open what the database has, once it can be read.
    pub async fn look_at_keys(&self) {
        let misfit = loop {
            match Vault::misfit(&self.store, &self.ring).await {
                Ok(misfit) => break misfit,
                Err(error) => {
                    tracing::debug!(%error, "the key of personal data is not looked at yet");
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        };
        if let Some(why) = &misfit {
            tracing::error!("{why}");
        }
        drop(self.misfit.set(misfit));
    }

    /// Why nobody can sign in here, as far as was looked.
    pub fn problem(&self) -> Option<&str> {
        self.misfit.get()?.as_deref()
    }

    /// By which attempts on the account of an address are counted; `None` for what is no address.
    ///
    /// # Errors
    /// As [`Accounts::vault`].
    pub async fn account_key(
        &self,
        email: &Private,
        now_ms: u64,
    ) -> Result<Option<[u8; 16]>, AccountError> {
        let Some(email) = Email::parse(email) else {
            return Ok(None);
        };
        let hash = self.vault(now_ms).await?.email_hash(&email);
        Ok(hash.as_bytes().first_chunk().copied())
    }

    /// Counts a mail that someone has sent to an address, which need not be one's own. Call it last before
    /// what sends the mail.
    ///
    /// # Errors
    /// [`AccountError::TooManyMails`].
    pub(crate) fn count_mail(
        &self,
        purpose: Purpose,
        address: &LookupHash,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let counted = self.mails.count(purpose, address, now_ms);
        counted.map_err(|wait_ms| AccountError::TooManyMails {
            retry_after_seconds: wait_ms.div_ceil(1_000),
        })
    }

    /// As [`Accounts::count_mail`], of a link that gives an account another address.
    ///
    /// # Errors
    /// [`AccountError::TooManyMails`].
    pub(crate) fn count_change(
        &self,
        account: &UserRow,
        address: &LookupHash,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let owner = account.owns_address().then_some(account.user_id);
        let counted = self.mails.count_change(owner, address, now_ms);
        counted.map_err(|wait_ms| AccountError::TooManyMails {
            retry_after_seconds: wait_ms.div_ceil(1_000),
        })
    }

    /// Whether the account of an address has signed in from where this request comes from.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn knows(
        &self,
        email: &Private,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<bool, AccountError> {
        let Some(email) = Email::parse(email) else {
            return Ok(false);
        };
        let hash = self.vault(now_ms).await?.email_hash(&email);
        let user = self.store.user_by_email(hash).await?;
        // Nobody's account has signed in from nowhere, and is asked for all the same: otherwise the time that this
        // takes would tell which addresses have one.
        let id = user.map_or_else(Uuid::nil, |user| user.user_id);
        self.knows_user(id, origin, now_ms).await
    }

    /// Whether an account has signed in from where this request comes from.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn knows_user(
        &self,
        user: Uuid,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<bool, AccountError> {
        let Some(address) = origin.address else {
            return Ok(false);
        };
        let hash = self.vault(now_ms).await?.address_hash(address);
        Ok(self.store.has_signed_in_from(user, hash).await?)
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy {
            life_ms: self.config.refresh_token_seconds.saturating_mul(1_000),
            grace_ms: self.config.refresh_grace_seconds.saturating_mul(1_000),
        }
    }

    /// A person with what it is in a session that acts for `tenant`.
    pub(crate) async fn person(
        &self,
        user: UserRow,
        tenant: Option<Uuid>,
        now_ms: u64,
    ) -> Result<Person, AccountError> {
        let membership = match tenant {
            Some(_) => self.membership(user.user_id, tenant).await?,
            None => None,
        };
        let profile = self.vault(now_ms).await?.show_profile(&user);
        let standing = Standing::of(&user, membership.as_ref());
        Ok(Person {
            standing: self.standing_allowed(user.user_id, standing).await?,
            profile,
            user,
        })
    }

    /// The membership in `tenant`; of several, where none is asked for, the oldest.
    pub(crate) async fn membership(
        &self,
        user: Uuid,
        tenant: Option<Uuid>,
    ) -> Result<Option<Membership>, AccountError> {
        match tenant {
            Some(tenant) => Ok(self.store.membership(user, tenant).await?),
            None => Ok(self.store.memberships_of(user).await?.into_iter().next()),
        }
    }

    /// A row for a new session and its first token.
    pub(crate) fn new_session(
        &self,
        vault: &Vault,
        user: Uuid,
        tenant: Option<Uuid>,
        origin: &Origin,
        now_ms: u64,
    ) -> (SessionRow, RefreshToken) {
        let session_id = Uuid::now_v7();
        let token = RefreshToken::first(session_id);
        let agent = origin.agent.as_ref().map(|agent| {
            let cut: String = agent.expose().chars().take(AGENT_MAX_CHARS).collect();
            vault.seal_agent(session_id, &Private::new(cut))
        });
        let row = SessionRow {
            session_id,
            user_id: user,
            tenant_id: tenant,
            family_hash: token.family_hash(),
            token_hash: token.token_hash(),
            previous: None,
            rotated_at_ms: now_ms,
            created_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(self.policy().life_ms),
            ended: None,
            agent,
            address: origin
                .address
                .map(|address| vault.seal_address(session_id, address)),
            address_hash: origin.address.map(|address| vault.address_hash(address)),
        };
        (row, token)
    }

    /// The answer to someone who has a session.
    pub(crate) fn signed_in(
        &self,
        person: Person,
        refresh_token: RefreshToken,
        refresh_expires_at_ms: u64,
        now_ms: u64,
    ) -> Result<SignedIn, AccountError> {
        let Standing {
            role,
            tenant,
            member,
            ..
        } = person.standing;
        let grant = Grant {
            user: UserId(person.user.user_id),
            role,
            tenant,
            life_seconds: self.config.access_token_seconds,
        };
        let of = OfSession {
            session: refresh_token.session(),
            member,
            email_verified: person.user.email_verified_at_ms.is_some(),
        };
        Ok(SignedIn {
            access_token: Private::new(self.minter.mint_in_session(&grant, of, now_ms)?),
            expires_in_seconds: self.config.access_token_seconds,
            refresh_token,
            refresh_expires_in_seconds: refresh_expires_at_ms.saturating_sub(now_ms) / 1_000,
            person,
        })
    }
}

impl Origin {
    /// Someone who is not signed in did something.
    pub(crate) fn anonymous(&self) -> Actor {
        self.actor(None, ANONYMOUS)
    }

    /// A person did something to its own account, in the role that its token says.
    pub(crate) fn own(&self, user: Uuid, action: &'static str) -> AuditEntry {
        let role = match self.caller {
            Some((caller, role)) if caller == user => role.as_str(),
            _ => PERSON,
        };
        self.actor(Some(user), role).did(action, "user", user)
    }

    /// A person did something to its own account in the role that it has with it.
    pub(crate) fn own_as(&self, user: Uuid, role: Role, action: &'static str) -> AuditEntry {
        let actor = self.actor(Some(user), role.as_str());
        actor.did(action, "user", user)
    }

    /// A guest did something to itself.
    pub(crate) fn by_guest(&self, guest: Uuid, action: &'static str) -> AuditEntry {
        self.actor(Some(guest), GUEST).did(action, "guest", guest)
    }

    fn actor(&self, id: Option<Uuid>, role: &str) -> Actor {
        Actor {
            id,
            role: role.to_owned(),
            tenant_id: None,
            request_id: self.request_id.clone(),
            origin: self.address.map(address_block),
        }
    }
}
