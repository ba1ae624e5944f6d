//! Whether the audit trail is as it was written: every chain is walked from its first link to its end,
//! and every entry compared with the hash that its link has of it. Then entries are looked for that stand in
//! no chain. In pages, so memory and the length of a statement do not grow with the trail, and beside
//! everything that is written meanwhile.

use std::collections::{BTreeMap, BTreeSet};

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
/// The same number: fewer are the last ones.
const ENTRIES_AT_ONCE: usize = 2_000;
/// Numbers of late entries that a report lists.
const LATE_LISTED_MAX: u32 = 50;
/// How often a chain is walked again because old entries of it were deleted meanwhile.
const AGAIN_MAX: u32 = 3;

/// A chain as its end is written down.
#[derive(Clone, PartialEq, Eq, Debug)]
struct End {
    key: ChainKey,
    links: i64,
    entries: i64,
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
            entries: row.signed("entries")?,
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

/// A place among the entries of a chain: number and time. (On PostgreSQL a number may be there twice, with
/// two times.)
type Place = (i64, i64);

/// In front of every entry, also of one whose number someone has made up.
const BEGINNING: Place = (i64::MIN, i64::MIN);

/// What a walk along one chain came to.
struct Walk {
    links: u64,
    /// Entries that are as their links say.
    entries: u64,
    /// Entries that its links name.
    named: i64,
    problems: Problems,
    /// Whom it looks for from here on.
    after: Place,
    /// Entries up to this number may have no link any more, where they are old enough.
    dropped_up_to: i64,
    /// What is from before it is old enough, in milliseconds since 1970.
    horizon: i64,
    /// Hashes of links that anchors name.
    anchored: BTreeMap<i64, [u8; 32]>,
}

impl Walk {
    fn new(horizon: Option<u64>) -> Self {
        Self {
            links: 0,
            entries: 0,
            named: 0,
            problems: Problems::default(),
            after: BEGINNING,
            dropped_up_to: i64::MIN,
            horizon: horizon.map_or(0, signed),
            anchored: BTreeMap::new(),
        }
    }

    /// Whether what is written down of the end is of what it came to, where nothing else is wrong.
    fn ends_at(&self, end: &End) -> bool {
        let (last, _) = self.after;
        !self.problems.first.is_empty()
            || (self.links == 0 || last == end.last_audit_id)
                && self.named + end.dropped_entries == end.entries
    }

    /// Whether an entry without a link is one whose link was deleted, and that will be.
    fn is_dropped(&self, audit_id: i64, at_ms: i64) -> bool {
        at_ms < self.horizon && audit_id <= self.dropped_up_to
    }
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
            "SELECT tenant_id, lane, links, entries, last_audit_id, hash, dropped_links, \
             dropped_entries, dropped_hash FROM audit_chains WHERE ",
            $where
        )
    };
}

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
struct Stand {
    tenant_id: Option<Uuid>,
    lane: Option<i64>,
}

impl Stand {
    fn in_chain(key: ChainKey) -> Self {
        Self {
            tenant_id: key.tenant_id(),
            lane: (key.lane != Lane::OLDER).then_some(i64::from(key.lane.0)),
        }
    }

