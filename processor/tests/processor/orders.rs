//! Orders as a machine makes them: projected, compared with the machine and with the log, and repaired from
//! either.

mod codes;
mod told;

use std::sync::Arc;

use onsale_engine::Partition;
use onsale_log::LogReader;
use onsale_processor::reconcile::{
    Asked, Engine, Finding, LogRows, OpenAgain, Report, apply, compare, compare_rows,
};
use onsale_processor::replay::{Until, genesis, replay};
use onsale_schemas::{
    BookingId, CodeHash, EventId, Offset, Outcome, OutcomeRecord, PartitionId, ShowId, UserId,
};
use onsale_store::Store;
use onsale_store::audit::Unaudited;
use onsale_store::booking::{BookingRow, BookingStatus};
use onsale_store::catalog::{
    ChartRow, EventRow, EventStatus, Growth, OfferNames, RowSeats, ShowRow, ShowStatus,
    ZoneAdmission, ZoneRow,
};
use onsale_store::projection::ProjectionBatch;
use uuid::Uuid;

use self::told::{Records, told};

const P: PartitionId = PartitionId(0);
const EVENT: EventId = EventId::from_bytes([1; 16]);
/// With an offer.
const SHOW: ShowId = ShowId::from_bytes([2; 16]);
/// Without one.
const PLAIN_SHOW: ShowId = ShowId::from_bytes([3; 16]);
const USER: UserId = UserId::from_bytes([4; 16]);
const CODE: CodeHash = CodeHash::from_bytes([5; 16]);
const PHASE: u8 = 3;
const HOLD_MS: u32 = 600_000;
const LOG: [u8; 16] = [6; 16];
const NOW_MS: u64 = 1_800_000_000_000;

/// What the log comes to: the machine, its outcomes, and the rows as the log makes them.
fn outcome(records: &Records) -> (Partition, Vec<OutcomeRecord>, LogRows) {
    let (mut outcomes, mut rows) = (Vec::new(), LogRows::new(P, Asked::All));
    let mut reader = records.clone();
    let each = |_: onsale_schemas::Entry<'_>, record: Option<OutcomeRecord>, at: &Partition| {
        if let Some(record) = record {
            let is_refused = matches!(record.outcome, Outcome::Rejected(_));
            assert!(!is_refused, "{record:?}");
            rows.take(&record, at);
            outcomes.push(record);
        }
    };
    let machine = replay(&mut reader, genesis(P), Until::default(), each).unwrap();
    (machine, outcomes, rows)
}

fn show_row(show: ShowId) -> ShowRow {
    let zone = |index: u16, name: &str, admission| ZoneRow {
        zone_id: Uuid::from_u128(u128::from(index) + show.0.as_u128()),
        index,
        name: name.to_owned(),
        unit_price: 100,
        currency: "THB".to_owned(),
        admission,
        growth: Growth::default(),
    };
    let row = ChartRow {
        name: "A".to_owned(),
        seats: RowSeats::Count(8),
        plan: onsale_schemas::seating::RowPlan::default(),
    };
    ShowRow {
        show_id: show,
        event_id: EVENT,
        partition: P,
        name: None,
        starts_at_ms: NOW_MS,
        sale_opens_at_ms: 0,
        sale_closes_at_ms: NOW_MS,
        closes_by_default: false,
        hold_ms: HOLD_MS,
        cooldown_ms: 0,
        status: ShowStatus::Opening,
        created_at_ms: 1_000,
        zones: vec![
            zone(0, "Stalls", ZoneAdmission::Seated { rows: vec![row] }),
            zone(1, "Floor", ZoneAdmission::General { capacity: 50 }),
        ],
        map: None,
        offer: None,
        companions_per_accessible: 0,
    }
}

async fn projected(folder: &tempfile::TempDir, outcomes: Vec<OutcomeRecord>) -> Store {
    let url = format!("sqlite://{}", folder.path().join("test.sqlite").display());
    let store = Store::connect(&url, 2).await.unwrap();
    store.migrate().await.unwrap();
    let event = EventRow {
        event_id: EVENT,
        tenant_id: Uuid::from_bytes([7; 16]),
        organizer_id: USER,
        name: "Event".to_owned(),
        description: None,
        venue: None,
        city: None,
        category: None,
        starts_at_ms: NOW_MS,
        max_tickets_per_user: 0,
        minimum_age: None,
        requires_verified_account: false,
        status: EventStatus::Published,
        created_at_ms: 1_000,
        details: onsale_store::catalog::EventDetails::default(),
    };
    store.add_event(&event).await.unwrap();
    for show in [SHOW, PLAIN_SHOW] {
        store.add_show(&show_row(show)).await.unwrap();
    }
    let last = outcomes.last().unwrap();
    let batch = ProjectionBatch {
        partition: P,
        from_offset: 0,
        next_offset: last.offset + 1,
        log_time_ms: last.log_time_ms,
        outcomes,
        askers: Vec::new(),
    };
    store.project(&batch).await.unwrap();
    store
}

