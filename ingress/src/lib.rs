//! The HTTP interface: who asks, what they ask for, how often they may, and how the log's answer
//! reaches them. The ingress never decides about a seat: it hands commands to a
//! [`onsale_log::CommandLog`] and reads outcomes.
//!
//! Entry points: [`Ingress`] and [`IngressConfig`]; the binary implements [`Operations`].

mod access_log;
mod address_blocks;
mod api_keys;
mod audit;
mod audit_pages;
mod auth;
mod booking_keys;
mod bounded;
mod bounds;
mod categories;
mod charts;
mod client_address;
mod clock;
mod codes;
mod config;
mod confirmation_codes;
mod context;
mod cookies;
mod credential;
mod describe;
mod detached;
mod edge;
mod encoded_pages;
mod envelope;
mod error;
mod event_lists;
mod event_pages;
mod extract;
mod finder;
mod growth;
mod halls;
mod icalendar;
mod idempotency;
mod ids;
mod ingress;
mod key_quotas;
mod large_bodies;
mod live;
mod local_time;
mod markdown;
mod metrics;
mod openapi;
mod operations;
mod origin;
mod pages;
mod patience;
mod payments;
mod percent;
mod precheck;
mod prepared;
mod public_offers;
mod rate_limit;
mod rejection;
mod remembered;
mod routes;
mod rules;
mod security;
mod server;
mod shows_of_bookings;
mod simulated_page;
mod slug;
mod sold_to;
mod span;
mod standings;
mod state;
mod submit;
mod tally;
mod tenants_of_shows;
mod text;
mod tls;
mod uploads;
mod values;
mod versions;

pub use audit_pages::{AuditFormat, AuditPages, AuditPagesError};
pub use booking_keys::BookingKeys;
pub use clock::{Clock, SystemClock};
pub use config::{
    AddressBlocksConfig, AddressBlocksMode, GatewayKind, HttpConfig, IngressConfig, PaymentsConfig,
    PrecheckConfig, Rate, RateLimitConfig, ShowsConfig,
};
pub use error::{ApiError, Code};
pub use ingress::{Ingress, IngressError};
pub use onsale_store::catalog::Quotas;
pub use operations::{
    ClockMoved, ClockStatus, Expected, LastSnapshot, OperationError, Operations, PartitionStatus,
    Readiness, SnapshotDone, Standings, Which, read_given,
};
pub use payments::{
    DeskError, GatewayNotice, NoticeRefused, PaymentDesk, RefundAsked, RefundTerms,
    SimulatedPayment,
};
pub use server::{Transport, TransportError};
pub use span::SPAN_TARGET;
pub use tls::TlsError;
pub use values::Instant;
