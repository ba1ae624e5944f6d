//! Random histories: crashes between any two actions, answers that are lost, late, twice and out of order.

use std::collections::BTreeMap;

use onsale_store::payment::PaymentState;

use super::world::{Saga, World};

/// How many there are, unless `ONSALE_SAGA_HISTORIES` says more.
const HISTORIES: u64 = 3_000;
const STEPS: usize = 600;

#[test]
fn nobody_pays_twice_or_for_nothing_and_nobody_sits_for_free() {
    let mut ended: BTreeMap<PaymentState, u32> = BTreeMap::new();
    let said = std::env::var("ONSALE_SAGA_HISTORIES").ok();
    let histories = said.map_or(HISTORIES, |said| said.parse().unwrap());
    for seed in 0..histories {
        match World::new(seed, Saga::default()).run(STEPS) {
            Ok(states) => {
                for state in states {
                    *ended.entry(state).or_default() += 1;
                }
            }
            Err(wrong) => panic!("seed {seed}: {wrong}"),
        }
    }
    // They have been everywhere.
    for state in [
        PaymentState::Succeeded,
        PaymentState::Failed,
        PaymentState::TimedOut,
        PaymentState::Refunded,
    ] {
        let times = ended.get(&state).copied().unwrap_or(0);
        assert!(times > 50, "{state:?} {times} times of {ended:?}");
    }
}
