//! The minute tickets go on sale: general admission over many shows, at a rate that jumps.

use super::{CAPACITY_LARGE, SHOWS_SPREAD, body};
use crate::draft::Draft;
use crate::scenario::{Scenario, Stage};
use crate::world::WorldSize;

pub(crate) fn world_size() -> WorldSize {
    WorldSize::general(SHOWS_SPREAD, CAPACITY_LARGE)
}

pub(crate) struct Spike {
    stage: Stage,
}

impl Spike {
    pub(crate) fn new(stage: Stage) -> Self {
        Self { stage }
    }
}

impl Scenario for Spike {
    fn next(&mut self, draft: &mut Draft) {
        let who = self.stage.user();
        let number = usize::try_from(self.stage.number()).unwrap_or(0);
        let shows = &self.stage.world.shows;
        if let Some(show) = shows.get(number % shows.len().max(1))
            && let Some(zone) = show.general()
        {
            body::reserve_quantity(draft, who, show, zone, 1);
        }
    }
}