    fn name(self) -> String {
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

/// A link as it stands there, with what its row says beside it.
struct FoundLink {
    link: Link,
    first_audit_id: i64,
    last_audit_id: i64,
    hash: [u8; 32],
}

impl FoundLink {
    fn is_as_written(&self) -> bool {
        let ids = || self.link.entries().map(|(audit_id, _)| audit_id);
        self.link.hash() == self.hash
            && ids().next() == Some(self.first_audit_id)
            && ids().last() == Some(self.last_audit_id)
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

    /// Entries without a lane that are younger than the chains. What is written down of a chain's first link
    /// says how old it is, and not the entries' own time, which their writer chose.
    async fn look_for_late(
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
        let mut walk = Walk::new(horizon);
        let mut expected = end.dropped_hash.unwrap_or(NO_HASH);
        let mut next = end.dropped_links + 1;
        while next <= end.links {
            let page = self.links_from(end, next).await?;
            if page.is_empty() {
                break;
            }
            if walk.links == 0 && end.dropped_links > 0 {
                let first = page.iter().flat_map(|found| found.link.entries()).next();
                walk.dropped_up_to = first.map_or(i64::MIN, |(first, _)| first.saturating_sub(1));
            }
            for found in &page {
                let link = &found.link;
                if link.number > next {
                    walk.problems.push(Problem::LinksMissing {
                        first: unsigned(next),
                        last: unsigned(link.number - 1),
                    });
                } else if link.previous_hash != expected {
                    let link = unsigned(link.number);
                    walk.problems.push(Problem::LinkDoesNotFollow { link });
                }
                if !found.is_as_written() {
                    let link = unsigned(link.number);
                    walk.problems.push(Problem::LinkChanged { link });
                }
                if anchors
                    .iter()
                    .any(|anchor| anchor.link == unsigned(link.number))
                {
                    walk.anchored.insert(link.number, link.hash());
                }
                expected = found.hash;
                next = link.number + 1;
                walk.links += 1;
            }
            self.compare_entries(end.key, &page, &mut walk).await?;
        }
        if walk.links == 0 && end.dropped_links > 0 {
            walk.dropped_up_to = end.last_audit_id;
        }
        if next <= end.links {
            walk.problems.push(Problem::LinksMissing {
                first: unsigned(next),
                last: unsigned(end.links),
            });
        } else if expected != end.hash || !walk.ends_at(end) {
            let link = unsigned(end.links);
            walk.problems.push(Problem::EndChanged { link });
        }
        self.look_behind(end, &mut walk).await?;
        self.look_around(end, &mut walk).await?;
        Ok(walk)
    }

    /// Links with their hashes as they stand there.
    async fn links_from(&self, end: &End, from: i64) -> Result<Vec<FoundLink>, StoreError> {
        let links_per_page = if end.key.lane.is_of_people() {
            SMALL_LINKS_PER_PAGE
        } else {
            LARGE_LINKS_PER_PAGE
        };
        self.database
            .fetch(
                "SELECT link, first_audit_id, last_audit_id, first_ms, last_ms, members, \
                 previous_hash, hash FROM audit_links \
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
                Ok(FoundLink {
                    link,
                    first_audit_id: row.signed("first_audit_id")?,
                    last_audit_id: row.signed("last_audit_id")?,
                    hash: row.exactly("hash")?,
                })
            })
            .collect()
    }

    /// Compares the entries that these links name with those that are there.
    async fn compare_entries(
        &self,
        key: ChainKey,
        page: &[FoundLink],
        walk: &mut Walk,
    ) -> Result<(), StoreError> {
        let entries = page
            .iter()
            .map(|found| found.link.members.len() / MEMBER_BYTES);
        let entries: usize = entries.sum();
        let mut named = BTreeMap::new();
        for FoundLink { link, .. } in page {
            for (audit_id, hash) in link.entries() {
                named.insert(audit_id, (hash, link));
            }
        }
        if entries > named.len()
            && let Some(FoundLink { link, .. }) = page.last()
        {
            let link = unsigned(link.number);
            walk.problems.push(Problem::LinkDoesNotFollow { link });
        }
        walk.named += i64::try_from(entries).unwrap_or(i64::MAX);
        let Some(last) = named.last_key_value().map(|(last, _)| *last) else {
            return Ok(());
        };
        let stand = Stand::in_chain(key);
        loop {
            let rows = self.entries_between(stand, walk.after, last).await?;
            for row in &rows {
                let entry = entry_row(row)?;
                let member = entry.stored().member();
                walk.after = (member.audit_id, member.at_ms);
                match named.remove(&member.audit_id) {
                    Some((hash, _)) if hash == member.hash => walk.entries += 1,
                    Some((_, link)) => walk.problems.push(Problem::EntryChanged {
                        audit_id: unsigned(member.audit_id),
                        link: unsigned(link.number),
                    }),
                    None if walk.is_dropped(member.audit_id, member.at_ms) => {}
                    None => walk.problems.push(Problem::EntryNotLinked {
                        audit_id: unsigned(member.audit_id),
                    }),
                }
            }
            if rows.len() < ENTRIES_AT_ONCE {
                break;
            }
        }
        for (audit_id, (_, link)) in named {
            // It was deleted because it was old enough, and its link names younger ones.
            if link.first_ms >= walk.horizon {
                walk.problems.push(Problem::EntryMissing {
                    audit_id: unsigned(audit_id),
                    link: unsigned(link.number),
                });
            }
        }
        // All of that number and before were compared.
        walk.after = (last, i64::MAX);
        Ok(())
    }

    /// Entries behind one, up to a number: as many as are read at once.
    async fn entries_between(
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

    /// Entries behind the end of a chain. A commit writes both at once, so none is there but by hand or
    /// without its link, as far as the end has moved on meanwhile.
    async fn look_behind(&self, end: &End, walk: &mut Walk) -> Result<(), StoreError> {
        let stand = Stand::in_chain(end.key);
        // Those of a version without chains wait for the job, from where it is.
        let last = if end.key.lane == Lane::OLDER {
            self.linked_up_to().await?
        } else {
            i64::MAX
        };
        loop {
            let rows = self.entries_between(stand, walk.after, last).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let now = self.end_of(end.key).await?;
            let moved_to = match now {
                Some(now) if now.links > end.links => now.last_audit_id,
                _ => i64::MIN,
            };
            for row in &rows {
                let (audit_id, at_ms) = (row.signed("audit_id")?, row.signed("at_ms")?);
                walk.after = (audit_id, at_ms);
                let has_moved = audit_id > end.last_audit_id && audit_id <= moved_to;
                if !has_moved && !walk.is_dropped(audit_id, at_ms) {
                    let audit_id = unsigned(audit_id);
                    walk.problems.push(Problem::EntryNotLinked { audit_id });
                }
            }
            if rows.len() < ENTRIES_AT_ONCE {
                return Ok(());
            }
        }
    }

    /// Links in front of the beginning of a chain, and behind its end as it is by now.
    async fn look_around(&self, end: &End, walk: &mut Walk) -> Result<(), StoreError> {
        let row = self
            .database
            .fetch_optional(
                "SELECT MIN(link) AS first, MAX(link) AS last FROM audit_links \
                 WHERE tenant_id = $1 AND lane = $2",
                &[end.key.tenant.into(), i64::from(end.key.lane.0).into()],
            )
            .await?;
        let Some(row) = row else {
            return Ok(());
        };
        let (Some(first), Some(last)) = (
            row.number_or_null::<i64>("first")?,
            row.number_or_null::<i64>("last")?,
        ) else {
            return Ok(());
        };
        if first <= end.dropped_links {
            let link = unsigned(end.dropped_links);
            walk.problems.push(Problem::BeginningChanged { link });
        }
        // Behind the links, so that it has those that were added meanwhile.
        let now = self.end_of(end.key).await?;
        let link = unsigned(end.links);
        let changed = Problem::EndChanged { link };
        if now.is_none_or(|now| last > now.links) && !walk.problems.first.contains(&changed) {
            walk.problems.push(changed);
        }
        Ok(())
    }

    /// Entries that name a tenant and a lane of which there is no chain, and those of a version without chains
    /// that the job has left out.
    async fn look_beside(
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

    /// Up to which entry the job has linked those of a version without chains.
    async fn linked_up_to(&self) -> Result<i64, StoreError> {
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
