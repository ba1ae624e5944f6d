//! Which log this database is a projection of.

use onsale_schemas::{Offset, PartitionId};

use super::Store;
use crate::audit::Unaudited;
use crate::database::{Durability, Transaction, Value, integer};
use crate::error::StoreError;
use crate::schema;

/// A record of the log that the database has projected, by which the log is known again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogMark {
    /// The partition.
    pub partition: PartitionId,
    /// The record's offset.
    pub offset: Offset,
    /// Checksum of its payload.
    pub checksum: u64,
}

impl Store {
    /// The id of the log that this database belongs to; `None` until it is written down, also in one of a
    /// version that did not.
    ///
    /// # Errors
    /// As every read; [`StoreError::Corrupt`] for what is no id.
    pub async fn log_identity(&self) -> Result<Option<[u8; 16]>, StoreError> {
        if !schema::has_table(&self.database, "log_identity").await? {
            return Ok(None);
        }
        self.database
            .fetch_optional("SELECT log_id FROM log_identity", &[])
            .await?
            .map(|row| {
                <[u8; 16]>::try_from(row.bytes("log_id")?)
                    .map_err(|_| StoreError::Corrupt("log_identity.log_id is no id".to_owned()))
            })
            .transpose()
    }

    /// The records by which the log is known again, by partition; none in a database of a version that
    /// wrote none down.
    ///
    /// # Errors
    /// As every read.
    pub async fn log_marks(&self) -> Result<Vec<LogMark>, StoreError> {
        if !schema::has_table(&self.database, "log_marks").await? {
            return Ok(Vec::new());
        }
        self.database
            .fetch(
                "SELECT partition, record_offset, checksum FROM log_marks ORDER BY partition",
                &[],
            )
            .await?
            .iter()
            .map(|row| {
                Ok(LogMark {
                    partition: PartitionId(row.number("partition")?),
                    offset: row.number("record_offset")?,
                    checksum: row.signed("checksum")?.cast_unsigned(),
                })
            })
            .collect()
    }

    /// Whether a booking or a snapshot of this partition knows of a record at `end` or behind it.
    ///
    /// # Errors
    /// As every read.
    pub async fn knows_beyond(
        &self,
        partition: PartitionId,
        end: Offset,
    ) -> Result<bool, StoreError> {
        let found = self
            .database
            .fetch_optional(
                "SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM bookings \
                 WHERE partition = $1 AND updated_offset >= $2) \
                 OR EXISTS (SELECT 1 FROM snapshots WHERE partition = $1 AND next_offset > $2)",
                &[partition.0.into(), integer("offset", end)?.into()],
            )
            .await?;
        Ok(found.is_some())
    }

    /// Writes down which log this database belongs to, and by which records it is known again.
    ///
    /// # Errors
    /// As every write.
    pub async fn set_log_identity(
        &self,
        log_id: [u8; 16],
        marks: &[LogMark],
    ) -> Result<(), StoreError> {
        let marks = marks.to_vec();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                write_identity(&mut transaction, log_id, &marks).await?;
                transaction.commit(Unaudited::Automatic).await
            })
            .await
    }
}

async fn write_identity(
    transaction: &mut Transaction,
    log_id: [u8; 16],
    marks: &[LogMark],
) -> Result<(), StoreError> {
    transaction
        .execute(
            "INSERT INTO log_identity (one, log_id) VALUES (1, $1) \
             ON CONFLICT (one) DO UPDATE SET log_id = excluded.log_id",
            &[Value::Bytes(&log_id)],
        )
        .await?;
    for mark in marks {
        transaction
            .execute(
                "INSERT INTO log_marks (partition, record_offset, checksum) \
                 VALUES ($1, $2, $3) ON CONFLICT (partition) DO UPDATE SET \
                 record_offset = excluded.record_offset, checksum = excluded.checksum",
                &[
                    mark.partition.0.into(),
                    integer("offset", mark.offset)?.into(),
                    mark.checksum.cast_signed().into(),
                ],
            )
            .await?;
    }
    Ok(())
}
