//! Which errors pass by themselves.

use sqlx::error::DatabaseError;

use super::tls;
use crate::error::StoreError;

/// PostgreSQL classes (first two letters of SQLSTATE) that mean *not now*: connection exceptions,
/// rollbacks of a transaction that may be tried again, insufficient resources, operator
/// intervention (shutting down, starting up, a statement cancelled by `statement_timeout`).
const POSTGRES_TRANSIENT_CLASSES: [&str; 4] = ["08", "40", "53", "57"];
/// `read_only_sql_transaction`: the server was set to read only, or another has taken its place.
const POSTGRES_READ_ONLY: &str = "25006";
/// `lock_not_available`, `idle_in_transaction_session_timeout` and the above.
const POSTGRES_TRANSIENT_CODES: [&str; 3] = ["55P03", "25P03", POSTGRES_READ_ONLY];
/// `serialization_failure` and `deadlock_detected`. (No result code of SQLite's has letters or this length.)
const POSTGRES_GAVE_WAY: [&str; 2] = ["40001", "40P01"];
/// `SQLITE_BUSY`, `SQLITE_LOCKED`, `SQLITE_IOERR`, `SQLITE_FULL`, `SQLITE_CANTOPEN`.
const SQLITE_TRANSIENT_CODES: [u32; 5] = [5, 6, 10, 13, 14];
/// The lower byte of an extended SQLite result code is the primary one.
const SQLITE_PRIMARY_CODE_MASK: u32 = 0xff;

/// The store's error for one of sqlx that has no further meaning at its place.
pub(crate) fn classify(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => match tls::explained(&error) {
            Some(text) => StoreError::Unreachable(sqlx::Error::Tls(text.into())),
            None => StoreError::Unreachable(error),
        },
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            StoreError::Unreachable(error)
        }
        sqlx::Error::Database(cause) if is_transient(cause.as_ref()) => {
            StoreError::Unreachable(error)
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            StoreError::Corrupt(error.to_string())
        }
        _ => StoreError::Database(error),
    }
}

fn is_transient(error: &dyn DatabaseError) -> bool {
    let Some(code) = error.code() else {
        return false;
    };
    if error
        .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
        .is_some()
    {
        POSTGRES_TRANSIENT_CLASSES
            .iter()
            .any(|class| code.starts_with(class))
            || POSTGRES_TRANSIENT_CODES.contains(&code.as_ref())
    } else {
        code.parse::<u32>()
            .is_ok_and(|code| SQLITE_TRANSIENT_CODES.contains(&(code & SQLITE_PRIMARY_CODE_MASK)))
    }
}

impl StoreError {
    /// Whether PostgreSQL has ended a transaction so that another one goes on: it has changed nothing, and begun anew
    /// may go through.
    pub fn gave_way(&self) -> bool {
        matches!(self, Self::Unreachable(sqlx::Error::Database(cause))
            if cause.code().is_some_and(|code| POSTGRES_GAVE_WAY.contains(&code.as_ref())))
    }
}

/// Whether a transaction, or the connection itself, may be gone with this error. A value that breaks
/// a constraint only undoes its statement, or leaves a transaction that waits for its rollback.
pub(super) fn ends_transaction(error: &sqlx::Error) -> bool {
    let breaks_constraint = matches!(error, sqlx::Error::Database(cause)
        if cause.is_unique_violation()
            || cause.is_foreign_key_violation()
            || cause.is_check_violation());
    !breaks_constraint
}

/// Whether a connection outside a transaction may be used on after this error: where the database
/// itself has answered, and not that it takes no writes: another connection may lead to one that does.
pub(super) fn leaves_connection(error: &sqlx::Error) -> bool {
    let is_read_only = matches!(error, sqlx::Error::Database(cause)
        if cause.code().is_some_and(|code| code == POSTGRES_READ_ONLY));
    !is_read_only
        && matches!(
            error,
            sqlx::Error::Database(_)
                | sqlx::Error::RowNotFound
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::Encode(_)
        )
}

/// True for a violated primary key or unique constraint.
pub(crate) fn is_unique_violation(error: &StoreError) -> bool {
    matches!(error, StoreError::Database(sqlx::Error::Database(cause)) if cause.is_unique_violation())
}

/// What the database says about the key that was violated, as far as it does.
pub(crate) fn violation_detail(error: &StoreError) -> String {
    if let StoreError::Database(sqlx::Error::Database(cause)) = error
        && let Some(detail) = cause
            .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
            .and_then(sqlx::postgres::PgDatabaseError::detail)
    {
        return detail.to_owned();
    }
    error.to_string()
}
