//! The ends of chains, as they are written down.

use uuid::Uuid;

use super::{hex, unsigned};
use crate::Store;
use crate::audit::Anchor;
use crate::audit::chain::{ChainKey, Lane};
use crate::database::Row;
use crate::error::StoreError;

/// Chains that are read at once.
const CHAINS_PER_PAGE: u32 = 500;

/// A chain as its end is written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct End {
    pub(super) key: ChainKey,
    pub(super) links: i64,
    pub(super) entries: i64,
    pub(super) last_audit_id: i64,
    pub(super) hash: [u8; 32],
    pub(super) dropped_links: i64,
    pub(super) dropped_entries: i64,
    pub(super) dropped_hash: Option<[u8; 32]>,
}

impl End {
    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: ChainKey {
                tenant: row.uuid("tenant_id")?,
                lane: lane_of(row)?,
            },
            links: row.signed("links")?,
            entries: row.signed("entries")?,
            last_audit_id: row.signed("last_audit_id")?,
            hash: row.exactly("hash")?,
            dropped_links: row.signed("dropped_links")?,
            dropped_entries: row.signed("dropped_entries")?,
            dropped_hash: row.exactly_or_null("dropped_hash")?,
        })
    }

    pub(super) fn anchor(&self) -> Anchor {
        Anchor {
            tenant_id: self.key.tenant_id(),
            lane: self.key.lane.name(),
            link: unsigned(self.links),
            hash: hex(&self.hash),
        }
    }
}

macro_rules! chains {
    ($where:literal) => {
        concat!(
            "SELECT tenant_id, lane, links, entries, last_audit_id, hash, dropped_links, \
             dropped_entries, dropped_hash FROM audit_chains WHERE ",
            $where
        )
    };
}

impl Store {
    pub(super) async fn chains_after(
        &self,
        after: Option<ChainKey>,
        only: Option<Uuid>,
    ) -> Result<Vec<End>, StoreError> {
        let (tenant, lane) = after.map_or((Uuid::nil(), i64::MIN), |key| {
            (key.tenant, i64::from(key.lane.0))
        });
        self.database
            .fetch(
                chains!(
                    "(tenant_id > $1 OR tenant_id = $1 AND lane > $2) \
                     AND ($3 IS NULL OR tenant_id = $3) ORDER BY tenant_id, lane LIMIT $4"
                ),
                &[
                    tenant.into(),
                    lane.into(),
                    only.into(),
                    CHAINS_PER_PAGE.into(),
                ],
            )
            .await?
            .iter()
            .map(End::of)
            .collect()
    }

    pub(super) async fn end_of(&self, key: ChainKey) -> Result<Option<End>, StoreError> {
        self.database
            .fetch_optional(
                chains!("tenant_id = $1 AND lane = $2"),
                &[key.tenant.into(), i64::from(key.lane.0).into()],
            )
            .await?
            .map(|row| End::of(&row))
            .transpose()
    }

    pub(super) async fn chains_without_end(
        &self,
        only: Option<Uuid>,
    ) -> Result<Vec<ChainKey>, StoreError> {
        self.database
            .fetch(
                "SELECT DISTINCT tenant_id, lane FROM audit_links AS l \
                 WHERE ($1 IS NULL OR tenant_id = $1) AND NOT EXISTS (SELECT 1 \
                 FROM audit_chains AS c WHERE c.tenant_id = l.tenant_id AND c.lane = l.lane)",
                &[only.into()],
            )
            .await?
            .iter()
            .map(|row| {
                Ok(ChainKey {
                    tenant: row.uuid("tenant_id")?,
                    lane: lane_of(row)?,
                })
            })
            .collect()
    }
}

fn lane_of(row: &Row) -> Result<Lane, StoreError> {
    row.number("lane").map(Lane)
}
