//! Whether the audit trail is as it was written: every chain is walked from its first link to its end,
//! and every entry compared with the hash that its link has of it. In pages, so memory and the length of
//! a statement do not grow with the trail, and beside everything that is written meanwhile.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::entry_row;
use crate::Store;
use crate::audit::chain::{ChainKey, INSTALLATION, Lane, Link, MEMBER_BYTES, NO_HASH, owner};
use crate::audit::{Anchor, AuditReport, FINDINGS_MAX, Finding, Problem};
use crate::database::Row;
use crate::error::StoreError;

/// Chains that are read at once.
const CHAINS_PER_PAGE: u32 = 500;
/// Links that are read at once of what the log decided, each of thousands of entries: 3 MiB of what they
/// name at most.
const LARGE_LINKS_PER_PAGE: u32 = 16;
/// The same of what people did: most have one entry, and none has more than a commit has.
const SMALL_LINKS_PER_PAGE: u32 = 500;
/// Entries that are read at once.
const ENTRIES_PER_PAGE: u32 = 2_000;
/// How often a chain is walked again because old entries of it were deleted meanwhile.
const AGAIN_MAX: u32 = 3;

/// A chain as its end is written down.
#[derive(Clone, PartialEq, Eq, Debug)]
struct End {
    key: ChainKey,
    links: i64,
    last_audit_id: i64,
    hash: [u8; 32],
    dropped_links: i64,
    dropped_entries: i64,
    dropped_hash: Option<[u8; 32]>,
}

impl End {
    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: ChainKey {
                tenant: row.uuid("tenant_id")?,
                lane: lane_of(row)?,
            },
            links: row.signed("links")?,
            last_audit_id: row.signed("last_audit_id")?,
            hash: row.exactly("hash")?,
            dropped_links: row.signed("dropped_links")?,
            dropped_entries: row.signed("dropped_entries")?,
            dropped_hash: row.exactly_or_null("dropped_hash")?,
        })
    }

    fn anchor(&self) -> Anchor {
        Anchor {
            tenant_id: self.key.tenant_id(),
            lane: self.key.lane.name(),
            link: unsigned(self.links),
            hash: hex(&self.hash),
        }
    }
}

/// What a walk along one chain came to.
#[derive(Default)]
struct Walk {
    links: u64,
    entries: u64,
    problems: Problems,
    /// Hashes of links that anchors name.
    anchored: BTreeMap<i64, [u8; 32]>,
}

/// The first of them, and how many more there are: a trail that was emptied has a problem for each entry.
#[derive(Default)]
struct Problems {
    first: Vec<Problem>,
    more: u64,
}

impl Problems {
    fn push(&mut self, problem: Problem) {
        if self.first.len() < FINDINGS_MAX {
            self.first.push(problem);
        } else {
            self.more += 1;
        }
    }
}

macro_rules! chains {
    ($where:literal) => {
        concat!(
            "SELECT tenant_id, lane, links, last_audit_id, hash, dropped_links, dropped_entries, \
             dropped_hash FROM audit_chains WHERE ",
            $where
        )
    };
}

macro_rules! entries {
    ($tenant:literal, $lane:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM audit WHERE ",
            $tenant,
            " AND ",
            $lane,
            " AND audit_id > $3 AND audit_id <= $4 ORDER BY audit_id LIMIT $5"
        )
    };
}

/// The entries of a chain. The installation's tenant and a lane of before are NULL there.
fn entries_of(key: ChainKey) -> &'static str {
    match (key.tenant == INSTALLATION, key.lane == Lane::OLDER) {
        (false, false) => entries!("tenant_id = $1", "lane = $2"),
        (true, false) => entries!("tenant_id IS NULL AND $1 IS NULL", "lane = $2"),
        (false, true) => entries!("tenant_id = $1", "lane IS NULL AND $2 IS NULL"),
        (true, true) => entries!(
            "tenant_id IS NULL AND $1 IS NULL",
            "lane IS NULL AND $2 IS NULL"
        ),
    }
}

