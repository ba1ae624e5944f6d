//! What a workload has seen of the machine's answers, to return to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use onsale_schemas::code::CodeTerms;
use onsale_schemas::command::{Admission, BlockPlaces, OpenShow, SeatBlock};
use onsale_schemas::offer::Offer;
use onsale_schemas::outcome::Line;
use onsale_schemas::{
    CodeGroup, CodeHash, Command, LogTimeMs, Offset, Outcome, OutcomeRecord, RequestId, SeatIndex,
    ShowId, UserId,
};

use super::layouts::{self, START_MS};
use super::profile::Profile;
use super::rng::Rng;

/// A show of the workload.
#[derive(Clone, Debug)]
pub(super) struct SeenShow {
    pub(super) open: OpenShow,
    pub(super) seats: Vec<(SeatIndex, u32)>,
    pub(super) opened: bool,
    pub(super) cancelled: bool,
    pub(super) closed: bool,
    /// Its zones as they are by now.
    pub(super) zones: Vec<SeenZone>,
    pub(super) next_seat: SeatIndex,
    /// Its offer, and the terms of its groups of codes, as far as answers tell.
    pub(super) offer: Offer,
    pub(super) terms: BTreeMap<CodeGroup, CodeTerms>,
    /// Codes that were created.
    pub(super) codes: BTreeSet<CodeHash>,
    pub(super) asked_codes: Vec<CodeHash>,
    /// What was asked for last of either.
    pub(super) asked_offer: Offer,
    pub(super) asked_terms: Option<(CodeGroup, CodeTerms)>,
    /// What an order of it cost last.
    pub(super) last_total: i64,
}

/// A zone with its ranges of seats (index of the first, and how many), or its places.
#[derive(Clone, Debug)]
pub(super) struct SeenZone {
    pub(super) is_seated: bool,
    pub(super) ranges: Vec<(SeatIndex, u32)>,
    pub(super) capacity: u32,
}

/// An order with what is left of it.
#[derive(Clone, Debug)]
pub(super) struct SeenOrder {
    pub(super) show: ShowId,
    pub(super) user: UserId,
    pub(super) booking: Offset,
    pub(super) code: Option<CodeHash>,
    pub(super) lines: Vec<Line>,
    pub(super) sold: bool,
}

/// A booking that was created.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeenBooking {
    pub(super) offset: Offset,
    pub(super) user: UserId,
    /// What it costs, in minor units.
    pub(super) total: i64,
    pub(super) expires_at_ms: LogTimeMs,
    pub(super) ended_at_ms: Option<LogTimeMs>,
}

/// A request with a key.
#[derive(Clone, Debug)]
pub(super) struct SeenRequest {
    pub(super) id: RequestId,
    pub(super) fingerprint: u64,
    pub(super) at_ms: LogTimeMs,
    pub(super) command: Command,
}

/// All that.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) now: LogTimeMs,
    pub(super) shows: Vec<SeenShow>,
    pub(super) bookings: VecDeque<SeenBooking>,
    pub(super) requests: VecDeque<SeenRequest>,
    pub(super) blocks: VecDeque<SeatBlock>,
    /// Orders, plain ones too.
    pub(super) orders: VecDeque<SeenOrder>,
    /// The last order with a code that ended unpaid.
    pub(super) lapsed: Option<SeenOrder>,
    pub(super) machine_version: u16,
    pub(super) remembered_max: usize,
    pub(super) sells_orders: bool,
}

impl World {
    pub(super) fn new(profile: &Profile, seed: u64) -> Self {
        let shows = (0..profile.shows.max(1))
            .map(|number| {
                let mut open = layouts::show(profile, seed, number);
                if profile.sells_orders {
                    layouts::for_orders(&mut open, number);
                }
                SeenShow::new(open)
            })
            .collect();
        Self {
            now: START_MS,
            shows,
            bookings: VecDeque::new(),
            requests: VecDeque::new(),
            blocks: VecDeque::new(),
            orders: VecDeque::new(),
            lapsed: None,
            machine_version: 1,
            remembered_max: profile.remembered_max.max(1),
            sells_orders: profile.sells_orders,
        }
    }

    pub(super) fn is_any_open(&self) -> bool {
        self.shows.iter().any(|show| show.opened)
    }

    /// One of the shows, of any that are open if there are.
    pub(super) fn any_show(&self, rng: &mut Rng) -> usize {
        // Without orders nothing is drawn, so that seeds of older rules keep their histories.
        let spares_ended = self.sells_orders && rng.percent(94);
        let open: Vec<usize> = (0..self.shows.len())
            .filter(|&show| self.shows[show].opened)
            .filter(|&show| !(spares_ended && self.shows[show].is_over()))
            .collect();
        match rng.pick(&open) {
            Some(&show) => show,
            None => rng.index(self.shows.len()),
        }
    }

