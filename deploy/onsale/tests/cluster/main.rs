//! A real cluster, each part a process of its own, under load while parts of it are killed, paused
//! and moved: nothing acknowledged is lost, nothing is double, order and limits are kept.
//!
//! Needs the services that `deploy/test.sh` needs. `ONSALE_BINARY` names another program than the
//! one cargo built (a release build, for figures); `ONSALE_CLUSTER_FAULTS=a,b` runs only these
//! faults; `ONSALE_SOAK=1` is the long form; `ONSALE_FAULT_RATE` is how many requests a second
//! begin; `ONSALE_CLUSTER_BROKERS=3` has three brokers, of which one after the other is killed;
//! `ONSALE_FAULT_REPORT` names a file that gets a line of JSON for each fault.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a panic is how a test reports, and what it measured is worth a line"
)]

mod api;
mod brokers;
mod check;
mod client;
mod cluster;
mod faults;
mod full_disk;
mod gaps;
#[path = "../shared/http_client.rs"]
mod http_client;
mod load;
mod orders;
mod reconciliation;
mod report;
#[path = "../process/small_disk.rs"]
mod small_disk;
mod stalls;
mod tokens;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;

use tokio::sync::{Mutex, MutexGuard};

use cluster::Cluster;
use faults::FAULTS;
use load::Load;

/// Requests a second that begin. A debug build on two cores, with Kafka and PostgreSQL beside it,
/// answers no more than a few hundred.
const RATE_DEFAULT: u64 = 250;

/// Requests a second that begin.
fn rate() -> u64 {
    let asked = std::env::var("ONSALE_FAULT_RATE").ok();
    asked.map_or(RATE_DEFAULT, |rate| {
        rate.parse().expect("ONSALE_FAULT_RATE is a number")
    })
}

/// One cluster at a time: two on the same cores would be measured together.
async fn alone() -> MutexGuard<'static, ()> {
    static RUNNING: Mutex<()> = Mutex::const_new(());
    RUNNING.lock().await
}

/// True where the long form was asked for.
fn soak() -> bool {
    std::env::var("ONSALE_SOAK").is_ok_and(|value| value == "1")
}

/// True where there are services to test on; without any the test is left out, but never in CI.
fn services_are_there() -> bool {
    if std::env::var_os("ONSALE_TEST_KAFKA_BROKERS").is_some() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "no ONSALE_TEST_KAFKA_BROKERS: run deploy/test.sh, which starts what is needed"
    );
    eprintln!("LEFT OUT: no ONSALE_TEST_KAFKA_BROKERS; deploy/test.sh sets it");
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_survives_every_fault_under_load() {
    if !services_are_there() {
        return;
    }
    let _alone = alone().await;
    let only: Option<Vec<String>> = std::env::var("ONSALE_CLUSTER_FAULTS")
        .ok()
        .map(|names| names.split(',').map(str::to_owned).collect());
    let cluster = Cluster::up().await;
    let mut failed = Vec::new();
    for fault in FAULTS {
        let wanted = |names: &Vec<String>| names.iter().any(|name| name == fault.name);
        if !only.as_ref().is_none_or(wanted) {
            continue;
        }
        println!("== {}", fault.name);
        // The next fault can still be tried; the panic itself has said what is wrong.
        let outcome = AssertUnwindSafe(run(fault, &cluster)).catch_unwind().await;
        if outcome.is_err() {
            eprintln!("{} failed", fault.name);
            failed.push(fault.name);
            cluster.keep_logs(fault.name);
            cluster.start_everything().await;
        }
    }
    assert!(
        failed.is_empty(),
        "these faults were not survived: {failed:?}"
    );
}

async fn run(fault: &'static faults::Fault, cluster: &Cluster) {
    let load = Load::start(cluster, rate()).await;
    load.progress().await;
    (fault.run)(cluster, &load).await;
    load.progress().await;
    let histories = tokio::time::timeout(Duration::from_secs(120), load.stop())
        .await
        .expect("every request gets its answer in the end");
    check::check(cluster, &histories).await;
    histories.tell(fault.name);
}
