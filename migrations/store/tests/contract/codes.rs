//! Codes of shows: written down, accepted by the log, taken over by the projector.

mod lacking;

use onsale_private::Sealed;
use onsale_schemas::code::{CodeTerms, Discount};
use onsale_schemas::command::Currency;
use onsale_schemas::offer::Scope as Places;
use onsale_schemas::outcome::{Line, PriceRule, ReservedV2};
use onsale_schemas::{CodeHash, Offset, Outcome, Rejection, RequestId, SeatList};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::Noted;
use onsale_store::code::{CodeKind, CodeRow, CodesChange, CodesProposal, GroupTerms, NewCode};
use onsale_store::retention::Kind;
use onsale_store::{Scope, Store, StoreError};

use crate::build::{Chain, HOLD_MS, event_id, id, show_id, time_of, user_id, with_show};
use crate::harness::{Bench, contract, on_postgres};
use crate::retention::{LATER_MS, as_of_later, forgotten};

contract!(
    created_codes_are_known_once_the_log_accepts_them,
    terms_are_amended_and_codes_end,
    of_two_amendments_at_once_one_is_written_down,
    what_ended_begins_anew_without_its_uses,
    what_the_log_did_not_accept_never_counts,
    a_repetition_changes_nothing,
    an_id_stands_for_one_change,
    old_changes_are_forgotten,
    what_the_projection_has_passed_is_forgotten_and_nothing_else,
    an_organizer_has_so_many_codes_in_all,
    codes_that_ended_are_forgotten,
    a_group_is_changed_as_it_was_read,
    uses_are_those_of_live_bookings,
    thousands_are_read_a_page_at_a_time,
    orders_know_the_groups_of_their_codes,
    codes_of_a_show_long_over_go_with_its_bookings,
    what_is_counted_of_orders_is_counted_anew,
);

const GROUP: u32 = 7;

fn hash(number: u32) -> CodeHash {
    CodeHash(id(0xc0de_0000 + u64::from(number)))
}

fn code(number: u32) -> NewCode {
    let text = format!("sealed text of code {number}");
    NewCode {
        code: hash(number),
        sealed: number
            .is_multiple_of(2)
            .then(|| Sealed::from_stored(text.into_bytes())),
    }
}

fn said(group: u32, off_bp: u16) -> GroupTerms {
    GroupTerms {
        group,
        name: Some("Friends & foes".to_owned()),
        kind: CodeKind::Discount,
        terms: CodeTerms {
            discount: Some(Discount::OffBp(off_bp)),
            presale: false,
            opens: true,
            uses_max: 1,
            uses_per_user_max: 0,
            places_max: 2,
            from_ms: 5,
            until_ms: u64::MAX,
            scope: Places {
                zones: vec![0, 2],
                types: u64::MAX,
            },
        },
    }
}

fn proposal(change: CodesChange, codes: Vec<NewCode>) -> CodesProposal {
    CodesProposal {
        show: show_id(1),
        tenant: id(1),
        change,
        codes,
    }
}

/// Writes a change down and pushes the outcome that accepts it; returns its offset.
async fn accepted(
    store: &Store,
    chain: &mut Chain,
    proposal: &CodesProposal,
    outcome: Outcome,
) -> Offset {
    let offset = chain.push(outcome);
    let request = chain.outcomes.last().unwrap().request_id.unwrap();
    let proposed = store.propose_codes(request, proposal, 1, Unaudited::Unattended);
    assert!(proposed.await.unwrap().is_there());
    offset
}

/// Creates these codes of a group.
async fn create(store: &Store, chain: &mut Chain, group: u32, numbers: &[u32]) -> Offset {
    let codes = numbers.iter().copied().map(code).collect();
    let proposal = proposal(CodesChange::Create(said(group, 1_000)), codes);
    let outcome = Outcome::CodesCreated {
        show: show_id(1),
        group,
        created: u32::try_from(numbers.len()).unwrap(),
        known: 0,
    };
    accepted(store, chain, &proposal, outcome).await
}

