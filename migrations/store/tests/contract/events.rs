//! Events that the log changes: their limit, and their end with all their shows.

use onsale_schemas::{Offset, Outcome, Rejection, RequestId};
use onsale_store::StoreError;
use onsale_store::audit::Unaudited;
use onsale_store::booking::{BookingStatus, Version2};
use onsale_store::catalog::{EventChange, EventRow, EventStatus, ShowStatus, TenantScope};
use onsale_store::document::{CatalogCursor, Document};

use crate::build::{Chain, booking, event, event_id, id, show, show_id, time_of, with_show};
use crate::harness::{Bench, contract};

contract!(
    an_event_is_cancelled_with_all_its_shows_in_one_transaction,
    what_a_batch_does_before_and_after_a_cancellation_counts,
    a_limit_is_the_events_and_what_was_written_down_comes_with_it,
    what_the_log_refused_changes_no_event,
    a_draft_gets_no_shows_and_an_event_with_shows_no_draft,
    what_people_read_changes_without_the_log_and_nothing_else,
    whom_an_event_is_sold_to_is_a_version_of_its_row,
    an_event_lies_within_its_tenant,
    the_machine_is_of_version_2_from_its_first_barrier_on,
);

fn cancelled() -> Outcome {
    Outcome::EventCancelled { event: event_id(1) }
}

fn amended(limit: u16) -> Outcome {
    Outcome::EventAmended {
        event: event_id(1),
        max_tickets_per_user: limit,
    }
}

fn change() -> EventChange {
    EventChange {
        name: "Another night".to_owned(),
        description: None,
        venue: None,
        city: Some("Lyon".to_owned()),
        category: None,
        starts_at_ms: 1_900_000_000_000,
        minimum_age: None,
        publish: false,
    }
}

async fn found(bench: &Bench) -> EventRow {
    bench.store.event(event_id(1)).await.unwrap().unwrap()
}

/// Two shows of event 1 and one of event 2.
async fn three_shows(bench: &Bench) {
    with_show(&bench.store).await;
    bench.store.add_show(&show(2, 1)).await.unwrap();
    bench.store.add_event(&event(2)).await.unwrap();
    bench.store.add_show(&show(3, 2)).await.unwrap();
    // The log has opened all but one.
    for number in 1..=2 {
        let opened = bench
            .store
            .set_show_status(show_id(number), ShowStatus::Open, Unaudited::Unattended)
            .await;
        assert!(opened.unwrap());
    }
}

async fn status_of(bench: &Bench, offset: Offset) -> BookingStatus {
    booking(&bench.store, offset).await.status
}

async fn an_event_is_cancelled_with_all_its_shows_in_one_transaction(bench: Bench) {
    three_shows(&bench).await;
    let store = &bench.store;
    let mut chain = Chain::default();
    let held = chain.reserve(1, 1, &[1, 2]);
    let sold = chain.reserve(2, 1, &[1]);
    chain.confirm(2, 1, sold, &[1]);
    let other = chain.reserve(3, 1, &[1]);
    store.project(&chain.all()).await.unwrap();
    let before = chain.next_offset;
    let at = chain.push(cancelled());
    store
        .project(&chain.batch(before, chain.next_offset))
        .await
        .unwrap();
    assert_eq!(found(&bench).await.status, EventStatus::Cancelled);
    for (number, status) in [
        (1, ShowStatus::Cancelled),
        (2, ShowStatus::Cancelled),
        (3, ShowStatus::Opening),
    ] {
        let row = store.show(show_id(number)).await.unwrap().unwrap();
        assert_eq!(row.status, status, "show {number}");
    }
    for offset in [held, sold] {
        let row = booking(store, offset).await;
        assert_eq!(row.status, BookingStatus::Cancelled);
        assert_eq!(row.ended_at_ms, Some(time_of(at)));
        assert_eq!(row.updated_offset, at);
    }
    assert_eq!(status_of(&bench, other).await, BookingStatus::Reserved);
    // Again, and once more as a replay: nothing changes.
    chain.push(cancelled());
    chain.push(cancelled());
    chain.mark_replay(at);
    store.project(&chain.all()).await.unwrap();
    assert_eq!(booking(store, held).await.updated_offset, at);
}

