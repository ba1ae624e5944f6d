//! Orders over two zones with several ticket types, every other one with a code.

use super::{CAPACITY_LARGE, SHOWS_SPREAD, body};
use crate::draft::Draft;
use crate::scenario::{Scenario, Stage};
use crate::world::WorldSize;

/// Seats of each show.
const SEATS: u64 = 20_000;
const ROW_SEATS: u64 = 50;

pub(crate) fn world_size() -> WorldSize {
    WorldSize {
        general: CAPACITY_LARGE,
        has_offer: true,
        ..WorldSize::seated(SHOWS_SPREAD, SEATS, ROW_SEATS)
    }
}

pub(crate) struct Orders {
    stage: Stage,
}

impl Orders {
    pub(crate) fn new(stage: Stage) -> Self {
        Self { stage }
    }
}

impl Scenario for Orders {
    fn next(&mut self, draft: &mut Draft) {
        let who = self.stage.user();
        let number = usize::try_from(self.stage.number()).unwrap_or(0);
        let has_code = self.stage.random.below(2) == 0;
        let shows = &self.stage.world.shows;
        if let Some(show) = shows.get(number % shows.len().max(1)) {
            body::reserve_order(draft, who, show, has_code);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::scenarios::testing;

    #[test]
    fn an_order_has_types_where_they_are_sold_and_a_code_now_and_then() {
        for has_offer in [true, false] {
            let size = WorldSize {
                has_offer,
                ..world_size()
            };
            let mut orders = Orders::new(testing::stage(&size, 0, 1));
            let mut with_code = 0;
            for _ in 0..100 {
                let mut draft = Draft::default();
                orders.next(&mut draft);
                assert_eq!(draft.places, 4);
                let body: Value = serde_json::from_str(&draft.body).unwrap();
                let types = json!({ "Standard": 1, "Child": 2 });
                let types = if has_offer { types } else { Value::Null };
                assert_eq!(body["items"][0]["ticket_types"], types);
                assert_eq!(body["items"][1]["quantity"], 1);
                with_code += u32::from(body["code"].is_string());
            }
            assert_eq!((20..80).contains(&with_code), has_offer, "{with_code}");
        }
    }
}
