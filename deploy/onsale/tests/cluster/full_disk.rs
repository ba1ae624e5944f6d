//! The disk of a processor is full while everything is sold.

use crate::cluster::{Cluster, sum};
use crate::faults::give_everything_to;
use crate::load::Load;
use crate::small_disk::SmallDisk;

/// Size of the small disk: more than the doctor asks for, once the ballast is gone.
const DISK_MIB: u32 = 96;
const NODE: &str = "processor-2";
const OTHER: &str = "processor-1";
const FAILURES: &str = "onsale_snapshot_failures_total";

/// The node goes on owning and following, says that it cuts no snapshots, and does so again once
/// there is space.
pub(crate) async fn full_disk(cluster: &Cluster, load: &Load) {
    cluster.script(&["stop", NODE]).await;
    let data = cluster.folder(NODE).join("data");
    let disk = SmallDisk::mount(&data, DISK_MIB);
    // Where there is one, it is empty: the node comes from the database and the log.
    cluster.script(&["start", NODE]).await;
    if disk.is_none() {
        return;
    }
    give_everything_to(cluster, OTHER).await;
    let made = cluster.script(&["onsale", "snapshot", "create"]).await;
    assert!(made.contains("4 snapshots"), "{made}");

    let ballast = data.join("ballast");
    fill(&ballast);
    let (is_well, output) = cluster.try_script(&["onsale", "snapshot", "create"]).await;
    assert!(!is_well && output.contains("No space left"), "{output}");
    let metrics = cluster.metrics(NODE).await;
    let failures = sum(&metrics, FAILURES).unwrap();
    assert!(failures >= 1.0, "{failures} snapshots failed");
    let log = std::fs::read_to_string(cluster.folder(NODE).join(format!("{NODE}.log"))).unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("no snapshot written"));
    assert!(
        line.is_some_and(|line| line.contains("No space left")),
        "{line:?}"
    );
    let (is_well, output) = cluster.try_script(&["onsale", "doctor"]).await;
    let expected = format!("{NODE}: 0 MiB free");
    assert!(!is_well && output.contains(&expected), "{output}");

    // It owns, hands over and starts as if it had space.
    load.forget_gaps();
    give_everything_to(cluster, NODE).await;
    load.progress().await;
    load.note_gap("hand-over to a node with a full disk", |_| true);
    load.forget_gaps();
    cluster.script(&["restart", NODE]).await;
    load.progress().await;
    load.note_gap("restart of a node with a full disk", |_| true);

    std::fs::remove_file(&ballast).unwrap();
    give_everything_to(cluster, OTHER).await;
    let made = cluster.script(&["onsale", "snapshot", "create"]).await;
    assert!(made.contains("4 snapshots"), "{made}");
    let failures = sum(&cluster.metrics(NODE).await, FAILURES);
    assert_eq!(failures, Some(0.0), "none has failed since its start");
    let (_, output) = cluster.try_script(&["onsale", "doctor"]).await;
    assert!(!output.contains("cannot write snapshots"), "{output}");

    cluster.script(&["stop", NODE]).await;
    drop(disk);
    cluster.script(&["start", NODE]).await;
}

/// Writes until there is no space.
fn fill(file: &std::path::Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(file).unwrap();
    let mut chunk = 1 << 20;
    while chunk > 0 {
        if file.write_all(&vec![0; chunk]).is_err() {
            // The last few bytes are taken as well.
            chunk /= 2;
        }
    }
}