async fn what_a_batch_does_before_and_after_a_cancellation_counts(bench: Bench) {
    three_shows(&bench).await;
    let store = &bench.store;
    let mut chain = Chain::default();
    let known = chain.reserve(1, 1, &[9]);
    store.project(&chain.all()).await.unwrap();
    // All of it in one batch: a sale of a booking that stands in the database, a hold that is new, the
    // end of the event, and the same seats of another one afterwards.
    chain.confirm(1, 1, known, &[9]);
    let new = chain.reserve(2, 2, &[4]);
    let other = chain.reserve(3, 2, &[4]);
    let at = chain.push(cancelled());
    chain.release(3, 2, other, &[4]);
    let again = chain.reserve(3, 2, &[4]);
    store.project(&chain.all()).await.unwrap();
    let sold = booking(store, known).await;
    assert_eq!(sold.status, BookingStatus::Cancelled);
    assert!(sold.confirmed_at_ms.is_some());
    assert_eq!(sold.updated_offset, at);
    for (offset, status) in [
        (new, BookingStatus::Cancelled),
        (other, BookingStatus::Cancelled),
        (again, BookingStatus::Reserved),
    ] {
        assert_eq!(status_of(&bench, offset).await, status, "{offset}");
    }
    let watermarks = store.watermarks().await.unwrap();
    assert_eq!(watermarks, [chain.watermark(chain.next_offset)]);
}

async fn a_limit_is_the_events_and_what_was_written_down_comes_with_it(bench: Bench) {
    three_shows(&bench).await;
    let store = &bench.store;
    let mut chain = Chain::default();
    chain.push(amended(1));
    let request = chain.outcomes[0].request_id.unwrap();
    let propose = async |change: EventChange| {
        let proposed =
            store.propose_event_change(request, event_id(1), &change, 1, Unaudited::Unattended);
        proposed.await.unwrap().is_there()
    };
    assert!(propose(change()).await);
    assert!(propose(change()).await);
    let other = EventChange {
        name: "x".to_owned(),
        ..change()
    };
    assert!(!propose(other).await, "an id stands for one change");
    assert_eq!(found(&bench).await, event(1), "the log has not accepted it");
    store.project(&chain.all()).await.unwrap();
    let wanted = EventRow {
        name: "Another night".to_owned(),
        description: None,
        venue: None,
        city: Some("Lyon".to_owned()),
        category: None,
        starts_at_ms: 1_900_000_000_000,
        minimum_age: None,
        max_tickets_per_user: 1,
        ..event(1)
    };
    assert_eq!(found(&bench).await, wanted);
    // Nobody wrote anything down for this one; the outcome carries the limit.
    chain.push(amended(0));
    store.project(&chain.all()).await.unwrap();
    let limit = found(&bench).await.max_tickets_per_user;
    assert_eq!(limit, 0);
    assert_eq!(store.forget_changes(u64::from(u32::MAX)).await.unwrap(), 0);
}

async fn what_the_log_refused_changes_no_event(bench: Bench) {
    three_shows(&bench).await;
    let store = &bench.store;
    let mut chain = Chain::default();
    chain.push(Outcome::Rejected(Rejection::ShowCancelled));
    let request = chain.outcomes[0].request_id.unwrap();
    for request in [request, RequestId(id(77))] {
        let change = change();
        let proposed =
            store.propose_event_change(request, event_id(1), &change, 1, Unaudited::Unattended);
        assert!(proposed.await.unwrap().is_there());
    }
    store.project(&chain.all()).await.unwrap();
    assert_eq!(found(&bench).await, event(1));
    assert_eq!(store.forget_changes(2).await.unwrap(), 2);
}