impl Store {
    /// Walks along the chains of the audit trail, of one tenant (or of [`INSTALLATION`]) or of all, and
    /// compares them with anchors that were written down before.
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
        let mut after = None;
        loop {
            let page = self.chains_after(after, only).await?;
            for end in &page {
                let name = (end.key.tenant_id(), end.key.lane.name());
                let anchors = by_chain.remove(&name).unwrap_or_default();
                self.verify_chain(end, &anchors, &mut report).await?;
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
        }
        report.waiting_entries = self.count_unlinked_audit().await?;
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

    async fn chains_after(
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

    async fn end_of(&self, key: ChainKey) -> Result<Option<End>, StoreError> {
        self.database
            .fetch_optional(
                chains!("tenant_id = $1 AND lane = $2"),
                &[key.tenant.into(), i64::from(key.lane.0).into()],
            )
            .await?
            .map(|row| End::of(&row))
            .transpose()
    }

    async fn chains_without_end(&self, only: Option<Uuid>) -> Result<Vec<ChainKey>, StoreError> {
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

    async fn walk(
        &self,
        end: &End,
        anchors: &[&Anchor],
        horizon: Option<u64>,
    ) -> Result<Walk, StoreError> {
        let horizon = horizon.map_or(0, signed);
        let mut walk = Walk::default();
        let mut expected = end.dropped_hash.unwrap_or(NO_HASH);
        let mut next = end.dropped_links + 1;
        // Entries from here on are those of the next links.
        let mut after_entry = 0;
        while next <= end.links {
            let page = self.links_from(end, next).await?;
            if page.is_empty() {
                break;
            }
            for (link, hash) in &page {
                if link.number > next {
                    walk.problems.push(Problem::LinksMissing {
                        first: unsigned(next),
                        last: unsigned(link.number - 1),
                    });
                } else if link.previous_hash != expected {
                    let link = unsigned(link.number);
                    walk.problems.push(Problem::LinkDoesNotFollow { link });
                }
                if link.hash() != *hash {
                    let link = unsigned(link.number);
                    walk.problems.push(Problem::LinkChanged { link });
                }
                if anchors
                    .iter()
                    .any(|anchor| anchor.link == unsigned(link.number))
                {
                    walk.anchored.insert(link.number, link.hash());
                }
                expected = *hash;
                next = link.number + 1;
                walk.links += 1;
            }
            after_entry = self
                .compare_entries(end.key, &page, after_entry, horizon, &mut walk)
                .await?;
        }
        if next <= end.links {
            walk.problems.push(Problem::LinksMissing {
                first: unsigned(next),
                last: unsigned(end.links),
            });
        } else if expected != end.hash {
            let link = unsigned(end.links);
            walk.problems.push(Problem::EndChanged { link });
        }
        self.look_behind(end, &mut walk).await?;
        Ok(walk)
    }

    /// Links with their hashes as they stand there.
    async fn links_from(&self, end: &End, from: i64) -> Result<Vec<(Link, [u8; 32])>, StoreError> {
        let links_per_page = if end.key.lane == Lane::PEOPLE {
            SMALL_LINKS_PER_PAGE
        } else {
            LARGE_LINKS_PER_PAGE
        };
        self.database
            .fetch(
                "SELECT link, first_ms, last_ms, members, previous_hash, hash FROM audit_links \
                 WHERE tenant_id = $1 AND lane = $2 AND link >= $3 AND link <= $4 \
                 ORDER BY link LIMIT $5",
                &[
                    end.key.tenant.into(),
                    i64::from(end.key.lane.0).into(),
                    from.into(),
                    end.links.into(),
                    links_per_page.into(),
                ],
            )
            .await?
            .iter()
            .map(|row| {
                let link = Link {
                    chain: end.key,
                    number: row.signed("link")?,
                    first_ms: row.signed("first_ms")?,
                    last_ms: row.signed("last_ms")?,
                    members: row.bytes("members")?,
                    previous_hash: row.exactly("previous_hash")?,
                };
                Ok((link, row.exactly("hash")?))
            })
            .collect()
    }

    /// Compares the entries that these links name with those that are there; returns the number of the
    /// last one that was named.
    async fn compare_entries(
        &self,
        key: ChainKey,
        page: &[(Link, [u8; 32])],
        after: i64,
        horizon: i64,
        walk: &mut Walk,
    ) -> Result<i64, StoreError> {
        let entries = page
            .iter()
            .map(|(link, _)| link.members.len() / MEMBER_BYTES);
        let mut named = BTreeMap::new();
        for (link, _) in page {
            for (audit_id, hash) in link.entries() {
                named.insert(audit_id, (hash, link));
            }
        }
        let double = entries.sum::<usize>() > named.len();
        if double && let Some((link, _)) = page.last() {
            let link = unsigned(link.number);
            walk.problems.push(Problem::LinkDoesNotFollow { link });
        }
        let Some(last) = named.last_key_value().map(|(last, _)| *last) else {
            return Ok(after);
        };
        let mut from = after;
        loop {
            let rows = self
                .entries_between(key, from, last, ENTRIES_PER_PAGE)
                .await?;
            for row in &rows {
                let entry = entry_row(row)?;
                let member = entry.stored().member();
                from = member.audit_id;
                match named.remove(&member.audit_id) {
                    Some((hash, _)) if hash == member.hash => walk.entries += 1,
                    Some((_, link)) => walk.problems.push(Problem::EntryChanged {
                        audit_id: unsigned(member.audit_id),
                        link: unsigned(link.number),
                    }),
                    // Its link was deleted, and it will be.
                    None if member.at_ms < horizon => {}
                    None => walk.problems.push(Problem::EntryNotLinked {
                        audit_id: unsigned(member.audit_id),
                    }),
                }
            }
            if rows.len() < usize::try_from(ENTRIES_PER_PAGE).unwrap_or(usize::MAX) {
                break;
            }
        }
        for (audit_id, (_, link)) in named {
            // It was deleted because it was old enough, and its link names younger ones.
            if link.first_ms >= horizon {
                walk.problems.push(Problem::EntryMissing {
                    audit_id: unsigned(audit_id),
                    link: unsigned(link.number),
                });
            }
        }
        Ok(last)
    }

    async fn entries_between(
        &self,
        key: ChainKey,
        after: i64,
        last: i64,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.database
            .fetch(
                entries_of(key),
                &[
                    key.tenant_id().into(),
                    (key.lane != Lane::OLDER)
                        .then_some(i64::from(key.lane.0))
                        .into(),
                    after.into(),
                    last.into(),
                    limit.into(),
                ],
            )
            .await
    }

    /// Entries behind the end of a chain. A commit writes both at once, so none is there but by hand or
    /// without its link, as far as the end has moved on meanwhile.
    async fn look_behind(&self, end: &End, walk: &mut Walk) -> Result<(), StoreError> {
        if end.key.lane == Lane::OLDER {
            // Those wait for the job.
            return Ok(());
        }
        let rows = self
            .entries_between(end.key, end.last_audit_id, i64::MAX, ENTRIES_PER_PAGE)
            .await?;
        if rows.is_empty() {
            return Ok(());
        }
        let now = self.end_of(end.key).await?;
        let now = now.map_or(0, |now| now.last_audit_id);
        for row in &rows {
            let audit_id = row.signed("audit_id")?;
            if audit_id > now {
                let audit_id = unsigned(audit_id);
                walk.problems.push(Problem::EntryNotLinked { audit_id });
            }
        }
        Ok(())
    }
}

fn lane_of(row: &Row) -> Result<Lane, StoreError> {
    row.number("lane").map(Lane)
}

/// Columns are never negative; one that someone made so shows as the greatest.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