async fn end(store: &Store, chain: &mut Chain, change: CodesChange) {
    let outcome = Outcome::CodesEnded {
        show: show_id(1),
        ended: 1,
    };
    accepted(store, chain, &proposal(change, Vec::new()), outcome).await;
}

async fn codes(store: &Store, group: u32) -> Vec<CodeRow> {
    let read = store.codes_of_group(show_id(1), group, None, 1_000);
    read.await.unwrap()
}

/// A booking with a code, held.
fn reserve(chain: &mut Chain, user: u64, seat: u32, with: CodeHash) -> Offset {
    let booking = chain.next_offset;
    chain.push(Outcome::ReservedV2(Box::new(ReservedV2 {
        booking,
        show: show_id(1),
        event: event_id(1),
        user: user_id(user),
        lines: vec![Line {
            zone: 0,
            ticket_type: 0,
            seats: SeatList::from([seat].as_slice()),
            quantity: 1,
            rule: PriceRule::Zone,
            list_price: 1_000,
            bundle: None,
            bundle_off: 0,
            code_off: 100,
            unit_price: 900,
            unit_fee: 0,
            unit_tax: 0,
        }],
        order_fee: 0,
        order_fee_tax: 0,
        total: 900,
        tax: 0,
        currency: Currency(*b"THB"),
        code: Some(with),
        expires_at_ms: time_of(booking) + HOLD_MS,
    })))
}

async fn created_codes_are_known_once_the_log_accepts_them(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let offset = create(store, &mut chain, GROUP, &[1, 2]).await;
    let show = show_id(1);
    assert_eq!(store.code_terms(show, hash(1)).await.unwrap(), None);
    assert_eq!(store.code_group(show, GROUP).await.unwrap(), None);
    store.project(&chain.all()).await.unwrap();
    let terms = said(GROUP, 1_000).terms;
    for number in [1, 2] {
        let found = store.code_terms(show, hash(number)).await.unwrap();
        assert_eq!(found, Some((GROUP, terms.clone())));
    }
    assert_eq!(store.code_terms(show, hash(3)).await.unwrap(), None);
    let elsewhere = store.code_terms(show_id(2), hash(1)).await.unwrap();
    assert_eq!(elsewhere, None, "a code is of one show");
    let group = store.code_group(show, GROUP).await.unwrap().unwrap();
    assert_eq!(group.said, said(GROUP, 1_000));
    assert_eq!((group.codes, group.uses, group.ended_at_ms), (2, 0, None));
    assert_eq!(group.created_at_ms, time_of(offset));
    let rows = codes(store, GROUP).await;
    let texts: Vec<_> = rows.into_iter().map(|row| (row.code, row.sealed)).collect();
    let wanted: Vec<_> = [1, 2]
        .map(|number| (hash(number), code(number).sealed))
        .into();
    assert_eq!(texts, wanted);
    let page = store.code_groups(show, 1, 10).await.unwrap();
    assert_eq!((page.total, page.rows), (1, vec![group]));
    assert_eq!(
        bench
            .texts("SELECT CAST(COUNT(*) AS TEXT) FROM code_changes")
            .await,
        ["0"]
    );
    assert_eq!(
        bench
            .texts("SELECT CAST(COUNT(*) AS TEXT) FROM proposed_codes")
            .await,
        ["0"]
    );
}

async fn orders_know_the_groups_of_their_codes(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1, 2]).await;
    create(store, &mut chain, GROUP + 1, &[3]).await;
    end(store, &mut chain, CodesChange::EndCode(hash(2))).await;
    store.project(&chain.all()).await.unwrap();
    let asked = [1, 2, 3, 4, 3].map(hash);
    let found = store.groups_of_codes(&asked).await.unwrap();
    let group = |number| found.get(&hash(number)).map(|used| used.group);
    assert_eq!(
        [1, 2, 3, 4].map(group),
        [Some(GROUP), Some(GROUP), Some(GROUP + 1), None]
    );
    assert_eq!(found[&hash(1)].name.as_deref(), Some("Friends & foes"));
    assert!(store.groups_of_codes(&[]).await.unwrap().is_empty());
}