async fn a_draft_gets_no_shows_and_an_event_with_shows_no_draft(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    assert!(
        store
            .unpublish_event(event_id(1), Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert_eq!(found(&bench).await.status, EventStatus::Draft);
    let refused = store.add_show(&show(1, 1)).await;
    assert!(matches!(refused, Err(StoreError::NotPublished)));
    let publish = EventChange {
        publish: true,
        ..change()
    };
    let row = store
        .change_event(event_id(1), &publish, Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(row.unwrap().status, EventStatus::Published);
    store.add_show(&show(1, 1)).await.unwrap();
    assert!(
        !store
            .unpublish_event(event_id(1), Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert!(
        !store
            .unpublish_event(event_id(9), Unaudited::Unattended)
            .await
            .unwrap()
    );
    let mut chain = Chain::default();
    chain.push(cancelled());
    store.project(&chain.all()).await.unwrap();
    let refused = store.add_show(&show(2, 1)).await;
    assert!(matches!(refused, Err(StoreError::NotPublished)));
    let row = store
        .change_event(event_id(1), &publish, Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(row.unwrap().status, EventStatus::Cancelled);
}

async fn what_people_read_changes_without_the_log_and_nothing_else(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    let row = store
        .change_event(event_id(1), &change(), Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(row, Some(found(&bench).await));
    let row = row.unwrap();
    assert_eq!(row.name, "Another night");
    assert_eq!(row.max_tickets_per_user, event(1).max_tickets_per_user);
    assert_eq!(row.status, EventStatus::Published);
    assert_eq!(
        store
            .change_event(event_id(2), &change(), Unaudited::Unattended)
            .await
            .unwrap(),
        None
    );
}

async fn whom_an_event_is_sold_to_is_a_version_of_its_row(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    let set = async |is_required| {
        let by = Unaudited::Unattended;
        let set = store.set_verified_only(event_id(1), is_required, by).await;
        set.unwrap().map(|row| row.requires_verified_account)
    };
    assert!(!found(&bench).await.requires_verified_account);
    assert_eq!(set(true).await, Some(true));
    assert_eq!(set(true).await, Some(true), "as it was");
    let wanted = EventRow {
        requires_verified_account: true,
        ..event(1)
    };
    assert_eq!(found(&bench).await, wanted);
    // The document of the log tells of it, and it survives what else is changed.
    let documents = store
        .undescribed(16, &[], CatalogCursor::default(), 9)
        .await
        .unwrap();
    assert_eq!(
        (documents[0].event.version, &documents[0].event.row),
        (2, &wanted)
    );
    let read = Document::decode(&documents[0].encode().unwrap()).unwrap();
    assert_eq!(read.event.row, wanted);
    let other = change();
    let changed = store.change_event(event_id(1), &other, Unaudited::Unattended);
    assert!(changed.await.unwrap().unwrap().requires_verified_account);
    assert_eq!(set(false).await, Some(false));
    let none = store.set_verified_only(event_id(7), true, Unaudited::Unattended);
    assert_eq!(none.await.unwrap(), None);
}

async fn an_event_lies_within_its_tenant(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    for (scope, there) in [
        (TenantScope::All, true),
        (TenantScope::One(event(1).tenant_id), true),
        (TenantScope::One(id(2)), false),
    ] {
        let row = store.event_within(scope, event_id(1)).await.unwrap();
        assert_eq!(row.is_some(), there, "{scope:?}");
    }
}

async fn the_machine_is_of_version_2_from_its_first_barrier_on(bench: Bench) {
    use crate::build::P;
    let store = &bench.store;
    let mut chain = Chain::default();
    let barrier = |machine_version| Outcome::BarrierPassed { machine_version };
    chain.push(barrier(1));
    store.project(&chain.all()).await.unwrap();
    assert_eq!(store.version_2(P).await.unwrap(), None);
    let at = chain.push(barrier(2));
    chain.push(barrier(2));
    store.project(&chain.all()).await.unwrap();
    chain.push(barrier(2));
    store.project(&chain.all()).await.unwrap();
    let since = Version2 {
        since_ms: time_of(at),
        since_offset: Some(at),
    };
    assert_eq!(store.version_2(P).await.unwrap(), Some(since));

    // A repair knows no better; where the row was lost, it is what there is to know.
    let watermark = chain.watermark(chain.next_offset);
    store
        .move_watermark(
            watermark.next_offset,
            &watermark,
            true,
            Unaudited::Unattended,
        )
        .await
        .unwrap();
    assert_eq!(store.version_2(P).await.unwrap(), Some(since));
    bench.tamper("DELETE FROM projector_watermarks").await;
    store
        .move_watermark(0, &watermark, false, Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(store.version_2(P).await.unwrap(), None);
    store
        .move_watermark(
            watermark.next_offset,
            &watermark,
            true,
            Unaudited::Unattended,
        )
        .await
        .unwrap();
    let always = Some(Version2::ALWAYS);
    assert_eq!(store.version_2(P).await.unwrap(), always);
}
