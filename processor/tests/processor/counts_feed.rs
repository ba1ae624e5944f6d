//! The feed of Redis, over a real store and a real Redis that is emptied and killed.

use std::time::Duration;

use onsale_counts::{Counts, CountsSettings, UserTickets, ZonePlaces};
use onsale_processor::counts_feed::CountsFeed;
use onsale_schemas::outcome::{EndedBooking, Reserved};
use onsale_schemas::{
    EventId, Offset, Outcome, OutcomeRecord, PartitionId, SeatList, ShowId, UserId,
};
use onsale_store::Store;
use onsale_store::catalog::{
    EventRow, EventStatus, Growth, ShowRow, ShowStatus, ZoneAdmission, ZoneRow,
};
use onsale_store::projection::ProjectionBatch;
use uuid::Uuid;

#[expect(dead_code, reason = "other test programs use the rest of it")]
#[path = "../../counts/tests/counts/server.rs"]
mod server;
use server::Server;

const P: PartitionId = PartitionId(0);
const EVENT: EventId = EventId::from_bytes([1; 16]);
const SHOW: ShowId = ShowId::from_bytes([2; 16]);
const USER: UserId = UserId::from_bytes([3; 16]);
const UNTIL_MS: u64 = 1_700_000_600_000;
/// Far more than the feed takes to try again.
const PATIENCE: Duration = Duration::from_secs(60);

struct Bench {
    store: Store,
    counts: Counts,
    feed: CountsFeed,
    task: tokio::task::JoinHandle<()>,
    next: Offset,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// A show with 100 places of general admission.
    async fn new(redis: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.sqlite").display());
        let store = Store::connect(&url, 2).await.unwrap();
        store.migrate().await.unwrap();
        store.add_event(&event()).await.unwrap();
        store.add_show(&show()).await.unwrap();
        let settings = CountsSettings::new(redis.url(), "test", "projector-1");
        let counts = Counts::new(&settings, &prometheus::Registry::new()).unwrap();
        let (feed, task) = CountsFeed::new(store.clone(), counts.clone());
        Self {
            store,
            counts,
            feed,
            task: tokio::spawn(task.run()),
            next: 0,
            _folder: folder,
        }
    }

    /// Projects the next outcome and tells the feed.
    async fn project(&mut self, outcome: Outcome) {
        let offset = self.next;
        self.next += 1;
        let batch = ProjectionBatch {
            partition: P,
            from_offset: offset,
            next_offset: self.next,
            log_time_ms: 1_700_000_000_000,
            outcomes: vec![OutcomeRecord {
                offset,
                previous: offset.checked_sub(1),
                log_time_ms: 1_700_000_000_000,
                request_id: None,
                replay_of: None,
                expired: Vec::new(),
                outcome,
            }],
            askers: Vec::new(),
        };
        self.store.project(&batch).await.unwrap();
        self.feed.projected(&batch);
    }

    async fn reserve(&mut self, quantity: u32) -> Offset {
        let booking = self.next;
        let reserved = Reserved {
            booking,
            show: SHOW,
            event: EVENT,
            user: USER,
            zone: 0,
            seats: SeatList::new(),
            quantity,
            unit_price: 1,
            currency: "THB".parse().unwrap(),
            expires_at_ms: UNTIL_MS + booking,
        };
        self.project(Outcome::Reserved(reserved)).await;
        booking
    }

    async fn release(&mut self, booking: Offset, quantity: u32) {
        let booking = EndedBooking {
            booking,
            show: SHOW,
            user: USER,
            zone: 0,
            seats: SeatList::new(),
            quantity,
        };
        let released = Outcome::Released {
            booking,
            was_confirmed: false,
        };
        self.project(released).await;
    }

