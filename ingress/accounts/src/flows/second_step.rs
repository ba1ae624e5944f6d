//! Opening a session, whichever way a person has signed in, and the second step that it takes where the account
//! has a second factor.

use onsale_private::Private;
use onsale_store::account::{PasswordHash, SessionRow, TokenHash, UserRow};
use onsale_store::audit::AuditEntry;
use onsale_store::factor::{Attempt, ChallengeRow, CodePace, Factors, Proof, Proven, Shown, Tried};
use onsale_store::notice::Notice;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin, Person, SignedIn};
use crate::config::SecondFactorRule;
use crate::error::AccountError;
use crate::factors::Code;
use crate::secret::OneTimeSecret;
use crate::sessions::RefreshToken;
use crate::standing::Standing;

/// How long a person has for the second step, in seconds: 5 minutes.
const STEP_LIFE_SECONDS: u64 = 5 * 60;
/// Codes of its app that are tried on an account, whatever its password is meanwhile: of three that are good at
/// a time, among a million, 106 attempts in a first day find one in 3,000 cases. Who is held up by another's
/// attempts has a recovery code or a passkey, or sets another password by mail: then nobody else goes on trying,
/// and the next code is taken after one pause.
const PACE: CodePace = CodePace {
    burst: 10,
    one_per_ms: 15 * 60 * 1_000,
};

/// What a person gets who has yet to show its second factor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecondStep {
    /// The token by which it is answered, once.
    pub challenge: Private,
    /// Until when, in seconds.
    pub expires_in_seconds: u64,
    /// What may be shown: `totp`, `recovery_code`, `passkey`.
    pub ways: Vec<&'static str>,
}

/// A code that may be right: whether it was used is seen where it is used up.
pub(super) struct Checked {
    pub(super) shown: Shown,
    /// Whether it was the last one for a while.
    is_last: bool,
}

/// A session that is about to be opened.
struct Opening {
    person: Person,
    row: SessionRow,
    token: RefreshToken,
    entry: AuditEntry,
}

