//! How log time advances: most errors of time are at an instant ±1 ms.

use onsale_schemas::LogTimeMs;
use onsale_schemas::limits::{ENDED_BOOKING_KEPT_MS, IDEMPOTENCY_WINDOW_MS};

use super::profile::Pace;
use super::rng::Rng;
use super::world::World;

/// The time that the log stamps on the next record.
pub(super) fn next(world: &World, pace: Pace, rng: &mut Rng) -> LogTimeMs {
    let now = world.now;
    match pace {
        Pace::Steady { records_per_ms } => {
            now.saturating_add(u64::from(rng.below(records_per_ms) == 0))
        }
        Pace::Leaping => match rng.below(1_000) {
            0..500 => now,
            500..680 => now.saturating_add(rng.below(50)),
            // A log whose clock was set back.
            680..720 => now.saturating_sub(rng.below(10_000)),
            // Orders need time to be paid, returned and used up.
            780..1_000 if world.sells_orders && rng.percent(60) => now,
            720..780 => now.saturating_add(rng.below(2_000)),
            780..960 => instant(world, rng),
            960..980 => now.saturating_add(rng.below(600_000)),
            980..990 => now.saturating_add(rng.below(2 * ENDED_BOOKING_KEPT_MS)),
            990..997 => now.saturating_add(rng.below(2 * IDEMPOTENCY_WINDOW_MS)),
            // The last instants there are, rarely: nothing much happens after them.
            999 if rng.percent(if world.sells_orders { 1 } else { 10 }) => {
                u64::MAX - rng.below(2_000)
            }
            _ => now,
        },
    }
}

/// Just before, at, or just after an instant to come at which something ends.
fn instant(world: &World, rng: &mut Rng) -> LogTimeMs {
    let bookings = world.bookings.iter();
    let windows = world.windows();
    // Without offers nothing is drawn, so that seeds of older rules keep their histories.
    let is_window = !windows.is_empty() && rng.percent(30);
    let mut instants: Vec<LogTimeMs> = match rng.below(10) {
        _ if is_window => windows,
        // Behind the close of a sale nobody orders any more.
        9 if world.sells_orders && rng.percent(95) => windows,
        0..5 => bookings
            .filter(|booking| booking.ended_at_ms.is_none())
            .map(|booking| booking.expires_at_ms)
            .collect(),
        5..7 => bookings
            .filter_map(|booking| booking.ended_at_ms)
            .map(|at| at.saturating_add(ENDED_BOOKING_KEPT_MS))
            .collect(),
        7 => world
            .requests
            .iter()
            .map(|request| request.at_ms.saturating_add(IDEMPOTENCY_WINDOW_MS))
            .collect(),
        8 => world
            .shows
            .iter()
            .map(|show| show.open.sale_opens_at_ms)
            .collect(),
        _ => world
            .shows
            .iter()
            .map(|show| show.open.sale_closes_at_ms)
            .collect(),
    };
    instants.retain(|&at| at > world.now);
    instants.sort_unstable();
    // The next few only: a leap to the farthest would end everything before it.
    instants.truncate(3);
    let at = rng.pick(&instants).copied().unwrap_or(world.now);
    rng.one_of([at - 1, at, at, at.saturating_add(1)])
}
