//! How much is left of events, from the live counts of the log.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use onsale_log::{CommandLog, OutcomeBatch};
use onsale_schemas::ShowId;
use onsale_search::Availability;
use onsale_store::catalog::{FindableEvent, FindableShow, ShowStatus};
use parking_lot::Mutex;

use crate::live::shows_of;

/// Shows that wait for a look at their counts. Beyond that the whole catalog is looked at instead.
const STIRRED_MAX: usize = 65_536;
/// Shows of one event that the log is asked for; of those behind them it is assumed that something is
/// left.
const SHOWS_ASKED_MAX: usize = 16;
/// With less than one place in this number left, an event is nearly sold out.
const FEW_SHARE: u64 = 20;

/// What is left of an event, roughly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Left {
    pub(super) availability: Availability,
    /// Places held and sold, rounded down to a power of two: it changes seldom.
    pub(super) taken: u32,
}

impl Left {
    /// Of an event whose counts were not read yet: it is taken for one with tickets left.
    pub(super) const UNKNOWN: Self = Self {
        availability: Availability::Many,
        taken: 0,
    };
}

/// The shows of an event that somebody may buy for now or later.
pub(super) fn on_sale(event: &FindableEvent, now_ms: u64) -> impl Iterator<Item = &FindableShow> {
    let shows = event.shows.iter();
    shows.filter(move |show| show.status == ShowStatus::Open && show.sale_closes_at_ms > now_ms)
}

/// When the first of the sales of an event closes that are open now or will be.
pub(super) fn next_close(event: &FindableEvent, now_ms: u64) -> Option<u64> {
    let closes = on_sale(event, now_ms).map(|show| show.sale_closes_at_ms);
    closes.min()
}

/// Asks the log what is left of an event; `None` where it does not say.
pub(super) async fn ask(log: &dyn CommandLog, event: &FindableEvent, now_ms: u64) -> Option<Left> {
    let (mut available, mut taken, mut places) = (0_u64, 0_u64, 0_u64);
    let mut is_known = false;
    for (number, show) in on_sale(event, now_ms).enumerate() {
        if number == SHOWS_ASKED_MAX {
            return Some(left(available.max(1), taken, places));
        }
        let Some(seats) = log.show_seats(show.partition, show.show_id).await.ok()? else {
            continue;
        };
        is_known = true;
        if seats.cancelled {
            continue;
        }
        for zone in &seats.zones {
            let of_zone = u64::from(zone.held) + u64::from(zone.sold);
            available += u64::from(zone.available);
            taken += of_zone;
            places += u64::from(zone.available) + of_zone + u64::from(zone.blocked);
        }
        let so_far = left(available, taken, places);
        if so_far.availability == Availability::Many {
            return Some(so_far);
        }
    }
    is_known.then(|| left(available, taken, places))
}

fn left(available: u64, taken: u64, places: u64) -> Left {
    let availability = if available == 0 {
        Availability::None
    } else if available.saturating_mul(FEW_SHARE) < places {
        Availability::Few
    } else {
        Availability::Many
    };
    let taken = u32::try_from(taken).unwrap_or(u32::MAX);
    Left {
        availability,
        taken: taken.checked_ilog2().map_or(0, |power| 1 << power),
    }
}

/// Shows of which places were taken or given back since the last look.
#[derive(Default)]
pub(super) struct Stirred {
    shows: Mutex<HashSet<ShowId>>,
    is_lost: AtomicBool,
}

impl Stirred {
    pub(super) fn seen(&self, batch: &OutcomeBatch) {
        let mut last = None;
        for record in &batch.records {
            for show in shows_of(record) {
                // During a rush nearly all records belong to one show.
                if last.replace(show) != Some(show) {
                    self.stir(show);
                }
            }
        }
    }

    /// Wants another look at a show.
    pub(super) fn stir(&self, show: ShowId) {
        let mut shows = self.shows.lock();
        if shows.len() < STIRRED_MAX {
            shows.insert(show);
        } else if !shows.contains(&show) {
            self.lost();
        }
    }

    /// It is not known which shows were stirred.
    pub(super) fn lost(&self) {
        self.is_lost.store(true, Ordering::Relaxed);
    }

    /// Whether that happened since this was last asked.
    pub(super) fn take_lost(&self) -> bool {
        self.is_lost.swap(false, Ordering::Relaxed)
    }

    /// At most this many of them, which wait no longer.
    pub(super) fn take(&self, shows_max: usize) -> Vec<ShowId> {
        let mut waiting = self.shows.lock();
        let taken: Vec<ShowId> = waiting.iter().take(shows_max).copied().collect();
        for show in &taken {
            waiting.remove(show);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(number: u32) -> ShowId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        ShowId::from_bytes(bytes)
    }

    #[test]
    fn what_is_left_is_told_in_three_steps() {
        for (available, places, expected) in [
            (0, 100, Availability::None),
            (1, 100, Availability::Few),
            (4, 100, Availability::Few),
            (5, 100, Availability::Many),
            (1, 1, Availability::Many),
            (0, 0, Availability::None),
        ] {
            let found = left(available, places - available, places);
            assert_eq!(found.availability, expected, "{available} of {places}");
        }
        let taken = [0, 1, 2, 3, 4, 1_000, u64::MAX].map(|taken| left(1, taken, 1).taken);
        assert_eq!(taken, [0, 1, 2, 2, 4, 512, 1 << 31]);
    }

    #[test]
    fn stirred_shows_are_bounded_and_taken_once() {
        let stirred = Stirred::default();
        for number in 0..3 {
            stirred.stir(show(number));
            stirred.stir(show(number));
        }
        assert_eq!(stirred.take(2).len(), 2);
        assert_eq!(stirred.take(2).len(), 1);
        assert!(stirred.take(2).is_empty() && !stirred.take_lost());
        for number in 0..u32::try_from(STIRRED_MAX).unwrap() {
            stirred.stir(show(number));
        }
        stirred.stir(show(0));
        assert!(!stirred.take_lost(), "it is there already");
        stirred.stir(show(u32::MAX));
        assert!(stirred.take_lost() && !stirred.take_lost());
        assert_eq!(stirred.take(usize::MAX).len(), STIRRED_MAX);
    }
}
