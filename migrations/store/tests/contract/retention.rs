//! What is kept too long, as a report says, and nothing newer.

use onsale_store::Store;
use onsale_store::audit::{Actor, AuditFilter, Unaudited};
use onsale_store::catalog::ShowRow;
use onsale_store::retention::{Due, Kind, Report, ReportState, RetentionConfig, RetentionError};
use uuid::Uuid;

use crate::build::{Chain, P, booking, booking_id, show, show_id, user_id, with_show};
use crate::guests::guest;
use crate::harness::{Bench, contract};

contract!(
    bookings_of_a_show_long_over_go_together,
    guests_go_with_their_last_booking,
    a_hold_or_a_late_change_keeps_a_show,
    what_happened_since_the_report_is_kept,
    what_was_begun_goes_on_where_it_was,
    a_report_that_is_withdrawn_halfway_leaves_no_seat_without_its_booking,
    of_entries_that_stay_with_their_month_nothing_is_said,
    one_report_at_a_time_is_there_to_be_applied,
    a_clock_that_is_ahead_of_the_log_ends_no_booking,
    the_projection_passes_by_what_was_deleted,
    entries_of_the_trail_go_when_they_are_old,
    entries_stay_for_as_long_as_the_database_keeps_them,
    reports_of_long_ago_are_forgotten,
);

/// The shows of all reports.
const OF_SHOWS: &str = "SELECT CAST(bookings AS text) FROM retention_shows";
/// More than seven years after the times of these tests' records.
pub(crate) const LATER_MS: u64 = 2_100_000_000_000;

fn by() -> Actor {
    Actor::command_line()
}

async fn report(store: &Store, now_ms: u64) -> Report {
    let (config, by) = (RetentionConfig::default(), by());
    let report = store.report_retention(&config, now_ms, Some(&by));
    report.await.unwrap()
}

fn of(report: &Report, kind: Kind) -> &Due {
    report.kinds.iter().find(|due| due.kind == kind).unwrap()
}

async fn step(store: &Store, id: Uuid) -> Report {
    let by = by();
    let step = store.apply_retention_step(id, LATER_MS, &by);
    step.await.unwrap()
}

/// Applies it to its end.
async fn applied(store: &Store, id: Uuid) -> Report {
    for _ in 0..1_000 {
        let report = step(store, id).await;
        if !report.state.is_unended() {
            return report;
        }
    }
    panic!("it has no end");
}

/// How much of a kind goes when a report is made at that time and applied.
pub(crate) async fn forgotten(store: &Store, kind: Kind, now_ms: u64) -> u64 {
    let report = report(store, now_ms).await;
    let applied = applied(store, report.report_id).await;
    let due = of(&applied, kind);
    assert_eq!((due.deleted, due.left), (due.count, 0));
    due.deleted
}

/// The log is as far as the clock.
pub(crate) async fn as_of_later(bench: &Bench) {
    bench
        .tamper("UPDATE projector_watermarks SET log_time_ms = 2100000000000")
        .await;
}

async fn actions(store: &Store) -> Vec<String> {
    let filter = AuditFilter {
        limit: 100,
        ..AuditFilter::default()
    };
    let entries = store.audit(&filter).await.unwrap();
    let actions = entries.into_iter().rev().map(|entry| entry.action);
    // What the projector notes of bookings is not retention's.
    actions
        .filter(|action| action.starts_with("retention."))
        .collect()
}

