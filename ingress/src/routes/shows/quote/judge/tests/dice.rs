//! What a history is made of.

use onsale_schemas::code::{CodeTerms, Discount};
use onsale_schemas::offer::{
    Bundle, Fees, Offer, Phase, PhasePrice, Scope, TicketType, TypePrice, ZoneRule,
};
use onsale_schemas::order::{Item, PickV2};
use onsale_schemas::seating::SeatKind;

use super::JPY;

/// `splitmix64`: a history follows from its seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    pub(super) fn small(&mut self, sides: u8) -> u8 {
        u8::try_from(self.roll(sides.into())).unwrap()
    }

    pub(super) fn amount(&mut self, below: u64) -> i64 {
        i64::try_from(self.roll(below)).unwrap()
    }

    pub(super) fn coin(&mut self) -> bool {
        self.roll(2) == 0
    }

    /// A window somewhere in the life of a history, or for ever. Times are of whole seconds, so that beginnings and
    /// ends are met to the millisecond.
    pub(super) fn window(&mut self) -> (u64, u64) {
        match self.roll(3) {
            0 => (0, u64::MAX),
            1 => (1_000 * self.roll(120), u64::MAX),
            _ => {
                let from_ms = 1_000 * self.roll(120);
                (from_ms, from_ms + 1_000 * (1 + self.roll(120)))
            }
        }
    }

    pub(super) fn scope(&mut self) -> Scope {
        let zones: &[&[u16]] = &[&[], &[], &[0], &[1], &[0, 1]];
        Scope {
            zones: zones[usize::from(self.small(5))].to_vec(),
            types: [0, 0, 1, 0b10, 0b110][usize::from(self.small(5))],
        }
    }

    pub(super) fn offer(&mut self) -> Offer {
        if self.roll(6) == 0 {
            return Offer::default();
        }
        let mut offer = Offer {
            tax_bp: [0, 700, 10_000][usize::from(self.small(3))],
            ..Offer::default()
        };
        if self.coin() {
            offer.fees = Fees {
                place: self.amount(50),
                place_bp: [0, 350][usize::from(self.small(2))],
                order: self.amount(80),
                tax_bp: [0, 1_000][usize::from(self.small(2))],
            };
        }
        for id in 0..self.small(4) {
            let (from_ms, until_ms) = self.window();
            offer.types.push(TicketType {
                id,
                min: self.small(3),
                max: [0, 4][usize::from(self.small(2))],
                from_ms,
                until_ms,
                code_only: self.roll(5) == 0,
                kinds: [0, 0, 0, 1, 6][usize::from(self.small(5))],
            });
        }
        let ids: Vec<u8> = offer.types.iter().map(|known| known.id).collect();
        for zone in 0..2 {
            for &ticket_type in &ids {
                if self.roll(4) > 0 {
                    let price = self.amount(2_000);
                    offer.prices.push(TypePrice {
                        zone,
                        ticket_type,
                        price,
                    });
                }
            }
        }
        for id in 0..self.small(4) {
            let (from_ms, until_ms) = self.window();
            let price = if self.coin() {
                PhasePrice::Fixed(self.amount(1_500))
            } else {
                PhasePrice::OffBp(1 + u16::from(self.small(200)) * 50)
            };
            offer.phases.push(Phase {
                id,
                scope: self.scope(),
                from_ms,
                until_ms,
                places: [0, 3, 20][usize::from(self.small(3))],
                price,
            });
        }
        for id in 0..self.small(3) {
            offer.bundles.push(Bundle {
                id,
                scope: self.scope(),
                places: 2 + self.small(3),
                off_bp: 1 + u16::from(self.small(200)) * 50,
            });
        }
        if self.roll(3) == 0 {
            offer.zones.push(ZoneRule {
                zone: u16::from(self.small(2)),
                no_single_seats: false,
                code_only: true,
            });
        }
        offer
    }

    pub(super) fn terms(&mut self) -> CodeTerms {
        let (from_ms, until_ms) = self.window();
        let discount = match self.roll(3) {
            0 => None,
            1 => Some(Discount::OffBp(1 + u16::from(self.small(200)) * 50)),
            _ => Some(Discount::Amount(1 + self.amount(900), JPY)),
        };
        CodeTerms {
            discount,
            presale: discount.is_none() || self.coin(),
            opens: self.coin(),
            uses_max: [0, 0, 2][usize::from(self.small(3))],
            uses_per_user_max: [0, 0, 1][usize::from(self.small(3))],
            places_max: [0, 2][usize::from(self.small(2))],
            from_ms,
            until_ms,
            scope: self.scope(),
        }
    }

    /// `taken` are the seats that were named before.
    pub(super) fn item(&mut self, taken: &mut u32) -> Item {
        let quantity = 1 + u32::from(self.small(4));
        let zone = u16::from(self.small(2));
        let pick = if zone == 1 {
            PickV2::General { quantity }
        } else if self.coin() {
            let seats = (0..quantity).map(|at| (*taken + at) % 270).collect();
            *taken += quantity;
            PickV2::Seats(seats)
        } else {
            PickV2::BestAvailable {
                quantity,
                together: false,
                kind: SeatKind::Ordinary,
            }
        };
        let types = match self.roll(3) {
            0 => Vec::new(),
            1 => vec![(self.small(4), quantity)],
            _ if quantity > 1 => {
                let first = self.small(3);
                vec![(first, 1), (first + 1, quantity - 1)]
            }
            _ => vec![(self.small(3), 1)],
        };
        Item { zone, pick, types }
    }
}
