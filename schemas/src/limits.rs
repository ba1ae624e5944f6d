//! Named limits of the wire format, each with its unit last. Ingress enforces them with a clear
//! message before anything is appended; the engine enforces them again because the log may hold
//! records that did not come from an ingress.

/// The newest machine version of [`crate::Command`]s: what this program may put into a log, once a
/// barrier has raised the log to it.
pub const MACHINE_VERSION_NEWEST: u16 = 3;
/// Largest encoded command or outcome, in bytes. A layout of [`SEATS_PER_SHOW_MAX`] fits easily.
pub const RECORD_SIZE_MAX_BYTES: usize = 1 << 20;
/// Seats of all seated zones of one show together.
pub const SEATS_PER_SHOW_MAX: u32 = 250_000;
/// Zones of one show.
pub const ZONES_PER_SHOW_MAX: usize = 256;
/// Rows of one seated zone.
pub const ROWS_PER_ZONE_MAX: usize = 2_048;
/// Seats of one row.
pub const SEATS_PER_ROW_MAX: u16 = 1_024;
/// Tickets of one general-admission zone.
pub const GENERAL_CAPACITY_MAX: u32 = 10_000_000;
/// Tickets in one reservation, whatever the show's limit per user says.
pub const TICKETS_PER_BOOKING_MAX: u32 = 100;
/// Seats in one block or unblock command.
pub const SEATS_PER_BLOCK_MAX: u32 = 10_000;
/// Shortest hold, in milliseconds.
pub const HOLD_MIN_MS: u32 = 1_000;
/// Longest hold including all extensions, in milliseconds (24 hours), counted from the reservation.
pub const HOLD_MAX_MS: u32 = 86_400_000;
/// Default hold, in milliseconds (10 minutes).
pub const HOLD_DEFAULT_MS: u32 = 600_000;
/// Highest unit price, in minor units of the currency.
pub const UNIT_PRICE_MAX_MINOR: i64 = 1_000_000_000_000;
/// Longest payment reference, in bytes.
pub const PAYMENT_REFERENCE_MAX_BYTES: usize = 128;
/// Longest node name, in bytes.
pub const NODE_NAME_MAX_BYTES: usize = 63;
/// How long an idempotent answer is remembered, in milliseconds of log time (24 hours).
pub const IDEMPOTENCY_WINDOW_MS: u64 = 86_400_000;
/// How long an expired or cancelled booking stays in the engine, in milliseconds of log time
/// (1 hour), so that a late confirm can have its seats back and a second cancel gets a precise
/// answer. After that the engine answers [`crate::Rejection::UnknownBooking`].
pub const ENDED_BOOKING_KEPT_MS: u64 = 3_600_000;
/// Holds that one log entry may expire before its own command is looked at. What is left is
/// expired by the next entries; a due hold that is touched by name counts as expired at once.
pub const EXPIRIES_PER_ENTRY_MAX: usize = 1_024;
/// Largest catalog document of an event or show, in bytes.
pub const DOCUMENT_MAX_BYTES: usize = 900_000;
/// How long a claimed payment reference is remembered, in milliseconds of log time (400 days).
pub const REFERENCE_KEPT_MS: u64 = 400 * 86_400_000;
/// Longest first cool-down of a show, in milliseconds (7.5 minutes). After all doublings it is as
/// long as [`ENDED_BOOKING_KEPT_MS`], after which unpaid holds are forgotten.
pub const COOLDOWN_MAX_MS: u32 = 450_000;
/// Holds in a row that a user may let end unpaid, per event, before cool-downs begin.
pub const UNPAID_HOLDS_FREE: u8 = 1;
/// How many times the cool-down doubles at most.
pub const COOLDOWN_DOUBLINGS_MAX: u8 = 3;
/// Items of one `ReserveV2`.
pub const ITEMS_PER_ORDER_MAX: usize = 16;
/// Ticket types of one show; their ids are below it.
pub const TYPES_PER_SHOW_MAX: usize = 64;
/// Prices by zone and ticket type of one show.
pub const PRICES_PER_SHOW_MAX: usize = 4_096;
/// Price phases of one show.
pub const PHASES_PER_SHOW_MAX: usize = 32;
/// Bundles of one show.
pub const BUNDLES_PER_SHOW_MAX: usize = 16;
/// Groups of codes of one show.
pub const CODE_GROUPS_PER_SHOW_MAX: usize = 1_024;
/// Codes of one show.
pub const CODES_PER_SHOW_MAX: u32 = 100_000;
/// Codes in one `CreateCodes`.
pub const CODES_PER_COMMAND_MAX: usize = 10_000;
/// Accessible and companion seats of one show together.
pub const SPECIAL_SEATS_PER_SHOW_MAX: u32 = 4_096;
/// Companion seats for one accessible seat.
pub const COMPANIONS_PER_ACCESSIBLE_MAX: u8 = 8;
/// `AddSeats` with rows for one zone.
pub const ADDITIONS_PER_ZONE_MAX: usize = 16;
/// Holds of the user that one refusal names.
pub const OWN_HOLDS_NAMED_MAX: usize = 16;
/// Highest percentage, in basis points: all of it.
pub const BASIS_POINTS: u16 = 10_000;