async fn terms_are_amended_and_codes_end(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1, 2]).await;
    create(store, &mut chain, GROUP + 1, &[3]).await;
    let amended = Outcome::CodesAmended {
        show: show_id(1),
        group: GROUP,
    };
    let other = proposal(CodesChange::Amend(said(GROUP, 2_500)), Vec::new());
    accepted(store, &mut chain, &other, amended).await;
    store.project(&chain.all()).await.unwrap();
    let show = show_id(1);
    let off = |found: Option<(u32, CodeTerms)>| found.map(|(_, terms)| terms.discount);
    let of_code = |number| store.code_terms(show, hash(number));
    let changed = Some(Some(Discount::OffBp(2_500)));
    assert_eq!(off(of_code(1).await.unwrap()), changed);
    let as_before = Some(Some(Discount::OffBp(1_000)));
    assert_eq!(off(of_code(3).await.unwrap()), as_before, "the other group");

    end(store, &mut chain, CodesChange::EndCode(hash(1))).await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(of_code(1).await.unwrap(), None);
    assert_eq!(off(of_code(2).await.unwrap()), changed);
    let group = store.code_group(show, GROUP).await.unwrap().unwrap();
    assert_eq!((group.codes, group.ended_at_ms), (1, None));

    end(store, &mut chain, CodesChange::EndGroup(GROUP)).await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(of_code(2).await.unwrap(), None);
    assert_eq!(off(of_code(3).await.unwrap()), as_before);
    let group = store.code_group(show, GROUP).await.unwrap().unwrap();
    let ended_at_ms = time_of(chain.next_offset - 1);
    assert_eq!((group.codes, group.ended_at_ms), (0, Some(ended_at_ms)));
    let rows = codes(store, GROUP).await;
    assert!(rows.iter().all(|row| row.ended_at_ms.is_some()), "{rows:?}");
}

async fn of_two_amendments_at_once_one_is_written_down(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1]).await;
    create(store, &mut chain, GROUP + 1, &[2]).await;
    store.project(&chain.all()).await.unwrap();
    let amendment = |group, before, off_bp| {
        let change = CodesChange::Amend(said(group, off_bp));
        (proposal(change, Vec::new()), said(group, before))
    };
    let written = async |request, (proposal, before): &(CodesProposal, GroupTerms), now_ms| {
        let by = Unaudited::Unattended;
        let proposed = store.propose_terms(request, proposal, before.clone(), now_ms, by);
        proposed.await
    };
    let propose =
        async |number, amendment, now_ms| written(RequestId(id(number)), &amendment, now_ms).await;
    let is_refused = |answer: Result<Noted, StoreError>| {
        matches!(answer, Err(StoreError::VersionChanged { .. }))
    };
    let first = amendment(GROUP, 1_000, 2_000);
    chain.push(Outcome::CodesAmended {
        show: show_id(1),
        group: GROUP,
    });
    let request = chain.outcomes.last().unwrap().request_id.unwrap();
    assert!(written(request, &first, 1_000).await.unwrap().is_there());
    // A repetition is none.
    assert!(written(request, &first, 1_000).await.unwrap().is_there());
    let second = || amendment(GROUP, 1_000, 3_000);
    assert!(is_refused(propose(901, second(), 1_001).await));
    let elsewhere = amendment(GROUP + 1, 1_000, 3_000);
    assert!(
        propose(902, elsewhere, 1_001).await.unwrap().is_there(),
        "another group"
    );
    // From terms that are no more.
    store.project(&chain.all()).await.unwrap();
    assert!(is_refused(propose(901, second(), 1_001).await));
    let after = amendment(GROUP, 2_000, 3_000);
    assert!(propose(901, after, 1_001).await.unwrap().is_there());
    // What never came to the log keeps nobody out for long.
    let later = || amendment(GROUP, 2_000, 4_000);
    assert!(is_refused(propose(903, later(), 61_000).await));
    assert!(propose(903, later(), 61_001).await.unwrap().is_there());
}

