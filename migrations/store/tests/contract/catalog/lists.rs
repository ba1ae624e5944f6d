//! Lists of events and shows.

use onsale_schemas::UserId;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{
    EventFilter, EventStatus, ShowRow, ShowStatus, TenantScope, ZoneAdmission,
};

use crate::build::{event, event_id, id, show, show_id};
use crate::harness::{Bench, contract};

contract!(
    events_are_filtered,
    search_takes_wildcards_literally,
    events_are_paged,
    events_begin_and_end_with_their_shows,
    shows_are_listed,
);

#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn events_are_filtered(bench: Bench) {
    let store = &bench.store;
    let mut other = event(2);
    other.name = "ÉTÉ Festival".to_owned();
    other.city = Some("Lyon".to_owned());
    other.category = Some("festival".to_owned());
    other.venue = None;
    other.tenant_id = id(2);
    let mut draft = event(3);
    draft.status = EventStatus::Draft;
    let mut off = event(4);
    off.status = EventStatus::Cancelled;
    for row in [&event(1), &other, &draft, &off] {
        store.add_event(row).await.unwrap();
    }
    let base = EventFilter::default;
    let cases: Vec<(EventFilter, Vec<u64>)> = vec![
        (base(), vec![1, 2]),
        (
            EventFilter {
                unpublished: true,
                ..base()
            },
            vec![1, 2, 3, 4],
        ),
        (
            EventFilter {
                city: Some("zÜRICH".to_owned()),
                ..base()
            },
            vec![1],
        ),
        (
            EventFilter {
                category: Some("FESTIVAL".to_owned()),
                ..base()
            },
            vec![2],
        ),
        (
            EventFilter {
                tenants: TenantScope::One(id(2)),
                ..base()
            },
            vec![2],
        ),
        (
            EventFilter {
                organizer_id: Some(event(1).organizer_id),
                tenants: TenantScope::One(event(1).tenant_id),
                ..base()
            },
            vec![1],
        ),
        (
            EventFilter {
                organizer_id: Some(UserId(id(99))),
                ..base()
            },
            vec![],
        ),
        (
            EventFilter {
                search: Some("été".to_owned()),
                ..base()
            },
            vec![2],
        ),
        (
            EventFilter {
                search: Some("ÖLBERG".to_owned()),
                ..base()
            },
            vec![1],
        ),
        (
            EventFilter {
                search: Some("loud & LATE".to_owned()),
                ..base()
            },
            vec![1, 2],
        ),
        (
            EventFilter {
                search: Some("  ".to_owned()),
                ..base()
            },
            vec![1, 2],
        ),
        (
            EventFilter {
                search: Some("nowhere".to_owned()),
                ..base()
            },
            vec![],
        ),
        (
            EventFilter {
                from_ms: Some(event(2).starts_at_ms),
                ..base()
            },
            vec![2],
        ),
        (
            EventFilter {
                until_ms: Some(event(2).starts_at_ms),
                ..base()
            },
            vec![1],
        ),
        (
            EventFilter {
                from_ms: Some(u64::MAX),
                ..base()
            },
            vec![],
        ),
        (
            EventFilter {
                until_ms: Some(u64::MAX),
                city: Some("lyon".to_owned()),
                category: Some("festival".to_owned()),
                search: Some("festival".to_owned()),
                ..base()
            },
            vec![2],
        ),
    ];
    for (filter, expected) in cases {
        let page = store.events(&filter, 1, 10).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(event_id).collect();
        let found: Vec<_> = page.rows.iter().map(|row| row.event_id).collect();
        assert_eq!(found, expected, "{filter:?}");
        assert_eq!(page.total, expected.len() as u64, "{filter:?}");
    }
}

async fn search_takes_wildcards_literally(bench: Bench) {
    let store = &bench.store;
    for (number, name) in [
        (1, "100% live"),
        (2, "100 live"),
        (3, "snake_case"),
        (4, "snakeXcase"),
        (5, "back\\slash"),
    ] {
        let mut row = event(number);
        row.name = name.to_owned();
        store.add_event(&row).await.unwrap();
    }
    for (search, expected) in [
        ("100%", vec![1]),
        ("%", vec![1]),
        ("_", vec![3]),
        ("E_C", vec![3]),
        ("K\\S", vec![5]),
        ("'; DROP TABLE events; --", vec![]),
        // The name of one field and the text of the next do not make a match.
        ("live loud", vec![]),
    ] {
        let filter = EventFilter {
            search: Some(search.to_owned()),
            ..EventFilter::default()
        };
        let found: Vec<_> = store
            .events(&filter, 1, 10)
            .await
            .unwrap()
            .rows
            .iter()
            .map(|row| row.event_id)
            .collect();
        let expected: Vec<_> = expected.into_iter().map(event_id).collect();
        assert_eq!(found, expected, "{search}");
    }
}

