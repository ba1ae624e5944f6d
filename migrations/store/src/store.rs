//! One store, two databases.

mod accounts;
mod answers;
mod audit;
mod bookings;
mod calendar;
mod catalog_changes;
mod categories;
mod changes;
mod codes;
mod codes_used;
mod counts;
mod deletions;
mod documents;
mod edits;
mod ended;
mod event_orders;
pub(crate) mod events;
mod findable;
mod forget;
mod handle;
mod identity;
pub(crate) mod jobs;
mod lacking_codes;
mod listing;
pub(crate) mod offers;
mod orders;
mod payments;
mod pictures;
mod projection;
mod reconciled_codes;
mod reconciled_orders;
mod reconciliation;
mod retention;
mod seats;
pub(crate) mod shows;
mod slugs;
mod snapshots;
mod standstill;
mod usage;
mod venue_maps;
mod venues;
pub(crate) mod zones;

pub use accounts::{
    API_KEYS_PER_TENANT_MAX, Decided, INVITATIONS_PER_TENANT_MAX, KEPT_API_KEYS_PER_TENANT_MAX,
    OldValue, Resealed, SealedColumn,
};
pub use categories::CATEGORIES_MAX;
pub use counts::{BuyersTickets, ShowPlaces, Tickets};
pub use event_orders::BUYERS_PER_ADDRESS_MAX;
pub use handle::Store;
pub use identity::LogMark;
pub use standstill::Standstill;
