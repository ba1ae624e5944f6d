//! The machine, for the report: figures mean nothing without it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use serde::Serialize;

use crate::spread::Spread;

/// Number of syncs per figure.
const SYNCS: usize = 100;
/// Bytes written before each.
const BLOCK_BYTES: usize = 4_096;

/// The machine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Conditions {
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// The processor's name.
    pub(crate) processor: String,
    /// The system's version.
    pub(crate) kernel: String,
    /// Load average over the last minute before anything was started: well above 0, the machine was
    /// not quiet.
    pub(crate) load_before: f64,
    /// Date of the run.
    pub(crate) unix_seconds: u64,
}

impl Conditions {
    pub(crate) fn look() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let processor = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned());
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: read("/proc/loadavg")
                .split_whitespace()
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or(0.0),
            unix_seconds: std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
        }
    }
}

/// Median cost of making 4 KiB durable in this folder, in microseconds.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn sync_us(folder: &Path) -> anyhow::Result<f64> {
    let path = folder.join("sync-cost");
    let mut file =
        File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    // Over space that is already allocated, as logs with preallocated segments do.
    for _ in 0..SYNCS {
        file.write_all(&[0; BLOCK_BYTES])?;
    }
    file.sync_all()?;
    let mut costs = Vec::with_capacity(SYNCS);
    let file = File::options().write(true).open(&path)?;
    for block in 0..SYNCS {
        let offset = u64::try_from(block * BLOCK_BYTES)?;
        let begin = Instant::now();
        std::os::unix::fs::FileExt::write_all_at(&file, &[1; BLOCK_BYTES], offset)?;
        file.sync_data()?;
        costs.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    std::fs::remove_file(&path)?;
    Ok(Spread::of(costs).median)
}
