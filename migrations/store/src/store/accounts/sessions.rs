//! Sessions.
//!
//! What a shown refresh token does to its session is not decided here: the caller's function looks at
//! the session under its lock and says, so that the rules are pure and two tabs at once are two steps.

use onsale_private::LookupHash;
use uuid::Uuid;

use super::{challenges, factors, mandate, users};
use crate::Store;
use crate::account::{
    Act, PasswordHash, SESSIONS_PER_USER_MAX, SessionEnd, SessionRow, SessionStep,
};
use crate::audit::Audit;
use crate::database::{Durability, Row, Transaction, Value, integer};
use crate::error::StoreError;

macro_rules! columns {
    () => {
        "session_id, user_id, tenant_id, family_hash, token_hash, previous_hash, successor_salt, \
         rotated_at_ms, created_at_ms, expires_at_ms, ended_at_ms, ended_why, agent_sealed, \
         address_sealed, address_hash"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO sessions (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, NULL, NULL, $6, $7, $8, NULL, NULL, $9, $10, $11)"
);

/// Those beyond the ones that an account may have, the oldest.
const END_SUPERFLUOUS: &str = "UPDATE sessions SET ended_at_ms = $2, ended_why = 'too_many' \
     WHERE session_id IN (SELECT session_id FROM sessions WHERE user_id = $1 \
     AND ended_at_ms IS NULL AND expires_at_ms > $2 \
     ORDER BY created_at_ms DESC, session_id DESC LIMIT 1000 OFFSET $3)";

/// What a shown token does to its session.
pub struct Decided<T> {
    /// To the row.
    pub step: SessionStep,
    /// What is written down about it.
    pub audit: Audit,
    /// What the caller learns.
    pub value: T,
}

/// Whose sessions are meant.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    /// One, where it is this account's.
    One(Uuid, Uuid),
    /// All of an account but one.
    AllBut(Uuid, Option<Uuid>),
}

impl Store {
    /// Opens a session of an account that is active, still has the password that was shown (`None`: it signed
    /// in by other means) and has no second factor, whichever way it signs in. False where that is not so.
    ///
    /// # Errors
    /// As every write.
    pub async fn open_session(
        &self,
        session: &SessionRow,
        shown: Option<&PasswordHash>,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let (session, shown, audit) = (session.clone(), shown.cloned(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let user = users::lock(&mut transaction, session.user_id).await?;
                let is_right = user.is_some_and(|user| {
                    user.is_active() && (shown.is_none() || shown == user.password)
                });
                if !is_right || factors::has_any(&mut transaction, session.user_id).await? {
                    return Ok(false);
                }
                add(&mut transaction, &session).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// One session, ended or not.
    ///
    /// # Errors
    /// As every read.
    pub async fn session(&self, id: Uuid) -> Result<Option<SessionRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM sessions WHERE session_id = $1"
                ),
                &[id.into()],
            )
            .await?
            .map(|row| session_row(&row))
            .transpose()
    }

