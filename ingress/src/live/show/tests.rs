use onsale_schemas::outcome::{BlockChange, Outcome, OutcomeRecord, Reserved};
use onsale_schemas::seating::RowPlan;
use onsale_schemas::{EventId, PartitionId, SeatList, SeatStatus, TenantId, UserId, ZoneCounts};
use onsale_store::catalog::{ChartRow, RowSeats, ShowRow, ZoneAdmission};

use super::*;
use crate::charts::show_of;

const SEATS: u32 = 250_000;

/// A show of which every other seat is sold.
fn large(alive: &Alive) -> LiveShow {
    let rows = (0..250)
        .map(|n| ChartRow {
            name: format!("R{n}"),
            seats: RowSeats::Count(1_000),
            plan: RowPlan::default(),
        })
        .collect();
    let row = show_of(vec![ZoneAdmission::Seated { rows }]);
    let show = LiveShow::new(
        Arc::new(Chart::new(&row, TenantId::from_bytes([8; 16]))),
        alive.clone(),
    );
    let generation = show.restart();
    let seed = ShowSeats {
        show: row.show_id,
        next_offset: 1,
        cancelled: false,
        zones: vec![ZoneCounts {
            available: SEATS / 2,
            sold: SEATS / 2,
            ..ZoneCounts::default()
        }],
        unavailable: (0..SEATS)
            .step_by(2)
            .map(|seat| (seat, SeatStatus::Sold))
            .collect(),
    };
    assert!(show.seeded(generation, &seed));
    show
}

fn sell(show: &LiveShow, offset: Offset, seat: SeatIndex) {
    let reserved = Reserved {
        booking: offset,
        show: show.show,
        event: EventId::from_bytes([2; 16]),
        user: UserId::from_bytes([3; 16]),
        zone: 0,
        seats: SeatList::from_iter([seat]),
        quantity: 1,
        unit_price: 100,
        currency: "THB".parse().unwrap(),
        expires_at_ms: 0,
    };
    let record = OutcomeRecord {
        offset,
        previous: None,
        log_time_ms: 0,
        request_id: None,
        replay_of: None,
        expired: Vec::new(),
        outcome: Outcome::Reserved(reserved),
    };
    let batch = OutcomeBatch {
        partition: PartitionId(0),
        records: vec![record],
    };
    assert!(!show.apply(&Arc::new(batch)));
}

#[test]
fn readers_that_never_read_share_what_they_hold_while_seats_are_sold() {
    let alive = Alive::default();
    let show = large(&alive);
    let mut held = Vec::new();
    let mut answers = Vec::new();
    for n in 0..200_u32 {
        sell(&show, u64::from(n) + 1, 2 * n + 1);
        if n % 20 == 0 {
            show.tick();
        }
        held.push(show.open(None, Format::Full).unwrap());
        answers.push(show.answer(Format::Full).unwrap());
    }
    let one = held[0].first[0].len();
    assert!(one > 4 << 20, "it is a large show: {one} bytes");
    // Each rendering as an event and as an answer; ten ticks make two of them at most.
    assert!(alive.bytes() <= 4 * one + (1 << 20), "{}", alive.bytes());
    drop((held, answers, show));
    assert_eq!(alive.bytes(), 0);
}

#[test]
fn a_state_of_a_moment_ago_comes_with_what_changed_since() {
    let show = large(&Alive::default());
    let first = show.open(None, Format::Compact).unwrap();
    assert_eq!((first.first.len(), first.version), (1, 1));
    let full = show.open(None, Format::Full).unwrap();
    sell(&show, 7, 1);
    show.tick();
    sell(&show, 8, 3);
    // The large one is not rendered again at once; the small one is.
    let later = show.open(None, Format::Full).unwrap();
    assert_eq!(later.first[0].as_ptr(), full.first[0].as_ptr());
    assert_eq!((later.first.len(), later.version), (2, 8));
    let frame = String::from_utf8(later.first[1].to_vec()).unwrap();
    assert!(frame.contains("seat:1"), "{frame}");
    let small = show.open(None, Format::Compact).unwrap();
    assert_eq!((small.first.len(), small.version), (1, 9));
    assert!(small.first[0].len() < 64 << 10);
    // What is still to come reaches both.
    let mut notes = later.notes;
    show.tick();
    let Ok(Note::Frame(frame)) = notes.try_recv() else {
        panic!("no frame")
    };
    assert_eq!((frame.from, frame.version), (8, 9));
}

