//! An ingress with everything around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use http::{Method, Request, Response};
use onsale_ingress::{Clock, Ingress, IngressConfig};
use onsale_schemas::outcome::Reserved;
use onsale_schemas::seating::RowPlan;
use onsale_schemas::{
    BookingId, EventId, Outcome, OutcomeRecord, PartitionId, SeatList, ShowId, ShowSeats, UserId,
    ZoneCounts,
};
use onsale_settings::Secret;
use onsale_store::Store;
use onsale_store::catalog::{
    ChartRow, EventRow, EventStatus, Growth, RowSeats, ShowRow, ShowStatus, ZoneAdmission, ZoneRow,
};
use onsale_store::projection::ProjectionBatch;
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use super::database::TestDatabase;
use super::log::ScriptedLog;
use super::operations::FakeOperations;
use super::reply::Reply;
use super::tokens::{Claims, SECRET};

pub(crate) const NOW_MS: u64 = super::log::LOG_TIME_MS;
pub(crate) const BUYER: UserId = UserId::from_bytes([0xb0; 16]);
pub(crate) const ORGANIZER: UserId = UserId::from_bytes([0x0a; 16]);
pub(crate) const EVENT: EventId = EventId::from_bytes([0xe0; 16]);
pub(crate) const SHOW: ShowId = ShowId::from_bytes([0x50; 16]);
/// Rows A (20 seats) and B (labels L, M, N): seats 0 to 22.
pub(crate) const STALLS: Uuid = Uuid::from_u128(1);
/// 100 places of general admission.
pub(crate) const FLOOR: Uuid = Uuid::from_u128(2);
/// Row A again (5 seats): seats 23 to 27.
pub(crate) const BALCONY: Uuid = Uuid::from_u128(3);

/// Connections of one world.
const CONNECTIONS_MAX: u32 = 4;

pub(crate) struct ManualClock(pub(crate) AtomicU64);

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub(crate) struct World {
    pub(crate) ingress: Ingress,
    pub(crate) router: Router,
    pub(crate) log: Arc<ScriptedLog>,
    /// Of the whole installation, whoever calls.
    pub(crate) store: Store,
    pub(crate) operations: Arc<FakeOperations>,
    pub(crate) clock: Arc<ManualClock>,
    /// Dropped last.
    database: TestDatabase,
}