async fn what_ended_begins_anew_without_its_uses(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1]).await;
    reserve(&mut chain, 5, 0, hash(1));
    end(store, &mut chain, CodesChange::EndGroup(GROUP)).await;
    create(store, &mut chain, GROUP + 1, &[1]).await;
    store.project(&chain.all()).await.unwrap();
    let found = store.code_terms(show_id(1), hash(1)).await.unwrap();
    assert_eq!(found.map(|(group, _)| group), Some(GROUP + 1));
    let row = codes(store, GROUP + 1).await.pop().unwrap();
    assert_eq!(
        (row.ended_at_ms, row.uses),
        (None, 0),
        "a use is of the code as it was"
    );
    let uses = |user| store.code_uses(show_id(1), hash(1), Some(user_id(user)));
    assert_eq!(uses(5).await.unwrap(), (0, 0), "a quote counts the same");
    assert_eq!(codes(store, GROUP).await, []);
    reserve(&mut chain, 6, 1, hash(1));
    // The group of before, too.
    end(store, &mut chain, CodesChange::EndGroup(GROUP + 1)).await;
    let again = create(store, &mut chain, GROUP, &[1]).await;
    reserve(&mut chain, 7, 2, hash(1));
    store.project(&chain.all()).await.unwrap();
    let group = store.code_group(show_id(1), GROUP).await.unwrap().unwrap();
    assert_eq!((group.codes, group.uses, group.ended_at_ms), (1, 1, None));
    assert_eq!(group.created_at_ms, time_of(again));
    for (user, counted) in [(5, (1, 0)), (6, (1, 0)), (7, (1, 1))] {
        assert_eq!(uses(user).await.unwrap(), counted, "user {user}");
    }
}

async fn codes_of_a_show_long_over_go_with_its_bookings(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    // More than one step deletes.
    let numbers: Vec<u32> = (1..=2_100).collect();
    create(store, &mut chain, GROUP, &numbers).await;
    create(store, &mut chain, GROUP + 1, &[3_001]).await;
    let sold = chain.reserve(1, 1, &[0]);
    chain.confirm(1, 1, sold, &[0]);
    store.project(&chain.all()).await.unwrap();
    let there = async || {
        let groups = store.code_groups(show_id(1), 1, 10).await.unwrap();
        let all = "SELECT CAST(COUNT(*) AS TEXT) FROM codes";
        (groups.total, bench.texts(all).await)
    };
    assert_eq!(there().await, (2, vec!["2101".to_owned()]));
    as_of_later(&bench).await;
    assert_eq!(forgotten(store, Kind::Bookings, LATER_MS).await, 1);
    assert_eq!(there().await, (0, vec!["0".to_owned()]));
    assert_eq!(store.code_terms(show_id(1), hash(1)).await.unwrap(), None);
}

async fn what_is_counted_of_orders_is_counted_anew(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1, 2]).await;
    for (user, seat, code) in [(5, 0, 1), (6, 1, 2), (7, 2, 1)] {
        reserve(&mut chain, user, seat, hash(code));
    }
    store.project(&chain.all()).await.unwrap();
    let right = [(hash(1), 2), (hash(2), 1)];
    assert_eq!(store.code_counts(show_id(1)).await.unwrap(), right);
    assert!(store.code_counts(show_id(2)).await.unwrap().is_empty());
    bench
        .tamper("DELETE FROM order_codes WHERE booking_offset > 1")
        .await;
    assert_ne!(store.code_counts(show_id(1)).await.unwrap(), right);
    let by = Unaudited::Unattended;
    store.recount_orders(show_id(1), by).await.unwrap();
    assert_eq!(store.code_counts(show_id(1)).await.unwrap(), right);
}

