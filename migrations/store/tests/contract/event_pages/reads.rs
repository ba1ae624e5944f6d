//! What pages and organizers read of an event.

use onsale_store::audit::Unaudited;
use onsale_store::booking::BookingStatus;
use onsale_store::catalog::{Deletion, OrderFilter, ShowRow, ShowStatus};

use super::{delete, edit, remove, to_slug};
use crate::build::{Chain, event, event_id, id, show, show_id, user_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    shows_go_on_behind_a_cursor,
    every_place_in_a_list_is_behind_a_show_of_it,
    a_page_of_shows_ends_where_their_zones_are_too_many,
    orders_of_an_event_are_listed_newest_first,
    a_page_has_another_stamp_after_each_change,
    a_calendar_has_the_shows_of_public_events,
);

async fn shows_go_on_behind_a_cursor(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    for number in 1..=5 {
        store.add_show(&show(number, 1)).await.unwrap();
    }
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let page = store.list_shows_after(event_id(1), after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.show.starts_at_ms, last.show.show_id));
        assert!(page.iter().all(|listed| listed.zones.len() == 3));
        seen.extend(page.iter().map(|listed| listed.show.show_id));
        if seen.len() == 2 {
            // Before the cursor: it moves nothing.
            let first = onsale_store::catalog::ShowRow {
                starts_at_ms: 1,
                ..show(9, 1)
            };
            store.add_show(&first).await.unwrap();
        }
    }
    assert_eq!(seen, (1..=5).map(show_id).collect::<Vec<_>>());
}

async fn every_place_in_a_list_is_behind_a_show_of_it(bench: Bench) {
    let store = &bench.store;
    for number in [1, 2] {
        store.add_event(&event(number)).await.unwrap();
    }
    let at = |number, of_event, starts_at_ms| ShowRow {
        starts_at_ms,
        ..show(number, of_event)
    };
    // Two begin at once, and the one between them and the last is another event's.
    for show in [at(1, 1, 100), at(2, 1, 100), at(3, 2, 150), at(4, 1, 200)] {
        store.add_show(&show).await.unwrap();
    }
    let found = async |starts_at_ms: u64, number: u64| {
        let place = (starts_at_ms, show_id(number));
        let found = store.show_at(event_id(1), place).await.unwrap();
        found.map(|(at, show)| (at, (1..9).find(|number| show_id(*number) == show).unwrap()))
    };
    for (starts_at_ms, number, expected) in [
        (0, 9, None),
        (100, 0, None),
        (100, 1, Some((100, 1))),
        (100, 3, Some((100, 2))),
        (150, 3, Some((100, 2))),
        (200, 3, Some((100, 2))),
        (200, 4, Some((200, 4))),
        (u64::MAX, 0, Some((200, 4))),
    ] {
        let found = found(starts_at_ms, number).await;
        assert_eq!(found, expected, "{starts_at_ms} {number}");
    }
    let stamp = store.page_stamp(event_id(1)).await.unwrap().unwrap();
    assert_eq!((stamp.shows, stamp.removed_shows), (3, 0));
    let cancelled = store.set_show_status(show_id(2), ShowStatus::Cancelled, Unaudited::Unattended);
    assert!(cancelled.await.unwrap());
    assert_eq!(remove(&bench, 2).await, Deletion::Done);
    assert_eq!(found(150, 3).await, Some((100, 1)));
    let stamp = store.page_stamp(event_id(1)).await.unwrap().unwrap();
    assert_eq!((stamp.shows, stamp.removed_shows), (2, 1));
}

async fn a_page_of_shows_ends_where_their_zones_are_too_many(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    for number in 1..=5 {
        store.add_show(&show(number, 1)).await.unwrap();
    }
    // Each has three zones.
    for (limit, zones_max, expected) in [
        (10, 100, (5, false)),
        (5, 15, (5, false)),
        (4, 15, (4, true)),
        (10, 14, (4, true)),
        (10, 6, (2, true)),
        (10, 0, (1, true)),
    ] {
        let page = store.bounded_shows_after(event_id(1), None, limit, zones_max);
        let (shows, has_more) = page.await.unwrap();
        assert_eq!((shows.len(), has_more), expected, "{limit} {zones_max}");
        assert!(shows.iter().all(|listed| listed.zones.len() == 3));
    }
    let all = store.list_shows_after(event_id(1), None, 10).await.unwrap();
    let after = all
        .get(3)
        .map(|listed| (listed.show.starts_at_ms, listed.show.show_id));
    let page = store.bounded_shows_after(event_id(1), after, 10, 100);
    let (shows, has_more) = page.await.unwrap();
    assert_eq!((shows.len(), has_more), (1, false));
    assert_eq!(store.zones_of_page(event_id(1), 2, 4).await.unwrap(), 3);
    assert_eq!(store.zones_of_page(event_id(1), 1, 4).await.unwrap(), 12);
}