/// A request in the making.
pub(crate) struct Call<'a> {
    world: &'a World,
    request: http::request::Builder,
    body: Body,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut IngressConfig)) -> Self {
        Self::on(ScriptedLog::new(), change).await
    }

    /// One of several processes in front of the same log.
    pub(crate) async fn beside_others() -> Self {
        Self::on(ScriptedLog::shared(), |_| {}).await
    }

    /// One whose log decides as the machine does.
    pub(crate) async fn deciding() -> Self {
        Self::on(ScriptedLog::deciding(), |_| {}).await
    }

    async fn on(log: ScriptedLog, change: impl FnOnce(&mut IngressConfig)) -> Self {
        let database = TestDatabase::new().await;
        let store = Store::connect(database.url(), CONNECTIONS_MAX)
            .await
            .unwrap();
        store.for_installation().check_schema().await.unwrap();
        let mut config = config();
        change(&mut config);
        let log = Arc::new(log);
        let operations = Arc::new(FakeOperations::default());
        let clock = Arc::new(ManualClock(AtomicU64::new(NOW_MS)));
        let ingress = Ingress::new(
            config,
            log.clone(),
            store.clone(),
            operations.clone(),
            clock.clone(),
            prometheus::Registry::new(),
        )
        .unwrap();
        let router = ingress.router();
        let world = Self {
            ingress,
            router,
            log,
            store: store.for_installation(),
            operations,
            clock,
            database,
        };
        world.store.add_event(&event()).await.unwrap();
        world.store.add_show(&show()).await.unwrap();
        world.log.set_seats(seats(50));
        world
    }

    /// Another process in front of the same log and database.
    pub(crate) async fn another(&self) -> Ingress {
        let store = Store::connect(self.database.url(), CONNECTIONS_MAX).await;
        Ingress::new(
            config(),
            self.log.clone(),
            store.unwrap(),
            self.operations.clone(),
            self.clock.clone(),
            prometheus::Registry::new(),
        )
        .unwrap()
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call {
            world: self,
            request: Request::builder().method(method).uri(path),
            body: Body::empty(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    /// The text of `/metrics`, on the operations listener.
    pub(crate) async fn metrics(&self) -> String {
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let router = self.ingress.operations_router();
        let reply = Reply::read(router.oneshot(request).await.unwrap()).await;
        String::from_utf8(reply.bytes.to_vec()).unwrap()
    }

    /// `POST /bookings/reserve` of the buyer.
    pub(crate) fn reserve(&self, body: Value) -> Call<'_> {
        self.post("/api/v1/bookings/reserve")
            .by_role("buyer")
            .json(&body)
    }

    /// A booking of the buyer at this offset, and nothing else, in the store.
    pub(crate) async fn booked(&self, offset: u64) -> BookingId {
        let reserved = Reserved {
            booking: offset,
            show: SHOW,
            event: EVENT,
            user: BUYER,
            zone: 0,
            seats: SeatList::from_iter([0]),
            quantity: 1,
            unit_price: 250_000,
            currency: "THB".parse().unwrap(),
            expires_at_ms: NOW_MS + 600_000,
        };
        let record = ScriptedLog::record(offset, Outcome::Reserved(reserved));
        self.project(0, vec![record]).await;
        BookingId::new(PartitionId(0), offset)
    }

    /// Projects everything that the machine has decided.
    pub(crate) async fn catch_up(&self) {
        let (from_offset, outcomes) = self.log.machine(|machine| machine.take_new());
        let next_offset = self.log.machine(|machine| machine.next_offset());
        self.store
            .project(&ProjectionBatch {
                partition: PartitionId(0),
                from_offset,
                next_offset,
                log_time_ms: NOW_MS,
                outcomes,
                askers: Vec::new(),
            })
            .await
            .unwrap();
    }

    /// Projects outcomes into the store as the projector would.
    pub(crate) async fn project(&self, from: u64, outcomes: Vec<OutcomeRecord>) {
        let next = outcomes.last().unwrap().offset + 1;
        self.store
            .project(&ProjectionBatch {
                partition: PartitionId(0),
                from_offset: from,
                next_offset: next,
                log_time_ms: NOW_MS,
                outcomes,
                askers: Vec::new(),
            })
            .await
            .unwrap();
    }
}

fn config() -> IngressConfig {
    let mut config = IngressConfig::default();
    config.auth.hs256_secret = Some(Secret::new(SECRET));
    config.rate_limit.enabled = false;
    config.precheck.enabled = false;
    config.http.reply_deadline_ms = 5_000;
    config
}

impl Call<'_> {
    pub(crate) fn by_user(self, user: UserId, role: &str) -> Self {
        self.token(&Claims::new(user, role).token())
    }

    /// The buyer, organizer, ... of these tests.
    pub(crate) fn by_role(self, role: &str) -> Self {
        let user = match role {
            "buyer" => BUYER,
            "organizer" => ORGANIZER,
            _ => UserId::from_bytes([0xad; 16]),
        };
        self.by_user(user, role)
    }

    /// Instead of what was given before.
    pub(crate) fn token(mut self, token: &str) -> Self {
        let value = format!("Bearer {token}").parse().unwrap();
        let headers = self.request.headers_mut().unwrap();
        headers.insert("authorization", value);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    pub(crate) fn raw(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self.header("content-type", "application/json")
    }

    pub(crate) fn bare(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn open(self) -> Response<Body> {
        let request = self.request.body(self.body).unwrap();
        self.world.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(self) -> Reply {
        Reply::read(self.open().await).await
    }
}

pub(crate) fn event() -> EventRow {
    EventRow {
        event_id: EVENT,
        tenant_id: Uuid::from_u128(7),
        organizer_id: ORGANIZER,
        name: "A night out".to_owned(),
        description: None,
        venue: Some("Hall".to_owned()),
        city: Some("Bangkok".to_owned()),
        category: Some("concert".to_owned()),
        starts_at_ms: NOW_MS + 86_400_000,
        max_tickets_per_user: 4,
        minimum_age: None,
        requires_verified_account: false,
        status: EventStatus::Published,
        created_at_ms: NOW_MS,
        details: onsale_store::catalog::EventDetails::default(),
    }
}

pub(crate) fn show() -> ShowRow {
    let zone = |index, zone_id, name: &str, admission| ZoneRow {
        zone_id,
        index,
        name: name.to_owned(),
        unit_price: 250_000,
        currency: "THB".to_owned(),
        admission,
        growth: Growth::default(),
    };
    let row = |name: &str, seats| ChartRow {
        name: name.to_owned(),
        seats,
        plan: RowPlan::default(),
    };
    let named = ["L", "M", "N"].map(str::to_owned).to_vec();
    ShowRow {
        show_id: SHOW,
        event_id: EVENT,
        partition: PartitionId(0),
        map: None,
        name: None,
        starts_at_ms: NOW_MS + 86_400_000,
        sale_opens_at_ms: NOW_MS - 1_000,
        sale_closes_at_ms: NOW_MS + 82_800_000,
        closes_by_default: false,
        hold_ms: 600_000,
        cooldown_ms: 0,
        status: ShowStatus::Opening,
        created_at_ms: NOW_MS,
        companions_per_accessible: 0,
        offer: None,
        zones: vec![
            zone(
                0,
                STALLS,
                "Stalls",
                ZoneAdmission::Seated {
                    rows: vec![
                        row("A", RowSeats::Count(20)),
                        row("B", RowSeats::Labels(named)),
                    ],
                },
            ),
            zone(1, FLOOR, "Floor", ZoneAdmission::General { capacity: 100 }),
            zone(
                2,
                BALCONY,
                "Balcony",
                ZoneAdmission::Seated {
                    rows: vec![row("A", RowSeats::Count(5))],
                },
            ),
        ],
    }
}

/// All seats free as of an offset.
pub(crate) fn seats(next_offset: u64) -> ShowSeats {
    let free = |available| ZoneCounts {
        available,
        ..ZoneCounts::default()
    };
    ShowSeats {
        show: SHOW,
        next_offset,
        cancelled: false,
        zones: vec![free(23), free(100), free(5)],
        unavailable: Vec::new(),
    }
}
