//! What a partition shows of itself.

use onsale_schemas::code::CodeTerms;
use onsale_schemas::command::{Admission, Currency};
use onsale_schemas::outcome::Line;
use onsale_schemas::{
    CodeGroup, CodeHash, EventId, LogTimeMs, Offset, SeatList, ShowId, TenantId, UserId,
    ZoneCounts, ZoneIndex,
};

/// A show with its zones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShowView {
    /// The show.
    pub show: ShowId,
    /// Its event.
    pub event: EventId,
    /// Its tenant, when it was opened with one.
    pub tenant: Option<TenantId>,
    /// Most tickets a user may hold and own of the event; 0 means no limit. That of the event once
    /// it has one.
    pub max_tickets_per_user: u16,
    /// From when on seats may be reserved.
    pub sale_opens_at_ms: LogTimeMs,
    /// From when on they may not any more.
    pub sale_closes_at_ms: LogTimeMs,
    /// How long a hold lasts, in milliseconds.
    pub hold_ms: u32,
    /// First cool-down of a user whose holds end unpaid, in milliseconds; 0 means none.
    pub cooldown_ms: u32,
    /// True once the show was cancelled.
    pub cancelled: bool,
    /// Its zones in order.
    pub zones: Vec<ZoneView>,
}

/// What the machine knows about an event besides its shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventView {
    /// Its tenant: that of its first show that was opened with one.
    pub tenant: Option<TenantId>,
    /// Most tickets a user may hold and own over all its shows; 0 means no limit, `None` that every
    /// show has its own.
    pub max_tickets_per_user: Option<u16>,
    /// True once the event was cancelled.
    pub cancelled: bool,
}

/// A zone of a show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZoneView {
    /// Price of one ticket now, in minor units of `currency`.
    pub unit_price: i64,
    /// Its currency.
    pub currency: Currency,
    /// How places are given out.
    pub admission: Admission,
    /// Places by state.
    pub counts: ZoneCounts,
}

/// What a booking is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BookingState {
    /// A live hold.
    Reserved,
    /// Sold.
    Confirmed,
    /// Released, returned, or void because its show was cancelled.
    Cancelled,
    /// Ran out.
    Expired,
}

/// A booking with everything that the engine knows about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookingView {
    /// The booking.
    pub booking: Offset,
    /// Its show.
    pub show: ShowId,
    /// The show's event.
    pub event: EventId,
    /// For whom.
    pub user: UserId,
    /// The zone; that of the first line of an order over several.
    pub zone: ZoneIndex,
    /// The seats in the order asked for, empty for general admission.
    pub seats: SeatList,
    /// How many places.
    pub quantity: u32,
    /// Price of one when it was reserved; that of the first line of an order, see
    /// [`crate::Partition::order`].
    pub unit_price: i64,
    /// Its currency.
    pub currency: Currency,
    /// Its state. A due hold that was not swept yet is still `Reserved`.
    pub state: BookingState,
    /// When it was reserved.
    pub reserved_at_ms: LogTimeMs,
    /// End of the hold with all extensions; of the past for a confirmed booking.
    pub expires_at_ms: LogTimeMs,
    /// When it was confirmed, while it is.
    pub confirmed_at_ms: Option<LogTimeMs>,
    /// [`payment_hash`] of the reference that it was confirmed with, while it is.
    pub payment_hash: Option<u64>,
    /// When it was cancelled or expired.
    pub ended_at_ms: Option<LogTimeMs>,
}

/// How the places of a booking were priced, see [`crate::Partition::order`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderView {
    /// The booking.
    pub booking: Offset,
    /// True when its outcomes have the form of machine version 1: it has an order only because some
    /// of its places were returned.
    pub plain: bool,
    /// Its lines with what is left of each.
    pub lines: Vec<Line>,
    /// Fee for the order that is left, in minor units.
    pub order_fee: i64,
    /// Tax in it.
    pub order_fee_tax: i64,
    /// What is left of the total.
    pub total: i64,
    /// Tax in it.
    pub tax: i64,
    /// The total as it was reserved, with which a payment is compared.
    pub reserved_total: i64,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The code that was used.
    pub code: Option<CodeHash>,
}

/// A code of a show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodeView {
    /// Its group.
    pub group: CodeGroup,
    /// What it is good for.
    pub terms: CodeTerms,
    /// Live bookings with it.
    pub uses: u32,
}

/// A group of codes of a show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodeGroupView {
    /// Its number in the show.
    pub group: CodeGroup,
    /// What its codes are good for.
    pub terms: CodeTerms,
    /// How many it has.
    pub codes: u32,
}

/// A code of a show without its terms, which are those of its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CreatedCode {
    /// The code.
    pub code: CodeHash,
    /// Its group.
    pub group: CodeGroup,
    /// The record that created it.
    pub created: Offset,
}

/// What a booking keeps of the reference that its payment is known by.
pub fn payment_hash(reference: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(reference.as_bytes())
}

/// Figures about a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Shows, cancelled ones included.
    pub shows: u32,
    /// Live holds, due ones that were not swept yet included.
    pub live_holds: u32,
    /// Sales.
    pub confirmed: u32,
    /// Ended bookings in the table.
    pub ended: u32,
    /// Remembered answers.
    pub remembered_answers: u64,
    /// Payment references that are known, stale ones that were not swept yet included.
    pub references: u64,
    /// Catalog documents.
    pub documents: u32,
    /// Bytes of them.
    pub documents_bytes: u64,
    /// Bookings that are not plain, or of which some places were returned.
    pub orders: u32,
    /// Codes of shows that are not cancelled.
    pub codes: u32,
    /// Users with bookings, counted per event.
    pub users: u32,
    /// Free places of all shows that are not cancelled.
    pub available: u64,
    /// Held places of all shows.
    pub held: u64,
    /// Sold places of all shows.
    pub sold: u64,
    /// Blocked places of all shows.
    pub blocked: u64,
    /// Approximate memory of all tables, in bytes.
    pub memory_bytes: usize,
}