/// What differs of bookings, their seats and places.
fn of_bookings(report: &Report) -> Vec<&Finding> {
    let findings = report.differences.iter();
    let findings = findings.map(|difference| &difference.finding);
    let is_of_bookings = |finding: &&Finding| {
        matches!(
            finding,
            Finding::BookingMissing { .. }
                | Finding::BookingDiffers { .. }
                | Finding::BookingExtra { .. }
                | Finding::SeatHoldersDiffer { .. }
                | Finding::ZoneSumsDiffer { .. }
                | Finding::OrderCountsDiffer { .. }
        )
    };
    findings.filter(is_of_bookings).collect()
}

async fn row_of(store: &Store, booking: Offset) -> BookingRow {
    let found = store.booking(BookingId::new(P, booking)).await;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn a_projection_of_orders_is_what_machine_and_log_say() {
    let folder = tempfile::tempdir().unwrap();
    let told = told();
    let (machine, outcomes, rows) = outcome(&told.records);
    let store = projected(&folder, outcomes).await;

    let partly = row_of(&store, told.partly_returned).await;
    assert_eq!((&partly.seats[..], partly.quantity), (&[1][..], 2));
    assert_eq!(partly.status, BookingStatus::Confirmed);
    let order = partly.order.unwrap();
    // 900 and 360 with 10 each, and 50.
    assert_eq!((order.total, order.code), (1_330, Some(CODE)));
    assert_eq!(order.lines.len(), 3);
    let plain = row_of(&store, told.plain).await;
    assert_eq!((plain.quantity, plain.order), (2, None));
    let wholly = row_of(&store, told.wholly_returned).await;
    assert_eq!(wholly.status, BookingStatus::Cancelled);
    assert_eq!((wholly.quantity, wholly.order.unwrap().total), (0, 0));
    let expired = row_of(&store, told.expired).await;
    assert_eq!(expired.status, BookingStatus::Expired);
    assert_eq!((expired.zone, &expired.seats[..]), (1, &[5, 6][..]));
    let held = row_of(&store, told.held).await;
    assert_eq!((held.status, held.quantity), (BookingStatus::Reserved, 5));

    let counted = store.phase_counts(SHOW).await.unwrap();
    let by_machine = machine.phase_places(SHOW).into_iter();
    let by_machine = by_machine.filter(|(_, places)| *places > 0);
    let by_machine: Vec<(u8, u64)> = by_machine
        .map(|(phase, places)| (phase, u64::from(places)))
        .collect();
    assert_eq!(counted, by_machine);
    assert_eq!(counted, [(PHASE, 3)]);
    let uses = machine.code(SHOW, &CODE).unwrap().uses;
    let counted = store.code_uses(SHOW, CODE, Some(USER)).await.unwrap();
    assert_eq!((counted, uses), ((2, 2), 2));

    let report = compare(&[machine], None, &store, LOG, NOW_MS)
        .await
        .unwrap();
    assert_eq!(of_bookings(&report), [] as [&Finding; 0]);
    let mut by_log = Report::new(LOG, NOW_MS);
    compare_rows(P, rows.into_rows(), &store, &mut by_log)
        .await
        .unwrap();
    assert_eq!(of_bookings(&by_log), [] as [&Finding; 0]);
}

/// The catalog has nothing for sale, as after an old backup, and knows one name; the machine has an offer, and says by
/// which numbers.
#[tokio::test]
async fn an_offer_that_the_catalog_lacks_is_found_and_put_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let told = told();
    let (machine, outcomes, _) = outcome(&told.records);
    let store = projected(&folder, outcomes).await;
    let known = OfferNames {
        types: vec!["Adult".to_owned()],
        ..OfferNames::default()
    };
    let named = store.name_offer(SHOW, &known).await.unwrap().unwrap();
    assert_eq!(named.type_by_name("Adult"), Some(1));
    let engine_offer = machine.offer(SHOW).unwrap().clone();
    let machines = [machine];
    let offers = |report: &Report| -> Vec<ShowId> {
        let findings = report.differences.iter();
        let findings = findings.filter_map(|difference| match difference.finding {
            Finding::OfferDiffers { show_id } => Some(show_id),
            _ => None,
        });
        findings.collect()
    };
    let report = compare(&machines, None, &store, LOG, NOW_MS).await.unwrap();
    assert_eq!(offers(&report), [SHOW], "the other show has none");
    let engine = Engine {
        machines: &machines,
        log_id: LOG,
        log: None,
    };
    apply(&report, engine, &store, NOW_MS, None).await.unwrap();
    let row = store.show(SHOW).await.unwrap().unwrap().offer.unwrap();
    assert_eq!(row.offer, engine_offer);
    let names: Vec<(u8, &str)> = row
        .types
        .iter()
        .map(|named| (named.id, named.name.as_str()))
        .collect();
    assert_eq!(names, [(1, "Adult"), (2, "Type 2")]);
    let phases: Vec<&str> = row.phases.iter().map(|named| named.name.as_str()).collect();
    assert_eq!(phases, ["Phase 3"]);
    let after = compare(&machines, None, &store, LOG, NOW_MS).await.unwrap();
    assert_eq!(offers(&after), [] as [ShowId; 0]);
}

