//! Codes of a log whose database was never told of them, as after an old backup.

use onsale_engine::Partition;
use onsale_processor::fit::{Misfit, look_at_codes};
use onsale_processor::reconcile::{Engine, Finding, Report, apply, compare};
use onsale_schemas::{CodeHash, ShowId};
use onsale_store::Store;
use onsale_store::audit::Unaudited;
use onsale_store::code::{CodesRepair, LiveCode};
use uuid::Uuid;

use super::told::told;
use super::{CODE, LOG, NOW_MS, SHOW, outcome, projected};

/// In which way the codes of which shows differ.
fn of_codes(report: &Report) -> Vec<(ShowId, Vec<String>)> {
    let findings = report.differences.iter();
    let findings = findings.filter_map(|difference| match &difference.finding {
        Finding::CodesDiffer { show_id, groups } => Some((*show_id, groups.clone())),
        _ => None,
    });
    findings.collect()
}

async fn found(machines: &[Partition], store: &Store) -> Report {
    compare(machines, None, store, LOG, NOW_MS).await.unwrap()
}

/// Repairs what is found; the database has the codes of the machine then.
async fn repaired(machines: &[Partition], store: &Store) {
    let report = found(machines, store).await;
    let engine = Engine {
        machines,
        log_id: LOG,
        log: None,
    };
    apply(&report, engine, store, NOW_MS, None).await.unwrap();
    let after = of_codes(&found(machines, store).await);
    assert!(after.is_empty(), "{after:?}");
    let known = machines[0].code(SHOW, &CODE).unwrap();
    let terms = store.code_terms(SHOW, CODE).await.unwrap();
    assert_eq!(terms, Some((known.group, known.terms)));
    assert!(!store.lacks_codes(SHOW, known.group).await.unwrap());
    let live = store.live_codes_after(SHOW, None, 10).await.unwrap();
    let by_machine = machines[0].created_code(SHOW, &CODE).unwrap();
    let expected = LiveCode {
        code: CODE,
        group: by_machine.group,
        created: by_machine.created,
    };
    assert_eq!(live, [expected]);
}

#[tokio::test]
async fn codes_that_the_database_was_not_told_of_come_back_from_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let told = told();
    let (machine, outcomes, _) = outcome(&told.records);
    let store = projected(&folder, outcomes).await;
    let machines = [machine];
    let group = machines[0].created_code(SHOW, &CODE).unwrap().group;
    let lacks = look_at_codes(&store).await.unwrap();
    let expected = Misfit::CodesLack {
        groups: 1,
        shows: 1,
        first: SHOW,
    };
    assert_eq!(lacks, Some(expected));
    let missing = vec![format!("group {group} is missing")];
    assert_eq!(of_codes(&found(&machines, &store).await), [(SHOW, missing)]);
    repaired(&machines, &store).await;
    assert_eq!(look_at_codes(&store).await.unwrap(), None);
    // Its uses are counted as the machine counts them.
    let uses = machines[0].code(SHOW, &CODE).unwrap().uses;
    assert_eq!(store.code_uses(SHOW, CODE, None).await.unwrap().0, uses);
}

#[tokio::test]
async fn other_terms_and_other_codes_are_found_and_give_way_to_those_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let told = told();
    let (machine, outcomes, _) = outcome(&told.records);
    let store = projected(&folder, outcomes).await;
    let machines = [machine];
    repaired(&machines, &store).await;
    let (known, here) = (
        machines[0].code(SHOW, &CODE).unwrap(),
        machines[0].created_code(SHOW, &CODE).unwrap(),
    );
    let group = known.group;
    let strange = LiveCode {
        code: CodeHash::from_bytes([9; 16]),
        group,
        created: here.created,
    };
    let older = LiveCode {
        code: CODE,
        group,
        created: here.created - 1,
    };
    let other_terms = {
        let mut terms = known.terms.clone();
        terms.uses_max = 77;
        terms
    };
    let told_of = |groups, ended, added| CodesRepair {
        show: SHOW,
        tenant: Uuid::from_bytes([7; 16]),
        groups,
        ended,
        added,
        as_of: 0,
        at_ms: NOW_MS,
    };
    let as_known = || vec![(group, known.terms.clone())];
    for (wrong, words) in [
        (
            told_of(vec![(group, other_terms)], vec![], vec![]),
            vec![format!("group {group} has other terms")],
        ),
        (
            told_of(as_known(), vec![CODE], vec![]),
            vec![format!(
                "group {group}: engine has 1 codes, database 0 of these and 0 others"
            )],
        ),
        (
            told_of(as_known(), vec![], vec![strange]),
            vec![format!(
                "group {group}: engine has 1 codes, database 1 of these and 1 others"
            )],
        ),
        (
            told_of(as_known(), vec![], vec![older]),
            vec![format!(
                "group {group}: engine has 1 codes, database 0 of these and 1 others"
            )],
        ),
        (
            told_of(
                [as_known(), vec![(group + 1, known.terms.clone())]].concat(),
                vec![],
                vec![],
            ),
            vec![format!("group {} ended", group + 1)],
        ),
        (
            told_of(vec![], vec![CODE], vec![]),
            vec![format!("group {group} is missing")],
        ),
    ] {
        let by = Unaudited::Unattended;
        store.repair_codes(&wrong, by).await.unwrap();
        assert_eq!(of_codes(&found(&machines, &store).await), [(SHOW, words)]);
        repaired(&machines, &store).await;
    }
}
