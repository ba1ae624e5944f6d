//! What every handler shares.

use std::sync::{Arc, OnceLock};

use onsale_accounts::Accounts;
use onsale_auth::Authenticator;
use onsale_counts::Counts;
use onsale_log::CommandLog;
use onsale_schemas::PartitionId;
use onsale_store::Store;
use tokio_util::sync::CancellationToken;

use crate::access_log::AccessLog;
use crate::address_blocks::AddressBlocks;
use crate::api_keys::ApiKeys;
use crate::booking_keys::BookingKeys;
use crate::categories::Categories;
use crate::charts::Charts;
use crate::clock::Clock;
use crate::codes::Codes;
use crate::config::IngressConfig;
use crate::confirmation_codes::ConfirmationCodes;
use crate::cookies::Cookies;
use crate::event_lists::EventLists;
use crate::event_pages::EventPages;
use crate::finder::Finder;
use crate::halls::Halls;
use crate::key_quotas::KeyQuotas;
use crate::large_bodies::LargeBodies;
use crate::live::Hub;
use crate::metrics::Metrics;
use crate::operations::Operations;
use crate::payments::PaymentDesk;
use crate::precheck::Buyers;
use crate::public_offers::PublicOffers;
use crate::rate_limit::RateLimits;
use crate::rules::RuleBook;
use crate::server::Transport;
use crate::shows_of_bookings::ShowsOfBookings;
use crate::sold_to::SoldTo;
use crate::standings::StandingLookup;
use crate::submit::{LastPositions, Positions, Recent, Replies};
use crate::tally::Tally;
use crate::tenants_of_shows::TenantsOfShows;
use crate::uploads::Files;

pub(crate) type AppState = Arc<IngressState>;

pub(crate) struct IngressState {
    pub(crate) config: IngressConfig,
    pub(crate) log: Arc<dyn CommandLog>,
    /// For whoever asks: it shows and changes what the caller's token says, see [`onsale_store::Scope`].
    pub(crate) store: Store,
    /// The same database for what no caller asked for, for what callers share, and for finding out whose
    /// something is. Nothing that it shows may be answered before tenants were compared.
    pub(crate) installation: Store,
    pub(crate) operations: Arc<dyn Operations>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) auth: Authenticator,
    /// People; `None` where there is no key for what is personal, or none that signs.
    pub(crate) accounts: Option<Arc<Accounts>>,
    /// The cookies of browsers that sign in.
    pub(crate) cookies: Cookies,
    /// API keys that were looked up lately.
    pub(crate) api_keys: ApiKeys,
    /// The keys that sign here, for others who verify.
    pub(crate) jwks: String,
    /// What only this installation can compute of a booking.
    pub(crate) booking_keys: BookingKeys,
    /// Since when confirmation codes need a key.
    pub(crate) confirmation_codes: ConfirmationCodes,
    /// Discount and access codes.
    pub(crate) codes: Arc<Codes>,
    /// What organizers upload.
    pub(crate) files: Files,
    pub(crate) access_log: AccessLog,
    /// The memory that large request bodies share.
    pub(crate) large_bodies: LargeBodies,
    /// What each endpoint takes.
    pub(crate) rules: RuleBook,
    pub(crate) limits: RateLimits,
    pub(crate) address_blocks: AddressBlocks,
    pub(crate) key_quotas: KeyQuotas,
    pub(crate) charts: Charts,
    /// The halls that organizers describe, and the charts of their shows.
    pub(crate) halls: Halls,
    /// What events ask of their buyers.
    pub(crate) sold_to: SoldTo,
    /// Guests that are reserving right now.
    pub(crate) guests_buying: Arc<Tally>,
    pub(crate) live: Arc<Hub>,
    /// What the precheck knows of buyers and limits.
    pub(crate) buyers: Buyers,
    /// Counts shared with other ingress nodes, where there are several.
    pub(crate) counts: Option<Counts>,
    pub(crate) replies: Replies,
    pub(crate) recent: Recent,
    pub(crate) shows_of_bookings: ShowsOfBookings,
    pub(crate) tenants_of_shows: Arc<TenantsOfShows>,
    pub(crate) acknowledged: LastPositions,
    /// Where the latest requests stand.
    pub(crate) positions: Positions,
    /// Lists of events, which cost much.
    pub(crate) event_lists: EventLists,
    /// What is taken for the categories of events.
    pub(crate) categories: Categories,
    /// Events with their shows, encoded once for all.
    pub(crate) event_pages: EventPages,
    /// What the public sees of offers, encoded once for all.
    pub(crate) public_offers: PublicOffers,
    /// Who takes payments on, once the process has said so.
    pub(crate) payment_desk: OnceLock<Arc<dyn PaymentDesk>>,
    /// The search of the public catalog.
    pub(crate) finder: Finder,
    /// How requests fared, as found lately; the past does not change.
    pub(crate) standings: StandingLookup,
    pub(crate) metrics: Metrics,
    /// The public listener.
    pub(crate) transport: Transport,
    /// The one for operations.
    pub(crate) operations_transport: Transport,
    /// Readers of live availability by user and by address.
    pub(crate) readers: Arc<Tally>,
    /// Exports under way by user.
    pub(crate) exports: Arc<Tally>,
    /// Cancelled when the process stops: streams end, background tasks too.
    pub(crate) closing: CancellationToken,
}

impl IngressState {
    pub(crate) fn partitions(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (0..self.log.partitions()).map(PartitionId)
    }
}
