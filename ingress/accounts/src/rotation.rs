//! Sealing everything that is personal again with the current key, so that an older one can be taken out of
//! the configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use onsale_private::{KeyId, OpenError};
use onsale_store::sealed_columns;
use onsale_store::store::{Resealed, SealedColumn};
use uuid::Uuid;

use crate::error::AccountError;
use crate::office::Office;

/// Values that are sealed again in one transaction.
const BATCH: u32 = 200;

/// How far a rotation goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// Between two transactions, for others that write.
    pub pause: Duration,
    /// After this many values it stops; called again, it goes on.
    pub values_max: u64,
}

/// What a rotation has done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rotated {
    /// Values that were sealed again.
    pub resealed: u64,
    /// Values that did not open, because their key is not configured or they are damaged.
    pub failed: u64,
    /// Why the first of these did not.
    pub first_failure: Option<OpenError>,
}

impl Office {
    /// How many values each key has sealed, the key of hashes included.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn sealing_keys(&self) -> Result<BTreeMap<KeyId, u64>, AccountError> {
        let mut counts: BTreeMap<KeyId, u64> = self
            .ring()
            .ids()
            .map(|configured| (configured, 0))
            .collect();
        let lookup = self.store().lookup_key().await?;
        if let Some(key) = lookup.and_then(|sealed| sealed.key()) {
            *counts.entry(key).or_default() += 1;
        }
        for column in SealedColumn::ALL {
            for (key, sealed) in self.store().sealing_keys(column).await? {
                *counts.entry(key).or_default() += sealed;
            }
        }
        Ok(counts)
    }

    /// Seals again what older keys have sealed. It may be stopped at any point and called again.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn rotate(
        &self,
        pace: Pace,
        mut note: impl FnMut(u64),
    ) -> Result<Rotated, AccountError> {
        let mut rotated = Rotated::default();
        self.rotate_lookup_key(&mut rotated).await?;
        note(rotated.resealed);
        for column in SealedColumn::ALL {
            let mut after = Uuid::nil();
            while rotated.resealed < pace.values_max {
                let Some(last) = self.rotate_batch(column, after, pace, &mut rotated).await? else {
                    break;
                };
                after = last;
                note(rotated.resealed);
                tokio::time::sleep(pace.pause).await;
            }
        }
        Ok(rotated)
    }

    async fn rotate_lookup_key(&self, rotated: &mut Rotated) -> Result<(), AccountError> {
        let Some(sealed) = self.store().lookup_key().await? else {
            return Ok(());
        };
        match self.ring().rotated(sealed_columns::LOOKUP_KEY, &sealed) {
            Ok(Some(anew)) => {
                if self.store().reseal_lookup_key(&sealed, &anew).await? {
                    rotated.resealed += 1;
                }
            }
            Ok(None) => {}
            Err(error) => rotated.note(error),
        }
        Ok(())
    }

    /// The last row of the next batch; `None` where there is none.
    async fn rotate_batch(
        &self,
        column: SealedColumn,
        after: Uuid,
        pace: Pace,
        rotated: &mut Rotated,
    ) -> Result<Option<Uuid>, AccountError> {
        let left = pace.values_max - rotated.resealed;
        let limit = u32::try_from(left).map_or(BATCH, |left| left.min(BATCH));
        let current = self.ring().current();
        let store = self.store();
        let old = store
            .sealed_by_others(column, current, after, limit)
            .await?;
        let last = old.last().map(|value| value.row);
        let mut anew = Vec::with_capacity(old.len());
        for value in old {
            match self.ring().rotated(column.place(value.row), &value.sealed) {
                Ok(Some(to)) => anew.push(Resealed {
                    row: value.row,
                    from: value.sealed,
                    to,
                }),
                Ok(None) => {}
                Err(error) => rotated.note(error),
            }
        }
        if !anew.is_empty() {
            rotated.resealed += store.reseal(column, anew).await?;
        }
        Ok(last)
    }
}

impl Rotated {
    fn note(&mut self, error: OpenError) {
        self.failed += 1;
        self.first_failure.get_or_insert(error);
    }
}
