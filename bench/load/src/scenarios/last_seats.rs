//! Everyone on the last ten seats: half of them name one, half take any.

use super::body;
use crate::draft::Draft;
use crate::scenario::{Scenario, Stage};
use crate::world::WorldSize;

/// Seats that are left.
const SEATS: u64 = 10;

pub(crate) fn world_size() -> WorldSize {
    WorldSize::seated(1, SEATS, SEATS)
}

pub(crate) struct LastSeats {
    stage: Stage,
}

impl LastSeats {
    pub(crate) fn new(stage: Stage) -> Self {
        Self { stage }
    }
}

impl Scenario for LastSeats {
    fn next(&mut self, draft: &mut Draft) {
        let who = self.stage.user();
        let number = self.stage.number();
        let seat = self.stage.random.below(SEATS);
        if let Some(show) = self.stage.world.shows.first()
            && let Some(zone) = show.seated()
        {
            if number.is_multiple_of(2) {
                body::reserve_seat(draft, who, show, zone, seat % zone.count().max(1));
            } else {
                body::reserve_quantity(draft, who, show, zone, 1);
            }
        }
    }
}