    /// The live sessions of an account, newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn sessions_of(
        &self,
        user: Uuid,
        now_ms: u64,
    ) -> Result<Vec<SessionRow>, StoreError> {
        self.database
            .fetch(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM sessions WHERE user_id = $1 AND ended_at_ms IS NULL \
                     AND expires_at_ms > $2 ORDER BY created_at_ms DESC, session_id DESC LIMIT $3"
                ),
                &[
                    user.into(),
                    integer("now_ms", now_ms)?.into(),
                    SESSIONS_PER_USER_MAX.into(),
                ],
            )
            .await?
            .iter()
            .map(session_row)
            .collect()
    }

    /// The sessions of an account that are kept, live or ended, newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn kept_sessions_of(
        &self,
        user: Uuid,
        limit: u32,
    ) -> Result<Vec<SessionRow>, StoreError> {
        self.database
            .fetch(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM sessions WHERE user_id = $1 \
                     ORDER BY created_at_ms DESC, session_id DESC LIMIT $2"
                ),
                &[user.into(), limit.into()],
            )
            .await?
            .iter()
            .map(session_row)
            .collect()
    }

    /// Whether the account has opened a session from an address, as far as sessions are kept.
    ///
    /// # Errors
    /// As every read.
    pub async fn has_signed_in_from(
        &self,
        user: Uuid,
        address: LookupHash,
    ) -> Result<bool, StoreError> {
        let found = self
            .database
            .fetch_optional(
                "SELECT session_id FROM sessions WHERE user_id = $1 AND address_hash = $2 LIMIT 1",
                &[user.into(), Value::from(&address)],
            )
            .await?;
        Ok(found.is_some())
    }

    /// Takes a step with a session, which nobody else changes meanwhile; `None` where there is none.
    /// An ended session takes none but [`SessionStep::Keep`].
    ///
    /// # Errors
    /// As every write.
    pub async fn step_session<T: Send + 'static>(
        &self,
        id: Uuid,
        now_ms: u64,
        decide: impl FnOnce(&SessionRow) -> Decided<T> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(session) = lock(&mut transaction, id).await? else {
                    return Ok(None);
                };
                let Decided { step, audit, value } = decide(&session);
                take(&mut transaction, &session, step, now_ms).await?;
                transaction.commit(audit).await?;
                Ok(Some(value))
            })
            .await
    }

    /// Ends one session of an account; false where it is not a live one of it.
    ///
    /// # Errors
    /// As every write.
    pub async fn end_session(
        &self,
        user: Uuid,
        session: Uuid,
        why: SessionEnd,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let whose = Whose::One(user, session);
        let audit: Audit = audit.into();
        Ok(self.end_those(whose, why, now_ms, audit.into()).await? > 0)
    }

    /// Ends every session of an account but `keep`; how many there were.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`], and as every write.
    pub async fn end_sessions(
        &self,
        user: Uuid,
        keep: Option<Uuid>,
        why: SessionEnd,
        now_ms: u64,
        act: impl Into<Act>,
    ) -> Result<u64, StoreError> {
        let whose = Whose::AllBut(user, keep);
        self.end_those(whose, why, now_ms, act.into()).await
    }

    async fn end_those(
        &self,
        whose: Whose,
        why: SessionEnd,
        now_ms: u64,
        act: Act,
    ) -> Result<u64, StoreError> {
        let Act { audit, mandate } = act;
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                mandate::check(&mut transaction, mandate).await?;
                let ended = end_with_waiting(&mut transaction, whose, why, now_ms).await?;
                if ended.sessions > 0 || ended.waiting > 0 {
                    transaction.commit(audit).await?;
                }
                Ok(ended.sessions)
            })
            .await
    }
}

/// Whether a session is a live one.
pub(super) async fn is_live(
    transaction: &mut Transaction,
    user: Uuid,
    session: Uuid,
    now_ms: u64,
) -> Result<bool, StoreError> {
    let found = transaction
        .fetch_optional(
            "SELECT session_id FROM sessions WHERE user_id = $1 AND session_id = $2 \
             AND ended_at_ms IS NULL AND expires_at_ms > $3",
            &[
                user.into(),
                session.into(),
                integer("now_ms", now_ms)?.into(),
            ],
        )
        .await?;
    Ok(found.is_some())
}

/// Adds a session, and ends the oldest of those beyond what an account may have.
pub(super) async fn add(
    transaction: &mut Transaction,
    session: &SessionRow,
) -> Result<(), StoreError> {
    insert(transaction, session).await?;
    let values = [
        session.user_id.into(),
        integer("created_at_ms", session.created_at_ms)?.into(),
        SESSIONS_PER_USER_MAX.into(),
    ];
    transaction
        .execute(END_SUPERFLUOUS, &values)
        .await
        .map(drop)
}

/// Ends live sessions; how many there were. What ends all of an account ends those sign-ins, too, that wait
/// for a second factor.
pub(super) async fn end(
    transaction: &mut Transaction,
    whose: Whose,
    why: SessionEnd,
    now_ms: u64,
) -> Result<u64, StoreError> {
    let ended = end_with_waiting(transaction, whose, why, now_ms).await?;
    Ok(ended.sessions)
}

/// How much ended.
struct Ended {
    sessions: u64,
    /// Sign-ins that waited for a second factor.
    waiting: u64,
}

