//! Shows that get and lose places after they were opened.

use onsale_schemas::outcome::BlockChange;
use onsale_schemas::{Offset, Outcome, SeatStatus, ZoneIndex};
use onsale_store::StoreError;
use onsale_store::audit::Unaudited;
use onsale_store::booking::ZoneSums;
use onsale_store::catalog::{
    Addition, ChartRow, Lack, Quotas, RowSeats, SeatIndexes, ShowRow, ZoneAdmission,
};
use onsale_store::document::{CatalogCursor, Document, Versioned};

use crate::build::{Chain, booking, counts, event_id, id, show_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    rows_are_added_while_seats_are_sold,
    an_addition_that_is_projected_twice_adds_once,
    a_repetition_settles_what_was_written_down,
    general_admission_grows_and_shrinks,
    a_zone_is_added,
    seats_are_taken_away,
    what_has_no_name_is_left_to_the_document,
    what_was_taken_meanwhile_keeps_no_names_away,
    what_grew_is_another_version_of_the_show,
    what_organizers_have_grows_along,
    a_wrong_count_of_what_organizers_have_stops_nothing,
);

/// An opened show, and the chain that opens it.
async fn opened(bench: &Bench) -> Chain {
    let show = with_show(&bench.store).await;
    let mut chain = Chain::default();
    chain.push(Outcome::ShowOpened {
        show: show.show_id,
        event: show.event_id,
    });
    bench.store.project(&chain.all()).await.unwrap();
    chain
}

async fn found(bench: &Bench) -> ShowRow {
    bench.store.show(show_id(1)).await.unwrap().unwrap()
}

fn rows(names: &[(&str, u16)]) -> Vec<ChartRow> {
    let row = |(name, seats): &(&str, u16)| ChartRow {
        name: (*name).to_owned(),
        seats: RowSeats::Count(*seats),
        plan: onsale_schemas::seating::RowPlan::default(),
    };
    names.iter().map(row).collect()
}

fn added_rows(names: &[(&str, u16)]) -> Addition {
    Addition::Rows { rows: rows(names) }
}

/// The record of an addition, whose names are written down before.
async fn add(
    bench: &Bench,
    chain: &mut Chain,
    addition: Option<&Addition>,
    (zone, first_seat, places): (ZoneIndex, u32, u32),
) -> Offset {
    let offset = chain.push(Outcome::SeatsAdded {
        show: show_id(1),
        zone,
        first_seat,
        places,
    });
    if let Some(addition) = addition {
        let request = chain.outcomes.last().unwrap().request_id.unwrap();
        let store = &bench.store;
        let written = store
            .propose_addition(request, show_id(1), addition, 1, Unaudited::Unattended)
            .await;
        assert!(written.unwrap().is_there());
    }
    offset
}

fn take(chain: &mut Chain, zone: ZoneIndex, seats: &[u32], quantity: u32) -> Offset {
    chain.push(Outcome::SeatsTaken(BlockChange {
        show: show_id(1),
        zone,
        seats: seats.into(),
        quantity,
    }))
}

async fn rows_are_added_while_seats_are_sold(bench: Bench) {
    let store = &bench.store;
    let mut chain = opened(&bench).await;
    let before = found(&bench).await;
    chain.reserve(1, 1, &[4, 5]);
    let names = added_rows(&[("X", 3), ("Y", 2)]);
    let added = add(&bench, &mut chain, Some(&names), (0, 35, 5)).await;
    assert_eq!(found(&bench).await, before, "the log has not accepted it");
    let sold = chain.reserve(1, 2, &[35, 39]);
    chain.block(1, 0, &[36], 1);
    chain.block(1, 2, &[34], 1);
    store.project(&chain.all()).await.unwrap();

    let show = found(&bench).await;
    assert_eq!(show.grown_at(), Some(added));
    let indexes = SeatIndexes::of(&show.zones);
    assert_eq!(indexes.rows(0)[3..], [35, 38]);
    assert_eq!((indexes.zone(39), indexes.zone(30)), (Some(0), Some(2)));
    assert_eq!(show.zones[1..], before.zones[1..]);
    let seats = store.show_seats(show_id(1)).await.unwrap().unwrap();
    assert_eq!(
        seats.zones,
        [
            counts(30, 4, 0, 1),
            counts(1_000, 0, 0, 0),
            counts(4, 0, 0, 1)
        ]
    );
    assert_eq!(
        seats.unavailable,
        [
            (4, SeatStatus::Held),
            (5, SeatStatus::Held),
            (34, SeatStatus::Blocked),
            (35, SeatStatus::Held),
            (36, SeatStatus::Blocked),
            (39, SeatStatus::Held),
        ]
    );
    let places = store.show_places(show_id(1)).await.unwrap().unwrap();
    assert_eq!(places.zones, seats.zones);
    let sums = store.zone_sums(show_id(1)).await.unwrap();
    let sum = |held, blocked| ZoneSums {
        held,
        blocked,
        ..ZoneSums::default()
    };
    assert_eq!(sums, [sum(4, 1), sum(0, 0), sum(0, 1)]);
    assert_eq!(booking(store, sold).await.seats, [35, 39]);
}