#[tokio::test]
async fn what_is_counted_of_orders_is_compared_and_counted_anew() {
    let folder = tempfile::tempdir().unwrap();
    let told = told();
    let (machine, outcomes, _) = outcome(&told.records);
    let store = projected(&folder, outcomes).await;
    let counted = async || {
        let phases = store.phase_counts(SHOW).await.unwrap();
        (phases, store.code_counts(SHOW).await.unwrap())
    };
    let right = counted().await;
    assert_eq!(right, (vec![(PHASE, 3)], vec![(CODE, 2)]));
    store.lose_order_counts().await.unwrap();
    assert_ne!(counted().await, right);
    let machines = [machine];
    let report = compare(&machines, None, &store, LOG, NOW_MS).await.unwrap();
    let differs = Finding::OrderCountsDiffer { show_id: SHOW };
    assert_eq!(of_bookings(&report), [&differs]);
    let engine = Engine {
        machines: &machines,
        log_id: LOG,
        log: None,
    };
    apply(&report, engine, &store, NOW_MS, None).await.unwrap();
    assert_eq!(counted().await, right);
    let after = compare(&machines, None, &store, LOG, NOW_MS).await.unwrap();
    assert_eq!(of_bookings(&after), [] as [&Finding; 0]);
}

#[tokio::test]
async fn orders_that_were_changed_by_hand_are_found_and_repaired() {
    let told = told();
    for from_the_log in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let (machine, outcomes, rows) = outcome(&told.records);
        let store = projected(&folder, outcomes).await;
        let mut right = Vec::new();
        let mut wrong: Vec<BookingRow> = Vec::new();
        for booking in [told.partly_returned, told.plain, told.held, told.expired] {
            let row = row_of(&store, booking).await;
            let mut changed = row.clone();
            changed.order = match row.order.clone() {
                None => wrong.first().and_then(|other| other.order.clone()),
                Some(_) if booking == told.held => None,
                Some(mut order) => {
                    order.total += 1;
                    order.code = None;
                    order.lines[0].unit_tax += 1;
                    Some(order)
                }
            };
            // A plain booking has seats for all of its places.
            if changed.order.is_none() {
                changed.quantity = 1;
            }
            right.push(row);
            wrong.push(changed);
        }
        store
            .repair_bookings(&wrong, Unaudited::Unattended)
            .await
            .unwrap();
        let mut by_log = Report::new(LOG, NOW_MS);
        compare_rows(P, rows.into_rows(), &store, &mut by_log)
            .await
            .unwrap();
        assert_eq!(of_bookings(&by_log).len(), wrong.len(), "{by_log:?}");

        let machines = [machine];
        let report = compare(&machines, None, &store, LOG, NOW_MS).await.unwrap();
        let found = of_bookings(&report);
        let differ = found.iter().filter_map(|finding| match finding {
            Finding::BookingDiffers {
                booking_id,
                columns,
                ..
            } => Some((booking_id.offset(), columns)),
            _ => None,
        });
        let differ: Vec<_> = differ.collect();
        assert_eq!(differ.len(), wrong.len(), "{found:?}");
        for (booking, columns) in differ {
            let named = columns
                .iter()
                .any(|column| column.starts_with("order_lines: "));
            assert!(named, "booking {booking}: {columns:?}");
        }
        let records = told.records.clone();
        let open: OpenAgain = Arc::new(move || Ok(Box::new(records.clone()) as Box<dyn LogReader>));
        let engine = Engine {
            machines: &machines,
            log_id: LOG,
            log: from_the_log.then_some(&open),
        };
        apply(&report, engine, &store, NOW_MS, None).await.unwrap();
        for row in right {
            let mut repaired = row_of(&store, row.booking_id.offset()).await;
            if !from_the_log {
                // The machine does not keep the record that changed it last.
                repaired.updated_offset = row.updated_offset;
            }
            assert_eq!(repaired, row, "from the log: {from_the_log}");
        }
        let after = compare(&machines, None, &store, LOG, NOW_MS).await.unwrap();
        assert_eq!(of_bookings(&after), [] as [&Finding; 0]);
    }
}
