//! Whether the audit trail is as it was written: every chain is walked from its first link to its end,
//! and every entry compared with the hash that its link has of it. Then entries are looked for that stand in
//! no chain. In pages, so memory and the length of a statement do not grow with the trail, and beside
//! everything that is written meanwhile.

mod beside;
mod end;
mod entries;
mod late;
mod links;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use self::end::End;
use crate::Store;
use crate::audit::chain::{NO_HASH, owner};
use crate::audit::{Anchor, AuditReport, Finding, Problem};
use crate::error::StoreError;

/// How often a chain is walked again because old entries of it were deleted meanwhile.
const AGAIN_MAX: u32 = 3;

impl Store {
    /// Walks along the chains of the audit trail, of one tenant (or of
    /// [`INSTALLATION`](crate::audit::INSTALLATION)) or of all, and compares them with anchors that were written
    /// down before.
    ///
    /// # Errors
    /// As every read.
    pub async fn verify_audit(
        &self,
        only: Option<Uuid>,
        anchors: &[Anchor],
    ) -> Result<AuditReport, StoreError> {
        // In this order, because time goes on and the horizon moves after it.
        let dropped_before_ms = self.audit_horizon().await?;
        let old_enough_ms = self.audit_old_enough_ms().await?;
        let mut report = AuditReport {
            dropped_before_ms,
            kept_days: self.audit_kept_days().await?,
            is_dropped_early: dropped_before_ms.is_some_and(|before| before > old_enough_ms),
            ..AuditReport::default()
        };
        let mut by_chain: BTreeMap<(Option<Uuid>, String), Vec<&Anchor>> = BTreeMap::new();
        for anchor in anchors {
            let chain = (anchor.tenant_id, anchor.lane.clone());
            by_chain.entry(chain).or_default().push(anchor);
        }
        let mut walked = BTreeSet::new();
        let mut after = None;
        loop {
            let page = self.chains_after(after, only).await?;
            for end in &page {
                let name = (end.key.tenant_id(), end.key.lane.name());
                let anchors = by_chain.remove(&name).unwrap_or_default();
                self.verify_chain(end, &anchors, &mut report).await?;
                walked.insert(end.key);
            }
            match page.last() {
                Some(end) => after = Some(end.key),
                None => break,
            }
        }
        let is_looked_at = |of: Option<Uuid>| only.is_none_or(|only| owner(of) == only);
        for ((tenant_id, lane), anchors) in by_chain {
            for anchor in anchors {
                if is_looked_at(tenant_id) {
                    report.add(Finding {
                        tenant_id,
                        lane: lane.clone(),
                        problem: Problem::AnchorDiffers { link: anchor.link },
                    });
                }
            }
        }
        for key in self.chains_without_end(only).await? {
            report.add(Finding {
                tenant_id: key.tenant_id(),
                lane: key.lane.name(),
                problem: Problem::EndMissing,
            });
            walked.insert(key);
        }
        self.look_beside(only, &walked, &mut report).await?;
        report.waiting_entries = self.count_unlinked_audit().await?;
        self.look_for_late(only, &mut report).await?;
        Ok(report)
    }

    /// The time before which entries may have been deleted.
    async fn audit_horizon(&self) -> Result<Option<u64>, StoreError> {
        self.database
            .fetch_optional(
                "SELECT dropped_before_ms FROM audit_horizon WHERE one = 1",
                &[],
            )
            .await?
            .map(|row| row.number("dropped_before_ms"))
            .transpose()
    }

    async fn verify_chain(
        &self,
        end: &End,
        anchors: &[&Anchor],
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let mut end = end.clone();
        let mut again = AGAIN_MAX;
        let walk = loop {
            let horizon = self.audit_horizon().await?;
            let walk = self.walk(&end, anchors, horizon).await?;
            if walk.problems.first.is_empty() || again == 0 {
                break walk;
            }
            // Old entries and links may have been deleted while it was walked along.
            let has_moved = self.audit_horizon().await? != horizon;
            match self.end_of(end.key).await? {
                Some(now) if has_moved || now.dropped_links != end.dropped_links => {
                    again -= 1;
                    end = now;
                }
                _ => break walk,
            }
        };
        report.chains += 1;
        report.links += walk.links;
        report.entries += walk.entries;
        report.dropped_entries += unsigned(end.dropped_entries);
        report.anchors.push(end.anchor());
        let differing = anchors.iter().filter(|anchor| {
            let Ok(link) = i64::try_from(anchor.link) else {
                return true;
            };
            // What was deleted because it was old enough is compared with nothing any more.
            let is_there = link > end.dropped_links;
            let hash = match link {
                0 => Some(NO_HASH),
                link => walk.anchored.get(&link).copied(),
            };
            is_there && hash.is_none_or(|hash| hex(&hash) != anchor.hash)
        });
        let differing = differing.map(|anchor| Problem::AnchorDiffers { link: anchor.link });
        report.more_findings += walk.problems.more;
        for problem in walk.problems.first.into_iter().chain(differing) {
            report.add(Finding {
                tenant_id: end.key.tenant_id(),
                lane: end.key.lane.name(),
                problem,
            });
        }
        Ok(())
    }
}

/// Columns are never negative; one that someone made so shows as the greatest.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
