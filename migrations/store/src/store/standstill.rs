//! Reading and repairing a projection that other processes write: a view of one moment, and a hold
//! on watermarks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onsale_schemas::PartitionId;

use super::Store;
use crate::audit::Unaudited;
use crate::booking::Watermark;
use crate::database::postgres::{self, PostgresPool};
use crate::database::{Database, Durability, Transaction, Writes};
use crate::error::StoreError;
use crate::projection::run;

/// Watermarks that nobody moves until this is released or dropped: projectors of other processes
/// wait and try again.
pub struct Standstill {
    transaction: Transaction,
    writes: Writes,
}

impl Standstill {
    /// Lets projectors go on.
    ///
    /// # Errors
    /// When the connection was lost; then they went on before.
    pub async fn release(self) -> Result<(), StoreError> {
        self.writes
            .go_on(self.transaction.commit(Unaudited::Automatic))
            .await
    }
}

impl Store {
    /// A store that reads everything as of one moment, on a connection of its own. Writing through
    /// it fails, and it goes on to work for whom this one works. On SQLite it is this store itself: there
    /// the projector has to stand still.
    ///
    /// # Errors
    /// As every read. A view whose connection is lost is [`StoreError::Unreachable`] from then on.
    pub async fn of_one_moment(&self) -> Result<Self, StoreError> {
        self.database.latch().check()?;
        let database = match &self.database {
            Database::Postgres(postgres) => {
                let PostgresPool { pool, .. } = postgres;
                let is_begun = Arc::new(AtomicBool::new(false));
                let first = move || !is_begun.swap(true, Ordering::AcqRel);
                Database::Postgres(
                    postgres::connect_at_one_moment(pool, postgres.scope(), first).await?,
                )
            }
            sqlite @ Database::Sqlite(_) => sqlite.clone(),
        };
        Ok(Self { database })
    }

    /// Holds the watermarks of these partitions and returns where they stand.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] also when a projector keeps one for too long: try again.
    pub async fn stand_still(
        &self,
        partitions: &[PartitionId],
    ) -> Result<(Standstill, Vec<Watermark>), StoreError> {
        let (partitions, writes) = (partitions.to_vec(), self.database.writes().clone());
        self.database
            .write(Durability::Rebuildable, move |mut transaction| async move {
                // A repair may take longer than a projector may be silent.
                transaction
                    .set_on_postgres("SET LOCAL idle_in_transaction_session_timeout = '300s'")
                    .await?;
                let mut watermarks = Vec::with_capacity(partitions.len());
                for partition in partitions {
                    watermarks.push(run::lock_watermark(&mut transaction, partition).await?);
                }
                let standstill = Standstill {
                    transaction,
                    writes,
                };
                Ok((standstill, watermarks))
            })
            .await
    }
}
