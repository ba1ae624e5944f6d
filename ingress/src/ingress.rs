//! The ingress as a whole.

use std::future::Future;
use std::io;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::routing::get;
use onsale_accounts::{Accounts, KeysError, StartError};
use onsale_auth::{Authenticator, JwksError, KeyError, MintError, Minter};
use onsale_counts::Counts;
use onsale_log::{CommandLog, OutcomeBatch};
use onsale_settings::ConfigProblem;
use onsale_store::Store;
use onsale_uploads::UploadError;
use tokio::net::TcpListener;
use tokio::sync::broadcast::Receiver;
use utoipa::openapi::OpenApi;

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
use crate::describe;
use crate::edge::{self, EdgeLayer};
use crate::event_lists::EventLists;
use crate::event_pages::EventPages;
use crate::finder::{self, Finder};
use crate::growth;
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
use crate::routes;
use crate::server::{Transport, TransportError};
use crate::shows_of_bookings::ShowsOfBookings;
use crate::sold_to::SoldTo;
use crate::standings::StandingLookup;
use crate::state::{AppState, IngressState};
use crate::submit::{LastPositions, Positions, Recent, Replies};
use crate::tally::Tally;
use crate::tenants_of_shows::TenantsOfShows;
use crate::uploads::Files;
use crate::{openapi, pages, security, simulated_page};

