//! A world that needs no server.

use std::sync::Arc;

use crate::scenario::Stage;
use crate::world::{Places, ShowPlan, World, WorldSize, ZonePlan};

pub(crate) fn stage(size: &WorldSize, worker: usize, workers: usize) -> Stage {
    let shows = (0..size.shows)
        .map(|show| {
            let mut zones = Vec::new();
            if size.seats > 0 {
                zones.push(ZonePlan {
                    id: format!("zone-{show}-seated"),
                    places: Places::Grid {
                        seats: size.seats,
                        row_seats: size.row_seats,
                    },
                });
            }
            if size.general > 0 {
                zones.push(ZonePlan {
                    id: format!("zone-{show}-general"),
                    places: Places::General(size.general),
                });
            }
            ShowPlan {
                asks_age: false,
                has_offer: size.has_offer,
                id: format!("show-{show}"),
                event: format!("event-{show}"),
                zones,
            }
        })
        .collect();
    let world = World {
        shows,
        own: true,
        holds_last: true,
    };
    Stage::new(Arc::new(world), 100, worker, workers, 1)
}