async fn bookings_of_a_show_long_over_go_together(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[0, 1]);
    chain.confirm(1, 1, sold, &[0, 1]);
    let gone = chain.reserve(1, 2, &[5]);
    chain.expire(1, 2, gone, &[5]);
    store.project(&chain.all()).await.unwrap();
    as_of_later(&bench).await;
    // By the year of the show nothing is due.
    let early = report(store, LATER_MS - 90_000_000_000).await;
    assert_eq!(of(&early, Kind::Bookings).count, 0, "{early:?}");

    let due = report(store, LATER_MS).await;
    let bookings = of(&due, Kind::Bookings);
    assert_eq!(bookings.count, 2);
    assert_eq!(
        bookings.oldest_ms,
        Some(booking(store, sold).await.reserved_at_ms)
    );
    assert_eq!(due.state, ReportState::Open);
    assert!(
        store.booking(booking_id(gone)).await.unwrap().is_some(),
        "only reported"
    );
    let retired = store.retired_shows().await.unwrap();
    assert!(!retired.has(show_id(1)));

    let done = applied(store, due.report_id).await;
    assert_eq!(done.state, ReportState::Applied);
    let bookings = of(&done, Kind::Bookings);
    assert_eq!((bookings.deleted, bookings.left), (2, 0));
    for booking in [sold, gone] {
        assert_eq!(store.booking(booking_id(booking)).await.unwrap(), None);
    }
    assert!(bench.seat_holders().await.is_empty());
    let retired = store.retired_shows().await.unwrap();
    assert!(retired.may_lack(show_id(1), bookings.before_ms - 1));
    assert!(
        !retired.may_lack(show_id(1), bookings.before_ms),
        "nothing newer"
    );
    assert!(!retired.may_lack(show_id(2), 0), "no other show");
    assert_eq!(
        actions(store).await,
        [
            "retention.report",
            "retention.report",
            "retention.apply",
            "retention.bookings",
            "retention.applied"
        ]
    );
    assert_eq!(
        store.retention_report(due.report_id).await.unwrap(),
        Some(done)
    );
    let again = report(store, LATER_MS).await;
    assert_eq!(of(&again, Kind::Bookings).count, 0, "{again:?}");
}

async fn guests_go_with_their_last_booking(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let to_come = ShowRow {
        starts_at_ms: LATER_MS,
        ..show(2, 1)
    };
    store.add_show(&to_come).await.unwrap();
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 11, &[0]);
    chain.confirm(1, 11, sold, &[0]);
    let given_back = chain.reserve(1, 12, &[1]);
    chain.release(1, 12, given_back, &[1]);
    chain.reserve(2, 12, &[0]);
    store.project(&chain.all()).await.unwrap();
    for number in [11, 12, 13] {
        let guest = guest(number, 1);
        let added = store.add_guest(&guest, Unaudited::Unattended);
        added.await.unwrap();
    }
    as_of_later(&bench).await;
    let due = report(store, LATER_MS).await;
    assert_eq!(of(&due, Kind::Bookings).count, 2);
    let done = applied(store, due.report_id).await;
    assert_eq!(of(&done, Kind::Bookings).deleted, 2);
    for (number, is_there, why) in [
        (11, false, "its only booking is gone"),
        (12, true, "it has another one"),
        (13, true, "it is housekeeping's"),
    ] {
        let found = store.guest(user_id(number).0).await.unwrap();
        assert_eq!(found.is_some(), is_there, "{why}");
    }
}

async fn a_hold_or_a_late_change_keeps_a_show(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[0]);
    chain.confirm(1, 1, sold, &[0]);
    let held = chain.reserve(1, 2, &[1]);
    store.project(&chain.all()).await.unwrap();
    as_of_later(&bench).await;
    let due = report(store, LATER_MS).await;
    assert_eq!(of(&due, Kind::Bookings).count, 0, "one is held");
    chain.release(1, 2, held, &[1]);
    let from = chain.next_offset - 1;
    store
        .project(&chain.batch(from, chain.next_offset))
        .await
        .unwrap();
    as_of_later(&bench).await;
    let due = report(store, LATER_MS).await;
    assert_eq!(of(&due, Kind::Bookings).count, 2);
    // One of them was given back only a year ago.
    bench
        .tamper("UPDATE bookings SET ended_at_ms = 2070000000000 WHERE status = 'cancelled'")
        .await;
    let due = report(store, LATER_MS).await;
    assert_eq!(of(&due, Kind::Bookings).count, 0);
}

