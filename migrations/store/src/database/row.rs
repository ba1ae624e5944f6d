//! Columns of a row of either database.

use onsale_private::Sealed;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::classify;
use crate::error::StoreError;

/// A row of either database. Integers of every width come out as `i64`, which is why types are not
/// checked by name: decoding still fails on bytes that are not of the type asked for.
pub(crate) enum Row {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

macro_rules! column {
    ($row:expr, $type:ty, $name:expr) => {
        match $row {
            Row::Postgres(row) => row.try_get_unchecked::<$type, _>($name),
            Row::Sqlite(row) => row.try_get_unchecked::<$type, _>($name),
        }
        .map_err(classify)
    };
}

impl Row {
    pub(crate) fn signed(&self, name: &str) -> Result<i64, StoreError> {
        column!(self, i64, name)
    }

    /// An unsigned number of whatever width the caller asks for.
    pub(crate) fn number<T: TryFrom<i64>>(&self, name: &str) -> Result<T, StoreError> {
        narrow(name, self.signed(name)?)
    }

    pub(crate) fn number_or_null<T: TryFrom<i64>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        column!(self, Option<i64>, name)?
            .map(|number| narrow(name, number))
            .transpose()
    }

    pub(crate) fn text(&self, name: &str) -> Result<String, StoreError> {
        column!(self, String, name)
    }

    pub(crate) fn text_or_null(&self, name: &str) -> Result<Option<String>, StoreError> {
        column!(self, Option<String>, name)
    }

    /// A text column with a closed set of values.
    pub(crate) fn word<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        let text = self.text(name)?;
        parse(&text).ok_or_else(|| StoreError::Corrupt(format!("{name} is {text:?}")))
    }

    pub(crate) fn uuid(&self, name: &str) -> Result<Uuid, StoreError> {
        column!(self, Uuid, name)
    }

    pub(crate) fn uuid_or_null(&self, name: &str) -> Result<Option<Uuid>, StoreError> {
        column!(self, Option<Uuid>, name)
    }

    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        column!(self, Vec<u8>, name)
    }

    pub(crate) fn bytes_or_null(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        column!(self, Option<Vec<u8>>, name)
    }

    /// Bytes of a length that the schema checks.
    pub(crate) fn exactly<const N: usize>(&self, name: &str) -> Result<[u8; N], StoreError> {
        sized(name, &self.bytes(name)?)
    }

    pub(crate) fn exactly_or_null<const N: usize>(
        &self,
        name: &str,
    ) -> Result<Option<[u8; N]>, StoreError> {
        self.bytes_or_null(name)?
            .map(|bytes| sized(name, &bytes))
            .transpose()
    }

    pub(crate) fn sealed_or_null(&self, name: &str) -> Result<Option<Sealed>, StoreError> {
        Ok(self.bytes_or_null(name)?.map(Sealed::from_stored))
    }

    /// Seat indexes: an integer array in PostgreSQL, a JSON array in SQLite.
    pub(crate) fn seats(&self, name: &str) -> Result<Vec<u32>, StoreError> {
        match self {
            Self::Postgres(row) => row
                .try_get::<Vec<i32>, _>(name)
                .map_err(classify)?
                .into_iter()
                .map(|seat| narrow(name, i64::from(seat)))
                .collect(),
            Self::Sqlite(_) => serde_json::from_str(&self.text(name)?)
                .map_err(|error| StoreError::Corrupt(format!("{name}: {error}"))),
        }
    }
}

fn sized<const N: usize>(name: &str, bytes: &[u8]) -> Result<[u8; N], StoreError> {
    bytes
        .try_into()
        .map_err(|_| StoreError::Corrupt(format!("{name} has {} bytes, expected {N}", bytes.len())))
}

fn narrow<T: TryFrom<i64>>(name: &str, number: i64) -> Result<T, StoreError> {
    T::try_from(number)
        .map_err(|_| StoreError::Corrupt(format!("{name} is {number}, out of its range")))
}
