//! Whether the database has by now what a start found it to lack.

use onsale_schemas::{Offset, PartitionId};
use onsale_store::{Store, StoreError};

use super::recovery::Recovered;
use crate::fit::{Catalog, Misfit, REPAIR};
use crate::projector::Projected;

/// What the start found. An empty database is filled from the log by itself, as long as the log
/// goes back to its beginning and has documents of its shows; readiness says what is missing until
/// then.
#[derive(Debug)]
pub(super) struct Database {
    catalog: Catalog,
    /// Where the log ended when a database was found empty or older.
    behind: Vec<(PartitionId, Offset)>,
}

impl Database {
    /// Says what does not fit, and looks again as long as shows are missing. What was found of the schema
    /// was said before.
    pub(super) async fn look(
        recovered: &[Recovered],
        store: &Store,
        misfit: Option<Misfit>,
        schema: Option<Misfit>,
    ) -> Result<Self, StoreError> {
        let owners = || recovered.iter().map(|found| &found.owner);
        let behind = match &misfit {
            // It is nothing that the log fills.
            Some(row @ (Misfit::WatermarkBeyond { .. } | Misfit::StrangeRow { .. })) => {
                tracing::error!("{row}");
                Vec::new()
            }
            Some(misfit) => {
                tracing::error!("{misfit}");
                owners()
                    .map(|owner| (owner.id(), owner.next_offset()))
                    .collect()
            }
            None => Vec::new(),
        };
        let catalog = Catalog::look(owners(), store, Some(schema)).await?;
        Ok(Self { catalog, behind })
    }

    /// What someone has deleted by hand, a sentence each. Whatever is left is sold meanwhile.
    pub(super) fn damage(&self) -> Vec<String> {
        let damage = self.catalog.damage();
        damage.iter().map(ToString::to_string).collect()
    }

    /// What is in the way, in a sentence.
    pub(super) fn problem(&self, projected: &Projected) -> Option<String> {
        if let Some(misfit) = self.catalog.misfit() {
            return Some(misfit.to_string());
        }
        let (partition, end) = self
            .behind
            .iter()
            .find(|(partition, end)| projected.offset(*partition) < *end)?;
        Some(format!(
            "the database was lost or is older than the log and is filled from it: partition \
             {partition} is at {} of {end}; if that makes no progress, {REPAIR}",
            projected.offset(*partition)
        ))
    }

    /// What only a backup of it can bring back, in a sentence.
    pub(super) fn only_in_a_backup(&self) -> Option<String> {
        self.catalog.only_in_a_backup()
    }
}