async fn what_happened_since_the_report_is_kept(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[0]);
    chain.confirm(1, 1, sold, &[0]);
    store.project(&chain.all()).await.unwrap();
    as_of_later(&bench).await;
    let due = report(store, LATER_MS).await;
    assert_eq!(of(&due, Kind::Bookings).count, 1);
    bench
        .tamper("UPDATE bookings SET confirmed_at_ms = 2099000000000")
        .await;
    let done = applied(store, due.report_id).await;
    let bookings = of(&done, Kind::Bookings);
    assert_eq!((bookings.deleted, bookings.left), (0, 1));
    assert!(store.booking(booking_id(sold)).await.unwrap().is_some());
    assert!(!store.retired_shows().await.unwrap().has(show_id(1)));
}

async fn what_was_begun_goes_on_where_it_was(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let mut bookings = Vec::new();
    // More than one transaction deletes.
    for _ in 0..2_500 {
        bookings.push(chain.reserve_general(1, 1, 1));
    }
    for booking in &bookings {
        chain.release(1, 1, *booking, &[]);
    }
    store.project(&chain.all()).await.unwrap();
    as_of_later(&bench).await;
    let due = report(store, LATER_MS).await;
    let id = due.report_id;
    assert_eq!(of(&due, Kind::Bookings).count, 2_500);
    let mut deleted = Vec::new();
    let done = loop {
        let report = step(store, id).await;
        deleted.push(report.deleted());
        if !report.state.is_unended() {
            break report;
        }
        // Another one is not made meanwhile.
        let config = RetentionConfig::default();
        let other = store.report_retention(&config, LATER_MS, None);
        let error = other.await.unwrap_err();
        assert!(
            matches!(error, RetentionError::Applying(at) if at == id),
            "{error}"
        );
    };
    assert!(deleted.contains(&2_000), "{deleted:?}");
    assert_eq!((done.deleted(), done.state), (2_500, ReportState::Applied));
    let error = store
        .apply_retention_step(id, LATER_MS, &by())
        .await
        .unwrap_err();
    assert!(matches!(error, RetentionError::Ended { .. }), "{error}");
}

async fn a_report_that_is_withdrawn_halfway_leaves_no_seat_without_its_booking(bench: Bench) {
    /// Seats that nobody has.
    const ORPHANS: &str = "SELECT CAST(s.seat AS text) FROM booking_seats AS s LEFT JOIN bookings AS b \
         ON b.partition = s.partition AND b.booking_offset = s.booking_offset \
         WHERE b.booking_id IS NULL";
    /// Far more than one transaction deletes bookings of.
    const SEATS: u32 = 30;
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let mut others = Vec::new();
    // Whichever bookings go first, some of them have seats.
    for seat in 0..SEATS {
        let sold = chain.reserve(1, 1, &[seat]);
        chain.confirm(1, 1, sold, &[seat]);
        others.extend((0..80).map(|_| chain.reserve_general(1, 2, 1)));
    }
    for other in &others {
        chain.release(1, 2, *other, &[]);
    }
    store.project(&chain.all()).await.unwrap();
    as_of_later(&bench).await;
    let due = report(store, LATER_MS).await;
    let (id, count) = (due.report_id, of(&due, Kind::Bookings).count);
    assert!(count > 2_000, "{count}");
    while step(store, id).await.deleted() == 0 {}
    let unattended = Unaudited::Unattended;
    let withdrawn = store.withdraw_retention_report(id, LATER_MS, unattended);
    assert!(withdrawn.await.unwrap());
    let taken = bench.seat_holders().await.len();
    assert!(taken < usize::try_from(SEATS).unwrap(), "{taken}");
    assert_eq!(bench.texts(ORPHANS).await, [""; 0]);
    // What is left is in the next report.
    let next = report(store, LATER_MS + 1).await;
    let left = of(&next, Kind::Bookings).count;
    assert!((1..count).contains(&left), "{left} of {count}");
    let done = applied(store, next.report_id).await;
    assert_eq!((done.deleted(), done.state), (left, ReportState::Applied));
    assert!(bench.seat_holders().await.is_empty());
}

