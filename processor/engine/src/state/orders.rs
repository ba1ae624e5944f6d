//! What the transitions of bookings do to those that have an order.

use onsale_schemas::outcome::{EndedBooking, Line, ZonePlaces};
use onsale_schemas::{CodeHash, SeatIndex};
use triomphe::Arc;

use super::State;
use crate::bookings::Booking;
use crate::layout::ZoneKind;
use crate::orders::{Order, UsedCode};
use crate::sale::Sale;
use crate::seats::Place;
use crate::shows::Show;

impl State {
    /// The order of a booking that has one.
    pub(crate) fn order_of(&self, booking: &Booking) -> Option<&Order> {
        self.shared_order(booking).map(|order| &**order)
    }

    pub(crate) fn shared_order(&self, booking: &Booking) -> Option<&Arc<Order>> {
        if booking.is_order() {
            self.orders.get(booking.order())
        } else {
            None
        }
    }

    /// What a show has for sale.
    pub(crate) fn sale_of<'a>(&'a self, show: &'a Show) -> &'a Sale {
        show.sale().unwrap_or(&self.blank)
    }

    /// Entries that a booking has in the list of those that expired.
    #[inline]
    pub(crate) fn entries(&self, slot: u32) -> usize {
        let booking = self.bookings.get(slot);
        if !booking.is_order() {
            return 1;
        }
        self.order_of(booking)
            .map_or(1, |order| order.parts().len())
    }

    /// Adds the entries of a booking that has an order.
    pub(crate) fn entries_of(&self, slot: u32, expired: &mut Vec<EndedBooking>) {
        let booking = self.bookings.get(slot);
        for part in self.parts_of(booking) {
            expired.push(EndedBooking {
                booking: booking.offset,
                show: self.shows.get(booking.show).id,
                user: self.user_of(booking),
                zone: part.zone,
                seats: part.seats,
                quantity: part.quantity,
            });
        }
    }

    pub(crate) fn parts_of(&self, booking: &Booking) -> Vec<ZonePlaces> {
        self.order_of(booking).map_or_else(Vec::new, Order::parts)
    }

    /// True when a booking's outcomes have the form of version 1.
    #[inline]
    pub(crate) fn is_plain(&self, booking: &Booking) -> bool {
        !booking.is_order() || self.order_of(booking).is_none_or(|order| order.is_plain)
    }

    /// Frees the places of an order, and takes back what it counts for.
    pub(super) fn free_order(&mut self, slot: u32, from: Place) {
        let booking = self.bookings.get(slot);
        let show = booking.show;
        let Some(order) = self.shared_order(booking).cloned() else {
            return;
        };
        self.turn_order(show, &order, from, Place::Free);
        self.uncount(show, &order);
    }

    /// Changes all places of an order from one state to another.
    pub(crate) fn turn_order(&mut self, show: u32, order: &Order, from: Place, to: Place) {
        self.turn_lines(show, &order.lines, from, to);
    }

    /// Changes all places of lines from one state to another.
    pub(crate) fn turn_lines(&mut self, show: u32, lines: &[Line], from: Place, to: Place) {
        let show = self.shows.get_mut(show);
        for line in lines.iter().filter(|line| line.quantity > 0) {
            let zone = usize::from(line.zone);
            show.turn(zone, &line.seats, line.quantity, from, to);
        }
    }

    /// Counts an order with the phases and the code that it has.
    pub(crate) fn count(&mut self, show: u32, order: &Order) {
        if order.has_phase() {
            self.shows.get_mut(show).sale_mut().count_order(order, true);
        }
        self.count_code(show, order.code, |uses| uses.saturating_add(1));
    }

    /// Takes back what an order counts for.
    pub(crate) fn uncount(&mut self, show: u32, order: &Order) {
        if order.has_phase() {
            let sale = self.shows.get_mut(show).sale_mut();
            sale.count_order(order, false);
        }
        self.count_code(show, order.code, |uses| uses.saturating_sub(1));
    }

    /// Changes the uses of a code, if it counts as it was created then.
    pub(crate) fn count_code(
        &mut self,
        show: u32,
        code: Option<UsedCode>,
        change: impl Fn(u32) -> u32,
    ) {
        if let Some(used) = code
            && let Some(at) = self.find_used(show, &used)
        {
            let known = self.codes.get_mut(at);
            known.uses = change(known.uses);
        }
    }