    /// Waits until Redis says this of the zone.
    async fn wait_for_places(&self, available: u32) -> ZonePlaces {
        let seen = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Ok(found) = self.counts.read_zones(&[(EVENT, SHOW, 0)]).await
                    && let [Some(Ok(places))] = found[..]
                    && places.available == available
                {
                    return places;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        seen.await.expect("the places are never written")
    }

    async fn tickets(&self) -> Option<UserTickets> {
        let found = self.counts.read_users(&[(EVENT, USER)]).await.unwrap();
        found.into_iter().next().unwrap().map(Result::unwrap)
    }
}

#[tokio::test]
async fn counts_follow_the_projection() {
    let Some(redis) = Server::start() else {
        return;
    };
    let mut bench = Bench::new(&redis).await;
    let first = bench.reserve(3).await;
    bench.wait_for_places(97).await;
    bench.reserve(2).await;
    let places = bench.wait_for_places(95).await;
    assert_eq!((places.total, places.version), (100, 2));
    // Tickets are written before the places that vouch for them.
    assert_eq!(
        bench.tickets().await,
        Some(UserTickets {
            version: 2,
            tickets: 5,
            until_ms: Some(UNTIL_MS),
        })
    );
    bench.release(first, 3).await;
    bench.wait_for_places(98).await;
    let left = bench.tickets().await.unwrap();
    assert_eq!((left.tickets, left.until_ms), (2, Some(UNTIL_MS + 1)));
    drop(bench.feed);
    bench.task.await.unwrap();
}

#[tokio::test]
async fn an_emptied_redis_is_filled_again_although_nothing_changes() {
    let Some(redis) = Server::start() else {
        return;
    };
    let mut bench = Bench::new(&redis).await;
    bench.reserve(3).await;
    bench.wait_for_places(97).await;
    redis.command(&["FLUSHALL"]);
    bench.wait_for_places(97).await;
    assert_eq!(bench.tickets().await, None, "until they change");
}

#[tokio::test]
async fn while_redis_is_gone_the_projection_goes_on_and_nothing_is_forgotten() {
    let Some(mut redis) = Server::start() else {
        return;
    };
    let mut bench = Bench::new(&redis).await;
    bench.reserve(3).await;
    bench.wait_for_places(97).await;
    redis.kill();
    for _ in 0..20 {
        bench.reserve(1).await;
    }
    redis.restart();
    let places = bench.wait_for_places(77).await;
    assert_eq!(places.version, 21);
    assert_eq!(bench.tickets().await.unwrap().tickets, 23);
}

#[tokio::test]
async fn a_projector_that_starts_later_does_not_vouch_for_tickets_of_before() {
    let Some(redis) = Server::start() else {
        return;
    };
    let mut bench = Bench::new(&redis).await;
    bench.reserve(3).await;
    bench.wait_for_places(97).await;
    // Another one takes over, which has not seen what changed before.
    let (feed, task) = CountsFeed::new(bench.store.clone(), bench.counts.clone());
    tokio::spawn(task.run());
    bench.feed = feed;
    bench.reserve(1).await;
    let places = bench.wait_for_places(96).await;
    assert_eq!((places.version, places.users_from), (2, 1));
}

fn event() -> EventRow {
    EventRow {
        event_id: EVENT,
        tenant_id: Uuid::from_u128(1),
        organizer_id: UserId::from_bytes([9; 16]),
        name: "Event".to_owned(),
        description: None,
        venue: None,
        city: None,
        category: None,
        starts_at_ms: 1_800_000_000_000,
        max_tickets_per_user: 4,
        minimum_age: None,
        requires_verified_account: false,
        status: EventStatus::Published,
        created_at_ms: 1_700_000_000_000,
        details: onsale_store::catalog::EventDetails::default(),
    }
}

fn show() -> ShowRow {
    ShowRow {
        show_id: SHOW,
        event_id: EVENT,
        partition: P,
        map: None,
        name: None,
        starts_at_ms: 1_800_000_000_000,
        sale_opens_at_ms: 1_700_000_000_000,
        sale_closes_at_ms: 1_800_000_000_000,
        closes_by_default: false,
        hold_ms: 600_000,
        cooldown_ms: 0,
        status: ShowStatus::Open,
        created_at_ms: 1_700_000_000_000,
        companions_per_accessible: 0,
        offer: None,
        zones: vec![ZoneRow {
            zone_id: Uuid::from_u128(2),
            index: 0,
            name: "Floor".to_owned(),
            unit_price: 1,
            currency: "THB".to_owned(),
            admission: ZoneAdmission::General { capacity: 100 },
            growth: Growth::default(),
        }],
    }
}