impl Accounts {
    /// Opens a session for an account as it was just read: the one place where every way of signing in ends,
    /// and which decides whether a second step is needed.
    ///
    /// # Errors
    /// [`AccountError::SecondFactor`] and others.
    pub(crate) async fn open(
        &self,
        user: UserRow,
        tenant: Option<Uuid>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<SignedIn, AccountError> {
        if self.store.has_second_factor(user.user_id).await? {
            let step = self.ask(user.user_id, tenant, origin, now_ms).await?;
            return Err(AccountError::SecondFactor(step));
        }
        let opening = self.opening(user, tenant, None, origin, now_ms).await?;
        let shown: Option<&PasswordHash> = opening.person.user.password.as_ref();
        let Opening { row, entry, .. } = &opening;
        if !self.store.open_session(row, shown, entry.clone()).await? {
            // Its password was changed, it was disabled, or got a second factor, within this moment.
            return Err(AccountError::InvalidCredentials);
        }
        self.opened(opening, now_ms)
    }

    /// Opens a session by the challenge of [`AccountError::SecondFactor`] and a code.
    ///
    /// # Errors
    /// [`AccountError::ChallengeGone`], [`AccountError::WrongCode`], [`AccountError::TooManyCodes`] and
    /// others.
    pub async fn second_step(
        &self,
        challenge: &Private,
        code: &Private,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<SignedIn, AccountError> {
        let code = Code::parse(code)?;
        let gone = || AccountError::ChallengeGone;
        let secret = OneTimeSecret::parse(challenge.expose()).ok_or_else(gone)?;
        let challenge = self.store.challenge(secret.hash(), now_ms).await?;
        let challenge = challenge.ok_or_else(gone)?;
        let user = self.store.user(challenge.user_id).await?;
        let user = user.filter(UserRow::is_active).ok_or_else(gone)?;
        let hash = challenge.challenge_hash;
        let tried = match code {
            Code::Totp(_) => Tried::OnChallenge(hash),
            Code::Recovery(_) => Tried::RecoveryOnChallenge(hash),
        };
        let checked = self
            .check_code(user.user_id, tried, &code, origin, now_ms)
            .await?;
        let (id, is_last) = (user.user_id, checked.is_last);
        let opened = self
            .open_proven(
                user,
                challenge.tenant_id,
                Some(hash),
                checked.shown,
                origin,
                now_ms,
            )
            .await;
        if matches!(opened, Err(AccountError::WrongCode)) {
            self.refuse_code(id, is_last, origin, now_ms).await?;
        }
        opened
    }

    /// Opens a session by a proof of the second factor: the answer to a challenge, or what is a whole sign-in.
    ///
    /// # Errors
    /// [`AccountError::WrongCode`] where it was used before, [`AccountError::ChallengeGone`] and others.
    pub(super) async fn open_proven(
        &self,
        user: UserRow,
        tenant: Option<Uuid>,
        challenge: Option<TokenHash>,
        shown: Shown,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<SignedIn, AccountError> {
        let opening = self
            .opening(user, tenant, Some(&shown.proof), origin, now_ms)
            .await?;
        let password = opening.person.user.password.clone();
        let (row, entry) = (&opening.row, opening.entry.clone());
        let proven = self
            .store
            .open_proven_session(row, password.as_ref(), challenge, shown, entry)
            .await?;
        match proven {
            Proven::Opened => self.opened(opening, now_ms),
            Proven::Used => Err(AccountError::WrongCode),
            Proven::Gone => Err(AccountError::ChallengeGone),
        }
    }

    /// Counts a code and finds what it could prove.
    ///
    /// # Errors
    /// [`AccountError::WrongCode`], [`AccountError::TooManyCodes`], [`AccountError::ChallengeGone`] and
    /// others.
    pub(super) async fn check_code(
        &self,
        user: Uuid,
        tried: Tried,
        code: &Code,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Checked, AccountError> {
        let is_last = self.count_code(user, tried, now_ms).await?;
        let counted_ms = match tried {
            Tried::OnChallenge(_) => PACE.one_per_ms,
            Tried::RecoveryOnChallenge(_) | Tried::InSession(_) => 0,
        };
        let vault = self.vault(now_ms).await?;
        let (proof, notice) = match code {
            Code::Totp(code) => {
                let totp = self.store.factors_of(user).await?.totp;
                let step = match &totp {
                    Some(totp) => vault.open_totp(totp)?.step_of(code.expose(), now_ms),
                    None => None,
                };
                let proof = totp.zip(step).map(|(totp, step)| Proof::Totp {
                    factor_id: totp.factor_id,
                    step,
                });
                (proof, None)
            }
            Code::Recovery(code) => {
                let hash = vault.recovery_hash(user, code);
                let notice = Notice::RecoveryCodeUsed.job(user, now_ms)?;
                (Some(Proof::RecoveryCode(hash)), Some(notice))
            }
        };
        let Some(proof) = proof else {
            self.refuse_code(user, is_last, origin, now_ms).await?;
            return Err(AccountError::WrongCode);
        };
        let shown = Shown {
            proof,
            counted_ms,
            notice,
        };
        Ok(Checked { shown, is_last })
    }

    /// Counts a code that is about to be compared. Whether it is the last one that may be tried for a while.
    ///
    /// # Errors
    /// [`AccountError::TooManyCodes`], [`AccountError::ChallengeGone`] and others.
    pub(super) async fn count_code(
        &self,
        user: Uuid,
        tried: Tried,
        now_ms: u64,
    ) -> Result<bool, AccountError> {
        match self.store.count_code(user, tried, PACE, now_ms).await? {
            Attempt::Counted { is_last } => Ok(is_last),
            Attempt::Wait { wait_ms } => Err(AccountError::TooManyCodes {
                retry_after_seconds: wait_ms.div_ceil(1_000),
            }),
            Attempt::Gone => Err(AccountError::ChallengeGone),
        }
    }

    /// Writes down that a code was wrong or used before; after the last one that may be tried for a while, its
    /// person is told, too.
    pub(super) async fn refuse_code(
        &self,
        user: Uuid,
        is_last: bool,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let notice = match is_last {
            true => Some(Notice::CodesTried.job(user, now_ms)?),
            false => None,
        };
        let entry = origin
            .anonymous()
            .did("session.refuse", "user", user)
            .with(json!({ "why": "second_factor" }));
        Ok(self.store.refuse_code(notice, entry).await?)
    }

    /// What an account may show.
    pub(super) async fn ways(&self, user: Uuid) -> Result<Vec<&'static str>, AccountError> {
        Ok(ways(&self.store.factors_of(user).await?))
    }

    /// What a person's token may say: its rights, unless it has to have a second factor for them and has none.
    pub(crate) async fn standing_allowed(
        &self,
        user: Uuid,
        standing: Standing,
    ) -> Result<Standing, AccountError> {
        let is_required = match self.config.require_second_factor {
            SecondFactorRule::None => false,
            SecondFactorRule::Operators => standing.is_admin(),
            SecondFactorRule::Staff => standing.is_admin() || standing.member.is_some(),
        };
        if is_required && !self.store.has_second_factor(user).await? {
            return Ok(standing.without_rights());
        }
        Ok(standing)
    }

    /// Asks for the second factor.
    async fn ask(
        &self,
        user: Uuid,
        tenant: Option<Uuid>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<SecondStep, AccountError> {
        let secret = OneTimeSecret::random();
        let challenge = ChallengeRow {
            challenge_hash: secret.hash(),
            user_id: user,
            tenant_id: tenant,
            expires_at_ms: now_ms.saturating_add(STEP_LIFE_SECONDS * 1_000),
        };
        // Whoever has the password and not the factor would otherwise be seen nowhere.
        let entry = origin.anonymous().did("session.challenge", "user", user);
        if !self.store.issue_challenge(&challenge, entry).await? {
            return Err(AccountError::InvalidCredentials);
        }
        Ok(SecondStep {
            challenge: Private::new(secret.expose()),
            expires_in_seconds: STEP_LIFE_SECONDS,
            ways: self.ways(user).await?,
        })
    }

    async fn opening(
        &self,
        user: UserRow,
        tenant: Option<Uuid>,
        proof: Option<&Proof>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Opening, AccountError> {
        let vault = self.vault(now_ms).await?;
        let membership = match tenant {
            Some(tenant) if tenant.is_nil() => None,
            Some(_) => {
                let membership = self.membership(user.user_id, tenant).await?;
                Some(membership.ok_or(AccountError::NotFound("tenant"))?)
            }
            None => self.membership(user.user_id, None).await?,
        };
        let acting_for = membership.map(|membership| membership.tenant_id);
        let person = self.person(user, acting_for, now_ms).await?;
        let id = person.user.user_id;
        let (row, token) = self.new_session(vault, id, acting_for, origin, now_ms);
        let detail = match proof {
            Some(proof) => json!({ "session": row.session_id, "second_factor": proof.as_str() }),
            None => json!({ "session": row.session_id }),
        };
        let entry = origin
            .own_as(id, person.standing.role, "session.open")
            .with(detail);
        Ok(Opening {
            person,
            row,
            token,
            entry,
        })
    }

    fn opened(&self, opening: Opening, now_ms: u64) -> Result<SignedIn, AccountError> {
        let Opening {
            person, row, token, ..
        } = opening;
        self.signed_in(person, token, row.expires_at_ms, now_ms)
    }
}

/// What an account with these factors may show.
pub(super) fn ways(factors: &Factors) -> Vec<&'static str> {
    [
        ("totp", factors.totp.is_some()),
        ("recovery_code", factors.recovery_codes > 0),
        ("passkey", !factors.passkeys.is_empty()),
    ]
    .into_iter()
    .filter_map(|(way, is_there)| is_there.then_some(way))
    .collect()
}