async fn what_the_log_did_not_accept_never_counts(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1]).await;
    chain.outcomes[0].outcome = Outcome::Rejected(Rejection::ShowCancelled);
    // Accepted for another show than it was written down for.
    create(store, &mut chain, GROUP, &[2]).await;
    chain.outcomes[1].outcome = Outcome::CodesCreated {
        show: show_id(2),
        group: GROUP,
        created: 1,
        known: 0,
    };
    // Before the catalog was lost, or by a program that writes nothing down.
    chain.push(Outcome::CodesAmended {
        show: show_id(1),
        group: GROUP,
    });
    chain.push(Outcome::CodesEnded {
        show: show_id(1),
        ended: 1,
    });
    chain.outcomes[3].request_id = None;
    store.project(&chain.all()).await.unwrap();
    for number in [1, 2] {
        let found = store.code_terms(show_id(1), hash(number)).await.unwrap();
        assert_eq!(found, None);
    }
    assert_eq!(store.code_groups(show_id(1), 1, 10).await.unwrap().total, 0);
}

async fn a_repetition_changes_nothing(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let first = create(store, &mut chain, GROUP, &[1]).await;
    end(store, &mut chain, CodesChange::EndCode(hash(1))).await;
    store.project(&chain.all()).await.unwrap();
    // The first request once more: written down again, and answered from memory by the log.
    create(store, &mut chain, GROUP, &[1]).await;
    chain.mark_replay(first);
    let again = chain.outcomes.last().unwrap().request_id.unwrap();
    store.project(&chain.all()).await.unwrap();
    let found = store.code_terms(show_id(1), hash(1)).await.unwrap();
    assert_eq!(found, None);
    // Nothing of it is left: the id is free.
    let other = proposal(CodesChange::EndGroup(GROUP), Vec::new());
    let proposed = store.propose_codes(again, &other, 1, Unaudited::Unattended);
    assert!(proposed.await.unwrap().is_there());
    // What is known by the log, under a request of its own, stays as it is.
    create(store, &mut chain, GROUP + 1, &[2]).await;
    create(store, &mut chain, GROUP + 1, &[2]).await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(codes(store, GROUP + 1).await.len(), 1);
}

async fn an_id_stands_for_one_change(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let request = RequestId(id(77));
    let first = proposal(
        CodesChange::Create(said(GROUP, 1_000)),
        vec![code(1), code(2)],
    );
    let other = proposal(CodesChange::Create(said(GROUP, 1_001)), vec![code(1)]);
    let elsewhere = CodesProposal {
        show: show_id(2),
        ..first.clone()
    };
    for (proposal, expected) in [
        (&first, Noted::New),
        (&first, Noted::Known),
        (&other, Noted::Other),
        (&elsewhere, Noted::Other),
    ] {
        let proposed = store.propose_codes(request, proposal, 1, Unaudited::Unattended);
        assert_eq!(proposed.await.unwrap(), expected, "{proposal:?}");
    }
    let count = "SELECT CAST(COUNT(*) AS TEXT) FROM proposed_codes";
    assert_eq!(bench.texts(count).await, ["2"]);
}

async fn old_changes_are_forgotten(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1, 2, 3]).await;
    assert_eq!(store.forget_changes(1).await.unwrap(), 0);
    assert_eq!(store.forget_changes(2).await.unwrap(), 1);
    let count = "SELECT CAST(COUNT(*) AS TEXT) FROM proposed_codes";
    assert_eq!(bench.texts(count).await, ["0"]);
    store.project(&chain.all()).await.unwrap();
    assert_eq!(store.code_group(show_id(1), GROUP).await.unwrap(), None);
}

