//! Whether orders add up: prices, counts of phases, uses of codes, companions and refunds, derived
//! from commands that were granted and from outcomes alone.
//!
//! It has arithmetic and lists of its own, so that a mistake in the model shows as well.

mod halls;
mod prices;

use std::collections::{BTreeMap, VecDeque};

use onsale_schemas::limits::ENDED_BOOKING_KEPT_MS;
use onsale_schemas::outcome::{
    ConfirmedV2, Line, PlacesReturned, PriceRule, Reserved, ReservedV2, ZonePlaces,
};
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{
    CodeHash, Envelope, LogTimeMs, Offset, Outcome, OutcomeRecord, SeatIndex, SeatList, ShowId,
    UserId, codec,
};

use self::halls::{Hall, Halls};

pub(super) type Check = Result<(), String>;

pub(super) fn ensure(holds: bool, broken: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(broken()) }
}

/// An order that is not plain.
#[derive(Clone, Debug)]
struct Order {
    show: ShowId,
    user: UserId,
    lines: Vec<Line>,
    order_fee: i64,
    order_fee_tax: i64,
    reserved_total: i64,
    refunded: i64,
    /// The code, and the record that had created it.
    code: Option<(CodeHash, Offset)>,
    /// When it ended, unless it is live.
    ended_at_ms: Option<LogTimeMs>,
}

impl Order {
    fn is_live(&self) -> bool {
        self.ended_at_ms.is_none()
    }
}

/// What is known of all orders.
#[derive(Default, Debug)]
pub(super) struct Orders {
    halls: Halls,
    orders: BTreeMap<Offset, Order>,
    /// Orders that ended, and when.
    ended: VecDeque<(LogTimeMs, Offset)>,
}