async fn of_entries_that_stay_with_their_month_nothing_is_said(bench: Bench) {
    let store = &bench.store;
    let now_ms = store.clock_ms().await.unwrap();
    report(store, now_ms).await;
    // As a report on PostgreSQL does, where a part of their month is not old enough.
    bench
        .tamper(
            "UPDATE retention_reports SET kinds = '[{\"kind\":\"audit\",\"before_ms\":1000,\
             \"count\":3,\"oldest_ms\":1,\"deleted\":0,\"left\":0,\"is_done\":false}]'",
        )
        .await;
    let due = store.unended_retention_report().await.unwrap().unwrap();
    let done = applied(store, due.report_id).await;
    let audit = of(&done, Kind::Audit);
    assert_eq!((audit.deleted, audit.left), (0, 3));
    assert_eq!(actions(store).await, ["retention.report"]);
}

async fn one_report_at_a_time_is_there_to_be_applied(bench: Bench) {
    let store = &bench.store;
    let first = report(store, LATER_MS).await;
    let second = report(store, LATER_MS + 1).await;
    let states: Vec<ReportState> = store
        .retention_reports(10)
        .await
        .unwrap()
        .iter()
        .map(|report| report.state)
        .collect();
    assert_eq!(states, [ReportState::Open, ReportState::Withdrawn]);
    let unended = store.unended_retention_report().await.unwrap().unwrap();
    assert_eq!(unended.report_id, second.report_id);
    let withdraw = async |id| {
        let unattended = Unaudited::Unattended;
        let withdrawn = store.withdraw_retention_report(id, LATER_MS + 2, unattended);
        withdrawn.await.unwrap()
    };
    assert!(!withdraw(first.report_id).await, "it is withdrawn already");
    assert!(withdraw(second.report_id).await);
    for id in [first.report_id, second.report_id] {
        let error = store
            .apply_retention_step(id, LATER_MS, &by())
            .await
            .unwrap_err();
        assert!(matches!(error, RetentionError::Ended { .. }), "{error}");
    }
    let error = store
        .apply_retention_step(Uuid::nil(), LATER_MS, &by())
        .await;
    assert!(matches!(error, Err(RetentionError::Unknown(_))));
}

async fn a_clock_that_is_ahead_of_the_log_ends_no_booking(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[0]);
    chain.confirm(1, 1, sold, &[0]);
    store.project(&chain.all()).await.unwrap();
    let due = report(store, LATER_MS).await;
    assert_eq!(of(&due, Kind::Bookings).count, 0, "{due:?}");
}

async fn the_projection_passes_by_what_was_deleted(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[0]);
    chain.confirm(1, 1, sold, &[0]);
    store.project(&chain.all()).await.unwrap();
    as_of_later(&bench).await;
    let due = report(store, LATER_MS).await;
    assert_eq!(applied(store, due.report_id).await.deleted(), 1);
    // The log knows it still, and gives it back; what else is in the batch is projected.
    let before = chain.next_offset;
    chain.release(1, 1, sold, &[0]);
    let next = chain.reserve(1, 2, &[3]);
    let mark = store.project(&chain.batch(before, chain.next_offset)).await;
    assert_eq!(mark.unwrap().next_offset, chain.next_offset);
    assert_eq!(store.booking(booking_id(sold)).await.unwrap(), None);
    assert_eq!(booking(store, next).await.booking_id.partition(), P);
    // A row that is gone for another reason still stops it.
    bench.tamper("DELETE FROM retired_shows").await;
    bench.tamper("DELETE FROM bookings").await;
    let before = chain.next_offset;
    chain.release(1, 2, next, &[3]);
    let stopped = store.project(&chain.batch(before, chain.next_offset)).await;
    assert!(stopped.is_err());
}