async fn what_the_projection_has_passed_is_forgotten_and_nothing_else(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1]).await;
    store.project(&chain.all()).await.unwrap();
    let refused = RequestId(id(77));
    let wanted = proposal(
        CodesChange::Create(said(GROUP + 1, 1_000)),
        vec![code(2), code(3)],
    );
    let proposed = store.propose_codes(refused, &wanted, 1, Unaudited::Unattended);
    assert!(proposed.await.unwrap().is_there());
    let left = async || {
        let count = "SELECT CAST(COUNT(*) AS TEXT) FROM proposed_codes";
        bench.texts(count).await.remove(0)
    };
    // Whatever the clock says: the projection may not have come to it yet.
    bench
        .tamper("UPDATE projector_watermarks SET log_time_ms = 3600001")
        .await;
    let much_later = u64::from(u32::MAX);
    assert_eq!(store.forget_passed_changes(much_later).await.unwrap(), 0);
    assert_eq!(left().await, "2");
    bench
        .tamper("UPDATE projector_watermarks SET log_time_ms = 3600002")
        .await;
    assert_eq!(store.forget_passed_changes(1).await.unwrap(), 0);
    assert_eq!(store.forget_passed_changes(much_later).await.unwrap(), 1);
    assert_eq!(left().await, "0");
    // One of which the refusal is known is forgotten at once.
    let proposed = store.propose_codes(refused, &wanted, 1, Unaudited::Unattended);
    assert!(proposed.await.unwrap().is_there());
    store.forget_proposal(refused).await.unwrap();
    assert_eq!(left().await, "0");
    assert_eq!(store.forget_changes(much_later).await.unwrap(), 0);
}

async fn an_organizer_has_so_many_codes_in_all(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1, 2, 3]).await;
    end(store, &mut chain, CodesChange::EndCode(hash(1))).await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(store.live_codes(show_id(1)).await.unwrap(), 2);
    let propose = async |number: u64, codes: &[u32], quota: u64| {
        let codes = codes.iter().copied().map(code).collect();
        let wanted = proposal(CodesChange::Create(said(GROUP + 1, 1_000)), codes);
        let (request, by) = (RequestId(id(number)), Unaudited::Unattended);
        store
            .propose_new_codes(request, &wanted, quota, 1, by)
            .await
    };
    // The one that ended counts, and what waits for the log does.
    let refused = propose(71, &[4, 5], 4).await.unwrap_err();
    let StoreError::Quota {
        name,
        max,
        has,
        asked,
    } = refused
    else {
        panic!("{refused}")
    };
    assert_eq!(
        (name, max, has, asked),
        ("codes_per_organizer_max", 4, 3, 2)
    );
    assert_eq!(propose(71, &[4], 4).await.unwrap(), Noted::New);
    assert_eq!(propose(71, &[4], 4).await.unwrap(), Noted::Known);
    assert!(propose(72, &[5], 4).await.is_err());
    assert_eq!(propose(72, &[5], 5).await.unwrap(), Noted::New);
}

async fn codes_that_ended_are_forgotten(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1, 2]).await;
    create(store, &mut chain, GROUP + 1, &[3]).await;
    end(store, &mut chain, CodesChange::EndCode(hash(1))).await;
    end(store, &mut chain, CodesChange::EndGroup(GROUP + 1)).await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(store.forget_ended_codes(1).await.unwrap(), 0);
    let later = u64::try_from(i64::MAX).unwrap();
    assert_eq!(store.forget_ended_codes(later).await.unwrap(), 2);
    assert_eq!(codes(store, GROUP).await.len(), 1);
    let gone = store.code_group(show_id(1), GROUP + 1).await.unwrap();
    assert_eq!(gone, None);
    let kept = store.code_group(show_id(1), GROUP).await.unwrap();
    assert_eq!(kept.unwrap().codes, 1);
}

