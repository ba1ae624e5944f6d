//! Entries of a version without chains that were written when there were chains.

use uuid::Uuid;

use super::unsigned;
use crate::Store;
use crate::audit::AuditReport;
use crate::audit::chain::INSTALLATION;
use crate::error::StoreError;

/// Numbers of late entries that a report lists.
const LATE_LISTED_MAX: u32 = 50;

macro_rules! late {
    ($what:literal, $order:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM audit WHERE lane IS NULL AND audit_id > (SELECT MIN(l.first_audit_id) \
             FROM audit_chains AS c JOIN audit_links AS l ON l.tenant_id = c.tenant_id \
             AND l.lane = c.lane AND l.link = c.dropped_links + 1 WHERE c.lane >= 0) \
             AND ($1 IS NULL OR COALESCE(tenant_id, $2) = $1)",
            $order
        )
    };
}

impl Store {
    /// Entries without a lane that are younger than the chains. What is written down of a chain's first link
    /// says how old it is, and not the entries' own time, which their writer chose.
    pub(super) async fn look_for_late(
        &self,
        only: Option<Uuid>,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        report.late_entries = self
            .database
            .fetch_optional(
                late!("COUNT(*) AS entries", ""),
                &[only.into(), INSTALLATION.into()],
            )
            .await?
            .map_or(Ok(0), |row| row.number("entries"))?;
        if report.late_entries == 0 {
            return Ok(());
        }
        report.late_audit_ids = self
            .database
            .fetch(
                late!("audit_id", " ORDER BY audit_id LIMIT $3"),
                &[only.into(), INSTALLATION.into(), LATE_LISTED_MAX.into()],
            )
            .await?
            .iter()
            .map(|row| row.signed("audit_id").map(unsigned))
            .collect::<Result<_, _>>()?;
        Ok(())
    }
}
