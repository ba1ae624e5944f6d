//! Entries by where they stand, in pages.

use uuid::Uuid;

use crate::Store;
use crate::audit::chain::{ChainKey, Lane};
use crate::database::Row;
use crate::error::StoreError;

/// Entries that are read at once.
const ENTRIES_PER_PAGE: u32 = 2_000;
/// The same number: fewer are the last ones.
pub(super) const ENTRIES_AT_ONCE: usize = 2_000;

/// A place among the entries of a chain: number and time. (On PostgreSQL a number may be there twice, with
/// two times.)
pub(super) type Place = (i64, i64);

/// In front of every entry, also of one whose number someone has made up.
pub(super) const BEGINNING: Place = (i64::MIN, i64::MIN);

/// In the order of the index: only `=` tells PostgreSQL that a column has one value, `IS NULL` does not.
macro_rules! entries {
    ($tenant:literal, $lane:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM audit WHERE ",
            $tenant,
            " AND ",
            $lane,
            " AND audit_id >= $3 AND (audit_id > $3 OR at_ms > $4) AND audit_id <= $5 \
             ORDER BY tenant_id, lane, audit_id, at_ms LIMIT $6"
        )
    };
}

/// Where entries stand, as they say themselves: without a tenant they are the installation's, without a lane
/// those of a version without chains.
#[derive(Clone, Copy)]
pub(super) struct Stand {
    pub(super) tenant_id: Option<Uuid>,
    pub(super) lane: Option<i64>,
}

impl Stand {
    pub(super) fn in_chain(key: ChainKey) -> Self {
        Self {
            tenant_id: key.tenant_id(),
            lane: (key.lane != Lane::OLDER).then_some(i64::from(key.lane.0)),
        }
    }

    pub(super) fn name(self) -> String {
        match self.lane.map(i32::try_from) {
            None => Lane::OLDER.name(),
            Some(Ok(lane)) => Lane(lane).name(),
            Some(Err(_)) => "none".to_owned(),
        }
    }

    fn entries(self) -> &'static str {
        match (self.tenant_id, self.lane) {
            (Some(_), Some(_)) => entries!("tenant_id = $1", "lane = $2"),
            (None, Some(_)) => entries!("tenant_id IS NULL AND $1 IS NULL", "lane = $2"),
            (Some(_), None) => entries!("tenant_id = $1", "lane IS NULL AND $2 IS NULL"),
            (None, None) => entries!(
                "tenant_id IS NULL AND $1 IS NULL",
                "lane IS NULL AND $2 IS NULL"
            ),
        }
    }
}

impl Store {
    /// Entries behind one, up to a number: as many as are read at once.
    pub(super) async fn entries_between(
        &self,
        stand: Stand,
        (after, after_ms): Place,
        last: i64,
    ) -> Result<Vec<Row>, StoreError> {
        self.database
            .fetch(
                stand.entries(),
                &[
                    stand.tenant_id.into(),
                    stand.lane.into(),
                    after.into(),
                    after_ms.into(),
                    last.into(),
                    ENTRIES_PER_PAGE.into(),
                ],
            )
            .await
    }

    /// Up to which entry the job has linked those of a version without chains.
    pub(super) async fn linked_up_to(&self) -> Result<i64, StoreError> {
        self.database
            .fetch_optional(
                "SELECT COALESCE(MAX(last_audit_id), 0) AS last_audit_id FROM audit_chains \
                 WHERE lane = -1",
                &[],
            )
            .await?
            .map_or(Ok(0), |row| row.signed("last_audit_id"))
    }
}