async fn end_with_waiting(
    transaction: &mut Transaction,
    whose: Whose,
    why: SessionEnd,
    now_ms: u64,
) -> Result<Ended, StoreError> {
    const ONE: &str = "UPDATE sessions SET ended_at_ms = $3, ended_why = $4 \
         WHERE user_id = $1 AND session_id = $2 AND ended_at_ms IS NULL AND expires_at_ms > $3";
    const ALL_BUT: &str = "UPDATE sessions SET ended_at_ms = $3, ended_why = $4 \
         WHERE user_id = $1 AND ($2 IS NULL OR session_id <> $2) AND ended_at_ms IS NULL \
         AND expires_at_ms > $3";
    let (sql, user, session) = match whose {
        Whose::One(user, session) => (ONE, user, Some(session)),
        Whose::AllBut(user, keep) => (ALL_BUT, user, keep),
    };
    let waiting = match whose {
        Whose::One(..) => 0,
        Whose::AllBut(user, _) => challenges::void(transaction, user).await?,
    };
    let sessions = transaction
        .execute(
            sql,
            &[
                user.into(),
                session.into(),
                integer("now_ms", now_ms)?.into(),
                why.as_str().into(),
            ],
        )
        .await?;
    Ok(Ended { sessions, waiting })
}

async fn take(
    transaction: &mut Transaction,
    session: &SessionRow,
    step: SessionStep,
    now_ms: u64,
) -> Result<(), StoreError> {
    match step {
        SessionStep::Keep => Ok(()),
        _ if session.ended.is_some() => Err(StoreError::Invalid(
            "a step with a session that has ended".to_owned(),
        )),
        SessionStep::Rotate {
            token_hash,
            salt,
            expires_at_ms,
        } => transaction
            .execute(
                "UPDATE sessions SET previous_hash = token_hash, token_hash = $2, \
                 successor_salt = $3, rotated_at_ms = $4, expires_at_ms = $5 \
                 WHERE session_id = $1",
                &[
                    session.session_id.into(),
                    Value::Bytes(&token_hash),
                    Value::Bytes(&salt),
                    integer("now_ms", now_ms)?.into(),
                    integer("expires_at_ms", expires_at_ms)?.into(),
                ],
            )
            .await
            .map(drop),
        SessionStep::End(why) => {
            let whose = Whose::One(session.user_id, session.session_id);
            end(transaction, whose, why, now_ms).await.map(drop)
        }
    }
}

async fn lock(transaction: &mut Transaction, id: Uuid) -> Result<Option<SessionRow>, StoreError> {
    let select = match transaction {
        Transaction::Postgres(_) => concat!(
            "SELECT ",
            columns!(),
            " FROM sessions WHERE session_id = $1 FOR UPDATE"
        ),
        Transaction::Sqlite(_) => {
            concat!(
                "SELECT ",
                columns!(),
                " FROM sessions WHERE session_id = $1"
            )
        }
    };
    transaction
        .fetch_optional(select, &[id.into()])
        .await?
        .map(|row| session_row(&row))
        .transpose()
}

async fn insert(transaction: &mut Transaction, session: &SessionRow) -> Result<(), StoreError> {
    transaction
        .execute(
            INSERT,
            &[
                session.session_id.into(),
                session.user_id.into(),
                session.tenant_id.into(),
                Value::Bytes(&session.family_hash),
                Value::Bytes(&session.token_hash),
                integer("rotated_at_ms", session.rotated_at_ms)?.into(),
                integer("created_at_ms", session.created_at_ms)?.into(),
                integer("expires_at_ms", session.expires_at_ms)?.into(),
                session.agent.as_ref().into(),
                session.address.as_ref().into(),
                session.address_hash.as_ref().into(),
            ],
        )
        .await
        .map(drop)
}

fn session_row(row: &Row) -> Result<SessionRow, StoreError> {
    let previous = row.exactly_or_null("previous_hash")?;
    let ended_at_ms: Option<u64> = row.number_or_null("ended_at_ms")?;
    let ended = ended_at_ms
        .map(|at_ms| {
            Ok::<_, StoreError>((
                at_ms,
                row.word("ended_why", |name| Some(SessionEnd::parse(name)))?,
            ))
        })
        .transpose()?;
    Ok(SessionRow {
        session_id: row.uuid("session_id")?,
        user_id: row.uuid("user_id")?,
        tenant_id: row.uuid_or_null("tenant_id")?,
        family_hash: row.exactly("family_hash")?,
        token_hash: row.exactly("token_hash")?,
        previous: previous.zip(row.exactly_or_null("successor_salt")?),
        rotated_at_ms: row.number("rotated_at_ms")?,
        created_at_ms: row.number("created_at_ms")?,
        expires_at_ms: row.number("expires_at_ms")?,
        ended,
        agent: row.sealed_or_null("agent_sealed")?,
        address: row.sealed_or_null("address_sealed")?,
        address_hash: row
            .exactly_or_null("address_hash")?
            .map(LookupHash::from_bytes),
    })
}
