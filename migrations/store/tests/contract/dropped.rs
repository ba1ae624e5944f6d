//! A caller may stop waiting at any moment: what it asked for is done or not, never half, and the
//! connections stay.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use onsale_schemas::{MemberRole, PartitionId, RequestId};
use onsale_store::account::{
    LinkCondition, Mandate, Membership, Purpose, Requirement, SessionStep,
};
use onsale_store::account_answer::Turn;
use onsale_store::audit::{Actor, Unaudited};
use onsale_store::booking::BookingRepair;
use onsale_store::catalog::{EventChange, RememberedAnswer, ShowChange, ShowStatus};
use onsale_store::document::{CatalogCursor, Document, Versioned};
use onsale_store::factor::{ChallengeRow, CodePace, FactorsReset, Tried};
use onsale_store::job::{JobFilter, NewJob};
use onsale_store::notice::Notice;
use onsale_store::snapshot::SnapshotInfo;
use onsale_store::store::Decided;
use onsale_store::{Store, StoreError};
use uuid::Uuid;

use crate::accounts::{NOW_MS, opera, password, session, token, user};
use crate::answers::{answer as remembered_answer, key};
use crate::branding::{branding, logo};
use crate::build::{Chain, P, booking_id, event, event_id, filter, id, show, show_id, user_id};
use crate::guests::guest;
use crate::harness::{Bench, contract};
use crate::identities::identity;

contract!(
    a_show_is_added_whole_or_not_at_all,
    a_batch_is_projected_whole_or_not_at_all,
    no_write_takes_its_connection_with_it,
    no_write_of_accounts_takes_its_connection_with_it,
    no_read_takes_the_pool_with_it,
    closing_waits_for_what_nobody_waits_for,
);

