//! One file per scenario.

mod body;

pub(crate) mod best;
pub(crate) mod hot_zone;
pub(crate) mod last_seats;
pub(crate) mod life;
pub(crate) mod mixed;
pub(crate) mod named;
pub(crate) mod orders;
pub(crate) mod purchases;
pub(crate) mod retry_storm;
pub(crate) mod spike;

/// Most shows that are created for a run: more would take longer to create than to sell.
const SHOWS_MAX: u64 = 32;
/// Shows where load is spread and stock does not matter.
const SHOWS_SPREAD: usize = 16;
/// Capacity of a zone that must not run out.
const CAPACITY_LARGE: u64 = 10_000_000;

#[cfg(test)]
mod testing;
