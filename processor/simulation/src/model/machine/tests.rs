//! The order of steps within one record.

use super::*;
use crate::model::testing::{Script, reserve_general, show};

const TICK: Command = Command::Tick { epoch: 0 };

#[test]
fn time_is_the_highest_log_time_so_far() {
    let mut script = Script::new();
    let high = script.now;
    script.now -= 500;
    let record = script.record(reserve_general(1, 1, 1));
    assert_eq!(record.log_time_ms, high);
    assert_eq!(script.model.log_time_ms(), high);
}

#[test]
fn outcomes_are_chained_over_records_without_one() {
    let mut script = Script::new();
    assert_eq!(script.machine(TICK), None);
    assert_eq!(script.apply(b"not a record"), None);
    let record = script.record(reserve_general(1, 1, 1));
    assert_eq!((record.offset, record.previous), (3, Some(0)));
    assert_eq!(script.model.last_outcome(), Some(3));
}

#[test]
fn a_tick_with_a_waiting_client_is_answered() {
    let record = Script::new().record(TICK);
    assert_eq!(record.outcome, Outcome::Nothing);
}

#[test]
fn holds_expire_even_at_a_record_that_cannot_be_read() {
    let mut script = Script::new();
    script.hold(reserve_general(1, 1, 1));
    script.now += 60_000;
    let record = script.apply(&[]).unwrap();
    assert_eq!((record.request_id, record.expired.len()), (None, 1));
    assert_eq!(record.outcome, Outcome::Nothing);
}

#[test]
fn the_lowest_offset_with_a_higher_epoch_owns_the_partition() {
    let mut script = Script::new();
    let node = |name: &str| NodeName(name.to_owned());
    let claim = |name, epoch| Command::Claim {
        node: node(name),
        epoch,
    };
    assert_eq!(script.machine(claim("a", 0)), None);
    let won = script.machine(claim("a", 2)).unwrap().outcome;
    let want = Outcome::Claimed {
        node: node("a"),
        epoch: 2,
    };
    assert_eq!(won, want);
    assert_eq!(script.machine(claim("b", 2)), None);
    assert_eq!(script.machine(claim("b", 1)), None);
    assert_eq!(script.model.owner(), Some(&node("a")));
    assert!(script.machine(claim("b", 3)).is_some());
    assert_eq!(script.model.epoch(), 3);
}

#[test]
fn a_barrier_passes_and_an_unknown_version_is_reported() {
    let mut script = Script::new();
    let known = MACHINE_VERSION_KNOWN;
    for (given, now, unsupported) in [
        (0, 1, None),
        (known, known, None),
        (1, known, None),
        (9, known, Some(9)),
    ] {
        let machine_version = given;
        let record = script.machine(Command::Barrier { machine_version });
        let want = Outcome::BarrierPassed {
            machine_version: now,
        };
        assert_eq!(record.unwrap().outcome, want);
        assert_eq!(script.model.unsupported_version(), unsupported);
    }
}

#[test]
fn without_a_request_id_a_fingerprint_means_nothing() {
    let mut script = Script::new();
    let payload = codec::encode(&Envelope {
        request_id: None,
        idempotency: Some(1),
        trace: None,
        command: Command::OpenShow(show(2)),
        by: None,
    })
    .unwrap();
    for _ in 0..2 {
        assert_eq!(script.apply(&payload).unwrap().replay_of, None);
    }
    assert_eq!(script.model.remembered_answers(), 0);
}

#[test]
fn the_end_of_time_does_no_harm() {
    let mut script = Script::new();
    script.run(Command::AmendShow(onsale_schemas::command::AmendShow {
        show: show(1).show,
        max_tickets_per_user: None,
        sale_opens_at_ms: None,
        sale_closes_at_ms: Some(u64::MAX),
        hold_ms: None,
        prices: Vec::new(),
    }));
    script.now = u64::MAX - 1;
    let booking = script.hold(reserve_general(1, 1, 1));
    assert_eq!(
        script.model.booking(booking).unwrap().expires_at_ms,
        u64::MAX
    );
    script.run(Command::Extend { booking, by_ms: 5 });
    script.now = u64::MAX;
    assert_eq!(script.machine(TICK).unwrap().expired.len(), 1);
}
