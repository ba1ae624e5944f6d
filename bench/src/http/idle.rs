//! `onsale dev` with its demo shows and no clients.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Bench, Target};
use crate::side::child::{Process, free_port, is_listening};
use crate::side::onsale;

/// Time for the first snapshots and projections.
const SETTLE: Duration = Duration::from_secs(5);
/// How long it is watched.
const WATCHED: Duration = Duration::from_secs(20);
const START_PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(bench: &Bench) -> anyhow::Result<()> {
    let port = free_port()?;
    let mut command = Command::new(onsale::binary(bench.onsale.as_deref())?);
    command
        .args(["dev", "--listen", &format!("127.0.0.1:{port}"), "--data"])
        .arg(bench.folder.path().join("idle"))
        .stdout(Stdio::null());
    let mut process = Process::start("onsale dev", &mut command)?;
    process.wait_until(START_PATIENCE, || is_listening(port))?;
    std::thread::sleep(SETTLE);
    let before = process.cpu_seconds()?;
    std::thread::sleep(WATCHED);
    let share = (process.cpu_seconds()? - before) / WATCHED.as_secs_f64();
    let resident = process.resident_bytes()?;
    process.end()?;
    bench.print(
        &[
            Target::below("CPU", share * 100.0, "% of core", 1.0),
            Target::below("resident", resident as f64 / 1e6, "MB", 100.0),
        ],
        None,
    )
}
