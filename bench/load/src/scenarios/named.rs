//! Named seats at a steady rate: every seat is requested once, so that all requests are granted
//! until the venues are full.

use super::{SHOWS_MAX, body};
use crate::draft::Draft;
use crate::scenario::{Scenario, Stage};
use crate::world::WorldSize;

pub(crate) fn world_size(requests: u64) -> WorldSize {
    WorldSize::large(requests, SHOWS_MAX)
}

pub(crate) struct Named {
    stage: Stage,
}

impl Named {
    pub(crate) fn new(stage: Stage) -> Self {
        Self { stage }
    }
}

impl Scenario for Named {
    fn next(&mut self, draft: &mut Draft) {
        let who = self.stage.user();
        let number = self.stage.number();
        let world = &self.stage.world;
        let shows = u64::try_from(world.shows.len()).unwrap_or(1).max(1);
        let at = usize::try_from(number % shows).unwrap_or(0);
        if let Some(show) = world.shows.get(at)
            && let Some(zone) = show.seated()
        {
            let seat = (number / shows) % zone.count().max(1);
            body::reserve_seat(draft, who, show, zone, seat);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::scenarios::testing;

    #[test]
    fn every_seat_is_asked_for_once_by_one_thread() {
        let size = WorldSize::seated(3, 40, 7);
        let mut asked = HashSet::new();
        for worker in 0..2 {
            let mut scenario = Named::new(testing::stage(&size, worker, 2));
            for _ in 0..60 {
                let mut draft = Draft::default();
                scenario.next(&mut draft);
                assert!(asked.insert(draft.body), "asked for twice");
            }
        }
        assert_eq!(asked.len(), 120);
    }
}