    /// A booking, rather a young one.
    pub(super) fn any_booking(&self, rng: &mut Rng) -> Option<SeenBooking> {
        let back = rng.index(self.bookings.len() + 1);
        let back = rng.index(back + 1);
        self.bookings.iter().rev().nth(back).copied()
    }

    /// Takes an answer in.
    pub(super) fn observe(&mut self, record: &OutcomeRecord) {
        let now = record.log_time_ms;
        for ended in &record.expired {
            self.change(ended.booking, |booking| booking.ended_at_ms = Some(now));
            let lapsed = self.orders.iter().find(|it| it.booking == ended.booking);
            if let Some(order) = lapsed.filter(|order| order.code.is_some()) {
                self.lapsed = Some(order.clone());
            }
            self.orders.retain(|order| order.booking != ended.booking);
        }
        if record.replay_of.is_some() {
            return;
        }
        match &record.outcome {
            Outcome::ShowOpened { show, .. } => {
                for seen in self.shows.iter_mut().filter(|it| it.open.show == *show) {
                    if !seen.opened {
                        seen.offer = seen.asked_offer.clone();
                    }
                    seen.opened = true;
                }
            }
            Outcome::Reserved(reserved) => {
                self.note_plain(reserved);
                push(
                    &mut self.bookings,
                    self.remembered_max,
                    SeenBooking {
                        offset: reserved.booking,
                        user: reserved.user,
                        total: reserved
                            .unit_price
                            .saturating_mul(i64::from(reserved.quantity)),
                        expires_at_ms: reserved.expires_at_ms,
                        ended_at_ms: None,
                    },
                );
            }
            Outcome::Extended {
                booking,
                expires_at_ms,
                ..
            } => self.change(*booking, |seen| seen.expires_at_ms = *expires_at_ms),
            Outcome::Confirmed(confirmed) => {
                self.change(confirmed.booking, |booking| booking.ended_at_ms = None);
                self.note_sold(confirmed.booking);
            }
            Outcome::Released { booking, .. } => {
                self.change(booking.booking, |seen| seen.ended_at_ms = Some(now));
                self.orders.retain(|order| order.booking != booking.booking);
            }
            // Back in time together with the machine.
            Outcome::ClockReset { to_ms, .. } => self.now = *to_ms,
            Outcome::Blocked(change) => {
                let places = if change.seats.is_empty() {
                    BlockPlaces::Quantity(change.quantity)
                } else {
                    BlockPlaces::Seats(change.seats.clone())
                };
                push(
                    &mut self.blocks,
                    self.remembered_max,
                    SeatBlock {
                        show: change.show,
                        zone: change.zone,
                        places,
                    },
                );
            }
            Outcome::BarrierPassed { machine_version } => self.machine_version = *machine_version,
            other => self.observe_order(other, now),
        }
    }

    pub(super) fn note_request(&mut self, request: SeenRequest) {
        push(&mut self.requests, self.remembered_max, request);
    }

    pub(super) fn change(&mut self, offset: Offset, change: impl FnOnce(&mut SeenBooking)) {
        // Kept in the order in which they were created.
        if let Ok(at) = self
            .bookings
            .binary_search_by_key(&offset, |booking| booking.offset)
            && let Some(booking) = self.bookings.get_mut(at)
        {
            change(booking);
        }
    }
}

impl SeenShow {
    /// Whether nothing of it is for sale any more, as far as answers tell.
    fn is_over(&self) -> bool {
        self.cancelled || self.closed
    }

    fn new(open: OpenShow) -> Self {
        let seats = layouts::seat_ranges(&open);
        let zones = open.zones.iter().zip(&seats);
        Self {
            zones: zones
                .map(|(zone, range)| SeenZone {
                    is_seated: matches!(zone.admission, Admission::Seated { .. }),
                    ranges: vec![*range],
                    capacity: match zone.admission {
                        Admission::Seated { .. } => 0,
                        Admission::General { capacity } => capacity,
                    },
                })
                .collect(),
            next_seat: seats.iter().map(|(_, count)| count).sum(),
            seats,
            open,
            opened: false,
            cancelled: false,
            closed: false,
            codes: BTreeSet::new(),
            asked_codes: Vec::new(),
            offer: Offer::default(),
            terms: BTreeMap::new(),
            asked_offer: Offer::default(),
            asked_terms: None,
            last_total: 0,
        }
    }
}

pub(super) fn push<T>(queue: &mut VecDeque<T>, max: usize, item: T) {
    if queue.len() >= max {
        queue.pop_front();
    }
    queue.push_back(item);
}
