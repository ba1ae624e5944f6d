//! Codes of a database that is older than the log, or was lost.

use onsale_schemas::Outcome;
use onsale_store::Store;
use onsale_store::audit::Unaudited;
use onsale_store::code::{CodeKind, CodesChange, CodesRepair, GroupTerms, LiveCode, LiveGroup};
use onsale_store::retention::Kind;

use super::{GROUP, accepted, code, codes, create, end, hash, proposal, reserve, said};
use crate::build::{Chain, id, show_id, with_show};
use crate::harness::{Bench, contract};
use crate::retention::{LATER_MS, as_of_later, forgotten};

contract!(
    what_was_written_down_nowhere_is_noted_until_it_is_said_anew,
    where_codes_ended_that_nobody_named_all_groups_are_in_doubt,
    the_codes_of_the_log_take_the_place_of_others,
    what_is_noted_goes_with_its_show,
    a_projector_that_begins_again_doubts_nothing_that_is_known,
);

fn created(group: u32) -> Outcome {
    Outcome::CodesCreated {
        show: show_id(1),
        group,
        created: 1,
        known: 0,
    }
}

fn amended(group: u32) -> Outcome {
    Outcome::CodesAmended {
        show: show_id(1),
        group,
    }
}

/// The groups of which it is unknown what they are by now.
async fn lacking(store: &Store) -> Vec<u32> {
    let groups = store.lacking_codes(show_id(1)).await.unwrap();
    for group in [GROUP, GROUP + 1, GROUP + 2] {
        let lacks = store.lacks_codes(show_id(1), group).await.unwrap();
        assert_eq!(lacks, groups.contains(&group), "{group}");
    }
    let shows = store.shows_lacking_codes().await.unwrap();
    let count = u64::try_from(groups.len()).unwrap();
    let expected = (count > 0).then_some((show_id(1), count));
    assert_eq!(shows, expected.into_iter().collect::<Vec<_>>());
    groups
}

async fn what_was_written_down_nowhere_is_noted_until_it_is_said_anew(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1]).await;
    create(store, &mut chain, GROUP + 1, &[2]).await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(lacking(store).await, [] as [u32; 0]);
    chain.push(amended(GROUP));
    // Nobody has written this group down at all.
    chain.push(created(GROUP + 2));
    // Without an id there is nothing to look under.
    chain.push(amended(GROUP));
    chain.outcomes.last_mut().unwrap().request_id = None;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(lacking(store).await, [GROUP, GROUP + 2]);
    let kept = store.code_group(show_id(1), GROUP).await.unwrap().unwrap();
    assert_eq!(kept.said, said(GROUP, 1_000), "nothing else is known");
    let unknown = store.code_group(show_id(1), GROUP + 2).await.unwrap();
    assert_eq!(unknown, None);

    let whole = proposal(CodesChange::Amend(said(GROUP, 2_500)), Vec::new());
    accepted(store, &mut chain, &whole, amended(GROUP)).await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(lacking(store).await, [GROUP + 2]);
    let found = store.code_terms(show_id(1), hash(1)).await.unwrap();
    assert_eq!(found, Some((GROUP, said(GROUP, 2_500).terms)));
    // Codes with these terms are accepted: they are those of the log.
    create(store, &mut chain, GROUP + 2, &[3]).await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(lacking(store).await, [] as [u32; 0]);
}

async fn where_codes_ended_that_nobody_named_all_groups_are_in_doubt(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1]).await;
    create(store, &mut chain, GROUP + 1, &[2]).await;
    create(store, &mut chain, GROUP + 2, &[3]).await;
    end(store, &mut chain, CodesChange::EndGroup(GROUP + 2)).await;
    chain.push(Outcome::CodesEnded {
        show: show_id(1),
        ended: 1,
    });
    store.project(&chain.all()).await.unwrap();
    assert_eq!(lacking(store).await, [GROUP, GROUP + 1], "one had ended");
    end(store, &mut chain, CodesChange::EndCode(hash(1))).await;
    end(store, &mut chain, CodesChange::EndGroup(GROUP + 1)).await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(lacking(store).await, [GROUP]);
    // Of a show that is cancelled nothing is bought any more.
    chain.push(Outcome::ShowCancelled { show: show_id(1) });
    store.project(&chain.all()).await.unwrap();
    assert!(store.shows_lacking_codes().await.unwrap().is_empty());
}

