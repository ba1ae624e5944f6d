//! The audit trail.

use onsale_schemas::RequestId;
use onsale_store::StoreError;
use onsale_store::audit::{Actor, Audit, AuditEntry, AuditFilter, AuditRow, DETAIL_MAX_BYTES};
use onsale_store::catalog::{EventChange, EventStatus, Quotas, ShowChange};
use onsale_store::job::NewJob;
use serde_json::{Value, json};

use crate::build::{event, event_id, id, show_id, user_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    an_entry_is_there_with_its_fact,
    what_changes_nothing_leaves_no_entry,
    an_entry_without_room_keeps_its_fact_from_being_written,
    entries_are_never_changed_or_deleted,
    entries_are_listed_newest_first_by_pages,
    what_operators_do_with_jobs_is_written_down,
    a_proposal_is_written_down_once,
    a_change_names_its_fields_and_none_leaves_no_entry,
    one_commit_may_have_many_entries,
    an_entry_is_found_by_its_number,
);

fn organizer() -> Actor {
    Actor {
        id: Some(user_id(900).0),
        role: "organizer".to_owned(),
        tenant_id: Some(id(1)),
        request_id: Some("request-7".to_owned()),
        origin: Some("203.0.113.0/24".to_owned()),
    }
}

fn created(number: u64) -> AuditEntry {
    organizer()
        .did("event.create", "event", event_id(number))
        .of_tenant(id(1))
}

async fn add(bench: &Bench, number: u64, entry: AuditEntry) -> Result<(), StoreError> {
    let store = &bench.store;
    store
        .add_event_within(&event(number), &Quotas::UNLIMITED, entry)
        .await
}

async fn all(bench: &Bench) -> Vec<AuditRow> {
    let filter = AuditFilter {
        limit: 100,
        ..AuditFilter::default()
    };
    bench.store.audit(&filter).await.unwrap()
}

async fn an_entry_is_there_with_its_fact(bench: Bench) {
    let before_ms = bench.store.clock_ms().await.unwrap();
    let detail = json!({ "seats": 3 });
    add(&bench, 1, created(1).with(detail.clone()))
        .await
        .unwrap();
    let after_ms = bench.store.clock_ms().await.unwrap();
    let rows = all(&bench).await;
    let [row] = &rows[..] else {
        panic!("{rows:?}");
    };
    assert!((before_ms..=after_ms).contains(&row.at_ms));
    assert_eq!(row.actor, organizer());
    assert_eq!(
        (row.action.as_str(), &row.detail),
        ("event.create", &detail)
    );
    assert_eq!(row.subject_kind, "event");
    assert_eq!(row.subject_id, event_id(1).to_string());
    assert_eq!(row.tenant_id, Some(id(1)));
}

async fn what_changes_nothing_leaves_no_entry(bench: Bench) {
    add(&bench, 1, created(1)).await.unwrap();
    let error = add(&bench, 1, created(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Exists(_)), "{error}");
    let store = &bench.store;
    let entry = organizer().did("event.unpublish", "event", event_id(9));
    assert!(!store.unpublish_event(event_id(9), entry).await.unwrap());
    let entry = Actor::command_line().did("job.cancel", "job", id(5));
    assert!(!store.cancel_job(id(5), entry).await.unwrap());
    assert_eq!(all(&bench).await.len(), 1);
}

async fn an_entry_without_room_keeps_its_fact_from_being_written(bench: Bench) {
    let long = "x".repeat(DETAIL_MAX_BYTES);
    let error = add(&bench, 1, created(1).with(Value::from(long))).await;
    let error = error.unwrap_err();
    assert!(matches!(error, StoreError::Invalid(_)), "{error}");
    assert_eq!(bench.store.event(event_id(1)).await.unwrap(), None);
    // The connection is free for the next one.
    add(&bench, 1, created(1)).await.unwrap();
    assert_eq!(all(&bench).await.len(), 1);
}

async fn entries_are_never_changed_or_deleted(bench: Bench) {
    add(&bench, 1, created(1)).await.unwrap();
    let rows = all(&bench).await;
    for sql in [
        "UPDATE audit SET action = 'nothing'",
        "DELETE FROM audit",
        "UPDATE audit SET at_ms = 0 WHERE audit_id = 1",
    ] {
        let error = bench.try_tamper(sql).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{sql}: {error}");
    }
    let more = if bench.url.starts_with("sqlite") {
        "INSERT OR REPLACE INTO audit \
         (audit_id, at_ms, actor_role, action, subject_kind, subject_id) \
         VALUES (1, 0, 'nobody', 'nothing', 'event', '1')"
    } else {
        "TRUNCATE audit"
    };
    let error = bench.try_tamper(more).await.unwrap_err();
    assert!(error.to_string().contains("append-only"), "{error}");
    assert_eq!(all(&bench).await, rows);
}