/// Why an ingress cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum IngressError {
    /// Settings that cannot be used.
    #[error("configuration: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Config(Vec<ConfigProblem>),
    /// The key that tokens are verified with cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The keys of what is personal cannot be used.
    #[error(transparent)]
    PrivateKeys(#[from] KeysError),
    /// The key that signs tokens of sessions cannot be used.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The set of public keys cannot be made.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    /// Accounts cannot be had.
    #[error(transparent)]
    Accounts(#[from] StartError),
    /// The place of uploads cannot be used.
    #[error(transparent)]
    Uploads(#[from] UploadError),
    /// Connections cannot be taken.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The registry has metrics of the same names already.
    #[error("the metrics of the interface cannot be registered")]
    Metrics(#[from] prometheus::Error),
}

/// People, where there is a key for what is personal and one that signs.
fn accounts(config: &IngressConfig, store: &Store) -> Result<Option<Accounts>, IngressError> {
    let Some(ring) = config.accounts.ring()? else {
        return Ok(None);
    };
    let minter = match Minter::of_sessions(&config.auth) {
        Ok(minter) => minter,
        // Tokens come from elsewhere.
        Err(MintError::PublicKeysOnly | MintError::NoSecret) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let accounts = Accounts::start(config.accounts.clone(), ring, minter, store.clone())?;
    Ok(Some(accounts))
}

/// The HTTP interface. Cheap to clone.
#[derive(Clone)]
pub struct Ingress {
    state: AppState,
    routes: Router<AppState>,
    document: Arc<OpenApi>,
    /// Routes of the process on the operations listener.
    beside: Router,
}

impl Ingress {
    /// Creates an ingress and starts following the outcomes of `log`. Call it within a tokio runtime.
    ///
    /// # Errors
    /// When settings, key, certificate or registry cannot be used.
    pub fn new(
        config: IngressConfig,
        log: Arc<dyn CommandLog>,
        store: Store,
        operations: Arc<dyn Operations>,
        clock: Arc<dyn Clock>,
        registry: prometheus::Registry,
    ) -> Result<Self, IngressError> {
        Self::with_counts(config, log, store, operations, clock, registry, None)
    }

    /// Like [`Ingress::new`], with counts that it shares with other ingress nodes for its precheck.
    ///
    /// # Errors
    /// As [`Ingress::new`].
    pub fn with_counts(
        config: IngressConfig,
        log: Arc<dyn CommandLog>,
        store: Store,
        operations: Arc<dyn Operations>,
        clock: Arc<dyn Clock>,
        registry: prometheus::Registry,
        counts: Option<Counts>,
    ) -> Result<Self, IngressError> {
        config.validate().map_err(IngressError::Config)?;
        let transport = Transport::public(&config.http, &registry)?;
        let closing = transport.closing().clone();
        let live = Arc::new(Hub::new(
            log.clone(),
            config.http.stream_readers_max,
            closing.clone(),
        ));
        let feed = log.subscribe();
        let documented = openapi::documented();
        // Whatever scope the given one has: requests are the callers'.
        let (store, installation) = (store.for_callers(), store.for_installation());
        let state = Arc::new(IngressState {
            auth: Authenticator::new(&config.auth)?,
            accounts: accounts(&config, &store)?.map(Arc::new),
            cookies: Cookies::of(&config.accounts),
            api_keys: ApiKeys::new(),
            jwks: config.auth.jwks()?,
            booking_keys: BookingKeys::new(&config.auth)?,
            confirmation_codes: ConfirmationCodes::new(log.partitions()),
            codes: Arc::new(Codes::new(
                &config.auth,
                config.accounts.ring()?,
                &config.rate_limit,
                clock.clone(),
            )?),
            files: Files::new(&config.uploads, config.reading.clone())?,
            access_log: AccessLog::new(),
            large_bodies: LargeBodies::new(&config.http),
            rules: documented.rules,
            limits: RateLimits::new(&config.rate_limit),
            address_blocks: AddressBlocks::new(&config.rate_limit, &config.http, clock.clone()),
            key_quotas: KeyQuotas::new(&config.rate_limit, clock.clone()),
            charts: Charts::new(installation.clone()),
            halls: Halls::new(),
            sold_to: SoldTo::new(),
            guests_buying: Arc::new(Tally::default()),
            replies: Replies::new(),
            recent: Recent::new(log.is_shared()),
            shows_of_bookings: ShowsOfBookings::new(log.partitions()),
            tenants_of_shows: Arc::new(TenantsOfShows::new()),
            acknowledged: LastPositions::new(log.partitions()),
            positions: Positions::new(),
            event_lists: EventLists::new(store.clone()),
            categories: Categories::new(installation.clone()),
            event_pages: EventPages::new(installation.clone()),
            public_offers: PublicOffers::new(),
            payment_desk: OnceLock::new(),
            finder: Finder::new(installation.clone(), &registry)?,
            standings: StandingLookup::new(),
            metrics: Metrics::new(registry)?,
            operations_transport: Transport::operations(&config.http)?,
            transport,
            readers: Arc::new(Tally::default()),
            exports: Arc::new(Tally::default()),
            buyers: Buyers::new(log.partitions()),
            counts,
            live: live.clone(),
            config,
            log,
            store,
            installation,
            operations,
            clock,
            closing,
        });
        if let Some(accounts) = state.accounts.clone() {
            let looked = state.closing.clone();
            tokio::spawn(async move {
                looked.run_until_cancelled(accounts.look_at_keys()).await;
            });
        }
        tokio::spawn(follow_outcomes(live, feed, &state));
        Ok(Self {
            state,
            routes: documented.router,
            document: Arc::new(documented.document),
            beside: Router::new(),
        })
    }

    /// Serves these routes on the operations listener too. They bring their own authentication.
    pub fn with_routes(mut self, beside: Router) -> Self {
        self.beside = beside;
        self
    }

    /// Has payments taken on by this one. Call it before anything is served; without it there are none.
    #[must_use]
    pub fn with_payments(self, desk: Arc<dyn PaymentDesk>) -> Self {
        if self.state.payment_desk.set(desk).is_err() {
            tracing::warn!("payments are taken on by somebody already");
        }
        self
    }

    /// Hands in the opening of every show whose opening a crash interrupted; returns how many. What
    /// the log does not take now is tried again until the process stops. Call it once the log serves.
    pub async fn resume_openings(&self) -> usize {
        routes::resume_openings(&self.state).await
    }

    /// Gives an installation that has neither categories nor events the categories to begin with. What keeps it from
    /// that is logged, and the next start tries again.
    pub async fn add_first_categories(&self) {
        routes::add_first_categories(&self.state).await;
    }

    /// Hands in to the log what the catalog has and the log has not, again and again until the
    /// process stops. Call it once the log serves.
    pub async fn describe_catalog(self) {
        describe::run(self.state).await;
    }

    /// Keeps the search of this node in step with the catalog until the process stops. Before it has made
    /// its index, searches that the database alone cannot answer get 503.
    pub async fn follow_catalog(self) {
        finder::run(self.state).await;
    }

    /// Takes all events out of the index of this node's search, and panics in it, as a defect would: for tests.
    #[cfg(feature = "testing")]
    pub async fn damage_search(&self) {
        self.state.finder.damage().await;
    }

    /// All public routes.
    pub fn router(&self) -> Router {
        let mut router = self
            .routes
            .clone()
            .route("/", get(routes::home::home))
            .merge(pages::router(&self.document))
            .merge(simulated_page::router())
            .fallback(edge::not_found)
            .method_not_allowed_fallback(edge::method_not_allowed)
            .layer(EdgeLayer(self.state.clone()));
        if let Some(cors) = security::cors(&self.state.config.http.cors_origins) {
            router = router.layer(cors);
        }
        router.with_state(self.state.clone())
    }

    /// Routes of the operations listener: metrics, health, and what the process adds.
    pub fn operations_router(&self) -> Router {
        Router::new()
            .route("/health/live", get(routes::health::live::live))
            .route("/health/ready", get(routes::health::ready::ready))
            .route("/metrics", get(routes::health::metrics::metrics))
            .fallback(edge::not_on_this_listener)
            .method_not_allowed_fallback(edge::method_not_allowed)
            .layer(EdgeLayer(self.state.clone()))
            .with_state(self.state.clone())
            .merge(self.beside.clone())
    }

    /// Serves until `shutdown` is ready; then streams end, requests in flight finish, and it
    /// returns, at the latest after the configured drain time.
    ///
    /// # Errors
    /// When the listener cannot be used at all.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let transport = &self.state.transport;
        transport.serve(self.router(), listener, shutdown).await
    }

    /// As [`Ingress::serve`] for the operations listener.
    ///
    /// # Errors
    /// When the listener cannot be used at all.
    pub async fn serve_operations(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let transport = &self.state.operations_transport;
        transport
            .serve(self.operations_router(), listener, shutdown)
            .await
    }

    /// Ends streams and background work; for those who use [`Ingress::router`] on its own.
    pub fn close(&self) {
        self.state.closing.cancel();
    }
}

/// Everything in this process that learns from outcomes, until the process stops.
fn follow_outcomes(
    live: Arc<Hub>,
    feed: Receiver<Arc<OutcomeBatch>>,
    state: &Arc<IngressState>,
) -> impl Future<Output = ()> + Send + use<> {
    let (seen, lagged) = (state.clone(), state.clone());
    live.follow(
        feed,
        move |batch| {
            if seen.config.precheck.enabled {
                seen.buyers.apply(batch);
            }
            growth::seen(&seen, batch);
            seen.shows_of_bookings.seen(batch);
            TenantsOfShows::seen(&seen, batch);
            seen.address_blocks.seen(batch);
            seen.recent.seen(&seen, batch);
            seen.finder.seen(batch);
            seen.replies.seen(&seen, batch);
        },
        move |batches| {
            lagged.buyers.invalidate_all();
            lagged.charts.doubt_all();
            lagged.address_blocks.lost();
            lagged.finder.lost_outcomes();
            lagged.metrics.feed_lags.inc();
            tracing::warn!(
                batches,
                "the feed of outcomes lost batches; live views start again"
            );
        },
    )
}