async fn entries_of_the_trail_go_when_they_are_old(bench: Bench) {
    let store = &bench.store;
    // In 2020, and in no chain.
    for _ in 0..3 {
        bench
            .tamper(
                "INSERT INTO audit (at_ms, actor_role, action, subject_kind, subject_id) \
                 VALUES (1600000000000, 'system', 'test.try', 'test', 'one')",
            )
            .await;
    }
    let entry = by().did("test.try", "job", "one");
    store.append_audit(entry).await.unwrap();
    // The clock of the database stamps entries, and a caller's that is ahead of it ends none.
    let now_ms = store.clock_ms().await.unwrap();
    let due = report(store, now_ms + 4 * 366 * 86_400_000).await;
    let audit = of(&due, Kind::Audit);
    assert_eq!((audit.count, audit.oldest_ms), (3, Some(1_600_000_000_000)));
    let done = applied(store, due.report_id).await;
    let audit = of(&done, Kind::Audit);
    assert_eq!((audit.deleted, audit.left, &audit.note), (3, 0, &None));
    assert!(of(&done, Kind::Analytics).note.is_some());
    assert!(actions(store).await.contains(&"retention.audit".to_owned()));
    let sound = store.verify_audit(None, &[]).await.unwrap();
    assert!(sound.is_sound(), "{sound:?}");
    let again = report(store, now_ms).await;
    assert_eq!(of(&again, Kind::Audit).count, 0);
}

async fn entries_stay_for_as_long_as_the_database_keeps_them(bench: Bench) {
    let store = &bench.store;
    let now_ms = store.clock_ms().await.unwrap();
    let two_years_ago = i64::try_from(now_ms - 2 * 366 * 86_400_000).unwrap();
    let old = format!(
        "INSERT INTO audit (at_ms, actor_role, action, subject_kind, subject_id) \
         VALUES ({two_years_ago}, 'system', 'test.try', 'test', 'one')"
    );
    store.by_hand(&old).await.unwrap();
    let config = RetentionConfig {
        audit_years: 1,
        ..RetentionConfig::default()
    };
    // The database keeps them for three years, whatever a node is configured to.
    let due = store.report_retention(&config, now_ms, None).await.unwrap();
    assert_eq!(of(&due, Kind::Audit).count, 0, "{due:?}");
    store.keep_audit_days(366, &by()).await.unwrap();
    let due = store.report_retention(&config, now_ms, None).await.unwrap();
    assert_eq!(of(&due, Kind::Audit).count, 1, "{due:?}");
    // Kept for longer before the report is applied.
    store.keep_audit_days(1_098, &by()).await.unwrap();
    let done = applied(store, due.report_id).await;
    let audit = of(&done, Kind::Audit);
    assert_eq!((audit.deleted, audit.left), (0, 1), "{audit:?}");
    let note = audit.note.clone().unwrap_or_default();
    let is_of_months = note.contains("month");
    assert_eq!(is_of_months, !bench.url.starts_with("sqlite"), "{note}");
}

async fn reports_of_long_ago_are_forgotten(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[0]);
    chain.confirm(1, 1, sold, &[0]);
    store.project(&chain.all()).await.unwrap();
    as_of_later(&bench).await;
    let old = report(store, LATER_MS).await;
    applied(store, old.report_id).await;
    let open = report(store, LATER_MS + 1).await;
    assert_eq!(bench.texts(OF_SHOWS).await.len(), 1);
    // Of that time or later, and what has not ended: they stay.
    let forgotten = store.forget_retention_reports(LATER_MS).await.unwrap();
    assert_eq!(forgotten, 0);
    let forgotten = store.forget_retention_reports(LATER_MS + 10).await.unwrap();
    assert_eq!(forgotten, 1);
    let left = store.retention_reports(10).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].report_id, open.report_id);
    assert!(bench.texts(OF_SHOWS).await.is_empty());
    // Nobody misses the bookings all the same.
    assert!(store.retired_shows().await.unwrap().has(show_id(1)));
}
