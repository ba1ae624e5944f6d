//! The best two adjacent seats, in venues with realistic rows.

use super::{SHOWS_SPREAD, body};
use crate::draft::Draft;
use crate::scenario::{Scenario, Stage};
use crate::world::WorldSize;

const QUANTITY: u32 = 2;
const ROW_SEATS: u64 = 50;
/// Rows times seats of the largest venue that is created.
const SEATS_MAX: u64 = 100_000;

pub(crate) fn world_size(requests: u64) -> WorldSize {
    let shows = u64::try_from(SHOWS_SPREAD).unwrap_or(1);
    let seats = requests.saturating_mul(u64::from(QUANTITY)).div_ceil(shows);
    let seats = (seats.div_ceil(ROW_SEATS).saturating_mul(ROW_SEATS)).clamp(ROW_SEATS, SEATS_MAX);
    WorldSize::seated(SHOWS_SPREAD, seats, ROW_SEATS)
}

pub(crate) struct Best {
    stage: Stage,
}

impl Best {
    pub(crate) fn new(stage: Stage) -> Self {
        Self { stage }
    }
}

impl Scenario for Best {
    fn next(&mut self, draft: &mut Draft) {
        let who = self.stage.user();
        let number = usize::try_from(self.stage.number()).unwrap_or(0);
        let shows = &self.stage.world.shows;
        if let Some(show) = shows.get(number % shows.len().max(1))
            && let Some(zone) = show.seated()
        {
            body::reserve_quantity(draft, who, show, zone, QUANTITY);
        }
    }
}
