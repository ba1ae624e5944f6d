//! A database that was lost after the beginning of its log was deleted: what the machine knows comes back, what
//! nobody has any more is named, and the projection goes on.

use std::path::Path;

use onsale_log::journal::JournalOptions;
use onsale_log::{CommandLog as _, Submission};
use onsale_processor::embedded::{Embedded, EmbeddedOptions, Retention};
use onsale_processor::metrics::Metrics;
use onsale_processor::replica::SnapshotPolicy;
use onsale_schemas::command::{Admission, Confirm, OpenShow, Pick, Reserve, ZoneLayout};
use onsale_schemas::{
    Actor, BookingId, Command, Envelope, EventId, NodeName, Offset, PartitionId, RequestId, ShowId,
    UserId,
};
use onsale_store::Store;
use onsale_store::booking::BookingStatus;
use prometheus::Registry;
use uuid::Uuid;

const P0: PartitionId = PartitionId(0);
const SHOW: ShowId = ShowId::from_bytes([1; 16]);
const BUYER: UserId = UserId::from_bytes([3; 16]);
/// Room for few records, so that there are old segments soon.
const SEGMENT_BYTES: u64 = 65_536;

async fn start(folder: &Path) -> (Embedded, Store) {
    let url = format!("sqlite://{}", folder.join("onsale.sqlite").display());
    let store = Store::connect(&url, 2).await.unwrap();
    store.migrate().await.unwrap();
    let options = EmbeddedOptions {
        node: NodeName("one".to_owned()),
        journal_dir: folder.join("log"),
        snapshots_dir: folder.join("snapshots"),
        journal: JournalOptions {
            segment_size_bytes: SEGMENT_BYTES,
            ..JournalOptions::new(1)
        },
        snapshots: SnapshotPolicy {
            every_records: 1_000_000,
            every_ms: 600_000,
        },
        retention: Retention {
            snapshots_kept: 1,
            log_age_max_ms: Some(1),
            in_database: false,
        },
        silence_max_days: 0,
    };
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let embedded = Embedded::start(options, store.clone(), metrics).await;
    (embedded.unwrap(), store)
}

/// Hands in a command; its offset.
async fn submit(embedded: &Embedded, command: Command) -> Offset {
    let request_id = RequestId(Uuid::new_v4());
    let envelope = Envelope::machine(command);
    let (submission, received) = Submission::new(P0, request_id, envelope).unwrap();
    embedded.log().submit(submission).unwrap();
    received.await.unwrap().unwrap().offset
}

async fn reserve(embedded: &Embedded) -> Offset {
    let reserve = Reserve {
        show: SHOW,
        user: BUYER,
        zone: 0,
        pick: Pick::General { quantity: 1 },
        expected_unit_price: None,
    };
    submit(embedded, Command::Reserve(reserve)).await
}

/// Waits until the projection is beyond an offset.
async fn until_projected(embedded: &Embedded, offset: Offset) {
    while embedded.projected().offset(P0) <= offset {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_is_projected_on_although_a_payment_reference_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (embedded, store) = start(folder.path()).await;
    let show = OpenShow {
        show: SHOW,
        event: EventId::from_bytes([2; 16]),
        max_tickets_per_user: 0,
        sale_opens_at_ms: 0,
        sale_closes_at_ms: 4_000_000_000_000,
        hold_ms: 600_000,
        zones: vec![ZoneLayout {
            unit_price: 100,
            currency: "THB".parse().unwrap(),
            admission: Admission::General { capacity: 10 },
        }],
    };
    submit(&embedded, Command::OpenShow(show)).await;
    let booking = reserve(&embedded).await;
    let confirm = Confirm {
        booking,
        by: Actor::Buyer(BUYER),
        payment_reference: "pi_1".to_owned(),
    };
    submit(&embedded, Command::Confirm(confirm)).await;
    let mut last = 0;
    for _ in 0..800 {
        let command = Command::Release {
            booking: 999,
            by: Actor::Buyer(BUYER),
        };
        last = submit(&embedded, command).await;
    }
    until_projected(&embedded, last).await;
    embedded.snapshot(None).await.unwrap();
    // The next one deletes what the one before has made old.
    last = reserve(&embedded).await;
    until_projected(&embedded, last).await;
    embedded.snapshot(None).await.unwrap();
    let (first, _) = embedded.read_log().unwrap().reader.bounds(P0).unwrap();
    assert!(first > booking, "the beginning of the log is gone: {first}");
    embedded.stop().await;
    store.close().await;
    for file in ["onsale.sqlite", "onsale.sqlite-wal", "onsale.sqlite-shm"] {
        drop(std::fs::remove_file(folder.path().join(file)));
    }

    for _ in 0..2 {
        let (embedded, store) = start(folder.path()).await;
        let last = reserve(&embedded).await;
        until_projected(&embedded, last).await;
        let row = store
            .booking(BookingId::new(P0, booking))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.status, BookingStatus::Confirmed);
        assert_eq!(row.payment_reference, None);
        let newest = store.booking(BookingId::new(P0, last)).await.unwrap();
        assert_eq!(newest.unwrap().status, BookingStatus::Reserved);
        embedded.stop().await;
        store.close().await;
    }
}