async fn orders_of_an_event_are_listed_newest_first(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    store.add_show(&show(2, 1)).await.unwrap();
    store.add_event(&event(2)).await.unwrap();
    store.add_show(&show(3, 2)).await.unwrap();
    let mut chain = Chain::default();
    let first = chain.reserve(1, 1, &[1]);
    let second = chain.reserve(2, 2, &[1]);
    let elsewhere = chain.reserve(3, 1, &[1]);
    let third = chain.reserve(1, 2, &[2]);
    chain.confirm(1, 2, third, &[2]);
    store.project(&chain.all()).await.unwrap();
    let all = OrderFilter {
        event_id: event_id(1),
        show_id: None,
        status: None,
        user_id: None,
        before: None,
        limit: 9,
    };
    let listed = async |filter: OrderFilter| -> Vec<u64> {
        let rows = store.orders(&filter).await.unwrap();
        rows.iter().map(|row| row.booking_id.offset()).collect()
    };
    assert_eq!(listed(all).await, [third, second, first]);
    assert!(!listed(all).await.contains(&elsewhere));
    let two = OrderFilter { limit: 2, ..all };
    let page = store.orders(&two).await.unwrap();
    assert_eq!(page.len(), 2);
    let rest = OrderFilter {
        before: Some(page[1].booking_id),
        ..all
    };
    assert_eq!(listed(rest).await, [first]);
    for (filter, expected) in [
        (
            OrderFilter {
                show_id: Some(show_id(1)),
                ..all
            },
            vec![third, first],
        ),
        (
            OrderFilter {
                status: Some(BookingStatus::Confirmed),
                ..all
            },
            vec![third],
        ),
        (
            OrderFilter {
                user_id: Some(user_id(1)),
                ..all
            },
            vec![first],
        ),
        // Of another event.
        (
            OrderFilter {
                show_id: Some(show_id(3)),
                ..all
            },
            vec![],
        ),
    ] {
        assert_eq!(listed(filter).await, expected, "{filter:?}");
    }
    let confirmed = store.confirmed_orders(&all).await.unwrap();
    let offsets: Vec<u64> = confirmed.iter().map(|(id, _)| id.offset()).collect();
    assert_eq!(offsets, [third]);
}

async fn a_page_has_another_stamp_after_each_change(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let stamp = async || store.page_stamp(event_id(1)).await.unwrap();
    let mut stamps = vec![stamp().await.unwrap()];
    let opened = store.set_show_status(show_id(1), ShowStatus::Open, Unaudited::Unattended);
    assert!(opened.await.unwrap());
    stamps.push(stamp().await.unwrap());
    edit(&bench, 1, &to_slug("opera")).await.unwrap();
    stamps.push(stamp().await.unwrap());
    let at = event(1).starts_at_ms + 1;
    store.note_ended_events(9, at).await.unwrap();
    stamps.push(stamp().await.unwrap());
    let cancelled = store.set_show_status(show_id(1), ShowStatus::Cancelled, Unaudited::Unattended);
    assert!(cancelled.await.unwrap());
    stamps.push(stamp().await.unwrap());
    assert_eq!(remove(&bench, 1).await, Deletion::Done);
    stamps.push(stamp().await.unwrap());
    for (place, one) in stamps.iter().enumerate() {
        let others = stamps.iter().skip(place + 1);
        assert!(others.clone().all(|other| other != one), "{stamps:?}");
    }
    assert_eq!(stamp().await, stamps.last().copied());
    assert_eq!(delete(&bench, 1).await, Deletion::Done);
    assert_eq!(stamp().await, None);
}

async fn a_calendar_has_the_shows_of_public_events(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    store.add_show(&show(2, 1)).await.unwrap();
    store.add_event(&event(2)).await.unwrap();
    store.add_show(&show(3, 2)).await.unwrap();
    for number in [1, 3] {
        let opened =
            store.set_show_status(show_id(number), ShowStatus::Open, Unaudited::Unattended);
        assert!(opened.await.unwrap());
    }
    let own = store.calendar_of_event(event_id(1), 0, 9).await.unwrap();
    let ids: Vec<_> = own.iter().map(|listed| listed.show_id).collect();
    assert_eq!(ids, [show_id(1)], "the log has not opened the other");
    assert_eq!(own[0].event_name, "Event 1");
    assert!(!own[0].is_cancelled);
    let all = store.calendar_of_tenant(id(1), 0, 9).await.unwrap();
    let ids: Vec<_> = all.iter().map(|listed| listed.show_id).collect();
    assert_eq!(ids, [show_id(1), show_id(3)]);
    let later = show(3, 2).starts_at_ms;
    let later = store.calendar_of_tenant(id(1), later, 9).await.unwrap();
    assert_eq!(later.len(), 1);
    assert!(
        store
            .calendar_of_tenant(id(9), 0, 9)
            .await
            .unwrap()
            .is_empty()
    );
}
