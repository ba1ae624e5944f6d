//! The command of each action.

use onsale_schemas::command::{
    Actor, Admission, AmendShow, BlockPlaces, Confirm, OpenShow, Pick, Reserve, SeatBlock,
};
use onsale_schemas::limits::{HOLD_MAX_MS, PAYMENT_REFERENCE_MAX_BYTES, UNIT_PRICE_MAX_MINOR};
use onsale_schemas::{Command, NodeName, Offset, SeatIndex, SeatList, ShowId, UserId, ZoneIndex};

use super::layouts::id_bytes;
use super::profile::{Action, Profile};
use super::rng::Rng;
use super::world::{SeenShow, World};

/// Builds commands from what was seen.
pub(super) struct Actions<'a> {
    pub(super) profile: &'a Profile,
    pub(super) world: &'a World,
    pub(super) rng: &'a mut Rng,
}

impl Actions<'_> {
    pub(super) fn command(&mut self, action: Action) -> Command {
        match action {
            Action::Open
                if self.profile.sells_orders
                    && self.world.machine_version >= 3
                    && self.rng.percent(60) =>
            {
                self.open_v3()
            }
            Action::Open if self.profile.names_staff && self.rng.percent(70) => self.open_v2(),
            Action::Open => self.open(),
            Action::Amend => self.amend(),
            Action::Close => Command::CloseShow { show: self.show() },
            Action::Cancel => Command::CancelShow { show: self.show() },
            Action::ReserveSeats => self.reserve_seats(),
            Action::ReserveBest => self.reserve_best(),
            Action::ReserveGeneral => self.reserve_general(),
            Action::Confirm => self.confirm(),
            Action::Release => {
                let (booking, by) = self.booking();
                Command::Release { booking, by }
            }
            Action::Extend => Command::Extend {
                booking: self.booking().0,
                by_ms: if self.breaks_a_rule() {
                    self.rng.one_of([0, HOLD_MAX_MS, u32::MAX])
                } else {
                    self.rng.one_of([1, 500, 1_000, 60_000, 3_600_000])
                },
            },
            Action::Return => Command::Return {
                booking: self.booking().0,
            },
            Action::Block => Command::Block(self.block()),
            Action::Unblock => Command::Unblock(self.unblock()),
            Action::Claim => Command::Claim {
                node: NodeName(self.rng.one_of(["a", "b", ""]).to_owned()),
                epoch: self.rng.below(8),
            },
            Action::Barrier => Command::Barrier {
                machine_version: if self.profile.sells_orders {
                    self.rng.one_of([0, 2, 3, 3, 3, u16::MAX])
                } else if self.profile.names_staff {
                    self.rng.one_of([0, 1, 2, 2, 2, u16::MAX])
                } else {
                    self.rng.one_of([0, 1, 1, 1, 2, u16::MAX])
                },
            },
            Action::Newer => self.newer(),
            Action::Newest => self.newest(),
            Action::Tick | Action::Garbage | Action::Repeat => Command::Tick {
                epoch: self.rng.below(8),
            },
        }
    }

    pub(super) fn breaks_a_rule(&mut self) -> bool {
        let percent = self.profile.invalid_percent;
        self.rng.percent(percent)
    }

    fn seen(&mut self) -> &SeenShow {
        &self.world.shows[self.world.any_show(self.rng)]
    }

    fn show(&mut self) -> ShowId {
        if self.breaks_a_rule() {
            ShowId::from_bytes(id_bytes(b'?', self.rng.below(2)))
        } else {
            self.seen().open.show
        }
    }

    pub(super) fn user(&mut self) -> UserId {
        let users = self.profile.users;
        UserId::from_bytes(id_bytes(b'u', self.rng.below(users)))
    }

    fn open(&mut self) -> Command {
        let show = self.rng.index(self.world.shows.len());
        let mut open = self.world.shows[show].open.clone();
        if self.breaks_a_rule() {
            self.spoil(&mut open);
        }
        Command::OpenShow(open)
    }

    fn spoil(&mut self, open: &mut OpenShow) {
        match self.rng.below(8) {
            0 => open.zones.clear(),
            1 => open.hold_ms = self.rng.one_of([0, 999, HOLD_MAX_MS + 1]),
            2 => open.sale_closes_at_ms = open.sale_opens_at_ms,
            3 => open.max_tickets_per_user ^= 1,
            4 => {
                let price = self.bad_price();
                if let Some(zone) = open.zones.last_mut() {
                    zone.unit_price = price;
                }
            }
            5 => {
                if let Some(zone) = open.zones.first_mut() {
                    let rows = self.rng.one_of([&[][..], &[0], &[1_025]]).to_vec();
                    zone.admission = Admission::Seated { rows };
                }
            }
            6 => {
                if let Some(zone) = open.zones.first_mut() {
                    let capacity = self.rng.one_of([0, u32::MAX]);
                    zone.admission = Admission::General { capacity };
                }
            }
            // A show that the profile does not have, to fill the table.
            _ => open.show = ShowId::from_bytes(id_bytes(b'x', self.rng.below(4))),
        }
    }

    fn bad_price(&mut self) -> i64 {
        self.rng
            .one_of([-1, i64::MIN, UNIT_PRICE_MAX_MINOR + 1, i64::MAX])
    }

    fn amend(&mut self) -> Command {
        let now = self.world.now;
        let spoilt = self.breaks_a_rule();
        let show = self.show();
        let mut prices = Vec::new();
        for _ in 0..self.rng.below(3) {
            let zone = self.rng.one_of([0, 0, 1, 2]);
            prices.push((zone, self.rng.one_of([0, 100, 200, 300])));
        }
        if spoilt {
            let price = self.bad_price();
            prices.push(self.rng.one_of([(9, 100), (0, price)]));
        }
        let near = |rng: &mut Rng| {
            let off = rng.one_of([0, 1, 1_000, 60_000, 864_000_000]);
            if rng.percent(30) {
                now.saturating_sub(off)
            } else {
                now.saturating_add(off)
            }
        };
        Command::AmendShow(AmendShow {
            show,
            max_tickets_per_user: self.maybe(30, |rng| rng.one_of([0, 1, 3, 4, 8])),
            sale_opens_at_ms: self.maybe(15, |rng| if rng.percent(60) { 0 } else { near(rng) }),
            sale_closes_at_ms: self.maybe(
                25,
                |rng| {
                    if rng.percent(60) { u64::MAX } else { near(rng) }
                },
            ),
            hold_ms: self.maybe(30, |rng| {
                rng.one_of([1_000, 1_001, 60_000, 600_000, HOLD_MAX_MS, 999])
            }),
            prices,
        })
    }

    fn maybe<T>(&mut self, percent: u64, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
        self.rng.percent(percent).then(|| make(self.rng))
    }

    /// A zone of the wanted kind if the show has one.
    fn zone(&mut self, show: usize, seated: bool) -> ZoneIndex {
        let zones = &self.world.shows[show].open.zones;
        let fitting: Vec<usize> = (0..zones.len())
            .filter(|&zone| matches!(zones[zone].admission, Admission::Seated { .. }) == seated)
            .collect();
        let zone = match self.rng.pick(&fitting) {
            Some(&zone) if !self.breaks_a_rule() => zone,
            _ => self.rng.index(zones.len() + 1),
        };
        ZoneIndex::try_from(zone).unwrap_or(0)
    }

    fn reserve(&mut self, show: usize, zone: ZoneIndex, pick: Pick) -> Command {
        let open = &self.world.shows[show].open;
        let price = open
            .zones
            .get(usize::from(zone))
            .map_or(0, |zone| zone.unit_price);
        let odd_show = self.breaks_a_rule();
        Command::Reserve(Reserve {
            show: if odd_show { self.show() } else { open.show },
            user: self.user(),
            zone,
            pick,
            expected_unit_price: self.maybe(20, |_| price),
        })
    }

    fn quantity(&mut self) -> u32 {
        if self.breaks_a_rule() {
            self.rng.one_of([0, 100, 101, u32::MAX])
        } else if self.rng.percent(8) && !self.profile.large_shows {
            self.rng.below_u32(40) + 1
        } else {
            self.rng.one_of([1, 1, 2, 2, 2, 3, 4])
        }
    }

    /// Seats of a zone, side by side or scattered.
    fn seats(&mut self, show: usize, zone: ZoneIndex, quantity: u32) -> SeatList {
        let ranges = &self.world.shows[show].seats;
        let (first, count) = ranges.get(usize::from(zone)).copied().unwrap_or((0, 1));
        let count = count.max(1);
        let mut seats: Vec<SeatIndex> = if self.rng.percent(60) {
            let start = self.rng.below_u32(count);
            (0..quantity.min(count))
                .map(|i| first + (start + i) % count)
                .collect()
        } else {
            (0..quantity)
                .map(|_| first + self.rng.below_u32(count))
                .collect()
        };
        if !self.breaks_a_rule() {
            let mut seen = Vec::new();
            seats.retain(|seat| {
                let new = !seen.contains(seat);
                seen.push(*seat);
                new
            });
        } else if self.rng.percent(30) {
            seats.push(self.rng.one_of([first + count, u32::MAX, 0]));
        }
        seats.into_iter().collect()
    }

    fn reserve_seats(&mut self) -> Command {
        let show = self.world.any_show(self.rng);
        let zone = self.zone(show, true);
        let quantity = self.quantity().min(101);
        let seats = self.seats(show, zone, quantity);
        self.reserve(show, zone, Pick::Seats(seats))
    }

    fn reserve_best(&mut self) -> Command {
        let show = self.world.any_show(self.rng);
        let zone = self.zone(show, true);
        let pick = Pick::BestAvailable {
            quantity: self.quantity(),
            together: self.rng.percent(60),
        };
        self.reserve(show, zone, pick)
    }

    fn reserve_general(&mut self) -> Command {
        let show = self.world.any_show(self.rng);
        let zone = self.zone(show, false);
        let quantity = self.quantity();
        self.reserve(show, zone, Pick::General { quantity })
    }

    /// A booking and, mostly, a user who may touch it.
    fn booking(&mut self) -> (Offset, Actor) {
        match self.world.any_booking(self.rng) {
            Some(booking) if !self.breaks_a_rule() => {
                let by = if self.rng.percent(50) {
                    Actor::Staff
                } else {
                    Actor::Buyer(booking.user)
                };
                (booking.offset, by)
            }
            Some(booking) if self.rng.percent(70) => (booking.offset, Actor::Buyer(self.user())),
            _ => {
                let made_up = self.rng.below(300);
                (self.rng.one_of([made_up, u64::MAX]), Actor::Staff)
            }
        }
    }

    pub(super) fn confirm(&mut self) -> Command {
        let (booking, by) = self.booking();
        let payment_reference = if self.breaks_a_rule() {
            let len = PAYMENT_REFERENCE_MAX_BYTES;
            "x".repeat(self.rng.one_of([0, len, len + 1]))
        } else {
            format!("pay-{}", self.rng.below(3))
        };
        Command::Confirm(Confirm {
            booking,
            by,
            payment_reference,
        })
    }

    fn block(&mut self) -> SeatBlock {
        let show = self.world.any_show(self.rng);
        let seated = self.rng.percent(75);
        let zone = self.zone(show, seated);
        let places = if seated {
            let quantity = self.rng.one_of([1, 1, 2, 3, 5, 30, 200]);
            BlockPlaces::Seats(self.seats(show, zone, quantity))
        } else {
            BlockPlaces::Quantity(self.quantity())
        };
        SeatBlock {
            show: self.world.shows[show].open.show,
            zone,
            places,
        }
    }

    /// Something that was blocked, or something that was not.
    fn unblock(&mut self) -> SeatBlock {
        let back = self.rng.index(self.world.blocks.len());
        match self.world.blocks.iter().rev().nth(back) {
            Some(block) if self.rng.percent(80) => block.clone(),
            _ => self.block(),
        }
    }
}
