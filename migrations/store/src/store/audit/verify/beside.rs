//! Entries that stand in no chain that was walked along.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::entries::{BEGINNING, ENTRIES_AT_ONCE, Stand};
use super::unsigned;
use crate::Store;
use crate::audit::chain::{ChainKey, INSTALLATION, Lane, owner};
use crate::audit::{AuditReport, Finding, Problem};
use crate::error::StoreError;

impl Store {
    /// Entries that name a tenant and a lane of which there is no chain, and those of a version without chains
    /// that the job has left out.
    pub(super) async fn look_beside(
        &self,
        only: Option<Uuid>,
        walked: &BTreeSet<ChainKey>,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        if only.is_none_or(|only| only == INSTALLATION) {
            self.look_beside_of(None, walked, report).await?;
        }
        let mut next = Some(only.unwrap_or(Uuid::nil()));
        while let Some(from) = next {
            let Some(tenant) = self.tenant_from(from).await? else {
                break;
            };
            if only.is_some_and(|only| only != tenant) {
                break;
            }
            self.look_beside_of(Some(tenant), walked, report).await?;
            next = tenant.as_u128().checked_add(1).map(Uuid::from_u128);
        }
        Ok(())
    }

    /// As [`Store::look_beside`], for entries with this value in the column of the tenant.
    async fn look_beside_of(
        &self,
        tenant_id: Option<Uuid>,
        walked: &BTreeSet<ChainKey>,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let mut lanes = Vec::new();
        let mut after = i64::MIN;
        while let Some(lane) = self.lane_after(tenant_id, after).await? {
            lanes.push(Some(lane));
            after = lane;
        }
        lanes.push(None);
        for lane in lanes {
            let number = lane.map_or(Ok(Lane::OLDER.0), i32::try_from);
            let key = number.ok().map(|number| ChainKey {
                tenant: owner(tenant_id),
                lane: Lane(number),
            });
            // No entry names the installation by its number.
            let key = key.filter(|key| key.tenant_id() == tenant_id);
            if key.is_some_and(|key| walked.contains(&key)) {
                continue;
            }
            self.look_at_rest(Stand { tenant_id, lane }, key, report)
                .await?;
        }
        Ok(())
    }

    /// What stands where no chain was walked along.
    async fn look_at_rest(
        &self,
        stand: Stand,
        key: Option<ChainKey>,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let last = if stand.lane.is_none() {
            self.linked_up_to().await?
        } else {
            i64::MAX
        };
        let mut after = BEGINNING;
        loop {
            let rows = self.entries_between(stand, after, last).await?;
            if rows.is_empty() {
                return Ok(());
            }
            // Its first entries were written since the chains were listed.
            if let Some(key) = key
                && let Some(end) = self.end_of(key).await?
            {
                return self.verify_chain(&end, &[], report).await;
            }
            for row in &rows {
                let (audit_id, at_ms) = (row.signed("audit_id")?, row.signed("at_ms")?);
                after = (audit_id, at_ms);
                report.add(Finding {
                    tenant_id: stand.tenant_id,
                    lane: stand.name(),
                    problem: Problem::EntryNotLinked {
                        audit_id: unsigned(audit_id),
                    },
                });
            }
            if rows.len() < ENTRIES_AT_ONCE {
                return Ok(());
            }
        }
    }

    /// The first tenant of an entry, from this one on.
    async fn tenant_from(&self, from: Uuid) -> Result<Option<Uuid>, StoreError> {
        self.database
            .fetch_optional(
                "SELECT tenant_id FROM audit WHERE tenant_id >= $1 ORDER BY tenant_id LIMIT 1",
                &[from.into()],
            )
            .await?
            .map(|row| row.uuid("tenant_id"))
            .transpose()
    }

    /// The first lane of an entry with this value in the column of the tenant, behind this one.
    async fn lane_after(
        &self,
        tenant_id: Option<Uuid>,
        after: i64,
    ) -> Result<Option<i64>, StoreError> {
        let sql = if tenant_id.is_some() {
            "SELECT lane FROM audit WHERE tenant_id = $1 AND lane > $2 ORDER BY lane LIMIT 1"
        } else {
            "SELECT lane FROM audit WHERE tenant_id IS NULL AND $1 IS NULL AND lane > $2 \
             ORDER BY tenant_id, lane LIMIT 1"
        };
        self.database
            .fetch_optional(sql, &[tenant_id.into(), after.into()])
            .await?
            .map(|row| row.signed("lane"))
            .transpose()
    }
}