async fn an_addition_that_is_projected_twice_adds_once(bench: Bench) {
    let store = &bench.store;
    let mut chain = opened(&bench).await;
    let names = added_rows(&[("X", 3)]);
    add(&bench, &mut chain, Some(&names), (0, 35, 3)).await;
    add(&bench, &mut chain, None, (1, 0, 50)).await;
    store.project(&chain.all()).await.unwrap();
    let once = found(&bench).await;
    assert_eq!(once.zones[0].places(), 33);
    assert_eq!(once.zones[1].places(), 1_050);
    store.project(&chain.all()).await.unwrap();
    assert_eq!(found(&bench).await, once);
    // The watermark was set back, by a backup of that table alone.
    bench.tamper("DELETE FROM projector_watermarks").await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(found(&bench).await, once);
}

async fn a_repetition_settles_what_was_written_down(bench: Bench) {
    let store = &bench.store;
    let mut chain = opened(&bench).await;
    let names = added_rows(&[("X", 3)]);
    let first = add(&bench, &mut chain, Some(&names), (0, 35, 3)).await;
    add(&bench, &mut chain, Some(&names), (0, 35, 3)).await;
    chain.mark_replay(first);
    store.project(&chain.all()).await.unwrap();
    assert_eq!(found(&bench).await.zones[0].places(), 33);
    assert_eq!(store.forget_changes(u64::MAX >> 1).await.unwrap(), 0);
}

async fn general_admission_grows_and_shrinks(bench: Bench) {
    let store = &bench.store;
    let mut chain = opened(&bench).await;
    chain.reserve_general(1, 1, 3);
    add(&bench, &mut chain, None, (1, 0, 20)).await;
    let taken = take(&mut chain, 1, &[], 100);
    store.project(&chain.all()).await.unwrap();
    let show = found(&bench).await;
    assert_eq!(
        show.zones[1].admission,
        ZoneAdmission::General { capacity: 920 }
    );
    assert_eq!(show.zones[1].growth.changed_at, Some(taken));
    let seats = store.show_seats(show_id(1)).await.unwrap().unwrap();
    assert_eq!(seats.zones[1], counts(917, 3, 0, 0));
}

async fn a_zone_is_added(bench: Bench) {
    let store = &bench.store;
    let mut chain = opened(&bench).await;
    let zone = |number, places| Addition::Zone {
        zone_id: id(number),
        name: format!("New {number}"),
        unit_price: 5,
        currency: "THB".to_owned(),
        places,
    };
    let seated = zone(
        1,
        ZoneAdmission::Seated {
            rows: rows(&[("A", 2)]),
        },
    );
    let general = zone(2, ZoneAdmission::General { capacity: 7 });
    add(&bench, &mut chain, Some(&seated), (3, 35, 2)).await;
    add(&bench, &mut chain, Some(&general), (4, 0, 7)).await;
    let more = added_rows(&[("B", 1)]);
    add(&bench, &mut chain, Some(&more), (3, 37, 1)).await;
    store.project(&chain.all()).await.unwrap();
    let show = found(&bench).await;
    assert!(show.has_all_zones());
    let names: Vec<&str> = show.zones.iter().map(|zone| zone.name.as_str()).collect();
    assert_eq!(names[3..], ["New 1", "New 2"]);
    assert_eq!((show.zones[3].places(), show.zones[4].places()), (3, 7));
    let indexes = SeatIndexes::of(&show.zones);
    assert_eq!(indexes.rows(3), [35, 37]);
    let listed = store.list_shows(event_id(1), 1, 10).await.unwrap();
    let listed = &listed.rows[0].zones;
    assert_eq!((listed[3].places, listed[4].places), (3, 7));
}

