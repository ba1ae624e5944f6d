//! Output during and after a measurement.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the report is what the program is for"
)]

use std::fmt::Display;
use std::path::Path;

use anyhow::Context;

/// A line of the report.
pub(crate) fn line(text: impl Display) {
    println!("{text}");
}

/// Prints what is being done now, beside the report, so that `--json` stays one object.
pub(crate) fn progress(text: impl Display) {
    eprintln!("{text}");
}

/// Writes a file of the report.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn file(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
