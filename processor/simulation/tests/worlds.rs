//! Worlds of a few seeds, or of as many as asked for:
//!
//! - `ONSALE_SIM_SEEDS`: how many of each kind and version;
//! - `ONSALE_SIM_FROM`: the first one;
//! - `ONSALE_SIM_COMMANDS`: commands of clients in each.

#![expect(clippy::panic, reason = "in a test a panic is the report")]

use onsale_simulation::seed::{Finished, Kind, Options, Stats, run, shorten};

const SEEDS_DEFAULT: u64 = 48;
const COMMANDS_DEFAULT: u64 = 1_200;

fn asked(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn live(kind: Kind, machine_version: u16, seed: u64, commands: u64) -> Finished {
    let options = Options {
        kind,
        seed,
        commands,
        machine_version,
        in_words: false,
    };
    match run(options) {
        Ok(finished) => finished,
        Err(violation) => panic!("{}", shorten(&violation)),
    }
}

/// Runs the worlds of a kind and returns what happened in all of them.
fn live_all(kind: Kind, machine_version: u16) -> Stats {
    let from = asked("ONSALE_SIM_FROM").unwrap_or(0);
    let seeds = asked("ONSALE_SIM_SEEDS").unwrap_or(SEEDS_DEFAULT);
    let commands = asked("ONSALE_SIM_COMMANDS").unwrap_or(COMMANDS_DEFAULT);
    let mut total = Stats::default();
    for seed in from..from + seeds {
        total.add(&live(kind, machine_version, seed, commands).stats);
    }
    total
}

/// A world in which something never happens does not test it.
fn assert_happened(stats: &Stats, except: &[&[&str]]) {
    if asked("ONSALE_SIM_SEEDS").is_some() || asked("ONSALE_SIM_FROM").is_some() {
        return;
    }
    for (name, count) in stats.all() {
        let is_excepted = except.iter().any(|names| names.contains(&name));
        assert_eq!(count > 0, !is_excepted, "{name}: {count}");
    }
}

const ONLY_EMBEDDED: [&str; 7] = [
    "power_cuts",
    "torn_tails",
    "batches_in_doubt",
    "failed_openings",
    "unclean_closings",
    "segments_deleted",
    "failed_trims",
];
/// If every program knows the rules from the beginning, none is upgraded.
const ONLY_UPGRADED: [&str; 2] = ["nodes_upgraded", "too_old_for_the_log"];
/// What is of machine version 3.
const ONLY_VERSION_3: [&str; 6] = [
    "offers",
    "codes",
    "additions",
    "orders",
    "orders_revived",
    "places_returned",
];
/// What comes of using a version before its barrier. Version 1 needs none.
const ONLY_AHEAD: [&str; 3] = ["too_early", "decided_later", "sent_before_barrier"];
/// In a single process nothing can be cut off.
const ONLY_CLUSTER: [&str; 31] = [
    "unknown",
    "retries",
    "duplicates",
    "overtaken",
    "lost_acks",
    "lost_appends",
    "refused_by_producer",
    "crashes_between_actions",
    "restores_from_database",
    "claims",
    "double_owners",
    "publishers_failed",
    "late_outcomes",
    "repeats_in_topic",
    "full_buffers",
    "published_by_followers",
    "pauses",
    "cuts",
    "ingress_cuts",
    "node_clock_forward",
    "node_clock_back",
    "slow_snapshots",
    "database_outages",
    "topic_stalls",
    "hand_overs",
    "readers_killed",
    "decided_later",
    "sent_before_barrier",
    "nodes_upgraded",
    "too_old_for_the_log",
    "upgrades",
];

#[test]
fn clusters() {
    assert_happened(
        &live_all(Kind::Cluster, 1),
        &[&ONLY_EMBEDDED, &ONLY_VERSION_3, &ONLY_AHEAD],
    );
}

#[test]
fn embedded_logs() {
    assert_happened(
        &live_all(Kind::Embedded, 1),
        &[&ONLY_CLUSTER, &ONLY_VERSION_3, &ONLY_AHEAD],
    );
}

/// Some of these are upgraded to version 3 while clients use it: offers, codes, additions and orders
/// come before the barrier, are on their way when it comes, and are decided behind it.
#[test]
fn clusters_of_version_2() {
    assert_happened(&live_all(Kind::Cluster, 2), &[&ONLY_EMBEDDED]);
}

#[test]
fn embedded_logs_of_version_2() {
    assert_happened(
        &live_all(Kind::Embedded, 2),
        &[&ONLY_CLUSTER, &ONLY_VERSION_3],
    );
}

#[test]
fn clusters_of_version_3() {
    assert_happened(
        &live_all(Kind::Cluster, 3),
        &[&ONLY_EMBEDDED, &ONLY_UPGRADED],
    );
}

#[test]
fn embedded_logs_of_version_3() {
    assert_happened(&live_all(Kind::Embedded, 3), &[&ONLY_CLUSTER]);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for kind in [Kind::Cluster, Kind::Embedded] {
        let history = |seed| live(kind, 3, seed, 600).trace_hash;
        for seed in [3, 4] {
            assert_eq!(history(seed), history(seed), "{kind:?} {seed}");
        }
        assert_ne!(history(3), history(4), "{kind:?}");
    }
}

/// The disk of this world damaged a snapshot that it had already cut to nothing, and failed on it.
/// The meaning of its seed changes with the rules; `snapshots` tests that damage may happen twice.
#[test]
fn what_was_harmed_may_be_harmed_again() {
    live(Kind::Cluster, 1, 991_931, 10_000);
}
