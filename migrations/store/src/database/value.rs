//! Values bound to a statement.

use onsale_private::{LookupHash, Sealed};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, Sqlite};
use uuid::Uuid;

use crate::error::StoreError;

/// One value. NULL has a type too, because PostgreSQL infers the statement from it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Uuid(Option<Uuid>),
    Bytes(&'a [u8]),
    BytesOrNull(Option<&'a [u8]>),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(text: &'a Option<String>) -> Self {
        Self::Text(text.as_deref())
    }
}

impl From<Uuid> for Value<'_> {
    fn from(id: Uuid) -> Self {
        Self::Uuid(Some(id))
    }
}

impl From<Option<Uuid>> for Value<'_> {
    fn from(id: Option<Uuid>) -> Self {
        Self::Uuid(id)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl<'a> From<Option<&'a Sealed>> for Value<'a> {
    fn from(sealed: Option<&'a Sealed>) -> Self {
        Self::BytesOrNull(sealed.map(Sealed::as_bytes))
    }
}

impl<'a> From<&'a Sealed> for Value<'a> {
    fn from(sealed: &'a Sealed) -> Self {
        Self::Bytes(sealed.as_bytes())
    }
}

impl<'a> From<&'a LookupHash> for Value<'a> {
    fn from(hash: &'a LookupHash) -> Self {
        Self::Bytes(hash.as_bytes())
    }
}

impl<'a> From<Option<&'a LookupHash>> for Value<'a> {
    fn from(hash: Option<&'a LookupHash>) -> Self {
        Self::BytesOrNull(hash.map(|hash| &hash.as_bytes()[..]))
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(Some(number.into()))
    }
}

impl From<u16> for Value<'_> {
    fn from(number: u16) -> Self {
        Self::Integer(Some(number.into()))
    }
}

/// An unsigned number as the signed one that databases have.
///
/// # Errors
/// [`StoreError::Invalid`] beyond 2^63 - 1.
pub(crate) fn integer(what: &str, number: u64) -> Result<i64, StoreError> {
    i64::try_from(number)
        .map_err(|_| StoreError::Invalid(format!("{what} {number} is above {}", i64::MAX)))
}

/// How large values are on their way to the database, small ones left out.
pub(super) fn bytes_of(values: &[Value<'_>]) -> u64 {
    let bytes = values.iter().map(|value| match value {
        Value::Text(Some(text)) => text.len(),
        Value::Bytes(bytes) | Value::BytesOrNull(Some(bytes)) => bytes.len(),
        Value::Text(None) | Value::BytesOrNull(None) | Value::Integer(_) | Value::Uuid(_) => 0,
    });
    u64::try_from(bytes.sum::<usize>()).unwrap_or(u64::MAX)
}

/// The query keeps copies of the values.
pub(super) fn postgres_query(
    sql: &'static str,
    values: &[Value<'_>],
) -> Query<'static, Postgres, PgArguments> {
    values
        .iter()
        .fold(sqlx::query(sql), |query, value| match *value {
            Value::Integer(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
            Value::Uuid(id) => query.bind(id),
            Value::Bytes(bytes) => query.bind(bytes),
            Value::BytesOrNull(bytes) => query.bind(bytes),
        })
}

/// As [`postgres_query`].
pub(super) fn sqlite_query(
    sql: &'static str,
    values: &[Value<'_>],
) -> Query<'static, Sqlite, SqliteArguments> {
    values
        .iter()
        .fold(sqlx::query(sql), |query, value| match *value {
            Value::Integer(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
            Value::Uuid(id) => query.bind(id),
            Value::Bytes(bytes) => query.bind(bytes),
            Value::BytesOrNull(bytes) => query.bind(bytes),
        })
}
