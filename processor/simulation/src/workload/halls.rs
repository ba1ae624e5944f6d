//! Seats that are added to shows, or taken away.

use onsale_schemas::command::{Admission, BlockPlaces, Command, Currency, SeatBlock, ZoneLayout};
use onsale_schemas::seating::{AddSeats, Addition};

use super::actions::Actions;
use super::offers;

impl Actions<'_> {
    pub(super) fn add_seats(&mut self) -> Command {
        let show = self.world.any_show(self.rng);
        let number = self.any_zone(show);
        let seen = &self.world.shows[show];
        let (next_seat, next_zone) = (seen.next_seat, seen.zones.len());
        let zone = seen.zones.get(usize::from(number)).cloned();
        let is_seated = zone.as_ref().is_none_or(|zone| zone.is_seated);
        let spoilt = self.breaks_a_rule();
        let mut expected;
        let addition = if self.rng.percent(25) && next_zone < 6 || spoilt && self.rng.percent(40) {
            expected = u32::try_from(next_zone).unwrap_or(0);
            let rows = vec![self.rng.one_of([2, 5, 9])];
            let plan = rows
                .iter()
                .map(|&len| offers::row_plan(len, self.rng))
                .collect();
            let is_seated = self.rng.percent(60);
            Addition::Zone {
                plan: if is_seated { plan } else { Vec::new() },
                layout: ZoneLayout {
                    unit_price: if spoilt { -1 } else { 150 },
                    currency: Currency(if self.rng.percent(15) {
                        *b"EUR"
                    } else {
                        *b"THB"
                    }),
                    admission: if is_seated {
                        Admission::Seated { rows }
                    } else {
                        Admission::General { capacity: 6 }
                    },
                },
            }
        } else if is_seated {
            expected = next_seat;
            let len = self.rng.one_of([1, 3, 8]) * u16::from(!spoilt);
            Addition::Rows {
                zone: number,
                rows: vec![len],
                plans: if self.rng.percent(60) {
                    vec![offers::row_plan(len.max(1), self.rng)]
                } else {
                    Vec::new()
                },
            }
        } else {
            expected = zone.map_or(0, |zone| zone.capacity);
            Addition::Capacity {
                zone: number,
                places: self.rng.one_of([1, 2, 5]) * u32::from(!spoilt),
            }
        };
        if self.breaks_a_rule() {
            expected ^= 1;
        }
        Command::AddSeats(Box::new(AddSeats {
            show: self.id_of(show),
            expected,
            addition,
        }))
    }

    pub(super) fn take_seats(&mut self) -> Command {
        let show = self.world.any_show(self.rng);
        let zone = self.any_zone(show);
        let seen = self.world.shows[show].zones.get(usize::from(zone)).cloned();
        let quantity = self.rng.one_of([1, 1, 2, 3]);
        let places = if seen.as_ref().is_none_or(|zone| zone.is_seated) {
            BlockPlaces::Seats(self.seats_of(seen.as_ref(), quantity))
        } else {
            BlockPlaces::Quantity(quantity)
        };
        Command::TakeSeats(SeatBlock {
            show: self.id_of(show),
            zone,
            places,
        })
    }
}