    /// The code that an order carries, if it counts as it was created then.
    pub(crate) fn find_used(&self, show: u32, used: &UsedCode) -> Option<u32> {
        let at = self.find_code(show, &used.hash)?;
        (self.codes.get(at).created == used.created).then_some(at)
    }

    /// A code of a show.
    pub(crate) fn find_code(&self, show: u32, code: &CodeHash) -> Option<u32> {
        self.codes.find(show, self.shows.get(show), code)
    }

    /// Live bookings of a show that carry a code and are of the user with that counter.
    pub(crate) fn uses_of(&self, counter: u32, show: u32, used: &UsedCode) -> u32 {
        let uses = self.bookings_of(counter).filter(|&slot| {
            let booking = self.bookings.get(slot);
            booking.show == show
                && booking.state.is_live()
                && self
                    .order_of(booking)
                    .is_some_and(|order| order.code == Some(*used))
        });
        u32::try_from(uses.count()).unwrap_or(u32::MAX)
    }

    /// All bookings of the user with that counter, the latest first.
    pub(crate) fn bookings_of(&self, counter: u32) -> impl Iterator<Item = u32> + '_ {
        let known = |slot: u32| (slot != crate::index::NONE).then_some(slot);
        std::iter::successors(known(self.users.get(counter).head), move |&slot| {
            let [_, next] = self.bookings.get(slot).user_links;
            known(next)
        })
    }

    /// True when all places of an order that ran out are free, its phases have room and its code has
    /// a use left.
    pub(crate) fn can_have_order_back(&self, slot: u32, order: &Order) -> bool {
        let booking = self.bookings.get(slot);
        let show = self.shows.get(booking.show);
        let are_free = order.parts().iter().all(|part| {
            let zone = &show.zones[usize::from(part.zone)];
            match zone.kind {
                ZoneKind::Seated(_) => part.seats.iter().all(|&seat| show.seats.is_free(seat)),
                ZoneKind::General { .. } => part.quantity <= zone.counts.available,
            }
        });
        are_free && self.has_room_in_phases(show, order) && self.has_use_left(booking, order)
    }

    fn has_room_in_phases(&self, show: &Show, order: &Order) -> bool {
        let sale = self.sale_of(show);
        let limited = sale.offer.phases.iter().filter(|phase| phase.places > 0);
        limited.into_iter().all(|phase| {
            let asked = order.places_in_phase(phase.id);
            asked == 0 || sale.phase_places(phase.id).saturating_add(asked) <= phase.places
        })
    }

    fn has_use_left(&self, booking: &Booking, order: &Order) -> bool {
        let Some(used) = order.code else {
            return true;
        };
        let Some(at) = self.find_used(booking.show, &used) else {
            return true;
        };
        let code = self.codes.get(at);
        let show = self.shows.get(booking.show);
        let Some(group) = self.sale_of(show).groups.get(&code.group) else {
            return true;
        };
        let (all, of_user) = (group.terms.uses_max, group.terms.uses_per_user_max);
        (all == 0 || code.uses < all)
            && (of_user == 0
                || self.uses_of(booking.user, booking.show, &used) < u32::from(of_user))
    }

    /// Live holds of a user on a show that have a seat for which `is_near` says yes, ascending, at
    /// most as many as a refusal names.
    pub(crate) fn own_holds(
        &self,
        counter: Option<u32>,
        show: u32,
        is_near: impl Fn(SeatIndex) -> bool,
    ) -> Vec<onsale_schemas::Offset> {
        let Some(counter) = counter else {
            return Vec::new();
        };
        let mut own: Vec<_> = self
            .bookings_of(counter)
            .map(|slot| self.bookings.get(slot))
            .filter(|booking| {
                booking.show == show && booking.state == crate::bookings::State::Reserved
            })
            .filter(|booking| self.seats_of(booking).iter().any(|&seat| is_near(seat)))
            .map(|booking| booking.offset)
            .collect();
        own.sort_unstable();
        own.truncate(onsale_schemas::limits::OWN_HOLDS_NAMED_MAX);
        own
    }
}
