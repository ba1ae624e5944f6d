//! What a workload sees of offers, codes, orders and halls that change.

use onsale_schemas::outcome::{Line, Reserved};
use onsale_schemas::{Command, LogTimeMs, Offset, Outcome, ShowId};

use super::world::{SeenBooking, SeenOrder, SeenShow, SeenZone, World, push};

impl World {
    /// What is being asked for: the answers do not repeat it.
    pub(super) fn note_asked(&mut self, command: &Command) {
        match command {
            Command::OpenShowV3(open) => {
                for seen in self.of(open.show.show.show) {
                    if !seen.opened {
                        seen.asked_offer = open.offer.clone();
                    }
                }
            }
            Command::SetOffer(set) => {
                for seen in self.of(set.show) {
                    seen.asked_offer = set.offer.clone();
                }
            }
            Command::CreateCodes(create) => {
                for seen in self.of(create.show) {
                    seen.asked_terms = Some((create.group, create.terms.clone()));
                    seen.asked_codes.clone_from(&create.codes);
                }
            }
            Command::AmendCodes(amend) => {
                for seen in self.of(amend.show) {
                    seen.asked_terms = Some((amend.group, amend.terms.clone()));
                }
            }
            _ => {}
        }
    }

    fn of(&mut self, show: ShowId) -> impl Iterator<Item = &mut SeenShow> {
        let shows = self.shows.iter_mut();
        shows.filter(move |seen| seen.open.show == show)
    }

    pub(super) fn note_sold(&mut self, booking: Offset) {
        let orders = self.orders.iter_mut();
        for order in orders.filter(|order| order.booking == booking) {
            order.sold = true;
        }
    }

    /// A plain booking is an order of one line.
    pub(super) fn note_plain(&mut self, reserved: &Reserved) {
        if self.machine_version < 3 {
            return;
        }
        for seen in self.of(reserved.show) {
            seen.last_total = reserved.unit_price * i64::from(reserved.quantity);
        }
        let line = Line::plain(
            reserved.zone,
            reserved.seats.clone(),
            reserved.quantity,
            reserved.unit_price,
        );
        let order = SeenOrder {
            show: reserved.show,
            user: reserved.user,
            booking: reserved.booking,
            code: None,
            lines: vec![line],
            sold: false,
        };
        push(&mut self.orders, self.remembered_max, order);
    }

    /// Instants at which something of the shows begins or ends to be for sale.
    pub(super) fn windows(&self) -> Vec<LogTimeMs> {
        let mut instants = Vec::new();
        for show in &self.shows {
            for phase in &show.offer.phases {
                instants.extend([phase.from_ms, phase.until_ms]);
            }
            for listed in &show.offer.types {
                instants.extend([listed.from_ms, listed.until_ms]);
            }
            for terms in show.terms.values() {
                instants.extend([terms.from_ms, terms.until_ms]);
            }
        }
        instants.retain(|at| *at != u64::MAX);
        instants
    }

    pub(super) fn observe_order(&mut self, outcome: &Outcome, now: LogTimeMs) {
        match outcome {
            Outcome::ReservedV2(reserved) => {
                for seen in self.of(reserved.show) {
                    seen.last_total = reserved.total;
                }
                let booking = SeenBooking {
                    offset: reserved.booking,
                    user: reserved.user,
                    total: reserved.total,
                    expires_at_ms: reserved.expires_at_ms,
                    ended_at_ms: None,
                };
                let order = SeenOrder {
                    show: reserved.show,
                    user: reserved.user,
                    booking: reserved.booking,
                    code: reserved.code,
                    lines: reserved.lines.clone(),
                    sold: false,
                };
                push(&mut self.bookings, self.remembered_max, booking);
                push(&mut self.orders, self.remembered_max, order);
            }
            Outcome::ConfirmedV2(confirmed) => {
                self.change(confirmed.booking, |booking| booking.ended_at_ms = None);
                self.note_sold(confirmed.booking);
            }
            Outcome::ReleasedV2(released) => {
                self.change(released.booking, |seen| seen.ended_at_ms = Some(now));
                self.orders
                    .retain(|order| order.booking != released.booking);
            }
            Outcome::PlacesReturned(returned) => {
                if returned.ended {
                    self.change(returned.booking, |seen| seen.ended_at_ms = Some(now));
                }
                let orders = self.orders.iter_mut();
                for order in orders.filter(|order| order.booking == returned.booking) {
                    order.lines.clone_from(&returned.lines);
                    order.sold = !returned.ended;
                }
            }
            Outcome::OfferSet { show } => {
                for seen in self.of(*show) {
                    seen.offer = seen.asked_offer.clone();
                }
            }
            Outcome::ShowClosed { show } => {
                self.of(*show).for_each(|seen| seen.closed = true);
            }
            Outcome::ShowAmended { show } => {
                self.of(*show).for_each(|seen| seen.closed = false);
            }
            Outcome::ShowCancelled { show } => {
                self.of(*show).for_each(|seen| seen.cancelled = true);
                self.orders.retain(|order| order.show != *show);
            }
            Outcome::EventCancelled { event } => {
                for seen in self.shows.iter_mut().filter(|it| it.open.event == *event) {
                    seen.cancelled = true;
                }
            }
            Outcome::CodesCreated { show, group, .. } | Outcome::CodesAmended { show, group } => {
                let created = matches!(outcome, Outcome::CodesCreated { .. });
                for seen in self.of(*show) {
                    if let Some((asked, terms)) = &seen.asked_terms
                        && asked == group
                    {
                        seen.terms.insert(*group, terms.clone());
                    }
                    if created {
                        seen.codes.extend(seen.asked_codes.iter().copied());
                    }
                }
            }
            Outcome::SeatsAdded {
                show,
                zone,
                first_seat,
                places,
            } => {
                for seen in self.of(*show) {
                    seen.grow(usize::from(*zone), *first_seat, *places);
                }
            }
            Outcome::SeatsTaken(change) if change.seats.is_empty() => {
                for seen in self.of(change.show) {
                    if let Some(zone) = seen.zones.get_mut(usize::from(change.zone)) {
                        zone.capacity = zone.capacity.saturating_sub(change.quantity);
                    }
                }
            }
            _ => {}
        }
    }
}

impl SeenShow {
    fn grow(&mut self, zone: usize, first_seat: u32, places: u32) {
        if zone == self.zones.len() {
            self.zones.push(SeenZone {
                // A first seat 0 in a show without seats says nothing; then it is taken for places.
                is_seated: first_seat > 0,
                ranges: Vec::new(),
                capacity: 0,
            });
        }
        let Some(zone) = self.zones.get_mut(zone) else {
            return;
        };
        if zone.is_seated {
            zone.ranges.push((first_seat, places));
            self.next_seat += places;
        } else {
            zone.capacity += places;
        }
    }
}
