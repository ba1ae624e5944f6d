//! Events, shows and remembered answers.

mod lists;

use onsale_schemas::RequestId;
use onsale_store::StoreError;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{EventStatus, Quotas, RememberedAnswer, ShowChange, ShowStatus};

use crate::build::{event, event_id, id, show, show_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    an_event_comes_back_as_given,
    a_show_comes_back_as_given,
    a_show_is_added_whole_or_not,
    a_show_is_updated,
    an_organizer_may_have_so_much,
    a_refused_show_is_withdrawn,
    the_first_answer_is_remembered,
    many_answers_are_forgotten_in_steps,
    numbers_beyond_the_database_are_refused,
);

async fn an_event_comes_back_as_given(bench: Bench) {
    let store = &bench.store;
    let full = event(1);
    store.add_event(&full).await.unwrap();
    assert_eq!(
        store.event(full.event_id).await.unwrap(),
        Some(full.clone())
    );
    assert!(matches!(
        store.add_event(&full).await,
        Err(StoreError::Exists("event"))
    ));
    let mut bare = event(1);
    bare.description = None;
    bare.venue = None;
    bare.city = None;
    bare.category = None;
    bare.minimum_age = None;
    bare.max_tickets_per_user = u16::MAX;
    bare.status = EventStatus::Draft;
    assert!(
        store
            .update_event(&bare, Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert_eq!(store.event(bare.event_id).await.unwrap(), Some(bare));
    assert!(
        !store
            .update_event(&event(2), Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert_eq!(store.event(event_id(2)).await.unwrap(), None);
}

async fn a_show_comes_back_as_given(bench: Bench) {
    let store = &bench.store;
    let mut row = with_show(store).await;
    assert_eq!(store.show(row.show_id).await.unwrap(), Some(row.clone()));
    assert!(matches!(
        store.add_show(&row).await,
        Err(StoreError::Exists("show"))
    ));
    assert_eq!(store.show(show_id(2)).await.unwrap(), None);
    row = show(2, 1);
    row.name = Some("Matinée".to_owned());
    row.zones.clear();
    row.hold_ms = u32::MAX;
    store.add_show(&row).await.unwrap();
    assert_eq!(store.show(row.show_id).await.unwrap(), Some(row));
}

async fn a_show_is_added_whole_or_not(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut clash = show(2, 1);
    clash.zones[2].zone_id = clash.zones[0].zone_id;
    assert!(matches!(
        store.add_show(&clash).await,
        Err(StoreError::Exists("show"))
    ));
    assert_eq!(store.show(clash.show_id).await.unwrap(), None);
    let orphan = show(3, 77);
    assert!(matches!(
        store.add_show(&orphan).await,
        Err(StoreError::Database(_))
    ));
    assert_eq!(store.show(orphan.show_id).await.unwrap(), None);
}

async fn a_show_is_updated(bench: Bench) {
    let store = &bench.store;
    let before = with_show(store).await;
    let mut wanted = before.clone();
    wanted.starts_at_ms += 1;
    wanted.sale_opens_at_ms += 2;
    wanted.sale_closes_at_ms += 3;
    wanted.hold_ms = 1_000;
    wanted.cooldown_ms = 5_000;
    wanted.partition.0 = 9;
    wanted.zones[1].unit_price = 7;
    wanted.zones[1].currency = "EUR".to_owned();
    let mut given = wanted.clone();
    // These are not the call's to change.
    given.status = ShowStatus::Cancelled;
    given.zones[0].admission = given.zones[1].admission.clone();
    assert!(
        store
            .update_show(&given, Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert_eq!(store.show(before.show_id).await.unwrap(), Some(wanted));
    assert!(
        !store
            .update_show(&show(2, 1), Unaudited::Unattended)
            .await
            .unwrap()
    );
}

async fn an_organizer_may_have_so_much(bench: Bench) {
    let store = &bench.store;
    let quotas = Quotas {
        events_per_organizer_max: 1,
        shows_per_event_max: 1,
        ..Quotas::UNLIMITED
    };
    let refused = |result: Result<(), StoreError>| match result {
        Err(StoreError::Quota {
            name,
            max,
            has,
            asked,
        }) => (name, max, has, asked),
        other => panic!("not a quota: {other:?}"),
    };
    store
        .add_event_within(&event(1), &quotas, Unaudited::Unattended)
        .await
        .unwrap();
    let mut second = event(2);
    second.organizer_id = event(1).organizer_id;
    second.tenant_id = event(1).tenant_id;
    let result = store
        .add_event_within(&second, &quotas, Unaudited::Unattended)
        .await;
    assert_eq!(refused(result), ("events_per_organizer_max", 1, 1, 1));
    assert_eq!(store.event(second.event_id).await.unwrap(), None);
    // One that is there is said to be there, whatever else.
    assert!(matches!(
        store
            .add_event_within(&event(1), &quotas, Unaudited::Unattended)
            .await,
        Err(StoreError::Exists(_))
    ));
    let first = show(1, 1);
    let seats: u64 = first
        .zones
        .iter()
        .map(|zone| u64::from(zone.admission.seat_count()))
        .sum();
    let few = Quotas {
        seats_per_organizer_max: seats - 1,
        ..quotas
    };
    let result = store
        .add_show_within(&first, &few, Unaudited::Unattended)
        .await;
    assert_eq!(
        refused(result),
        ("seats_per_organizer_max", seats - 1, 0, seats)
    );
    assert_eq!(store.show(first.show_id).await.unwrap(), None);
    store
        .add_show_within(&first, &quotas, Unaudited::Unattended)
        .await
        .unwrap();
    let result = store
        .add_show_within(&show(2, 1), &quotas, Unaudited::Unattended)
        .await;
    assert_eq!(refused(result), ("shows_per_event_max", 1, 1, 1));
    let few = Quotas {
        layout_bytes_per_organizer_max: 1,
        ..Quotas::UNLIMITED
    };
    let result = store
        .add_show_within(&show(2, 1), &few, Unaudited::Unattended)
        .await;
    assert_eq!(refused(result).0, "layout_bytes_per_organizer_max");
}

async fn a_refused_show_is_withdrawn(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    let mut refused = show(1, 1);
    refused.status = ShowStatus::Opening;
    let seats = refused.zones.iter().map(|zone| zone.admission.seat_count());
    let quotas = Quotas {
        seats_per_organizer_max: seats.map(u64::from).sum(),
        ..Quotas::UNLIMITED
    };
    let unattended = Unaudited::Unattended;
    // Its organizer may have as much again afterwards.
    for attempt in 0..2 {
        store
            .add_show_within(&refused, &quotas, unattended)
            .await
            .unwrap();
        // Its organizer did not wait for the answer.
        let request = RequestId(id(attempt));
        let change = ShowChange::default();
        let proposed = store.propose_change(request, refused.show_id, &change, 1, unattended);
        assert!(proposed.await.unwrap().is_there());
        let withdrawn = store.withdraw_show(refused.show_id, unattended).await;
        assert!(withdrawn.unwrap());
        assert_eq!(store.show(refused.show_id).await.unwrap(), None);
    }
    let again = store.withdraw_show(refused.show_id, unattended).await;
    assert!(!again.unwrap());
    // One that the log has opened stays.
    let mut opened = show(2, 1);
    opened.status = ShowStatus::Open;
    store.add_show(&opened).await.unwrap();
    let withdrawn = store.withdraw_show(opened.show_id, unattended).await;
    assert!(!withdrawn.unwrap());
    assert_eq!(store.show(opened.show_id).await.unwrap(), Some(opened));
}

async fn the_first_answer_is_remembered(bench: Bench) {
    let store = &bench.store;
    let key = RequestId(id(1));
    let first = RememberedAnswer {
        fingerprint: u64::MAX - 1,
        status: 201,
        body: r#"{"event_id":"…"}"#.to_owned(),
    };
    let second = RememberedAnswer {
        fingerprint: 2,
        status: 409,
        body: "{}".to_owned(),
    };
    assert_eq!(store.recall_answer(key).await.unwrap(), None);
    assert_eq!(
        store.remember_answer(key, &first, 100).await.unwrap(),
        first
    );
    assert_eq!(
        store.remember_answer(key, &second, 101).await.unwrap(),
        first
    );
    assert_eq!(store.recall_answer(key).await.unwrap(), Some(first.clone()));
    let later = RequestId(id(2));
    store.remember_answer(later, &second, 200).await.unwrap();
    assert_eq!(store.forget_answers(100).await.unwrap(), 0);
    assert_eq!(store.forget_answers(101).await.unwrap(), 1);
    assert_eq!(store.recall_answer(key).await.unwrap(), None);
    assert_eq!(store.recall_answer(later).await.unwrap(), Some(second));
}

/// More answers than a statement forgets.
const MANY_POSTGRES: &str = "INSERT INTO remembered_answers (request_id, fingerprint, status, body, \
    created_at_ms) SELECT gen_random_uuid(), 0, 200, '{}', n FROM generate_series(1, 12000) AS n";

const MANY_SQLITE: &str = "WITH RECURSIVE numbers (n) AS \
    (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 12000) \
    INSERT INTO remembered_answers (request_id, fingerprint, status, body, created_at_ms) \
    SELECT randomblob(16), 0, 200, '{}', n FROM numbers";

async fn many_answers_are_forgotten_in_steps(bench: Bench) {
    let many = if bench.url.starts_with("sqlite") {
        MANY_SQLITE
    } else {
        MANY_POSTGRES
    };
    bench.tamper(many).await;
    let store = &bench.store;
    assert_eq!(store.forget_answers(11_001).await.unwrap(), 11_000);
    assert_eq!(store.forget_answers(11_001).await.unwrap(), 0);
    assert_eq!(store.forget_answers(12_001).await.unwrap(), 1_000);
}

async fn numbers_beyond_the_database_are_refused(bench: Bench) {
    let store = &bench.store;
    let mut row = event(1);
    row.starts_at_ms = u64::MAX;
    assert!(matches!(
        store.add_event(&row).await,
        Err(StoreError::Invalid(_))
    ));
    row.starts_at_ms = i64::MAX as u64;
    store.add_event(&row).await.unwrap();
    assert_eq!(store.event(row.event_id).await.unwrap(), Some(row));
}