async fn seats_are_taken_away(bench: Bench) {
    let store = &bench.store;
    let mut chain = opened(&bench).await;
    let names = added_rows(&[("X", 3)]);
    add(&bench, &mut chain, Some(&names), (0, 35, 3)).await;
    chain.block(1, 0, &[0, 1], 2);
    let released = chain.reserve(1, 1, &[2]);
    take(&mut chain, 0, &[37, 0], 2);
    chain.release(1, 1, released, &[2]);
    store.project(&chain.all()).await.unwrap();
    let show = found(&bench).await;
    assert_eq!(show.zones[0].growth.gone, [0, 37]);
    assert_eq!(show.zones[0].places(), 31);
    let seats = store.show_seats(show_id(1)).await.unwrap().unwrap();
    assert_eq!(seats.zones[0], counts(30, 0, 0, 1));
    assert_eq!(
        seats.unavailable,
        [0, 1, 37].map(|seat| (seat, SeatStatus::Blocked))
    );
    // What was blocked is gone, and blocked no more.
    let (blocked, _) = store.blocked_places(show_id(1)).await.unwrap();
    assert_eq!(blocked, [1]);
    assert_eq!(
        store.show_places(show_id(1)).await.unwrap().unwrap().zones[0],
        counts(30, 0, 0, 1)
    );
}

async fn what_has_no_name_is_left_to_the_document(bench: Bench) {
    let store = &bench.store;
    let mut chain = opened(&bench).await;
    let before = found(&bench).await;
    let of_rows = add(&bench, &mut chain, None, (0, 35, 3)).await;
    let of_zone = add(&bench, &mut chain, None, (3, 38, 3)).await;
    // What was written down for another kind of thing does not count either.
    let other = added_rows(&[("X", 3)]);
    let of_another = add(&bench, &mut chain, Some(&other), (4, 41, 3)).await;
    let of_others = add(&bench, &mut chain, Some(&other), (0, 44, 2)).await;
    store.project(&chain.all()).await.unwrap();
    let lacking = found(&bench).await;
    assert!(lacking.is_lacking() && !before.is_lacking());
    for (zone, opened) in lacking.zones.iter().zip(&before.zones) {
        assert_eq!(zone.admission, opened.admission);
        assert!(zone.growth.runs.is_empty());
    }
    // The log gets no document without the names.
    assert_eq!(undescribed(&bench).await, 0);

    let mut document = document_of(&before, version(&bench).await + 3);
    let described = document.show.as_mut().unwrap();
    assert!(described.row.zones[0].add_rows(&rows(&[("X", 3)]), 35, of_rows));
    let zone = Addition::Zone {
        zone_id: id(9),
        name: "New".to_owned(),
        unit_price: 5,
        currency: "THB".to_owned(),
        places: ZoneAdmission::Seated {
            rows: rows(&[("A", 3)]),
        },
    };
    described.row.zones.push(zone.zone(3, 38, of_zone).unwrap());
    let mut wanted = described.row.zones.clone();
    // These have no names as yet.
    let lack = |zone, first, at| Lack { zone, first, at };
    wanted[0].growth.lacks = vec![lack(4, None, of_another), lack(0, Some(44), of_others)];
    let audit = Unaudited::Unattended;
    assert!(store.restore_document(&document, audit).await.unwrap());
    assert_eq!(found(&bench).await.zones, wanted);
    assert!(!store.usage_differs().await.unwrap());
    // An older document takes nothing of it back.
    document.show.as_mut().unwrap().version += 1;
    document.show.as_mut().unwrap().row.zones = before.zones;
    let audit = Unaudited::Unattended;
    assert!(store.restore_document(&document, audit).await.unwrap());
    assert_eq!(found(&bench).await.zones, wanted);
}

/// A document of a show as it was, under another version.
fn document_of(row: &ShowRow, version: u64) -> Document {
    Document {
        event: Versioned {
            version: 1,
            row: crate::build::event(1),
        },
        show: Some(Versioned {
            version,
            row: row.clone(),
        }),
        as_of: None,
    }
}

async fn version(bench: &Bench) -> u64 {
    let versions = bench.store.catalog_versions(event_id(1), Some(show_id(1)));
    versions.await.unwrap().1.unwrap()
}

/// How many documents of shows the log is to get.
async fn undescribed(bench: &Bench) -> usize {
    let found = bench
        .store
        .undescribed(16, &[], CatalogCursor::default(), 10);
    let found = found.await.unwrap();
    found.iter().filter(|found| found.show.is_some()).count()
}

