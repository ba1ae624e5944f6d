//! The commands of machine version 3.

use onsale_schemas::code::{AmendCodes, CreateCodes, EndedCodes};
use onsale_schemas::command::{Command, OpenShowV2};
use onsale_schemas::offer::SetOffer;
use onsale_schemas::order::{Item, PickV2, ReserveV2, ReturnPlaces};
use onsale_schemas::outcome::Line;
use onsale_schemas::seating::{OpenShowV3, SeatKind};
use onsale_schemas::{
    CodeHash, LineIndex, SeatIndex, SeatList, ShowId, TenantId, TicketTypeId, ZoneIndex,
};

use super::actions::Actions;
use super::layouts::id_bytes;
use super::offers;
use super::world::{SeenOrder, SeenZone};

/// Codes in use: few, so that they are used up.
const CODES: u64 = 5;
/// Groups in use.
const GROUPS: u32 = 3;

impl Actions<'_> {
    pub(super) fn newest(&mut self) -> Command {
        match self.rng.below(100) {
            0..5 => self.open_v3(),
            5..15 => self.set_offer(),
            15..24 => self.create_codes(),
            24..28 => self.amend_codes(),
            28..31 => self.end_codes(),
            31..80 => self.reserve_v2(),
            80..91 => self.return_places(),
            91..96 => self.add_seats(),
            _ => self.take_seats(),
        }
    }

    pub(super) fn open_v3(&mut self) -> Command {
        let number = self.rng.index(self.world.shows.len());
        let mut show = self.world.shows[number].open.clone();
        let spoilt = self.breaks_a_rule();
        // A show looks the same most of the time, so that opening it again is the same answer.
        let mut rng = super::rng::Rng::new(u64::try_from(number).unwrap_or(0));
        let mut plans = offers::plans(&show, &mut rng);
        let mut companions_per_accessible = rng.one_of([0, 1, 1, 1, 2]);
        let mut offer = offers::offer(show.zones.len(), super::START_MS, &mut rng);
        let currency = show.zones.first().map(|zone| zone.currency);
        if show
            .zones
            .iter()
            .any(|zone| Some(zone.currency) != currency)
        {
            offer = onsale_schemas::offer::Offer::default();
        }
        if spoilt {
            match self.rng.below(5) {
                0 => plans.extend(plans.first().cloned()),
                1 => companions_per_accessible = 9,
                2 => offers::spoil(&mut offer, show.zones.len(), self.rng),
                3 => show.hold_ms ^= 1,
                _ => offer.tax_bp ^= 1,
            }
        }
        Command::OpenShowV3(Box::new(OpenShowV3 {
            show: OpenShowV2 {
                show,
                tenant: TenantId::from_bytes(id_bytes(b't', 0)),
                cooldown_ms: rng.one_of([0, 0, 60_000, 450_000]),
            },
            plans,
            companions_per_accessible,
            offer,
        }))
    }

    fn set_offer(&mut self) -> Command {
        let show = self.world.any_show(self.rng);
        let seen = &self.world.shows[show];
        let zones = seen.zones.len();
        let mut offer = if self.rng.percent(35) {
            // The same with one thing changed: counts go on.
            let mut offer = seen.offer.clone();
            for phase in &mut offer.phases {
                phase.places = self.rng.one_of([0, 1, 2, 4]);
            }
            offer
        } else {
            offers::offer(zones, self.world.now, self.rng)
        };
        if self.breaks_a_rule() {
            offers::spoil(&mut offer, zones, self.rng);
        }
        Command::SetOffer(Box::new(SetOffer {
            show: self.id_of(show),
            offer,
        }))
    }

    pub(super) fn id_of(&mut self, show: usize) -> ShowId {
        if self.breaks_a_rule() && self.rng.percent(30) {
            ShowId::from_bytes(id_bytes(b'?', 0))
        } else {
            self.world.shows[show].open.show
        }
    }

    fn code(&mut self) -> CodeHash {
        CodeHash::from_bytes(id_bytes(b'c', self.rng.below(CODES)))
    }

    fn create_codes(&mut self) -> Command {
        let show = self.world.any_show(self.rng);
        let zones = self.world.shows[show].zones.len();
        let group = self.rng.below_u32(GROUPS);
        let spoilt = self.breaks_a_rule();
        let known = self.world.shows[show].terms.get(&group).cloned();
        let terms = match known {
            Some(known) if !spoilt && self.rng.percent(80) => known,
            _ => offers::terms(zones, self.world.now, spoilt, self.rng),
        };
        let count = self.rng.below(3) + u64::from(!self.breaks_a_rule());
        let codes = (0..count)
            .map(|_| {
                // Mostly codes of its own: the others are in another group.
                let number = if self.rng.percent(80) {
                    u64::from(group) + u64::from(GROUPS) * self.rng.below(2)
                } else {
                    self.rng.below(CODES)
                };
                CodeHash::from_bytes(id_bytes(b'c', number))
            })
            .collect();
        Command::CreateCodes(Box::new(CreateCodes {
            show: self.id_of(show),
            group,
            terms,
            codes,
        }))
    }

    fn amend_codes(&mut self) -> Command {
        let show = self.world.any_show(self.rng);
        let zones = self.world.shows[show].zones.len();
        let spoilt = self.breaks_a_rule();
        Command::AmendCodes(Box::new(AmendCodes {
            show: self.id_of(show),
            group: self.rng.below_u32(GROUPS),
            terms: offers::terms(zones, self.world.now, spoilt, self.rng),
        }))
    }

    fn end_codes(&mut self) -> Command {
        let show = self.world.any_show(self.rng);
        let which = if self.rng.percent(30) {
            EndedCodes::Group(self.rng.below_u32(GROUPS))
        } else {
            EndedCodes::Code(self.code())
        };
        Command::EndCodes {
            show: self.id_of(show),
            which,
        }
    }

    fn reserve_v2(&mut self) -> Command {
        if self.rng.percent(20)
            && let Some(command) = self.beside_a_hold()
        {
            return command;
        }
        if self.rng.percent(14)
            && let Some(command) = self.again_with_a_code()
        {
            return command;
        }
        let show = self.world.any_show(self.rng);
        let count = if self.breaks_a_rule() {
            self.rng.one_of([0, 17])
        } else {
            self.rng.one_of([1, 1, 1, 2, 2, 3])
        };
        let mut items = Vec::new();
        if count < 4 && self.rng.percent(20) {
            let zone = self.any_zone(show);
            for kind in [SeatKind::Accessible, SeatKind::Companion] {
                items.push(self.item_of(show, zone, Some(kind)));
            }
        }
        for _ in 0..count {
            let zone = self.any_zone(show);
            items.push(self.item_of(show, zone, None));
        }
        let known: Vec<CodeHash> = self.world.shows[show].codes.iter().copied().collect();
        let code = match self.rng.pick(&known).copied() {
            Some(code) if self.rng.percent(50) => Some(code),
            _ => self.rng.percent(6).then(|| self.code()),
        };
        let last_total = self.world.shows[show].last_total;
        let user = self.user();
        Command::ReserveV2(ReserveV2 {
            show: self.id_of(show),
            user,
            items,
            code,
            expected_total: self.rng.percent(12).then_some(last_total),
        })
    }

    /// Asks again with the code of an order that has it, or that has just lost it.
    fn again_with_a_code(&mut self) -> Option<Command> {
        let lapsed = self.world.lapsed.as_ref().filter(|_| self.rng.percent(60));
        let orders = self.world.orders.iter().filter(|it| it.code.is_some());
        let used: Vec<&SeenOrder> = orders.collect();
        let before = lapsed.or_else(|| self.rng.pick(&used).copied())?.clone();
        let mut shows = self.world.shows.iter();
        let show = shows.position(|seen| seen.open.show == before.show)?;
        let zone = before.lines.first()?.zone;
        let item = self.item_of(show, zone, None);
        let user = if self.rng.percent(50) {
            before.user
        } else {
            self.user()
        };
        Some(Command::ReserveV2(ReserveV2 {
            show: before.show,
            user,
            items: vec![item],
            code: before.code,
            expected_total: None,
        }))
    }

    /// Asks for seats in or next to a hold, for its user or another.
    fn beside_a_hold(&mut self) -> Option<Command> {
        let orders = self.world.orders.iter().filter(|it| !it.sold);
        let holds: Vec<&SeenOrder> = orders
            .filter(|it| it.lines.iter().any(|line| !line.seats.is_empty()))
            .collect();
        let hold = (*self.rng.pick(&holds)?).clone();
        let mut shows = self.world.shows.iter();
        let show = shows.position(|seen| seen.open.show == hold.show)?;
        let line = hold.lines.iter().find(|line| !line.seats.is_empty())?;
        let seat = *line.seats.last()?;
        let off = self.rng.one_of([0, 1, 2, 2, 2, 3]);
        let count = self.rng.one_of([1, 2, 2, 3]);
        let seats = (0..count).map(|number| seat + off + number);
        let item = Item {
            zone: line.zone,
            pick: PickV2::Seats(seats.collect()),
            types: self.types_of(show, line.zone, count),
        };
        let user = if self.rng.percent(75) {
            hold.user
        } else {
            self.user()
        };
        Some(Command::ReserveV2(ReserveV2 {
            show: hold.show,
            user,
            items: vec![item],
            code: hold.code.filter(|_| self.rng.percent(30)),
            expected_total: None,
        }))
    }

    pub(super) fn any_zone(&mut self, show: usize) -> ZoneIndex {
        let zones = self.world.shows[show].zones.len();
        let odd = usize::from(self.breaks_a_rule());
        ZoneIndex::try_from(self.rng.index(zones + odd)).unwrap_or(0)
    }

    fn item_of(&mut self, show: usize, zone: ZoneIndex, kind: Option<SeatKind>) -> Item {
        let seen = self.world.shows[show].zones.get(usize::from(zone)).cloned();
        let is_seated = seen.as_ref().is_none_or(|zone| zone.is_seated) != self.breaks_a_rule();
        let mut quantity = self.rng.one_of([1, 1, 2, 2, 3, 4]);
        if self.breaks_a_rule() {
            quantity = self.rng.one_of([0, 20, 101]);
        }
        let pick = if !is_seated {
            PickV2::General { quantity }
        } else if kind.is_some() || self.rng.percent(45) {
            if kind.is_some() {
                quantity = self.rng.one_of([1, 1, 1, 2]);
            }
            PickV2::BestAvailable {
                quantity,
                together: self.rng.percent(60),
                kind: kind.unwrap_or(self.rng.one_of([
                    SeatKind::Ordinary,
                    SeatKind::Ordinary,
                    SeatKind::Ordinary,
                    SeatKind::Ordinary,
                    SeatKind::Accessible,
                    SeatKind::Companion,
                ])),
            }
        } else {
            let seats = self.seats_of(seen.as_ref(), quantity.min(101));
            quantity = u32::try_from(seats.len()).unwrap_or(0);
            PickV2::Seats(seats)
        };
        let types = self.types_of(show, zone, quantity);
        Item { zone, pick, types }
    }

    /// Seats of a zone side by side, or scattered; now and then of another.
    pub(super) fn seats_of(&mut self, zone: Option<&SeenZone>, quantity: u32) -> SeatList {
        let ranges = zone.map_or(&[][..], |zone| &zone.ranges);
        let (first, count) = self.rng.pick(ranges).copied().unwrap_or((0, 1));
        let count = count.max(1);
        let mut seats: Vec<SeatIndex> = Vec::new();
        let start = self.rng.below_u32(count.min(40));
        let step = self.rng.one_of([1, 1, 1, 2, 5]);
        for number in 0..quantity {
            let seat = first + (start + number * step) % count;
            if !seats.contains(&seat) || self.breaks_a_rule() {
                seats.push(seat);
            }
        }
        if self.breaks_a_rule() {
            seats.push(first + count);
        }
        seats.into_iter().collect()
    }

    fn types_of(
        &mut self,
        show: usize,
        zone: ZoneIndex,
        quantity: u32,
    ) -> Vec<(TicketTypeId, u32)> {
        let offer = &self.world.shows[show].offer;
        let mut ids: Vec<TicketTypeId> = offer
            .types
            .iter()
            .map(|listed| listed.id)
            .filter(|&id| {
                let mut prices = offer.prices.iter();
                id == 0 || prices.any(|price| price.zone == zone && price.ticket_type == id)
            })
            .collect();
        if self.breaks_a_rule() || ids.is_empty() && self.rng.percent(5) {
            ids = vec![offers::TYPES, 64, 1];
        }
        let (Some(&first), Some(&second)) = (self.rng.pick(&ids), self.rng.pick(&ids)) else {
            return Vec::new();
        };
        if first == 0 && self.rng.percent(60) && self.world.shows[show].offer.types.is_empty() {
            return Vec::new();
        }
        let mut split = self.rng.below_u32(quantity.min(8) + 1);
        if first == second && !self.breaks_a_rule() {
            split = 0;
        }
        let mut types = vec![(first, quantity - split)];
        if split > 0 {
            types.push((second, split));
        }
        if !self.breaks_a_rule() {
            types.retain(|(_, count)| *count > 0);
        }
        types
    }

    fn return_places(&mut self) -> Command {
        let sold: Vec<&SeenOrder> = self.world.orders.iter().filter(|it| it.sold).collect();
        let picked = if self.rng.percent(85) {
            self.rng.pick(&sold).copied()
        } else {
            let back = self.rng.index(self.world.orders.len());
            self.world.orders.get(back)
        };
        let Some(order) = picked.cloned() else {
            let booking = self.rng.below(300);
            return Command::ReturnPlaces(ReturnPlaces {
                booking,
                seats: SeatList::new(),
                places: vec![(0, 1)],
            });
        };
        let mut seats = SeatList::new();
        let mut places = Vec::new();
        let all = self.rng.percent(15);
        if !all && self.rng.percent(25) {
            // Just the first seat, which is the accessible one where there is a companion.
            let lines = order.lines.iter();
            let first = lines.flat_map(|line| line.seats.iter().copied()).next();
            let only = ReturnPlaces {
                booking: order.booking,
                seats: first.into_iter().collect(),
                places: Vec::new(),
            };
            return Command::ReturnPlaces(only);
        }
        for (number, line) in order.lines.iter().enumerate() {
            self.some_of(line, all, number, &mut seats, &mut places);
        }
        if seats.is_empty() && places.is_empty() {
            let line = order.lines.iter().find(|line| line.quantity > 0);
            let seat = line.and_then(|line| line.seats.first().copied());
            match seat {
                Some(seat) => seats.push(seat),
                None => places.push((0, 1)),
            }
        }
        if self.breaks_a_rule() {
            match self.rng.below(4) {
                0 => seats.push(self.rng.below_u32(80)),
                1 => places.push((u8::try_from(order.lines.len()).unwrap_or(0), 1)),
                2 => places.push((0, self.rng.one_of([0, 200]))),
                _ => (seats, places) = (SeatList::new(), Vec::new()),
            }
        }
        Command::ReturnPlaces(ReturnPlaces {
            booking: order.booking,
            seats,
            places,
        })
    }

    fn some_of(
        &mut self,
        line: &Line,
        all: bool,
        number: usize,
        seats: &mut SeatList,
        places: &mut Vec<(LineIndex, u32)>,
    ) {
        for &seat in line.seats.iter() {
            if all || self.rng.percent(40) {
                seats.push(seat);
            }
        }
        if line.seats.is_empty() && line.quantity > 0 {
            let quantity = if all {
                line.quantity
            } else {
                self.rng.below_u32(line.quantity + 1)
            };
            if quantity > 0 {
                places.push((LineIndex::try_from(number).unwrap_or(0), quantity));
            }
        }
    }
}
