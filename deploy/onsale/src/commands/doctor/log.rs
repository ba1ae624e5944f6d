//! The journal and the snapshots of the data folder.

use onsale_log::journal::Journal;
use onsale_log::{EntryBatch, LogReader};
use onsale_processor::clock;
use onsale_schemas::PartitionId;
use onsale_snapshot::directory::Directory;

use super::check::Check;
use super::database::misfits;
use crate::config::Config;
use crate::{database_fit, output};

/// A log that is this far ahead of the clock shows that one of them was wrong, in milliseconds.
const CLOCK_BEHIND_MAX_MS: u64 = clock::LEAP_MAX_MS;

pub(super) fn log(config: &Config, checks: &mut Vec<Check>) {
    let dir = config.journal_dir();
    // Whether one was lost is known once the database was looked at.
    if !Journal::is_there(&dir) {
        return;
    }
    let journal = match Journal::open_read_only(&dir) {
        Ok(journal) => journal,
        Err(error) => {
            checks.push(Check::failed(
                "log",
                error.to_string(),
                "do not delete anything; restore the file from a copy, or ask for help with the \
                 whole message",
            ));
            return;
        }
    };
    if journal.partitions() != config.log.partitions {
        checks.push(Check::failed(
            "log",
            format!(
                "created with {} partitions, configured {}",
                journal.partitions(),
                config.log.partitions
            ),
            format!(
                "set log.partitions = {}: the number is frozen",
                journal.partitions()
            ),
        ));
    }
    let mut reader = journal.reader();
    let (mut records, mut last_ms) = (0, 0);
    let mut batch = EntryBatch::default();
    for partition in (0..journal.partitions()).map(PartitionId) {
        let read = reader.bounds(partition).and_then(|(first, end)| {
            records += end - first;
            reader.read(partition, end.saturating_sub(1).max(first), 1, &mut batch)
        });
        match read {
            Ok(()) => {
                last_ms = batch
                    .iter()
                    .map(|entry| entry.log_time_ms)
                    .fold(last_ms, u64::max)
            }
            Err(error) => checks.push(Check::failed(
                "log",
                error.to_string(),
                "do not delete anything; `onsale verify` reads the whole log and says where it is \
                 damaged",
            )),
        }
    }
    checks.push(Check::ok(
        "log",
        format!(
            "{} in {}, its end is readable",
            output::count(records, "record"),
            output::count(journal.partitions(), "partition")
        ),
    ));
    let ahead_ms = last_ms.saturating_sub(clock::now_ms());
    checks.push(if ahead_ms > CLOCK_BEHIND_MAX_MS {
        Check::failed(
            "clock",
            format!("{ahead_ms} ms behind the last record of the log"),
            "if the clock is wrong, set it (NTP) and start the server again; if it is right, the log \
             was written by a wrong one: `onsale clock reset` takes machine time back",
        )
    } else {
        Check::ok("clock", "not behind the log")
    });
}

/// Where there is no log in the data folder, and the database does not say that there was one.
pub(super) async fn no_log(config: &Config) -> Check {
    match database_fit::look_for_lost_log(config, None).await {
        Ok(Some(lost)) => misfits("there is none", &lost),
        _ => Check::warning(
            "log",
            format!("there is none in {} yet", config.data.dir.display()),
            "the first start creates it; if you expected one there, check data.dir",
        ),
    }
}

pub(super) fn snapshots(config: &Config, checks: &mut Vec<Check>) {
    let dir = config.snapshots_dir();
    if !dir.exists() {
        checks.push(Check::ok("snapshots", "none yet"));
        return;
    }
    let result = Directory::open_read_only(&dir).and_then(|directory| directory.verify_all());
    match result {
        Ok(found) => {
            let bad: Vec<String> = found
                .iter()
                .filter_map(|(file, result)| {
                    result
                        .as_ref()
                        .err()
                        .map(|error| format!("{}: {error}", file.display()))
                })
                .collect();
            checks.push(if bad.is_empty() {
                Check::ok(
                    "snapshots",
                    match found.len() {
                        0 => "none yet".to_owned(),
                        1 => "the only one can be read".to_owned(),
                        all => format!("all {all} can be read"),
                    },
                )
            } else {
                Check::warning(
                    "snapshots",
                    bad.join("; "),
                    "a start takes an older one; delete the damaged file once a new one is cut",
                )
            });
        }
        Err(error) => checks.push(Check::failed(
            "snapshots",
            error.to_string(),
            "check the folder",
        )),
    }
}