async fn entries_are_listed_newest_first_by_pages(bench: Bench) {
    let operator = Actor {
        id: Some(user_id(1).0),
        role: "operator".to_owned(),
        tenant_id: None,
        request_id: None,
        origin: None,
    };
    for number in 1..=5 {
        add(&bench, number, created(number)).await.unwrap();
    }
    let entry = operator.did("event.unpublish", "event", event_id(2));
    let store = &bench.store;
    assert!(store.unpublish_event(event_id(2), entry).await.unwrap());
    let row = store.event(event_id(2)).await.unwrap().unwrap();
    assert_eq!(row.status, EventStatus::Draft);

    let mut filter = AuditFilter {
        limit: 4,
        ..AuditFilter::default()
    };
    let first = store.audit(&filter).await.unwrap();
    filter.before = first.last().map(|row| row.audit_id);
    let rest = store.audit(&filter).await.unwrap();
    let whole = all(&bench).await;
    assert_eq!((first.len(), rest.len()), (4, 2));
    assert_eq!([first, rest].concat(), whole);
    assert!(whole.is_sorted_by(|newer, older| newer.audit_id > older.audit_id));

    let of_subject = AuditFilter {
        subject_kind: Some("event".to_owned()),
        subject_id: Some(event_id(2).to_string()),
        limit: 9,
        ..AuditFilter::default()
    };
    let of_actor = AuditFilter {
        actor_id: operator.id,
        limit: 9,
        ..AuditFilter::default()
    };
    let of_tenant = AuditFilter {
        tenant_id: Some(id(1)),
        limit: 9,
        ..AuditFilter::default()
    };
    for (filter, count) in [(of_subject, 2), (of_actor, 1), (of_tenant, 5)] {
        assert_eq!(store.audit(&filter).await.unwrap().len(), count);
    }
}

async fn what_operators_do_with_jobs_is_written_down(bench: Bench) {
    let store = &bench.store;
    let job = NewJob {
        kind: "mail.send",
        key: "one".to_owned(),
        payload: "{}".to_owned(),
        delay_ms: 0,
        attempts_max: 3,
    };
    store.enqueue_job(&job).await.unwrap();
    let claimed = store.claim_jobs("mail.send", "w", 60_000, 1).await.unwrap();
    store.release_job(claimed[0].lease).await.unwrap();
    let job = claimed[0].lease.job;
    let by = Actor::command_line();
    let cancel = by.did("job.cancel", "job", job);
    assert!(store.cancel_job(job, cancel).await.unwrap());
    let retry = by.did("job.retry", "job", job);
    assert!(store.requeue_job(job, retry).await.unwrap());
    let rows = all(&bench).await;
    let actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["job.retry", "job.cancel"], "workers leave none");
    assert!(rows.iter().all(|row| row.actor == by));
}

async fn a_proposal_is_written_down_once(bench: Bench) {
    with_show(&bench.store).await;
    let store = &bench.store;
    let request = RequestId(id(7));
    let change = ShowChange {
        name: Some("Late show".to_owned()),
        ..ShowChange::default()
    };
    let entry = organizer().did("show.propose", "show", show_id(1));
    for _ in 0..2 {
        let proposed = store.propose_change(request, show_id(1), &change, 1, entry.clone());
        assert!(proposed.await.unwrap().is_there());
    }
    let other = ShowChange::default();
    let proposed = store.propose_change(request, show_id(1), &other, 1, entry);
    assert!(
        !proposed.await.unwrap().is_there(),
        "the id stands for another change"
    );
    let rows = all(&bench).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0].action, "show.propose");
}

async fn a_change_names_its_fields_and_none_leaves_no_entry(bench: Bench) {
    let store = &bench.store;
    let row = event(1);
    store.add_event(&row).await.unwrap();
    let same = EventChange {
        name: row.name.clone(),
        description: row.description.clone(),
        venue: row.venue.clone(),
        city: row.city.clone(),
        category: row.category.clone(),
        starts_at_ms: row.starts_at_ms,
        minimum_age: row.minimum_age,
        publish: false,
    };
    let entry = || organizer().did("event.change", "event", event_id(1));
    let changed = store.change_event(event_id(1), &same, entry()).await;
    assert_eq!(changed.unwrap(), Some(row.clone()));
    assert!(all(&bench).await.is_empty());
    let other = EventChange {
        name: "Another name".to_owned(),
        description: Some("Ask Ann".to_owned()),
        ..same
    };
    let changed = store.change_event(event_id(1), &other, entry()).await;
    assert_eq!(changed.unwrap().unwrap().name, other.name);
    let rows = all(&bench).await;
    let [entry] = &rows[..] else {
        panic!("{rows:?}");
    };
    let expected = json!({
        "name": { "before": row.name, "after": "Another name" },
        "description": "changed, not shown",
    });
    assert_eq!(entry.detail["changes"], expected);
}

async fn one_commit_may_have_many_entries(bench: Bench) {
    let both = Audit::Entries(vec![created(1), created(2)]);
    let store = &bench.store;
    store
        .add_event_within(&event(1), &Quotas::UNLIMITED, both)
        .await
        .unwrap();
    let rows = all(&bench).await;
    let subjects: Vec<&str> = rows.iter().map(|row| row.subject_id.as_str()).collect();
    let (one, two) = (event_id(1).to_string(), event_id(2).to_string());
    assert_eq!(subjects, [two, one]);
}

async fn an_entry_is_found_by_its_number(bench: Bench) {
    add(&bench, 1, created(1)).await.unwrap();
    let rows = all(&bench).await;
    let store = &bench.store;
    let found = store.audit_entry(rows[0].audit_id).await.unwrap();
    assert_eq!(found.as_ref(), rows.first());
    for unknown in [0, rows[0].audit_id + 1, u64::MAX] {
        assert_eq!(store.audit_entry(unknown).await.unwrap(), None);
    }
}
