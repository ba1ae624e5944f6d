//! What a history is made of.

use onsale_engine::Partition;
use onsale_schemas::code::{AmendCodes, CodeTerms, CreateCodes, Discount, EndedCodes};
use onsale_schemas::command::{
    Actor, Admission, BlockPlaces, Confirm, ConfirmV2, Currency, OpenShow, OpenShowV2, Pick,
    Reserve, SeatBlock, ZoneLayout,
};
use onsale_schemas::offer::{
    Bundle, Fees, Offer, Phase, PhasePrice, Scope, SetOffer, TicketType, TypePrice, ZoneRule,
};
use onsale_schemas::order::{Item, PickV2, ReserveV2, ReturnPlaces};
use onsale_schemas::seating::{
    AddSeats, Addition, OpenShowV3, RowPlan, SeatKind, Special, ZonePlan,
};
use onsale_schemas::{
    CodeHash, Command, Envelope, EventId, Outcome, OutcomeRecord, RequestId, SeatList, ShowId,
    TenantId, UserId, codec,
};

use crate::{ID, LIMITS, entry};

const THB: Currency = Currency(*b"THB");

/// `splitmix64`: what a history is made of follows from its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn small(&mut self, sides: u8) -> u8 {
        u8::try_from(self.roll(sides.into())).unwrap()
    }

    fn coin(&mut self) -> bool {
        self.roll(2) == 0
    }

    fn show(&mut self) -> ShowId {
        ShowId::from_bytes([self.small(3); 16])
    }

    fn user(&mut self) -> UserId {
        UserId::from_bytes([self.small(3); 16])
    }

    fn code(&mut self) -> CodeHash {
        CodeHash::from_bytes([self.small(8); 16])
    }

    fn seats(&mut self) -> SeatList {
        let first = u32::from(self.small(26));
        let mut seats: Vec<u32> = (first..=first + u32::from(self.small(3))).collect();
        if self.roll(4) == 0 {
            seats.push(u32::from(self.small(30)));
        }
        if self.coin() {
            seats.reverse();
        }
        seats.into_iter().collect()
    }

    fn scope(&mut self) -> Scope {
        let zones: &[&[u16]] = &[&[], &[0], &[1], &[0, 2]];
        Scope {
            zones: zones[usize::from(self.small(4))].to_vec(),
            types: [0, 0, 1, 2][usize::from(self.small(4))],
        }
    }

    fn zones(&mut self) -> Vec<ZoneLayout> {
        let zone = |admission| ZoneLayout {
            unit_price: 1_005,
            currency: THB,
            admission,
        };
        vec![
            zone(Admission::Seated {
                rows: vec![8, 5, 7],
            }),
            zone(Admission::General { capacity: 12 }),
            zone(Admission::Seated { rows: vec![6] }),
        ]
    }

    fn row(&mut self, seats: u16) -> RowPlan {
        let mut plan = RowPlan {
            rank: u16::from(self.small(3)),
            focus: u16::from(self.small(2)) * seats,
            ..RowPlan::default()
        };
        if self.coin() {
            plan.gaps = vec![2, seats - 1];
        }
        if self.coin() {
            plan.special = vec![
                Special {
                    first: 0,
                    count: 1,
                    kind: SeatKind::Accessible,
                },
                Special {
                    first: 1,
                    count: 2,
                    kind: SeatKind::Companion,
                },
            ];
        }
        plan
    }

    fn offer(&mut self) -> Offer {
        if self.roll(6) == 0 {
            return Offer::default();
        }
        let mut offer = Offer {
            fees: Fees {
                place: 30 * i64::from(self.small(2)),
                place_bp: 350,
                order: 70 * i64::from(self.small(2)),
                tax_bp: 700,
            },
            tax_bp: 700 * u16::from(self.small(2)),
            ..Offer::default()
        };
        if self.coin() {
            offer.fees = Fees::default();
        }
        if self.coin() {
            let ticket_type = |id, dice: &mut Self| TicketType {
                id,
                min: 0,
                max: 4 * dice.small(2),
                from_ms: 0,
                until_ms: u64::MAX,
                code_only: dice.roll(12) == 0,
                kinds: [0, 0, 1, 7][usize::from(dice.small(4))],
            };
            offer.types = vec![ticket_type(0, self), ticket_type(1, self)];
            for zone in 0..3 {
                offer.prices.push(TypePrice {
                    zone,
                    ticket_type: 1,
                    price: 455,
                });
            }
        }
        for id in 0..self.small(3) {
            offer.phases.push(Phase {
                id,
                scope: self.scope(),
                from_ms: 0,
                until_ms: 20_000 * (1 + self.roll(20)),
                places: u32::from(self.small(6)),
                price: if self.coin() {
                    PhasePrice::Fixed(900)
                } else {
                    PhasePrice::OffBp(1_250)
                },
            });
        }
        for id in 0..self.small(3) {
            offer.bundles.push(Bundle {
                id,
                scope: self.scope(),
                places: 2 + self.small(3),
                off_bp: 1_000,
            });
        }
        for zone in 0..3 {
            offer.zones.push(ZoneRule {
                zone,
                no_single_seats: self.coin(),
                code_only: self.roll(12) == 0,
            });
        }
        offer
    }

    fn terms(&mut self, group: u32) -> CodeTerms {
        // Mostly the same of a group, so that codes can be added to it.
        let other = u8::from(self.roll(8) == 0);
        let is_odd = group % 2 == 1;
        CodeTerms {
            discount: Some(if is_odd {
                Discount::OffBp(1_500)
            } else {
                Discount::Amount(101, THB)
            }),
            presale: is_odd,
            opens: true,
            uses_max: 1 + group + u32::from(other),
            uses_per_user_max: u16::from(is_odd),
            places_max: 2 * u8::from(is_odd),
            from_ms: 0,
            until_ms: 500_000,
            scope: Scope {
                zones: vec![],
                types: 0,
            },
        }
    }

    fn pick(&mut self, zone: u16) -> PickV2 {
        let quantity = 1 + u32::from(self.small(4));
        match (zone, self.roll(8)) {
            (_, 0) | (1, _) => PickV2::General { quantity },
            (_, 1..4) => PickV2::BestAvailable {
                quantity,
                together: self.coin(),
                kind: [
                    SeatKind::Ordinary,
                    SeatKind::Ordinary,
                    SeatKind::Accessible,
                    SeatKind::Companion,
                ][usize::from(self.small(4))],
            },
            _ => PickV2::Seats(self.seats()),
        }
    }

    fn item(&mut self) -> Item {
        let zone = u16::from(self.small(4));
        let pick = self.pick(zone);
        let quantity = match &pick {
            PickV2::Seats(seats) => u32::try_from(seats.len()).unwrap(),
            &PickV2::BestAvailable { quantity, .. } | &PickV2::General { quantity } => quantity,
        };
        let types = match self.small(4) {
            0 => vec![(1, quantity)],
            1 if quantity > 1 => vec![(1, 1), (0, quantity - 1)],
            _ => vec![],
        };
        Item { zone, pick, types }
    }

    fn addition(&mut self) -> Addition {
        let plan = self.row(4);
        let plans = if self.coin() { vec![plan] } else { vec![] };
        match self.small(3) {
            0 => Addition::Rows {
                zone: u16::from(self.small(4)),
                rows: vec![4],
                plans,
            },
            1 => Addition::Capacity {
                zone: 1,
                places: 1 + u32::from(self.small(4)),
            },
            _ => Addition::Zone {
                layout: ZoneLayout {
                    unit_price: 70,
                    currency: THB,
                    admission: if self.coin() {
                        Admission::Seated { rows: vec![4] }
                    } else {
                        Admission::General { capacity: 5 }
                    },
                },
                plan: vec![],
            },
        }
    }

    fn block(&mut self) -> SeatBlock {
        let (zone, places) = if self.roll(3) == 0 {
            (1, BlockPlaces::Quantity(1 + u32::from(self.small(3))))
        } else {
            (0, BlockPlaces::Seats(self.seats()))
        };
        SeatBlock {
            show: self.show(),
            zone,
            places,
        }
    }

    fn open(&mut self, show: ShowId) -> Command {
        let zones = self.zones();
        let show = OpenShowV2 {
            show: OpenShow {
                show,
                event: EventId::from_bytes([self.small(2); 16]),
                max_tickets_per_user: 14,
                sale_opens_at_ms: 5_000,
                sale_closes_at_ms: u64::MAX,
                hold_ms: 20_000,
                zones,
            },
            tenant: TenantId::from_bytes([1; 16]),
            cooldown_ms: 1_000 * u32::from(self.small(2)),
        };
        if self.roll(3) == 0 {
            return Command::OpenShowV2(show);
        }
        let rows = [8, 5, 7].map(|seats| self.row(seats)).to_vec();
        Command::OpenShowV3(Box::new(OpenShowV3 {
            show,
            plans: vec![ZonePlan { zone: 0, rows }],
            companions_per_accessible: self.small(3),
            offer: self.offer(),
        }))
    }

    /// A command; `bookings` are those that were reserved.
    fn command(&mut self, bookings: &[u64]) -> Command {
        let latest = bookings.len().saturating_sub(12);
        let at = latest + usize::from(self.small(12));
        let booking = bookings.get(at).copied().unwrap_or(1);
        match self.roll(60) {
            0 => {
                let show = self.show();
                self.open(show)
            }
            1..3 => Command::SetOffer(Box::new(SetOffer {
                show: self.show(),
                offer: self.offer(),
            })),
            3..10 => {
                let group = u32::from(self.small(3));
                Command::CreateCodes(Box::new(CreateCodes {
                    show: self.show(),
                    group,
                    terms: self.terms(group),
                    codes: (0..=self.small(3)).map(|_| self.code()).collect(),
                }))
            }
            10 => {
                let group = u32::from(self.small(3));
                Command::AmendCodes(Box::new(AmendCodes {
                    show: self.show(),
                    group,
                    terms: self.terms(group),
                }))
            }
            11 => Command::EndCodes {
                show: self.show(),
                which: if self.coin() {
                    EndedCodes::Group(u32::from(self.small(3)))
                } else {
                    EndedCodes::Code(self.code())
                },
            },
            12..14 => Command::AddSeats(Box::new(AddSeats {
                show: self.show(),
                expected: [26, 30, 12, 13, 14, 3, 4][usize::from(self.small(7))],
                addition: self.addition(),
            })),
            14 => Command::TakeSeats(self.block()),
            15 => Command::Block(self.block()),
            16 => Command::Unblock(self.block()),
            17..20 => Command::Release {
                booking,
                by: Actor::Staff,
            },
            20..24 => Command::Return { booking },
            24..34 => Command::ReturnPlaces(ReturnPlaces {
                booking,
                seats: if self.coin() {
                    let first = u32::from(self.small(26));
                    (first..=first + u32::from(self.small(2))).collect()
                } else {
                    SeatList::new()
                },
                places: if self.coin() {
                    vec![]
                } else {
                    vec![(self.small(3), 1)]
                },
            }),
            34..40 => Command::ConfirmV2(ConfirmV2 {
                confirm: Confirm {
                    booking,
                    by: Actor::Staff,
                    payment_reference: "p".into(),
                },
                paid: None,
            }),
            40..43 => {
                let zone = u16::from(self.small(3));
                Command::Reserve(Reserve {
                    show: self.show(),
                    user: self.user(),
                    zone,
                    pick: match self.pick(zone) {
                        PickV2::Seats(seats) => Pick::Seats(seats),
                        PickV2::BestAvailable {
                            quantity, together, ..
                        } => Pick::BestAvailable { quantity, together },
                        PickV2::General { quantity } => Pick::General { quantity },
                    },
                    expected_unit_price: None,
                })
            }
            43 if self.roll(16) == 0 => Command::CancelShow { show: self.show() },
            44 if self.roll(4) == 0 => Command::ResetClock,
            _ => Command::ReserveV2(ReserveV2 {
                show: self.show(),
                user: self.user(),
                items: (0..=self.small(2)).map(|_| self.item()).collect(),
                code: (self.roll(3) == 0).then(|| self.code()),
                expected_total: None,
            }),
        }
    }
}