async fn events_are_paged(bench: Bench) {
    let store = &bench.store;
    for number in [5, 3, 1, 4, 2] {
        let mut row = event(number);
        // Two begin together: the id decides.
        row.starts_at_ms -= number % 2;
        store.add_event(&row).await.unwrap();
    }
    let mut seen = Vec::new();
    for page in 1..=3 {
        let page = store
            .events(&EventFilter::default(), page, 2)
            .await
            .unwrap();
        assert_eq!(page.total, 5);
        assert!(page.rows.len() <= 2);
        seen.extend(page.rows);
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by_key(|row| (row.starts_at_ms, row.event_id)));
    let beyond = store
        .events(&EventFilter::default(), u32::MAX, u32::MAX)
        .await
        .unwrap();
    assert_eq!((beyond.rows.len(), beyond.total), (0, 5));
}

/// The search counts with the same times.
async fn events_begin_and_end_with_their_shows(bench: Bench) {
    let store = &bench.store;
    let begins = event(1).starts_at_ms;
    for number in 1..=3 {
        store.add_event(&event(number)).await.unwrap();
    }
    // The first event lasts longest, and what is cancelled of it counts for nothing.
    for (number, event, after_ms, status) in [
        (1, 1, 100, ShowStatus::Open),
        (2, 1, 900, ShowStatus::Closed),
        (3, 1, 5_000, ShowStatus::Cancelled),
        (4, 2, 50, ShowStatus::Open),
        (5, 3, 5_000, ShowStatus::Cancelled),
    ] {
        let mut row = show(number, event);
        row.starts_at_ms = begins + after_ms;
        row.status = status;
        store.add_show(&row).await.unwrap();
    }
    for (from, until, expected) in [
        // The third one has no show that takes place, so it begins as it says itself.
        (0, u64::MAX, vec![3, 2, 1]),
        (begins + 900, u64::MAX, vec![1]),
        (begins + 901, u64::MAX, vec![]),
        (begins + 51, u64::MAX, vec![1]),
        (0, begins + 100, vec![3, 2]),
        (0, begins + 101, vec![3, 2, 1]),
        (begins + 500, begins + 600, vec![1]),
    ] {
        let filter = EventFilter {
            from_ms: Some(from),
            until_ms: Some(until),
            ..EventFilter::default()
        };
        let page = store.events(&filter, 1, 10).await.unwrap();
        let found: Vec<_> = page.rows.iter().map(|row| row.event_id).collect();
        let expected: Vec<_> = expected.into_iter().map(event_id).collect();
        assert_eq!(found, expected, "{from} to {until}");
        assert_eq!(page.total, expected.len() as u64, "{from} to {until}");
        // Further pages are in the same order.
        for (number, id) in (1..).zip(&expected) {
            let one = store.events(&filter, number, 1).await.unwrap();
            assert_eq!(one.rows[0].event_id, *id);
        }
    }
}

async fn shows_are_listed(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    store.add_event(&event(2)).await.unwrap();
    let mut late = show(1, 1);
    late.starts_at_ms = 1_900_000_000_000;
    let early = show(2, 1);
    let elsewhere = show(3, 2);
    for row in [&late, &early, &elsewhere] {
        store.add_show(row).await.unwrap();
    }
    assert_eq!(
        store.shows_of_event(event_id(1)).await.unwrap(),
        vec![early.clone(), late.clone()]
    );
    assert!(
        store
            .set_show_status(early.show_id, ShowStatus::Open, Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert!(
        !store
            .set_show_status(show_id(9), ShowStatus::Open, Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert_eq!(
        store.shows_with_status(ShowStatus::Opening).await.unwrap(),
        vec![late, elsewhere]
    );
    let open = store.shows_with_status(ShowStatus::Open).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].zones, early.zones);
    assert_eq!(store.shows_of_event(event_id(9)).await.unwrap(), vec![]);
    assert_eq!(store.count_shows(event_id(1)).await.unwrap(), 2);
    let all = store.shows_of_event(event_id(1)).await.unwrap();
    for (page, per_page, wanted) in [
        (1, 5, &all[..]),
        (1, 1, &all[..1]),
        (2, 1, &all[1..]),
        (3, 1, &[]),
    ] {
        let found = store.list_shows(event_id(1), page, per_page).await.unwrap();
        assert_eq!((found.total, found.rows.len()), (2, wanted.len()));
        for (listed, show) in found.rows.iter().zip(wanted) {
            let alone = ShowRow {
                zones: Vec::new(),
                ..show.clone()
            };
            assert_eq!(listed.show, alone);
            for (zone, whole) in listed.zones.iter().zip(&show.zones) {
                assert_eq!(
                    (
                        zone.zone_id,
                        zone.index,
                        &zone.name,
                        zone.unit_price,
                        &zone.currency
                    ),
                    (
                        whole.zone_id,
                        whole.index,
                        &whole.name,
                        whole.unit_price,
                        &whole.currency
                    )
                );
                let (is_seated, places) = match &whole.admission {
                    ZoneAdmission::Seated { .. } => (true, whole.admission.seat_count()),
                    ZoneAdmission::General { capacity } => (false, *capacity),
                };
                assert_eq!((zone.is_seated, zone.places), (is_seated, places));
            }
            assert_eq!(listed.zones.len(), show.zones.len());
        }
    }
}
