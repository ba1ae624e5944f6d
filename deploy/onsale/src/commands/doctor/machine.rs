//! What the machine gives: the data folder, permissions, open files, addresses.

use std::path::Path;

use onsale_settings::NamedFile;

use super::check::Check;
use crate::config::Config;
use crate::{descriptors, private};

/// Less free space than this is a warning, in bytes.
pub(super) const FREE_LOW_BYTES: u64 = 1 << 30;
/// Less than this is a failure, in bytes: two default segments.
pub(super) const FREE_MIN_BYTES: u64 = 32 << 20;

pub(super) fn folder(dir: &Path, checks: &mut Vec<Check>) {
    if !dir.exists() {
        checks.push(Check::warning(
            "data folder",
            format!("{} does not exist yet", dir.display()),
            "the first start creates it; if you expected data there, check data.dir",
        ));
        return;
    }
    let probe = dir.join(".doctor");
    match std::fs::write(&probe, b"probe").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => checks.push(Check::ok(
            "data folder",
            format!("{} can be written", dir.display()),
        )),
        Err(error) => checks.push(Check::failed(
            "data folder",
            format!("{} cannot be written: {error}", dir.display()),
            "give the user of the server write access",
        )),
    }
    match rustix::fs::statvfs(dir) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let found = format!("{} MiB free", free >> 20);
            checks.push(if free < FREE_MIN_BYTES {
                Check::failed(
                    "disk",
                    found,
                    "free space: the log cannot grow and answers 503",
                )
            } else if free < FREE_LOW_BYTES {
                Check::warning("disk", found, "free space, or set log.retention_hours")
            } else {
                Check::ok("disk", found)
            });
        }
        Err(error) => checks.push(Check::warning("disk", error.to_string(), "check the mount")),
    }
}

/// Whether the files that settings name are what they should be. The settings of those that are not.
pub(super) fn files(config: &Config, checks: &mut Vec<Check>) -> Vec<String> {
    let files = config.files();
    let mut wrong = Vec::new();
    for problem in files.iter().filter_map(NamedFile::problem) {
        checks.push(Check::failed(
            "files",
            format!("{} = {}", problem.key, problem.value),
            format!("set it to {}", problem.expected),
        ));
        wrong.push(problem.key);
    }
    if wrong.is_empty() && !files.is_empty() {
        let found = format!("{} that settings name are what they should be", files.len());
        checks.push(Check::ok("files", found));
    }
    wrong
}

/// Whether other users of this machine can read the server's files.
pub(super) fn permissions(config: &Config, checks: &mut Vec<Check>) {
    let dir = &config.data.dir;
    let open = private::open_in(dir);
    let secrets = private::readable_secrets(config);
    if let Some((first, _)) = open.first() {
        checks.push(Check::warning(
            "permissions",
            format!(
                "{} files and folders in {} are open to other users, {} among them",
                open.len(),
                dir.display(),
                first.display()
            ),
            format!("chmod -R go= {}; the next start does it too", dir.display()),
        ));
    }
    for file in &secrets {
        checks.push(Check::warning(
            "permissions",
            format!(
                "every user of this machine can read {} ({})",
                file.path.display(),
                file.key
            ),
            private::CLOSE_IT,
        ));
    }
    if open.is_empty() && secrets.is_empty() {
        checks.push(Check::ok(
            "permissions",
            "data and keys are closed to others",
        ));
    }
}

/// Whether the configured number of connections fits into this system's limit of open files.
pub(super) fn open_files(config: &Config) -> Check {
    let limit = descriptors::limit_once_raised();
    let wanted = config.http.connections_max;
    let fitting = descriptors::connections(limit, wanted);
    let found = format!(
        "{limit} may be open, {} are reserved for the server itself",
        descriptors::RESERVED
    );
    if fitting == wanted {
        return Check::ok("open files", found);
    }
    Check::warning(
        "open files",
        format!(
            "{found}: {fitting} connections at once instead of http.connections_max = {wanted}"
        ),
        "raise the hard limit where the server is started (ulimit -Hn, LimitNOFILE), or lower \
         http.connections_max",
    )
}

/// Who can reach what is not public.
pub(super) fn listeners(config: &Config, checks: &mut Vec<Check>) {
    let http = &config.http;
    if config.is_open_to_all() {
        checks.push(Check::warning(
            "http.listen",
            format!("{} without TLS: tokens pass unencrypted", http.listen),
            "set http.tls_certificate_file, or put a proxy with TLS in front",
        ));
    }
    if config.kafka.is_used() {
        for problem in config.advertised_problems() {
            checks.push(Check::warning(
                "addresses",
                format!(
                    "{} is {}: other nodes cannot reach it",
                    problem.key, problem.value
                ),
                format!("expected {}", problem.expected),
            ));
        }
    }
}