/// Records of a log: their times and payloads.
pub(crate) fn history(seed: u64, length: u64) -> Vec<(u64, Vec<u8>)> {
    let mut dice = Dice(seed);
    let mut now = 0;
    let mut log = Vec::new();
    let mut bookings = Vec::new();
    let mut partition = Partition::new(ID, LIMITS);
    for offset in 0..length {
        now += dice.roll(1_500);
        if dice.roll(150) == 0 {
            now += 3_600_000 * dice.roll(2) + 10_000;
        }
        let command = match offset {
            0 => Command::Barrier { machine_version: 3 },
            1..4 => dice.open(ShowId::from_bytes([u8::try_from(offset).unwrap() - 1; 16])),
            _ => dice.command(&bookings),
        };
        let is_idempotent = dice.roll(5) == 0;
        let id = RequestId::from_bytes([if is_idempotent { dice.small(30) } else { 99 }; 16]);
        let envelope = Envelope {
            request_id: Some(id),
            idempotency: is_idempotent.then_some(7),
            trace: None,
            command,
            by: None,
        };
        let back = if dice.roll(9) == 0 { now / 2 } else { now };
        log.push((back, codec::encode(&envelope).unwrap()));
        let mut outcomes: Vec<OutcomeRecord> = Vec::new();
        partition.apply(entry(&log, offset), &mut outcomes);
        bookings.extend(outcomes.iter().filter_map(|record| match &record.outcome {
            Outcome::Reserved(reserved) => Some(reserved.booking),
            Outcome::ReservedV2(reserved) => Some(reserved.booking),
            _ => None,
        }));
    }
    log
}
