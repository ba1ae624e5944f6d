//! What has to be written, worked out from outcomes without any I/O.

mod outcome;

use std::collections::{HashMap, HashSet};

use onsale_counts::{UserTickets, ZonePlaces, ZoneWrite};
use onsale_schemas::{EventId, Offset, PartitionId, ShowId, UserId, ZoneIndex};
use onsale_store::projection::ProjectionBatch;
use onsale_store::store::ShowPlaces;

use super::buyers::Buyers;

/// Shows whose places are written; the one that was quiet for longest makes room.
const SHOWS_MAX: usize = 2_000;
/// Changes of a show that wait while its places are read from the store.
const WAITING_MAX_CHANGES: usize = 65_536;
/// Buyers whose tickets are to be written. Above it their keys in Redis stop counting.
const DIRTY_USERS_MAX: usize = 50_000;
/// Heartbeats (ten minutes) after which a show without a change is no longer written.
const QUIET_MAX_BEATS: u64 = 150;
/// Heartbeats (a minute) after which buyers are read again: whatever was repaired in the store
/// counts then.
const BUYERS_MAX_BEATS: u64 = 15;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Fold {
    partitions: HashMap<PartitionId, Followed>,
    shows: HashMap<ShowId, Show>,
    /// Buyers whose tickets have changed, by the show that they changed of.
    users: HashMap<(ShowId, UserId), PartitionId>,
    buyers: Buyers,
    beat: u64,
}

#[derive(Debug)]
struct Followed {
    /// The record after the last one taken into account.
    next_offset: Offset,
    /// The record after the last outcome; what the counts are as of.
    version: Offset,
    /// Changes of buyers' tickets since this version are all written or dirty.
    users_from: Offset,
}

#[derive(Debug)]
struct Show {
    partition: PartitionId,
    state: State,
    touched_at_beat: u64,
}

#[derive(Debug)]
enum State {
    /// Its places have to be read; changes since then wait.
    Wanted { waiting: Vec<Change>, reading: bool },
    Live {
        event: EventId,
        /// Changes before this offset were in what was read.
        as_of: Offset,
        zones: Vec<Zone>,
    },
}

#[derive(Debug)]
struct Zone {
    total: u32,
    /// Signed, so that a mistake elsewhere shows instead of being rounded away.
    available: i64,
    dirty: bool,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    offset: Offset,
    zone: ZoneIndex,
    /// Places that became free; negative for ones that were taken.
    freed: i64,
}

/// What to write now.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// Buyers whose tickets have to be read and written first.
    pub(super) users: Vec<DueUser>,
    /// Places to write after that.
    pub(super) zones: Vec<ZoneWrite>,
}

/// A buyer whose tickets have changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct DueUser {
    pub(super) partition: PartitionId,
    pub(super) event: EventId,
    pub(super) show: ShowId,
    pub(super) user: UserId,
    /// `None`: they have to be read.
    pub(super) tickets: Option<UserTickets>,
}

impl Fold {
    /// Takes a committed batch into account.
    pub(super) fn apply(&mut self, batch: &ProjectionBatch) {
        let partition = batch.partition;
        let followed = self.partitions.entry(partition).or_insert(Followed {
            next_offset: batch.from_offset,
            version: batch.from_offset,
            users_from: batch.from_offset,
        });
        let from = followed.next_offset;
        if batch.next_offset <= from {
            return;
        }
        followed.next_offset = batch.next_offset;
        if batch.from_offset > from {
            // Another projector has what is missing here.
            followed.users_from = batch.from_offset;
            self.begin_again(partition);
        }
        for record in &batch.outcomes {
            if record.offset < from {
                continue;
            }
            if let Some(followed) = self.partitions.get_mut(&partition) {
                followed.version = record.offset + 1;
            }
            self.record(partition, record);
        }
    }