async fn the_codes_of_the_log_take_the_place_of_others(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let first = create(store, &mut chain, GROUP, &[1, 2]).await;
    create(store, &mut chain, GROUP + 1, &[3, 4]).await;
    reserve(&mut chain, 5, 0, hash(2));
    chain.push(amended(GROUP));
    chain.push(created(GROUP + 2));
    store.project(&chain.all()).await.unwrap();
    let live = |number, group, created| LiveCode {
        code: hash(number),
        group,
        created,
    };
    let again = chain.next_offset - 1;
    let repair = CodesRepair {
        show: show_id(1),
        tenant: id(1),
        groups: vec![
            (GROUP, said(GROUP, 2_500).terms),
            (GROUP + 2, said(GROUP + 2, 500).terms),
        ],
        // One of them ended and was created again in another group.
        ended: [2, 3, 4].map(hash).into(),
        added: vec![live(2, GROUP + 2, again), live(5, GROUP + 2, again)],
        as_of: again,
        at_ms: 7_000,
    };
    for _ in 0..2 {
        let repaired = store.repair_codes(&repair, Unaudited::Unattended);
        repaired.await.unwrap();
        assert_eq!(lacking(store).await, [] as [u32; 0]);
        let group = |group, terms: &GroupTerms| LiveGroup {
            group,
            terms: Some(terms.terms.clone()),
        };
        assert_eq!(
            store.live_code_groups(show_id(1)).await.unwrap(),
            [
                group(GROUP, &said(GROUP, 2_500)),
                group(GROUP + 2, &said(GROUP + 2, 500)),
            ]
        );
        let (mut codes, mut after) = (Vec::new(), None);
        loop {
            let read = store.live_codes_after(show_id(1), after, 2).await.unwrap();
            let Some(last) = read.last() else { break };
            after = Some(last.code);
            codes.extend(read);
        }
        let expected = [
            live(1, GROUP, first),
            live(2, GROUP + 2, again),
            live(5, GROUP + 2, again),
        ];
        assert_eq!(codes, expected);
    }
    let kept = store.code_group(show_id(1), GROUP).await.unwrap().unwrap();
    assert_eq!(kept.said.name, said(GROUP, 0).name, "it is still known");
    let brought = store.code_group(show_id(1), GROUP + 2).await.unwrap();
    let brought = brought.unwrap();
    assert_eq!(
        (brought.said.name, brought.said.kind, brought.created_at_ms),
        (None, CodeKind::Discount, 7_000)
    );
    let ended = store.code_group(show_id(1), GROUP + 1).await.unwrap();
    assert_eq!(ended.unwrap().ended_at_ms, Some(7_000));
    let rows = codes(store, GROUP + 2).await;
    let texts: Vec<_> = rows.into_iter().map(|row| (row.code, row.sealed)).collect();
    assert_eq!(texts, [(hash(2), code(2).sealed), (hash(5), None)]);
    // A booking of before is no use of the code as it is now.
    let uses = store.code_uses(show_id(1), hash(2), None).await.unwrap();
    assert_eq!(uses, (0, 0));
    assert_eq!(store.code_terms(show_id(1), hash(3)).await.unwrap(), None);
}

async fn what_is_noted_goes_with_its_show(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    chain.push(created(GROUP));
    let sold = chain.reserve(1, 1, &[0]);
    chain.confirm(1, 1, sold, &[0]);
    store.project(&chain.all()).await.unwrap();
    assert_eq!(lacking(store).await, [GROUP]);
    as_of_later(&bench).await;
    assert_eq!(forgotten(store, Kind::Bookings, LATER_MS).await, 1);
    assert_eq!(lacking(store).await, [] as [u32; 0]);
}

async fn a_projector_that_begins_again_doubts_nothing_that_is_known(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    create(store, &mut chain, GROUP, &[1, 2]).await;
    create(store, &mut chain, GROUP + 1, &[3]).await;
    let change = proposal(CodesChange::Amend(said(GROUP, 2_500)), Vec::new());
    accepted(store, &mut chain, &change, amended(GROUP)).await;
    end(store, &mut chain, CodesChange::EndCode(hash(1))).await;
    create(store, &mut chain, GROUP + 2, &[4]).await;
    end(store, &mut chain, CodesChange::EndGroup(GROUP + 1)).await;
    store.project(&chain.all()).await.unwrap();
    let before = store.code_groups(show_id(1), 1, 10).await.unwrap();
    bench.tamper("DELETE FROM projector_watermarks").await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(lacking(store).await, [] as [u32; 0]);
    let after = store.code_groups(show_id(1), 1, 10).await.unwrap();
    assert_eq!((after.total, after.rows), (before.total, before.rows));
    // What comes behind it is news.
    chain.push(amended(GROUP));
    store.project(&chain.all()).await.unwrap();
    assert_eq!(lacking(store).await, [GROUP]);
}
