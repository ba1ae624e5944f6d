//! General admission on one zone of one show: every request hits the same counter.

use super::{CAPACITY_LARGE, body};
use crate::draft::Draft;
use crate::scenario::{Scenario, Stage};
use crate::world::WorldSize;

pub(crate) fn world_size() -> WorldSize {
    WorldSize::general(1, CAPACITY_LARGE)
}

pub(crate) struct HotZone {
    stage: Stage,
}

impl HotZone {
    pub(crate) fn new(stage: Stage) -> Self {
        Self { stage }
    }
}

impl Scenario for HotZone {
    fn next(&mut self, draft: &mut Draft) {
        let who = self.stage.user();
        if let Some(show) = self.stage.world.shows.first()
            && let Some(zone) = show.general()
        {
            body::reserve_quantity(draft, who, show, zone, 1);
        }
    }
}
