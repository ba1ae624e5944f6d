//! The walk along one chain, from its first link to its end.

use std::collections::BTreeMap;

use super::super::entry_row;
use super::end::End;
use super::entries::{BEGINNING, ENTRIES_AT_ONCE, Place, Stand};
use super::links::FoundLink;
use super::unsigned;
use crate::Store;
use crate::audit::chain::{ChainKey, Lane, MEMBER_BYTES, NO_HASH};
use crate::audit::{Anchor, FINDINGS_MAX, Problem};
use crate::error::StoreError;

/// What a walk along one chain came to.
pub(super) struct Walk {
    pub(super) links: u64,
    /// Entries that are as their links say.
    pub(super) entries: u64,
    /// Entries that its links name.
    named: i64,
    pub(super) problems: Problems,
    /// Whom it looks for from here on.
    after: Place,
    /// Entries up to this number may have no link any more, where they are old enough.
    dropped_up_to: i64,
    /// What is from before it is old enough, in milliseconds since 1970.
    horizon: i64,
    /// Hashes of links that anchors name.
    pub(super) anchored: BTreeMap<i64, [u8; 32]>,
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
pub(super) struct Problems {
    pub(super) first: Vec<Problem>,
    pub(super) more: u64,
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

impl Store {
    pub(super) async fn walk(
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
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