async fn a_group_is_changed_as_it_was_read(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1]).await;
    store.project(&chain.all()).await.unwrap();
    let propose = async |number: u64, off_bp: u16, before: GroupTerms| {
        let wanted = proposal(CodesChange::Amend(said(GROUP, off_bp)), Vec::new());
        let (request, by) = (RequestId(id(number)), Unaudited::Unattended);
        store.propose_terms(request, &wanted, before, 1, by).await
    };
    let changed = propose(71, 2_000, said(GROUP, 1_500)).await.unwrap_err();
    assert!(
        matches!(changed, StoreError::VersionChanged { .. }),
        "{changed}"
    );
    let read = said(GROUP, 1_000);
    assert_eq!(propose(71, 2_000, read.clone()).await.unwrap(), Noted::New);
    assert_eq!(
        propose(71, 2_000, read.clone()).await.unwrap(),
        Noted::Known
    );
    // It is about to become another.
    assert!(propose(72, 3_000, read.clone()).await.is_err());
    store.forget_proposal(RequestId(id(71))).await.unwrap();
    assert_eq!(propose(72, 3_000, read).await.unwrap(), Noted::New);
}

async fn uses_are_those_of_live_bookings(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1, 2]).await;
    let first = reserve(&mut chain, 5, 0, hash(1));
    reserve(&mut chain, 6, 1, hash(1));
    reserve(&mut chain, 6, 2, hash(2));
    store.project(&chain.all()).await.unwrap();
    let uses = async || {
        let group = store.code_group(show_id(1), GROUP).await.unwrap();
        let each = codes(store, GROUP).await;
        let each: Vec<u64> = each.iter().map(|row| row.uses).collect();
        (group.unwrap().uses, each)
    };
    assert_eq!(uses().await, (3, vec![2, 1]));
    chain.expire(1, 5, first, &[0]);
    store.project(&chain.all()).await.unwrap();
    assert_eq!(
        uses().await,
        (2, vec![1, 1]),
        "given back when the hold ends"
    );
}

async fn thousands_are_read_a_page_at_a_time(bench: Bench) {
    const CODES: u32 = 10_000;
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let numbers: Vec<u32> = (0..CODES).collect();
    create(store, &mut chain, GROUP, &numbers).await;
    store.project(&chain.all()).await.unwrap();
    let (mut after, mut read) = (None, Vec::new());
    loop {
        let page = store.codes_of_group(show_id(1), GROUP, after, 3_000).await;
        let page = page.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.code);
        read.extend(page.into_iter().map(|row| row.code));
    }
    let wanted: Vec<CodeHash> = numbers.into_iter().map(hash).collect();
    assert_eq!(read, wanted);
}

#[tokio::test]
async fn codes_are_their_tenants_and_terms_are_of_who_knows_the_code() {
    on_postgres(|bench| async move {
        with_show(&bench.store).await;
        let mut chain = Chain::default();
        create(&bench.store, &mut chain, GROUP, &[1]).await;
        bench.store.project(&chain.all()).await.unwrap();
        let of = |tenant| {
            bench.store.within(Scope::Caller {
                tenant: Some(id(tenant)),
                user: Some(id(9)),
            })
        };
        let (own, elsewhere, nobody) = (of(1), of(2), bench.store.within(Scope::PUBLIC));
        for (store, seen) in [(&own, true), (&elsewhere, false), (&nobody, false)] {
            let group = store.code_group(show_id(1), GROUP).await.unwrap();
            assert_eq!(group.is_some(), seen);
            assert_eq!(codes(store, GROUP).await.len(), usize::from(seen));
            let page = store.code_groups(show_id(1), 1, 10).await.unwrap();
            assert_eq!(page.total, u64::from(seen));
            let terms = store.code_terms(show_id(1), hash(1)).await.unwrap();
            assert!(terms.is_some());
        }
        // To change them is the log's, and to ask for it the tenant's.
        let end = proposal(CodesChange::EndGroup(GROUP), Vec::new());
        let request = RequestId(id(78));
        let proposed = elsewhere.propose_codes(request, &end, 1, Unaudited::Unattended);
        let refused = proposed.await.unwrap_err().to_string();
        assert!(refused.contains("row-level security"), "{refused}");
        let proposed = own.propose_codes(request, &end, 1, Unaudited::Unattended);
        assert!(proposed.await.unwrap().is_there());
    })
    .await;
}