    fn change(&mut self, partition: PartitionId, show: ShowId, change: Change) {
        if !self.shows.contains_key(&show) {
            self.make_room();
            self.shows.insert(show, Show::wanted(partition));
        }
        let Some(show) = self.shows.get_mut(&show) else {
            return;
        };
        show.touched_at_beat = self.beat;
        match &mut show.state {
            State::Wanted { waiting, reading } => {
                // Before the read has begun, it will see the change itself.
                if !*reading {
                    return;
                }
                if waiting.len() < WAITING_MAX_CHANGES {
                    waiting.push(change);
                } else {
                    *show = Show::wanted(partition);
                }
            }
            State::Live { zones, as_of, .. } if change.offset >= *as_of => {
                apply_change(zones, &change);
            }
            State::Live { .. } => {}
        }
    }

    /// A show has other places than before, perhaps another zone: they are read again.
    fn grown(&mut self, partition: PartitionId, show: ShowId, offset: Offset) {
        self.shows.remove(&show);
        let change = Change {
            offset,
            zone: 0,
            freed: 0,
        };
        self.change(partition, show, change);
    }

    fn user(&mut self, partition: PartitionId, show: ShowId, user: UserId) {
        let key = (show, user);
        if self.users.len() < DIRTY_USERS_MAX {
            self.users.insert(key, partition);
        } else if !self.users.contains_key(&key) {
            self.users_lost(partition);
        }
    }

    /// Tickets that were read, with everything before `read.version` taken into account.
    pub(super) fn buyer_read(&mut self, due: &DueUser, read: UserTickets) {
        let seen = self.partitions.get(&due.partition);
        // A later record of the buyer may have been seen meanwhile, and is not in what was read.
        if seen.is_none_or(|seen| seen.version <= read.version) {
            self.buyers.read(due.event, due.user, read);
        }
    }

    /// A change of some buyer's tickets will not be written: what stands in Redis of the partition's
    /// buyers by now does not count any more.
    fn users_lost(&mut self, partition: PartitionId) {
        self.buyers.forget_all();
        if let Some(followed) = self.partitions.get_mut(&partition) {
            followed.users_from = followed.version;
        }
        for show in self.shows.values_mut() {
            if show.partition == partition {
                show.all_dirty();
            }
        }
    }

    fn make_room(&mut self) {
        if self.shows.len() < SHOWS_MAX {
            return;
        }
        let quiet = self
            .shows
            .iter()
            .min_by_key(|(_, show)| show.touched_at_beat)
            .map(|(id, _)| *id);
        if let Some(quiet) = quiet {
            self.shows.remove(&quiet);
        }
    }

    fn begin_again(&mut self, partition: PartitionId) {
        self.buyers.forget_all();
        for show in self.shows.values_mut() {
            if show.partition == partition {
                show.state = State::wanted();
            }
        }
    }

    /// Shows whose places have to be read, at most `max`; changes wait from now on until
    /// [`Fold::read`] says what was read.
    pub(super) fn take_unread(&mut self, max: usize) -> Vec<ShowId> {
        let mut all = Vec::new();
        for (id, show) in &mut self.shows {
            if all.len() == max {
                break;
            }
            if let State::Wanted { waiting, reading } = &mut show.state
                && !*reading
            {
                waiting.clear();
                *reading = true;
                all.push(*id);
            }
        }
        all
    }

    /// Places that were read; `None` when there are none to be had, so that the show is left out.
    pub(super) fn read(&mut self, id: ShowId, places: Option<&ShowPlaces>) {
        let Some(show) = self.shows.get_mut(&id) else {
            return;
        };
        // Since then it was to begin again.
        let State::Wanted {
            waiting,
            reading: true,
        } = &mut show.state
        else {
            return;
        };
        let waiting = std::mem::take(waiting);
        let Some(places) = places.filter(|places| !places.cancelled) else {
            self.shows.remove(&id);
            return;
        };
        let mut zones: Vec<Zone> = places
            .zones
            .iter()
            .map(|zone| Zone {
                total: zone.available + zone.held + zone.sold + zone.blocked,
                available: zone.available.into(),
                dirty: true,
            })
            .collect();
        for change in waiting
            .iter()
            .filter(|change| change.offset >= places.as_of)
        {
            apply_change(&mut zones, change);
        }
        show.state = State::Live {
            event: places.event_id,
            as_of: places.as_of,
            zones,
        };
    }