#[test]
fn a_stream_goes_on_with_the_places_that_a_show_gets() {
    let rows = |names: &[&str]| -> Vec<ChartRow> {
        let row = |name: &&str| ChartRow {
            name: (*name).to_owned(),
            seats: RowSeats::Count(2),
            plan: onsale_schemas::seating::RowPlan::default(),
        };
        names.iter().map(row).collect()
    };
    let chart = |row: &ShowRow| Arc::new(Chart::new(row, TenantId::from_bytes([8; 16])));
    let mut row = show_of(vec![ZoneAdmission::Seated { rows: rows(&["A"]) }]);
    let show = LiveShow::new(chart(&row), Alive::default());
    let generation = show.restart();
    let seed = ShowSeats {
        show: row.show_id,
        next_offset: 1,
        cancelled: false,
        zones: vec![ZoneCounts {
            available: 2,
            ..ZoneCounts::default()
        }],
        unavailable: Vec::new(),
    };
    assert!(show.seeded(generation, &seed));
    let mut reader = show.open(None, Format::Full).unwrap();

    let apply = |offset, outcome| {
        let record = OutcomeRecord {
            offset,
            previous: None,
            log_time_ms: 0,
            request_id: None,
            replay_of: None,
            expired: Vec::new(),
            outcome,
        };
        let batch = OutcomeBatch {
            partition: PartitionId(0),
            records: vec![record],
        };
        assert!(!show.apply(&Arc::new(batch)), "the view goes on");
        show.tick();
    };
    apply(
        1,
        Outcome::SeatsAdded {
            show: row.show_id,
            zone: 0,
            first_seat: 2,
            places: 2,
        },
    );
    let Ok(Note::Frame(frame)) = reader.notes.try_recv() else {
        panic!("no frame tells of the places");
    };
    let text = String::from_utf8(frame.bytes.to_vec()).unwrap();
    assert!(
        text.contains("\"total_seats\":4,\"available_seats\":4"),
        "{text}"
    );

    // The catalog has the names by now.
    assert!(row.zones[0].add_rows(&rows(&["B"]), 2, 1));
    let newer = chart(&row);
    show.renew(&newer);
    let Ok(Note::State(version, _)) = reader.notes.try_recv() else {
        panic!("no state is sent with the new chart");
    };
    assert_eq!(version, 2);
    assert_eq!(show.chart().seats(), 4);
    show.renew(&newer);
    assert!(
        reader.notes.try_recv().is_err(),
        "it has this chart already"
    );
    // Who comes back from before it gets the state: no frame has the new row. So does who had just seen it.
    for last in [1, 2] {
        let back = show.open(Some(last), Format::Full).unwrap();
        let first = String::from_utf8(back.first[0].to_vec()).unwrap();
        assert!(first.contains("event: state"), "{last}: {first}");
    }

    // What is gone is shown as blocked, and counted nowhere.
    let seats = SeatList::from_iter([3]);
    apply(
        2,
        Outcome::SeatsTaken(BlockChange {
            show: row.show_id,
            zone: 0,
            seats: seats.clone(),
            quantity: 1,
        }),
    );
    let Ok(Note::Frame(frame)) = reader.notes.try_recv() else {
        panic!("no frame tells of the seat");
    };
    let text = String::from_utf8(frame.bytes.to_vec()).unwrap();
    assert!(
        text.contains("\"total_seats\":3,\"available_seats\":3"),
        "{text}"
    );
    assert!(text.contains("\"blocked_seats\":0"), "{text}");
    assert!(
        text.contains("{\"seat_id\":\"seat:3\",\"status\":\"blocked\"}"),
        "{text}"
    );
    assert_eq!(show.taken(&seats), Some(vec![3]));
}