impl Orders {
    /// Takes the next record and its outcome.
    ///
    /// # Errors
    /// What does not add up.
    pub(super) fn take(&mut self, payload: &[u8], record: &OutcomeRecord) -> Check {
        let now = record.log_time_ms;
        for ended in &record.expired {
            self.end(ended.booking, now);
        }
        self.forget(now);
        if record.replay_of.is_some() {
            return Ok(());
        }
        match &record.outcome {
            Outcome::Reserved(reserved) => self.plain(reserved, now),
            Outcome::ReservedV2(reserved) => self.reserved(reserved, now),
            Outcome::ConfirmedV2(confirmed) => self.confirmed(confirmed),
            Outcome::ReleasedV2(released) => {
                self.same_parts(released.booking, &released.parts)?;
                self.end(released.booking, now);
                Ok(())
            }
            Outcome::PlacesReturned(returned) => self.returned(returned, now),
            Outcome::ShowCancelled { show } => {
                self.cancel(*show);
                Ok(())
            }
            Outcome::EventCancelled { event } => {
                for show in self.halls.of_event(*event) {
                    self.cancel(show);
                }
                Ok(())
            }
            outcome if Halls::concerns(outcome) => {
                if let Ok(Envelope { command, .. }) = codec::decode(payload) {
                    self.halls.take(record.offset, &command);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn cancel(&mut self, show: ShowId) {
        self.orders.retain(|_, order| order.show != show);
    }

    fn end(&mut self, booking: Offset, now: LogTimeMs) {
        if let Some(order) = self.orders.get_mut(&booking)
            && order.is_live()
        {
            order.ended_at_ms = Some(now);
            self.ended.push_back((now, booking));
        }
    }

    /// An order that ended so long ago cannot come back.
    fn forget(&mut self, now: LogTimeMs) {
        while let Some(&(at, booking)) = self.ended.front()
            && now.saturating_sub(at) > ENDED_BOOKING_KEPT_MS
        {
            self.ended.pop_front();
            // It may have come back, and even ended again.
            let order = self.orders.get(&booking);
            if order.is_some_and(|order| order.ended_at_ms == Some(at)) {
                self.orders.remove(&booking);
            }
        }
    }

    fn hall(&self, show: ShowId) -> Result<&Hall, String> {
        let hall = self.halls.get(show);
        hall.ok_or_else(|| format!("is of show {show}, which was never opened"))
    }

    /// A plain booking costs what its zone does, and is bound by the same rules.
    fn plain(&self, reserved: &Reserved, now: LogTimeMs) -> Check {
        let hall = self.hall(reserved.show)?;
        let line = Line::plain(
            reserved.zone,
            reserved.seats.clone(),
            reserved.quantity,
            reserved.unit_price,
        );
        prices::check_line(hall, &line, None, now)?;
        check_companions(hall, &reserved.seats)
    }

    fn reserved(&mut self, reserved: &ReservedV2, now: LogTimeMs) -> Check {
        let hall = self.hall(reserved.show)?;
        let code = match reserved.code {
            None => None,
            Some(hash) => match hall.code(hash) {
                Some((created, terms)) => Some(((hash, created), terms)),
                None => return Err(format!("uses {hash}, which the show does not have")),
            },
        };
        let terms = code.as_ref().map(|(_, terms)| *terms);
        prices::check_order(hall, reserved, terms, now)?;
        let seats: SeatList = all_seats(&reserved.lines).collect();
        check_companions(hall, &seats)?;
        let order = Order {
            show: reserved.show,
            user: reserved.user,
            lines: reserved.lines.clone(),
            order_fee: reserved.order_fee,
            order_fee_tax: reserved.order_fee_tax,
            reserved_total: reserved.total,
            refunded: 0,
            code: code.map(|(used, _)| used),
            ended_at_ms: None,
        };
        self.orders.insert(reserved.booking, order);
        self.check_counts(reserved.booking)
    }

    /// After an order got its places: no phase and no code of it has more than it may have now.
    fn check_counts(&self, booking: Offset) -> Check {
        let Some(order) = self.orders.get(&booking) else {
            return Ok(());
        };
        let hall = self.hall(order.show)?;
        let orders = self.orders.values();
        let live: Vec<&Order> = orders
            .filter(|other| other.is_live() && other.show == order.show)
            .collect();
        for phase in hall.offer.phases.iter().filter(|phase| phase.places > 0) {
            let is_of = |line: &&Line| line.rule == PriceRule::Phase(phase.id);
            if !order.lines.iter().any(|line| is_of(&line)) {
                continue;
            }
            let lines = live.iter().flat_map(|other| &other.lines).filter(is_of);
            let count: u64 = lines.map(|line| u64::from(line.quantity)).sum();
            ensure(count <= u64::from(phase.places), || {
                format!("makes {count} places of {phase:?}")
            })?;
        }
        let Some(used) = order.code else {
            return Ok(());
        };
        let Some((created, terms)) = hall.code(used.0) else {
            return Ok(());
        };
        if created != used.1 {
            return Ok(());
        }
        let with_it = live.iter().filter(|other| other.code == Some(used));
        let all = with_it.clone().count();
        let own = with_it.filter(|other| other.user == order.user).count();
        let within = |count: usize, max: usize| max == 0 || count <= max;
        ensure(
            within(all, terms.uses_max as usize)
                && within(own, usize::from(terms.uses_per_user_max)),
            || format!("makes {all} uses of {}, {own} of one user", used.0),
        )
    }

    fn confirmed(&mut self, confirmed: &ConfirmedV2) -> Check {
        let booking = confirmed.booking;
        self.same_parts(booking, &confirmed.parts)?;
        let Some(order) = self.orders.get_mut(&booking) else {
            return Err(format!("confirms {booking}, which is no order"));
        };
        if order.is_live() == confirmed.revived {
            return Err(format!("confirms {booking}, revived or not"));
        }
        let left = order.reserved_total - order.refunded;
        ensure(confirmed.total == left, || {
            format!("confirms {booking}, of which {left} is left")
        })?;
        order.ended_at_ms = None;
        if confirmed.revived {
            self.check_counts(booking)?;
        }
        Ok(())
    }

    fn same_parts(&self, booking: Offset, parts: &[ZonePlaces]) -> Check {
        let order = self.orders.get(&booking);
        let want = order.map(|order| parts_of(&order.lines));
        ensure(want.as_deref() == Some(parts), || {
            format!("says {parts:?} of {booking}, which has {want:?}")
        })
    }

    /// Places go back once, for what was paid; of plain bookings too.
    fn returned(&mut self, returned: &PlacesReturned, now: LogTimeMs) -> Check {
        let booking = returned.booking;
        let left: i64 = returned
            .lines
            .iter()
            .map(|line| i64::from(line.quantity) * (line.unit_price + line.unit_fee))
            .sum();
        ensure(returned.total == left + returned.order_fee, || {
            format!(
                "leaves {} of {booking}, its lines say {left}",
                returned.total
            )
        })?;
        let seats: SeatList = all_seats(&returned.lines).collect();
        check_companions(self.hall(returned.show)?, &seats)?;
        let Some(order) = self.orders.get_mut(&booking) else {
            return Ok(());
        };
        ensure(
            order.is_live() && order.lines.len() == returned.lines.len(),
            || format!("gives back places of {booking}, which is {order:?}"),
        )?;
        let mut gone = Vec::new();
        for (before, after) in order.lines.iter().zip(&returned.lines) {
            gone.push(difference(before, after)?);
        }
        let parts = parts_of(&gone);
        ensure(parts == returned.parts, || {
            format!("gives back {:?}, the lines lose {parts:?}", returned.parts)
        })?;
        order.refunded += returned.refund_price + returned.refund_fees;
        let (all, refunded) = (order.reserved_total, order.refunded);
        ensure(all == refunded + returned.total, || {
            format!(
                "refunds {refunded} in all of {all}, and leaves {}",
                returned.total
            )
        })?;
        let fee = if returned.ended {
            (0, 0)
        } else {
            (order.order_fee, order.order_fee_tax)
        };
        ensure((returned.order_fee, returned.order_fee_tax) == fee, || {
            format!("changes the fee of {booking} to {}", returned.order_fee)
        })?;
        order.lines.clone_from(&returned.lines);
        if returned.ended {
            self.end(booking, now);
        }
        Ok(())
    }
}

/// What a line lost, which must not change in anything else.
fn difference(before: &Line, after: &Line) -> Result<Line, String> {
    let stays = |seat: &SeatIndex| after.seats.contains(seat);
    let (staying, going): (Vec<SeatIndex>, Vec<SeatIndex>) =
        before.seats.iter().partition(|seat| stays(seat));
    let as_it_was = Line {
        seats: SeatList::from(&staying[..]),
        quantity: after.quantity,
        ..before.clone()
    };
    match before.quantity.checked_sub(after.quantity) {
        Some(quantity) if as_it_was == *after => Ok(Line {
            seats: SeatList::from(&going[..]),
            quantity,
            ..before.clone()
        }),
        _ => Err(format!("makes {after:?} of {before:?}")),
    }
}

fn all_seats(lines: &[Line]) -> impl Iterator<Item = SeatIndex> + '_ {
    lines.iter().flat_map(|line| line.seats.iter().copied())
}

fn parts_of(lines: &[Line]) -> Vec<ZonePlaces> {
    let mut zones: Vec<u16> = Vec::new();
    for line in lines {
        if !zones.contains(&line.zone) {
            zones.push(line.zone);
        }
    }
    let parts = zones.into_iter().map(|zone| {
        let of_zone: Vec<Line> = lines.iter().filter(|it| it.zone == zone).cloned().collect();
        ZonePlaces {
            zone,
            seats: all_seats(&of_zone).collect(),
            quantity: of_zone.iter().map(|line| line.quantity).sum(),
        }
    });
    parts.filter(|part| part.quantity > 0).collect()
}

fn check_companions(hall: &Hall, seats: &[SeatIndex]) -> Check {
    let count = |kind| {
        seats
            .iter()
            .filter(|&&seat| hall.kind(seat) == kind)
            .count()
    };
    let companions = count(SeatKind::Companion);
    let allowed = count(SeatKind::Accessible) * usize::from(hall.companions_per_accessible);
    ensure(companions <= allowed, || {
        format!("leaves {companions} companion seats where {allowed} are allowed")
    })
}

#[cfg(test)]
mod tests;