    /// The read did not come about: it is wanted again.
    pub(super) fn not_read(&mut self, id: ShowId) {
        if let Some(show) = self.shows.get_mut(&id)
            && matches!(show.state, State::Wanted { .. })
        {
            show.state = State::wanted();
        }
    }

    /// A heartbeat: everything is written again, and shows that are quiet are let go.
    pub(super) fn beat(&mut self) {
        self.beat += 1;
        let beat = self.beat;
        self.shows
            .retain(|_, show| beat - show.touched_at_beat <= QUIET_MAX_BEATS);
        self.shows.values_mut().for_each(Show::all_dirty);
        if beat.is_multiple_of(BUYERS_MAX_BEATS) {
            self.buyers.forget_all();
        }
    }

    /// Takes what is to be written. Nothing while a show of it is still to be read, because the
    /// places of one show vouch for the buyers of all shows of its partition.
    pub(super) fn take_due(&mut self) -> Due {
        let mut due = Due::default();
        let mut waiting = HashSet::new();
        for ((show, user), partition) in std::mem::take(&mut self.users) {
            match self.shows.get(&show).map(|show| &show.state) {
                Some(State::Live { event, .. }) => {
                    let version = self.partitions.get(&partition).map_or(0, |p| p.version);
                    due.users.push(DueUser {
                        partition,
                        event: *event,
                        show,
                        user,
                        tickets: self.buyers.tickets(*event, user, version),
                    });
                }
                Some(State::Wanted { .. }) => {
                    waiting.insert(partition);
                    self.users.insert((show, user), partition);
                }
                // Its show was let go, and with it the event that the key is named by.
                None => self.users_lost(partition),
            }
        }
        for (id, show) in &mut self.shows {
            let (Some(followed), State::Live { event, zones, .. }) =
                (self.partitions.get(&show.partition), &mut show.state)
            else {
                continue;
            };
            if waiting.contains(&show.partition) {
                continue;
            }
            for (zone, state) in (0..).zip(zones) {
                if !std::mem::take(&mut state.dirty) {
                    continue;
                }
                let available = u32::try_from(state.available.max(0)).unwrap_or(u32::MAX);
                due.zones.push(ZoneWrite {
                    event: *event,
                    show: *id,
                    zone,
                    places: ZonePlaces {
                        version: followed.version,
                        available: available.min(state.total),
                        total: state.total,
                        users_from: followed.users_from,
                    },
                });
            }
        }
        due
    }

    /// What was due was not written: it is dirty again.
    pub(super) fn put_back(&mut self, due: &Due) {
        for due in &due.users {
            self.user(due.partition, due.show, due.user);
        }
        for due in &due.zones {
            if let Some(show) = self.shows.get_mut(&due.show) {
                show.all_dirty();
            }
        }
    }

    /// Redis was emptied or set back: everything is dirty.
    pub(super) fn all_dirty(&mut self) {
        self.shows.values_mut().for_each(Show::all_dirty);
    }
}

impl State {
    fn wanted() -> Self {
        Self::Wanted {
            waiting: Vec::new(),
            reading: false,
        }
    }
}

impl Show {
    fn wanted(partition: PartitionId) -> Self {
        Self {
            partition,
            state: State::wanted(),
            touched_at_beat: 0,
        }
    }

    fn all_dirty(&mut self) {
        if let State::Live { zones, .. } = &mut self.state {
            for zone in zones {
                zone.dirty = true;
            }
        }
    }
}

fn apply_change(zones: &mut [Zone], change: &Change) {
    if let Some(zone) = zones.get_mut(usize::from(change.zone)) {
        zone.available += change.freed;
        zone.dirty = true;
    }
}

#[cfg(test)]
mod tests;
