//! What a sale looks like from outside: four looks at what is left to one attempt to buy.

use super::{SHOWS_SPREAD, body};
use crate::draft::Draft;
use crate::scenario::{Scenario, Stage};
use crate::world::WorldSize;

/// Venues of 2,000 seats and a floor.
const SEATS: u64 = 2_000;
const ROW_SEATS: u64 = 40;
const FLOOR: u64 = 100_000;

pub(crate) fn world_size() -> WorldSize {
    WorldSize {
        general: FLOOR,
        ..WorldSize::seated(SHOWS_SPREAD, SEATS, ROW_SEATS)
    }
}

pub(crate) struct Mixed {
    stage: Stage,
}

impl Mixed {
    pub(crate) fn new(stage: Stage) -> Self {
        Self { stage }
    }
}

impl Scenario for Mixed {
    fn next(&mut self, draft: &mut Draft) {
        let pick = self.stage.random.below(10);
        let number = usize::try_from(self.stage.random.next_u64() >> 1).unwrap_or(0);
        let seat = self.stage.random.next_u64();
        let who = self.stage.user();
        let shows = &self.stage.world.shows;
        let Some(show) = shows.get(number % shows.len().max(1)) else {
            return;
        };
        match (pick, show.seated(), show.general()) {
            (0..=5, ..) => body::read(draft, show, "zones"),
            (6..=7, ..) => body::read(draft, show, "availability"),
            (8, Some(zone), _) | (_, Some(zone), None) => {
                body::reserve_seat(draft, who, show, zone, seat % zone.count().max(1));
            }
            (_, _, Some(zone)) => body::reserve_quantity(draft, who, show, zone, 1),
            (_, None, None) => body::read(draft, show, "zones"),
        }
    }
}
