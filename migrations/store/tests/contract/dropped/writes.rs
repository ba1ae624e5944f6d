//! Every write but those of accounts.

use onsale_schemas::{CodeHash, PartitionId, RequestId};
use onsale_store::audit::{Actor, Unaudited};
use onsale_store::booking::BookingRepair;
use onsale_store::catalog::{
    EventChange, EventEdit, OfferRow, RememberedAnswer, ShowChange, ShowStatus,
};
use onsale_store::code::{CodesChange, CodesProposal, NewCode};
use onsale_store::document::{Document, Versioned};
use onsale_store::job::NewJob;
use onsale_store::snapshot::SnapshotInfo;
use onsale_store::venue::{MapId, VenueRow};
use uuid::Uuid;

use super::{Begin, call, drop_each};
use crate::accounts::NOW_MS;
use crate::build::{P, event, event_id, id, show, show_id};
use crate::harness::{Bench, contract};
use crate::pictures::picture_of;
use crate::venues::{hall, map_id, venue};

contract!(no_write_takes_its_connection_with_it);

#[expect(clippy::too_many_lines, reason = "a list of every write")]
async fn no_write_takes_its_connection_with_it(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    store.add_show(&show(1, 1)).await.unwrap();
    let by = Unaudited::Unattended;
    let of_tenant = venue(60);
    store.add_venue(&of_tenant, by).await.unwrap();
    let added = store.add_map(map_id(1), &hall(1), NOW_MS, by).await;
    assert!(added.unwrap().is_some());
    let change = EventChange {
        name: "Renamed".to_owned(),
        description: None,
        venue: None,
        city: None,
        category: None,
        starts_at_ms: 1_800_000_000_000,
        minimum_age: None,
        publish: false,
    };
    let document = Document {
        event: Versioned {
            version: 9,
            row: event(1),
        },
        show: None,
        as_of: None,
    };
    let answer = RememberedAnswer {
        fingerprint: 1,
        status: 201,
        body: "{}".to_owned(),
    };
    let snapshot = SnapshotInfo {
        partition: P,
        next_offset: 1,
        log_time_ms: 1,
        size_bytes: 3,
        created_at_ms: 1,
    };
    let job = NewJob {
        kind: "mail.send",
        key: "one".to_owned(),
        payload: "{}".to_owned(),
        delay_ms: 0,
        attempts_max: 3,
    };
    // A repetition would read what is there, and a read may cost its connection: see below.
    let new_request = || RequestId(Uuid::new_v4());
    let show_change = ShowChange::default();
    let offer = OfferRow::default();
    let codes = CodesProposal {
        show: show_id(1),
        tenant: id(1),
        change: CodesChange::EndGroup(1),
        codes: vec![NewCode {
            code: CodeHash(id(2)),
            sealed: None,
        }],
    };
    let calls: Vec<(&str, Begin<'_>)> = vec![
        (
            "add_venue",
            Box::new(|| {
                call(async move {
                    let row = VenueRow {
                        venue_id: Uuid::new_v4(),
                        ..venue(61)
                    };
                    store.add_venue(&row, by).await
                })
            }),
        ),
        (
            "change_venue",
            Box::new(|| {
                let id = of_tenant.venue_id;
                call(store.change_venue(id, &of_tenant.venue, None, NOW_MS, by))
            }),
        ),
        (
            "add_map",
            Box::new(|| {
                call(async move {
                    let id = MapId {
                        map_id: Uuid::new_v4(),
                        ..map_id(1)
                    };
                    store.add_map(id, &hall(1), NOW_MS, by).await
                })
            }),
        ),
        (
            "add_map_version",
            Box::new(|| {
                call(async move {
                    let other = hall(2);
                    let added = store.add_map_version(map_id(1), &other, None, NOW_MS, by);
                    added.await
                })
            }),
        ),
        (
            "delete_venue",
            Box::new(|| call(store.delete_venue(id(9), None, by))),
        ),
        (
            "change_event",
            Box::new(|| call(store.change_event(event_id(1), &change, Unaudited::Unattended))),
        ),
        (
            "update_event",
            Box::new(|| {
                call(async move {
                    let row = event(1);
                    store.update_event(&row, Unaudited::Unattended).await
                })
            }),
        ),
        (
            "set_verified_only",
            Box::new(|| call(store.set_verified_only(event_id(1), true, Unaudited::Unattended))),
        ),
        (
            "edit_event",
            Box::new(|| {
                call(async move {
                    let edit = EventEdit {
                        requires_verified_account: Some(false),
                        ..EventEdit::default()
                    };
                    let edited = store.edit_event(event_id(1), &edit, Unaudited::Unattended);
                    edited.await
                })
            }),
        ),
        (
            "set_picture",
            Box::new(|| {
                call(async move {
                    let picture = Some(picture_of(Uuid::new_v4()));
                    let by = Unaudited::Unattended;
                    let set = store.set_picture(event_id(1), picture, None, by);
                    set.await
                })
            }),
        ),
        (
            "announce_picture",
            Box::new(|| {
                call(async move {
                    let files = picture_of(Uuid::new_v4()).files;
                    store.announce_picture(&files).await
                })
            }),
        ),
        (
            "note_ended_events",
            Box::new(|| call(store.note_ended_events(1, 1))),
        ),
        (
            "unpublish_event",
            Box::new(|| call(store.unpublish_event(event_id(1), Unaudited::Unattended))),
        ),
        (
            "update_show",
            Box::new(|| {
                call(async move {
                    let row = show(1, 1);
                    store.update_show(&row, Unaudited::Unattended).await
                })
            }),
        ),
        (
            "set_show_status",
            Box::new(|| {
                call(store.set_show_status(show_id(1), ShowStatus::Open, Unaudited::Unattended))
            }),
        ),
        (
            "restore_document",
            Box::new(|| call(store.restore_document(&document, Unaudited::Unattended))),
        ),
        (
            "set_log_identity",
            Box::new(|| call(store.set_log_identity([7; 16], &[]))),
        ),
        (
            "remember_answer",
            Box::new(|| call(store.remember_answer(new_request(), &answer, 1))),
        ),
        (
            "propose_change",
            Box::new(|| {
                call(store.propose_change(
                    new_request(),
                    show_id(1),
                    &show_change,
                    1,
                    Unaudited::Unattended,
                ))
            }),
        ),
        (
            "propose_offer",
            Box::new(|| {
                call(store.propose_offer(
                    new_request(),
                    show_id(1),
                    &offer,
                    1,
                    Unaudited::Unattended,
                ))
            }),
        ),
        (
            "propose_codes",
            Box::new(|| call(store.propose_codes(new_request(), &codes, 1, Unaudited::Unattended))),
        ),
        (
            "put_snapshot",
            Box::new(|| call(store.put_snapshot(&snapshot, b"abc"))),
        ),
        (
            "repair_bookings",
            Box::new(|| {
                call(store.repair_bookings(BookingRepair::default(), Unaudited::Unattended))
            }),
        ),
        (
            "repair_blocks",
            Box::new(|| {
                call(store.repair_blocks(show_id(1), &[1, 2], &[(1, 5)], Unaudited::Unattended))
            }),
        ),
        (
            "assume_version_2",
            Box::new(|| call(store.assume_version_2(P))),
        ),
        (
            "stand_still",
            Box::new(|| call(store.stand_still(&[P, PartitionId(4)]))),
        ),
        (
            "release",
            Box::new(|| call(async move { store.stand_still(&[P]).await?.0.release().await })),
        ),
        ("enqueue_job", Box::new(|| call(store.enqueue_job(&job)))),
        (
            "claim_jobs",
            Box::new(|| call(store.claim_jobs("mail.send", "w", 60_000, 5))),
        ),
        ("reclaim_jobs", Box::new(|| call(store.reclaim_jobs()))),
        ("prune_jobs", Box::new(|| call(store.prune_jobs(0, 5)))),
        (
            "trim_catalog_changes",
            Box::new(|| call(store.trim_catalog_changes(0))),
        ),
        (
            "withdraw_retention_report",
            Box::new(|| {
                let unattended = Unaudited::Unattended;
                call(store.withdraw_retention_report(id(1), NOW_MS, unattended))
            }),
        ),
        ("make_durable", Box::new(|| call(store.make_durable()))),
        (
            "append_audit",
            Box::new(|| call(store.append_audit(Actor::node().did("thing.do", "job", 1)))),
        ),
        (
            "forget_retention_reports",
            Box::new(|| call(store.forget_retention_reports(NOW_MS))),
        ),
        (
            "make_audit_months",
            Box::new(|| call(store.make_audit_months())),
        ),
        (
            "make_audit_months_of",
            Box::new(|| call(store.make_audit_months_of(&[NOW_MS]))),
        ),
        (
            "link_older_audit",
            Box::new(|| call(store.link_older_audit())),
        ),
        ("migrate", Box::new(|| call(store.migrate()))),
    ];
    drop_each(store, &calls).await;
    let (still, _) = store.stand_still(&[P]).await.unwrap();
    still.release().await.unwrap();
    store.add_event(&event(2)).await.unwrap();
}
