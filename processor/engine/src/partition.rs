//! One partition: its state, its place in the log and its digest.

use onsale_schemas::command::Subject;
use onsale_schemas::offer::Offer;
use onsale_schemas::{
    CodeHash, EventId, LogTimeMs, NodeName, Offset, PartitionId, SeatIndex, SeatStatus, ShowId,
    ShowSeats,
};

use crate::bookings::State as RecordState;
use crate::codes::Codes;
use crate::digest::Digest;
use crate::limits::Limits;
use crate::seats::Place;
use crate::shows::Show;
use crate::state::{State, zone_index};
use crate::views::{
    BookingState, BookingView, CodeGroupView, CodeView, CreatedCode, EventView, OrderView,
    ShowView, Stats, ZoneView,
};

/// The seat machine of one partition. See the crate's documentation.
///
/// A clone shares all tables until one side writes to them: it is the frozen state that a snapshot
/// encodes on another thread.
#[derive(Clone)]
pub struct Partition {
    pub(crate) id: PartitionId,
    pub(crate) next_offset: Offset,
    pub(crate) last_outcome: Option<Offset>,
    pub(crate) digest: Digest,
    pub(crate) state: State,
}

impl std::fmt::Debug for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Partition")
            .field("id", &self.id)
            .field("next_offset", &self.next_offset)
            .field("log_time_ms", &self.state.now)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl Partition {
    /// An empty partition in front of offset 0.
    pub fn new(id: PartitionId, limits: Limits) -> Self {
        Self {
            id,
            next_offset: 0,
            last_outcome: None,
            digest: Digest::new(),
            state: State::new(limits),
        }
    }

    /// The partition.
    pub fn id(&self) -> PartitionId {
        self.id
    }

    /// Offset of the record to apply next.
    pub fn next_offset(&self) -> Offset {
        self.next_offset
    }

    /// Machine time: the latest log time of all records so far.
    pub fn log_time_ms(&self) -> LogTimeMs {
        self.state.now
    }

    /// The running digest; equal on all replicas that applied the same records.
    pub fn digest(&self) -> u64 {
        self.digest.0
    }

    /// Epoch of the owner; 0 before the first claim.
    pub fn epoch(&self) -> u64 {
        self.state.epoch
    }

    /// The owner.
    pub fn owner(&self) -> Option<&NodeName> {
        self.state.owner.as_ref()
    }

    /// The machine version in force.
    pub fn machine_version(&self) -> u16 {
        self.state.machine_version
    }

    /// The highest machine version that this program knows.
    pub fn machine_version_known(&self) -> u16 {
        self.state.limits.machine_version_known
    }

    /// A machine version that a barrier requested and that this program does not know: the replica
    /// must stop before it applies anything more.
    pub fn unsupported_version(&self) -> Option<u16> {
        self.state.unsupported_version
    }

    /// Offset of the last record that yielded an outcome.
    pub fn last_outcome(&self) -> Option<Offset> {
        self.last_outcome
    }

    /// When the next hold ends; at or before [`Partition::log_time_ms`] while due ones are left
    /// over.
    pub fn next_expiry_ms(&self) -> Option<LogTimeMs> {
        self.state.expiry.next_ms()
    }

    /// True while due holds are left over because more were due than one record expires. The driver
    /// then appends a tick at once.
    pub fn has_backlog(&self) -> bool {
        self.next_expiry_ms().is_some_and(|at| at <= self.state.now)
    }

    /// All seats of a show; `None` when it was never opened here.
    pub fn show_seats(&self, show: ShowId) -> Option<ShowSeats> {
        let show = self.state.shows.get(self.state.shows.find(&show)?);
        let unavailable = (0..show.seats.layout.seats())
            .filter_map(|seat| {
                let status = match show.seats.place(seat) {
                    Place::Free => return None,
                    Place::Held => SeatStatus::Held,
                    Place::Sold => SeatStatus::Sold,
                    Place::Blocked => SeatStatus::Blocked,
                };
                Some((seat, status))
            })
            .collect();
        Some(ShowSeats {
            show: show.id,
            next_offset: self.next_offset,
            cancelled: show.cancelled_at_ms.is_some(),
            zones: show.zones.iter().map(|zone| zone.counts).collect(),
            unavailable,
        })
    }

    /// Seats of a show that were taken away for good, ascending; none of a show that was never opened
    /// here. [`Partition::show_seats`] calls them blocked and counts them nowhere.
    pub fn taken_seats(&self, show: ShowId) -> Vec<SeatIndex> {
        let shows = &self.state.shows;
        let found = shows.find(&show).map(|slot| shows.get(slot));
        found.map_or_else(Vec::new, Show::taken_seats)
    }

    /// All shows in order of opening.
    pub fn shows(&self) -> impl Iterator<Item = ShowView> + '_ {
        self.state.shows.iter().map(view_of)
    }

    /// One show; `None` when it was never opened here.
    pub fn show(&self, show: ShowId) -> Option<ShowView> {
        Some(view_of(self.state.shows.get(self.state.shows.find(&show)?)))
    }

    /// An event; `None` when it is unknown here.
    pub fn event(&self, event: EventId) -> Option<EventView> {
        let shows = &self.state.shows;
        let event = shows.event_at(shows.find_event(&event)?);
        Some(EventView {
            tenant: event.tenant,
            max_tickets_per_user: event.limit,
            cancelled: event.is_cancelled,
        })
    }

    /// The limit per user of all shows of an event; 0 means no limit, `None` that it has none yet
    /// and every show has its own.
    pub fn event_limit(&self, event: EventId) -> Option<u16> {
        self.event(event)?.max_tickets_per_user
    }

    /// All catalog documents in the order of their subjects.
    pub fn documents(&self) -> impl Iterator<Item = (Subject, &[u8])> {
        self.state.documents.iter()
    }

    /// The catalog document of a subject.
    pub fn document(&self, subject: &Subject) -> Option<&[u8]> {
        self.state.documents.get(subject)
    }

    /// Live holds, counted for free.
    pub fn live_holds(&self) -> u32 {
        self.state.holds
    }

    /// A booking by the offset of its `Reserve`; `None` when it is unknown or forgotten.
    pub fn booking(&self, offset: Offset) -> Option<BookingView> {
        self.state
            .bookings
            .find(offset)
            .and_then(|slot| self.view_of_booking(slot))
    }

    /// All bookings that are not forgotten, ascending by offset.
    pub fn bookings(&self) -> impl Iterator<Item = BookingView> + '_ {
        self.state
            .bookings
            .slots_by_offset()
            .into_iter()
            .filter_map(|slot| self.view_of_booking(slot))
    }

    fn view_of_booking(&self, slot: u32) -> Option<BookingView> {
        let state = &self.state;
        let booking = state.bookings.get(slot);
        let show = state.shows.get(booking.show);
        let ended_at_ms = state.ended_at_ms(booking);
        if ended_at_ms.is_some_and(|at| crate::ended::is_forgotten(at, state.now)) {
            return None;
        }
        let (view, confirmed_at_ms) = match booking.state {
            RecordState::Vacant => return None,
            RecordState::Expired => (BookingState::Expired, None),
            _ if ended_at_ms.is_some() => (BookingState::Cancelled, None),
            RecordState::Confirmed => (BookingState::Confirmed, Some(booking.confirmed_at_ms())),
            _ => (BookingState::Reserved, None),
        };
        Some(BookingView {
            booking: booking.offset,
            show: show.id,
            event: show.event_id,
            user: state.user_of(booking),
            zone: zone_index(booking),
            seats: state.seats_of(booking),
            quantity: booking.places(),
            unit_price: booking.unit_price(),
            currency: show.zones[booking.zone()].currency,
            state: view,
            reserved_at_ms: state.bookings.reserved_at_ms(booking),
            expires_at_ms: booking.expires_at_ms(),
            confirmed_at_ms,
            payment_hash: confirmed_at_ms.map(|_| booking.payment_hash()),
            ended_at_ms,
        })
    }

    /// How the places of a booking were priced; `None` for a booking that is unknown, or that needs
    /// nothing beyond its [`BookingView`].
    pub fn order(&self, offset: Offset) -> Option<OrderView> {
        let slot = self.state.bookings.find(offset)?;
        let view = self.view_of_booking(slot)?;
        let order = self.state.order_of(self.state.bookings.get(slot))?;
        let (total, tax) = order.totals();
        Some(OrderView {
            booking: view.booking,
            plain: order.is_plain,
            lines: order.lines.clone(),
            order_fee: order.order_fee,
            order_fee_tax: order.order_fee_tax,
            total,
            tax,
            reserved_total: order.reserved_total,
            currency: order.currency,
            code: order.code.map(|code| code.hash),
        })
    }

    /// What a show has for sale; `None` when it is unknown or has no offer.
    pub fn offer(&self, show: ShowId) -> Option<&Offer> {
        let show = self.state.shows.get(self.state.shows.find(&show)?);
        let offer = &*show.sale()?.offer;
        (!offer.is_empty()).then_some(offer)
    }

    /// Live places of a show by the phase that gave their price, ascending by its number.
    pub fn phase_places(&self, show: ShowId) -> Vec<(u8, u32)> {
        let slot = self.state.shows.find(&show);
        let sale = slot.and_then(|slot| self.state.shows.get(slot).sale());
        sale.map_or_else(Vec::new, |sale| {
            let phases = sale.phases().iter();
            phases.map(|(&phase, &places)| (phase, places)).collect()
        })
    }

    /// A code of a show; `None` when it is unknown.
    pub fn code(&self, show: ShowId, code: &CodeHash) -> Option<CodeView> {
        let slot = self.state.shows.find(&show)?;
        let known = self.state.codes.get(self.state.find_code(slot, code)?);
        let sale = self.state.shows.get(slot).sale()?;
        Some(CodeView {
            group: known.group,
            terms: sale.groups.get(&known.group)?.terms.clone(),
            uses: known.uses,
        })
    }

    /// The groups of codes of a show, ascending by number.
    pub fn code_groups(&self, show: ShowId) -> Vec<CodeGroupView> {
        let slot = self.state.shows.find(&show);
        let sale = slot.and_then(|slot| self.state.shows.get(slot).sale());
        sale.map_or_else(Vec::new, |sale| {
            let groups = sale.groups.iter();
            groups
                .map(|(&group, known)| CodeGroupView {
                    group,
                    terms: known.terms.clone(),
                    codes: known.codes,
                })
                .collect()
        })
    }

    /// Group and creation of a code of a show; `None` when it is unknown.
    pub fn created_code(&self, show: ShowId, code: &CodeHash) -> Option<CreatedCode> {
        let slot = self.state.shows.find(&show)?;
        let known = self.state.codes.get(self.state.find_code(slot, code)?);
        Some(CreatedCode {
            code: known.hash,
            group: known.group,
            created: known.created,
        })
    }

    /// All codes of a show, in no order. Visits those of all shows: not for every record.
    pub fn codes(&self, show: ShowId) -> Vec<CreatedCode> {
        let Some(slot) = self.state.shows.find(&show) else {
            return Vec::new();
        };
        let codes = self.state.codes.all();
        codes
            .filter(|(_, code)| code.show == slot && Codes::counts(code, &self.state.shows))
            .map(|(_, code)| CreatedCode {
                code: code.hash,
                group: code.group,
                created: code.created,
            })
            .collect()
    }

    /// Figures about the partition. Visits all shows: not for every record.
    pub fn stats(&self) -> Stats {
        let state = &self.state;
        let mut stats = Stats {
            shows: state.shows.len(),
            live_holds: self.live_holds(),
            confirmed: state.confirmed,
            ended: state.bookings.len() - state.holds - state.confirmed - state.purgeable,
            remembered_answers: state.answers.len(),
            references: state.references.len(),
            documents: state.documents.len(),
            documents_bytes: state.documents.bytes(),
            orders: state.orders.len(),
            codes: state.codes.live,
            users: state.users.len(),
            memory_bytes: size_of::<Self>()
                + state.shows.memory_bytes()
                + state.bookings.memory_bytes()
                + state.users.memory_bytes()
                + state.expiry.memory_bytes()
                + state.ended.memory_bytes()
                + state.cancelled.capacity() * size_of::<u32>()
                + state.answers.memory_bytes()
                + state.references.memory_bytes()
                + state.documents.memory_bytes()
                + state.orders.memory_bytes()
                + state.codes.memory_bytes(),
            ..Stats::default()
        };
        // The places of a cancelled show are all free, but cannot be reserved.
        let live = |show: &&Show| show.cancelled_at_ms.is_none();
        for zone in state.shows.iter().filter(live).flat_map(|show| &show.zones) {
            stats.available += u64::from(zone.counts.available);
            stats.held += u64::from(zone.counts.held);
            stats.sold += u64::from(zone.counts.sold);
            stats.blocked += u64::from(zone.counts.blocked);
        }
        stats
    }
}

fn view_of(show: &Show) -> ShowView {
    let zones = show
        .zone_layouts()
        .into_iter()
        .zip(&show.zones)
        .map(|(layout, zone)| ZoneView {
            unit_price: layout.unit_price,
            currency: layout.currency,
            admission: layout.admission,
            counts: zone.counts,
        })
        .collect();
    ShowView {
        show: show.id,
        event: show.event_id,
        tenant: show.tenant,
        max_tickets_per_user: show.max_tickets_per_user,
        sale_opens_at_ms: show.sale_opens_at_ms,
        sale_closes_at_ms: show.sale_closes_at_ms,
        hold_ms: show.hold_ms,
        cooldown_ms: show.cooldown_ms,
        cancelled: show.cancelled_at_ms.is_some(),
        zones,
    }
}
