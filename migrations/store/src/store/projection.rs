//! The projector's calls.

use onsale_schemas::{Offset, PartitionId};

use super::Store;
use crate::audit::Unaudited;
use crate::booking::{Version2, Watermark};
use crate::database::{Durability, is_unique_violation, violation_detail};
use crate::error::StoreError;
use crate::projection::plan::Plan;
use crate::projection::{ProjectionBatch, run};

/// A row that is there already although it follows the watermark: that one was set back, or rows were
/// written by hand. To try again would find the same.
fn contradiction(error: StoreError, before: &Watermark) -> StoreError {
    if !is_unique_violation(&error) {
        return error;
    }
    StoreError::Corrupt(format!(
        "partition {} is projected up to {} by projector_watermarks, and rows of what follows are there \
         already: {}",
        before.partition,
        before.next_offset,
        violation_detail(&error)
    ))
}

impl Store {
    /// Projects a batch and moves the watermark in one transaction; returns the new watermark.
    /// A batch wholly before the watermark changes nothing; one that begins after it is a `Gap`.
    ///
    /// # Errors
    /// [`StoreError::Gap`]: read again from [`Store::watermarks`]. [`StoreError::DoubleSale`] and
    /// [`StoreError::Corrupt`]: stop and tell an operator. [`StoreError::Unreachable`]: the same
    /// batch again later; whether it was committed does not matter. Nothing was changed by a call
    /// that failed, except that an `Unreachable` one may have committed.
    pub async fn project(&self, batch: &ProjectionBatch) -> Result<Watermark, StoreError> {
        self.project_behind(batch, None).await
    }

    /// As [`Store::project`] for the only one who projects: a watermark above `known_max` is none of its
    /// own, and what it covers may not be there.
    ///
    /// # Errors
    /// As [`Store::project`]; [`StoreError::Corrupt`] for such a watermark.
    pub async fn project_alone(
        &self,
        batch: &ProjectionBatch,
        known_max: Offset,
    ) -> Result<Watermark, StoreError> {
        self.project_behind(batch, Some(known_max)).await
    }

    async fn project_behind(
        &self,
        batch: &ProjectionBatch,
        known_max: Option<Offset>,
    ) -> Result<Watermark, StoreError> {
        let partition = batch.partition;
        let (mut transaction, before) = self
            .database
            .write(Durability::Rebuildable, move |mut transaction| async move {
                let before = run::lock_watermark(&mut transaction, partition).await?;
                Ok((transaction, before))
            })
            .await?;
        if let Some(known) = known_max.filter(|known| before.next_offset > *known) {
            return Err(StoreError::Corrupt(format!(
                "projector_watermarks says that partition {partition} is projected up to {}, and this \
                 server, the only one that projects it, has come to {known}: the row was changed by hand",
                before.next_offset
            )));
        }
        // Planned here, so that the batch need not be copied.
        let Some(plan) = Plan::of(batch, &before)? else {
            return Ok(before);
        };
        let work = async move {
            let written = run::apply(&mut transaction, &plan).await;
            written.map_err(|error| contradiction(error, &before))?;
            transaction.commit(Unaudited::Logged).await?;
            Ok(plan.watermark)
        };
        self.database.writes().go_on(work).await
    }

    /// From when on the machine of a partition is of version 2; `None` while it is not, as far as the
    /// projection has come.
    ///
    /// # Errors
    /// As every read.
    pub async fn version_2(&self, partition: PartitionId) -> Result<Option<Version2>, StoreError> {
        let row = self
            .database
            .fetch_optional(
                "SELECT version_2_since_ms, version_2_since_offset FROM projector_watermarks \
                 WHERE partition = $1",
                &[partition.0.into()],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let since_offset = row.number_or_null("version_2_since_offset")?;
        let since_ms = row.number_or_null("version_2_since_ms")?;
        Ok(since_ms.map(|since_ms| Version2 {
            since_ms,
            since_offset,
        }))
    }

    /// Watermarks of all partitions that have one, by partition.
    ///
    /// # Errors
    /// As every read.
    pub async fn watermarks(&self) -> Result<Vec<Watermark>, StoreError> {
        self.database
            .fetch(
                "SELECT partition, next_offset, last_outcome, log_time_ms \
                 FROM projector_watermarks ORDER BY partition",
                &[],
            )
            .await?
            .iter()
            .map(run::watermark_row)
            .collect()
    }
}