/// A database that was lost gets the names from the log's documents, whatever the log decided before them.
async fn what_was_taken_meanwhile_keeps_no_names_away(bench: Bench) {
    let store = &bench.store;
    let mut chain = opened(&bench).await;
    let opened = found(&bench).await;
    let first = add(&bench, &mut chain, None, (0, 35, 3)).await;
    let second = add(&bench, &mut chain, None, (0, 38, 2)).await;
    let named = added_rows(&[("Z", 1)]);
    let third = add(&bench, &mut chain, Some(&named), (0, 40, 1)).await;
    // Each of them is another version of the show, so that documents are older than it.
    let mut last = third;
    for seat in [1, 36, 38, 40] {
        last = take(&mut chain, 0, &[seat], 1);
    }
    store.project(&chain.all()).await.unwrap();
    let mut whole = opened.zones[0].clone();
    for (names, seat, offset) in [
        (&[("X", 3)][..], 35, first),
        (&[("Y", 2)][..], 38, second),
        (&[("Z", 1)][..], 40, third),
    ] {
        assert!(whole.add_rows(&rows(names), seat, offset));
        // The document of this moment.
        let mut of_then = opened.clone();
        of_then.zones[0] = whole.clone();
        of_then.zones[0].growth.gone = Vec::new();
        let document = document_of(&of_then, 2);
        let audit = Unaudited::Unattended;
        store.restore_document(&document, audit).await.unwrap();
    }
    whole.growth.take([1, 36, 38, 40]);
    whole.growth.changed_at = Some(last);
    let show = found(&bench).await;
    assert_eq!(show.zones[0], whole);
    assert_eq!(show.zones[0].places(), 32);
    assert!(!store.usage_differs().await.unwrap());
    // It is told to the log again, now that it is whole.
    assert_eq!(undescribed(&bench).await, 1);
}

async fn what_grew_is_another_version_of_the_show(bench: Bench) {
    let store = &bench.store;
    let mut chain = opened(&bench).await;
    let version = async || {
        let versions = store.catalog_versions(event_id(1), Some(show_id(1))).await;
        versions.unwrap().1.unwrap()
    };
    let mut last = version().await;
    let names = added_rows(&[("X", 3)]);
    let zone = Addition::Zone {
        zone_id: id(9),
        name: "New".to_owned(),
        unit_price: 5,
        currency: "THB".to_owned(),
        places: ZoneAdmission::General { capacity: 1 },
    };
    add(&bench, &mut chain, Some(&names), (0, 35, 3)).await;
    add(&bench, &mut chain, None, (1, 0, 1)).await;
    add(&bench, &mut chain, Some(&zone), (3, 0, 1)).await;
    take(&mut chain, 0, &[0], 1);
    take(&mut chain, 1, &[], 1);
    for offset in 1..chain.next_offset {
        store
            .project(&chain.batch(offset, offset + 1))
            .await
            .unwrap();
        let now = version().await;
        assert!(now > last, "record {offset}");
        last = now;
    }
}

async fn what_organizers_have_grows_along(bench: Bench) {
    let store = &bench.store;
    let mut chain = opened(&bench).await;
    let quotas = |seats| Quotas {
        seats_per_organizer_max: seats,
        ..Quotas::UNLIMITED
    };
    let check =
        async |seats, quotas: Quotas| store.check_growth(event_id(1), seats, 10, &quotas).await;
    check(3, quotas(38)).await.unwrap();
    let refused = check(4, quotas(38)).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Quota {
                name: "seats_per_organizer_max",
                max: 38,
                has: 35,
                asked: 4
            })
        ),
        "{refused:?}"
    );
    let names = added_rows(&[("X", 3)]);
    add(&bench, &mut chain, Some(&names), (0, 35, 3)).await;
    take(&mut chain, 2, &[30], 1);
    add(&bench, &mut chain, None, (1, 0, 10)).await;
    store.project(&chain.all()).await.unwrap();
    check(1, quotas(38)).await.unwrap();
    assert!(check(2, quotas(38)).await.is_err());
    assert!(!store.usage_differs().await.unwrap());
}

async fn a_wrong_count_of_what_organizers_have_stops_nothing(bench: Bench) {
    let store = &bench.store;
    let mut chain = opened(&bench).await;
    bench
        .tamper("UPDATE organizer_usage SET events = 0, seats = 1, layout_bytes = 0")
        .await;
    take(&mut chain, 0, &[3, 4, 5], 3);
    let names = added_rows(&[("X", 3)]);
    add(&bench, &mut chain, Some(&names), (0, 35, 3)).await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(found(&bench).await.zones[0].places(), 30);
    assert!(store.usage_differs().await.unwrap());
    store.repair_usage(Unaudited::Unattended).await.unwrap();
    assert!(!store.usage_differs().await.unwrap());
}