/// Nothing here is woken more often.
const POLLS_MAX: usize = 1_000;
/// A bound on a test that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Polls `work` whenever it is woken, then drops it; what it came to, unless it needs more `polls`.
async fn polled<T>(work: impl Future<Output = T>, polls: usize) -> Option<T> {
    if polls == 0 {
        return None;
    }
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        left -= 1;
        match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits until no connection is in use; how many there are.
async fn settled(store: &Store) -> u32 {
    // What was begun takes its connection when it is polled for the first time, which is now.
    tokio::task::yield_now().await;
    let idle = async {
        loop {
            match store.connections() {
                (0, idle) => return idle,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, idle)
        .await
        .expect("connections come back")
}

async fn a_show_is_added_whole_or_not_at_all(bench: Bench) {
    bench.store.add_event(&event(1)).await.unwrap();
    let connections = settled(&bench.store).await;
    for polls in 0..POLLS_MAX {
        let show = show(u64::try_from(polls).unwrap(), 1);
        let result = polled(bench.store.add_show(&show), polls).await;
        assert!(settled(&bench.store).await >= connections, "{polls} polls");
        let present = bench.store.show(show.show_id).await.unwrap();
        if polls == 0 {
            assert_eq!(present, None, "nothing was begun");
        } else {
            assert_eq!(present, Some(show), "{polls} polls: what was begun is done");
        }
        if let Some(result) = result {
            result.unwrap();
            return;
        }
    }
    panic!("never done");
}

async fn a_batch_is_projected_whole_or_not_at_all(bench: Bench) {
    bench.store.add_event(&event(1)).await.unwrap();
    bench.store.add_show(&show(1, 1)).await.unwrap();
    let connections = settled(&bench.store).await;
    let mut chain = Chain::default();
    let mut projected = 0;
    for polls in 0..POLLS_MAX {
        let from = chain.next_offset;
        let seat = u32::try_from(from).unwrap();
        for seat in [2 * seat, 2 * seat + 1] {
            chain.reserve(1, 1, &[seat]);
        }
        let batch = chain.batch(projected, chain.next_offset);
        let result = polled(bench.store.project(&batch), polls).await;
        assert!(settled(&bench.store).await >= connections, "{polls} polls");
        let marks = bench.store.watermarks().await.unwrap();
        let reached = marks
            .iter()
            .find(|mark| mark.partition == P)
            .map_or(0, |mark| mark.next_offset);
        assert!(
            reached == projected || reached == chain.next_offset,
            "{polls} polls: {reached}"
        );
        projected = reached;
        for record in &chain.outcomes {
            let row = bench.store.booking(booking_id(record.offset)).await;
            let is_there = row.unwrap().is_some();
            assert_eq!(is_there, record.offset < projected, "{polls} polls");
        }
        if let Some(result) = result {
            assert_eq!(result.unwrap().next_offset, chain.next_offset);
            return;
        }
    }
    panic!("never done");
}

type Call<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;
/// Begins one and the same call.
type Begin<'a> = Box<dyn Fn() -> Call<'a> + Send + Sync + 'a>;

/// A call of the store without what comes of it.
fn call<'a, T>(work: impl Future<Output = Result<T, StoreError>> + Send + 'a) -> Call<'a> {
    Box::pin(async { work.await.map(drop) })
}

#[expect(clippy::too_many_lines, reason = "a list of every write")]
async fn no_write_takes_its_connection_with_it(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    store.add_show(&show(1, 1)).await.unwrap();
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
    let calls: Vec<(&str, Begin<'_>)> = vec![
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
            "withdraw_retention_report",
            Box::new(|| {
                let unattended = Unaudited::Unattended;
                call(store.withdraw_retention_report(id(1), NOW_MS, unattended))
            }),
        ),
        ("make_durable", Box::new(|| call(store.make_durable()))),
        (
            "append_audit",
            Box::new(|| call(store.append_audit(Actor::node().did("thing.do", "thing", 1)))),
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

/// Drops each call after every number of polls until it is done: no connection is lost.
async fn drop_each(store: &Store, calls: &[(&str, Begin<'_>)]) {
    let connections = settled(store).await;
    for (name, begin) in calls {
        for polls in 0.. {
            assert!(polls < POLLS_MAX, "{name} is never done");
            let result = polled(begin(), polls).await;
            assert!(
                settled(store).await >= connections,
                "{name} after {polls} polls"
            );
            if let Some(result) = result {
                result.unwrap();
                break;
            }
        }
    }
}

#[expect(clippy::too_many_lines, reason = "a list of every write")]
async fn no_write_of_accounts_takes_its_connection_with_it(bench: Bench) {
    let store = &bench.store;
    let unattended = Unaudited::Unattended;
    store.add_user(&user(1), None, unattended).await.unwrap();
    let tenant = opera(50);
    let owner = Membership {
        tenant_id: tenant.tenant_id,
        user_id: id(1),
        role: MemberRole::Owner,
        created_at_ms: NOW_MS,
    };
    store
        .add_tenant(&tenant, Some(&owner), unattended)
        .await
        .unwrap();
    // What was dropped is done all the same, so each attempt adds something else.
    let next = AtomicU64::new(2);
    let number = || next.fetch_add(1, Ordering::Relaxed);
    let entry = || Actor::command_line().did("account.try", "user", id(1));
    let calls: Vec<(&str, Begin<'_>)> = vec![
        (
            "add_user",
            Box::new(|| {
                let row = user(number());
                call(async move { store.add_user(&row, None, unattended).await })
            }),
        ),
        (
            "begin_account_answer",
            Box::new(|| call(store.begin_account_answer(key(number(), 1), 10_000, NOW_MS))),
        ),
        (
            "keep_account_answer",
            Box::new(|| {
                let turn = Turn {
                    answer_id: key(1, 1).answer_id,
                    until_ms: NOW_MS,
                };
                call(async move { store.keep_account_answer(turn, &remembered_answer()).await })
            }),
        ),
        (
            "still_holds",
            Box::new(|| {
                let by = Mandate {
                    user_id: id(1),
                    session_id: id(1),
                    requires: Requirement::Account,
                    at_ms: NOW_MS,
                };
                call(store.still_holds(by))
            }),
        ),
        (
            "forget_account_answers",
            Box::new(|| call(store.forget_account_answers(NOW_MS))),
        ),
        (
            "open_session",
            Box::new(|| {
                let row = session(number(), 1);
                call(async move { store.open_session(&row, None, unattended).await })
            }),
        ),
        (
            "add_user_with_identity",
            Box::new(|| {
                let number = number();
                let (row, identity) = (user(number), identity(number, number));
                call(async move {
                    let added = store.add_user_with_identity(&row, &identity, None, unattended);
                    added.await
                })
            }),
        ),
        (
            "link_identity",
            Box::new(|| {
                let row = identity(number(), 1);
                let condition = LinkCondition::Session {
                    session: id(9),
                    now_ms: NOW_MS,
                };
                let told = Notice::IdentityLinked.job(id(1), NOW_MS).unwrap();
                call(async move { store.link_identity(&row, condition, told, entry()).await })
            }),
        ),
        (
            "unlink_identity",
            Box::new(|| {
                call(async move {
                    let shown = password(1);
                    let told = Notice::IdentityUnlinked.job(id(1), NOW_MS).unwrap();
                    let (own, none) = (id(1), Vec::new());
                    let unlinked =
                        store.unlink_identity(own, id(9), Some(&shown), none, told, entry());
                    unlinked.await
                })
            }),
        ),
        (
            "begin_federated_sign_in",
            Box::new(|| call(store.begin_federated_sign_in([9; 32], NOW_MS))),
        ),
        (
            "hand_sign_in_over",
            Box::new(|| {
                let subject = identity(1, 1).subject_hash;
                call(store.hand_sign_in_over([9; 32], subject, [9; 32], NOW_MS, NOW_MS))
            }),
        ),
        (
            "take_sign_in",
            Box::new(|| call(store.take_sign_in([9; 32], [9; 32], NOW_MS))),
        ),
        (
            "step_session",
            Box::new(|| {
                let step = store.step_session(id(9), NOW_MS, move |_| Decided {
                    step: SessionStep::Keep,
                    audit: unattended.into(),
                    value: (),
                });
                call(step)
            }),
        ),
        (
            "set_password",
            Box::new(|| {
                call(async move {
                    let new = password(1);
                    let set = store.set_password(id(1), &new, None, None, NOW_MS, unattended);
                    set.await
                })
            }),
        ),
        (
            "issue_one_time_token",
            Box::new(|| {
                let bytes = u8::try_from(number() % 256).unwrap();
                let row = token(bytes, Purpose::VerifyEmail, 1);
                call(async move { store.issue_one_time_token(&row, None, unattended).await })
            }),
        ),
        (
            "verify_email",
            Box::new(|| call(store.verify_email([0; 32], None, NOW_MS, move |_| entry()))),
        ),
        (
            "change_member",
            Box::new(|| {
                let (tenant, role) = (id(50), MemberRole::Owner);
                let audit = move |_: MemberRole| entry();
                call(store.change_member(tenant, id(1), role, None, NOW_MS, audit))
            }),
        ),
        (
            "set_branding",
            Box::new(|| {
                call(async move {
                    let said = branding();
                    let set = store.set_branding(id(50), &said, NOW_MS, unattended);
                    set.await
                })
            }),
        ),
        (
            "set_logo",
            Box::new(|| {
                let logo = logo(number());
                call(store.set_logo(id(50), Some(logo), NOW_MS, unattended))
            }),
        ),
        (
            "announce_logo",
            Box::new(|| call(store.announce_logo(id(number())))),
        ),
        (
            "withdraw_invitation",
            Box::new(|| call(store.withdraw_invitation(id(50), id(7), NOW_MS, unattended))),
        ),
        (
            "add_guest",
            Box::new(|| {
                let row = guest(number(), 1);
                call(async move { store.add_guest(&row, unattended).await })
            }),
        ),
        (
            "take_over_guests",
            Box::new(|| call(store.take_over_guests(id(1), None, NOW_MS, move |_| entry()))),
        ),
        (
            "erase_guest",
            Box::new(|| {
                let row = guest(number(), 1);
                call(store.erase_guest(row.guest_id, NOW_MS, unattended))
            }),
        ),
        (
            "append_audit",
            Box::new(|| call(store.append_audit(entry()))),
        ),
        (
            "issue_challenge",
            Box::new(|| {
                let challenge = ChallengeRow {
                    challenge_hash: [u8::try_from(number() % 256).unwrap(); 32],
                    user_id: id(1),
                    tenant_id: None,
                    expires_at_ms: NOW_MS + 1,
                };
                call(async move { store.issue_challenge(&challenge, unattended).await })
            }),
        ),
        (
            "count_code",
            Box::new(|| {
                let pace = CodePace {
                    burst: 1_000_000,
                    one_per_ms: 1,
                };
                let tried = Tried::OnChallenge([0; 32]);
                call(store.count_code(id(1), tried, pace, NOW_MS))
            }),
        ),
        (
            "reset_factors",
            Box::new(|| {
                let notice = Notice::FactorsReset.job(id(1), NOW_MS).unwrap();
                let audit = move |_: &FactorsReset| entry();
                call(store.reset_factors(id(1), notice, NOW_MS, audit))
            }),
        ),
    ];
    drop_each(store, &calls).await;
    store
        .add_user(&user(1_000), None, unattended)
        .await
        .unwrap();
}

/// Reads may be dropped as well. (A read of PostgreSQL that is dropped while its connection is
/// looked at costs that connection; the pool makes another one.)
async fn no_read_takes_the_pool_with_it(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    store.add_show(&show(1, 1)).await.unwrap();
    let of_user = filter(user_id(1));
    let jobs = JobFilter {
        limit: 5,
        ..JobFilter::default()
    };
    let reads: Vec<(&str, Begin<'_>)> = vec![
        ("show", Box::new(|| call(store.show(show_id(1))))),
        (
            "show_seats",
            Box::new(|| call(store.show_seats(show_id(1)))),
        ),
        ("bookings", Box::new(|| call(store.bookings(&of_user)))),
        (
            "undescribed",
            Box::new(|| call(store.undescribed(16, &[], CatalogCursor::default(), 5))),
        ),
        ("jobs", Box::new(|| call(store.jobs(&jobs)))),
        ("of_one_moment", Box::new(|| call(store.of_one_moment()))),
    ];
    for (name, begin) in &reads {
        for polls in 0.. {
            assert!(polls < POLLS_MAX, "{name} is never done");
            let result = polled(begin(), polls).await;
            settled(store).await;
            let present = store.show(show_id(1)).await.unwrap();
            assert_eq!(present, Some(show(1, 1)), "{name} after {polls} polls");
            if let Some(result) = result {
                result.unwrap();
                break;
            }
        }
    }
}

async fn closing_waits_for_what_nobody_waits_for(bench: Bench) {
    let other = bench.another_store(4).await;
    assert!(polled(other.add_event(&event(1)), 1).await.is_none());
    other.close().await;
    assert_eq!(
        bench.store.event(event_id(1)).await.unwrap(),
        Some(event(1))
    );
    let error = other.add_event(&event(2)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
}
