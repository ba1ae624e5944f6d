//! What people and scripts read. The only place that writes to the terminal.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::exit::{Failure, OrFail};

/// The exit code in a shell of a process that ended because its reader went away (128 + SIGPIPE).
/// Not 0: a check whose report was not read to its end has not said that all is well.
const READER_GONE: i32 = 141;

/// A line on standard output.
pub(crate) fn line(text: impl std::fmt::Display) {
    ended(writeln!(std::io::stdout().lock(), "{text}"));
}

/// Text on standard output as it is.
pub(crate) fn bytes(text: &[u8]) {
    ended(std::io::stdout().lock().write_all(text));
}

/// A line on standard output by a process that continues even without a reader.
pub(crate) fn announce(text: impl std::fmt::Display) {
    // It has no reader.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// One JSON value on standard output.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(text),
        Err(error) => say(format_args!("error: cannot write JSON: {error}")),
    }
}

/// One JSON value in a file of its own.
pub(crate) fn write_json(file: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(value).or_found()?;
    std::fs::write(file, text)
        .with_context(|| format!("cannot write {}", file.display()))
        .or_use()
}

/// An error on standard error with its meaning.
pub(crate) fn complain(failure: &Failure) {
    say(format_args!("error: {failure}"));
}

fn say(text: std::fmt::Arguments<'_>) {
    // If that is closed as well, only the exit code is left.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Ends the process when its reader is gone, as `head` is once it has enough.
fn ended(written: std::io::Result<()>) {
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(READER_GONE),
        Err(error) => {
            say(format_args!(
                "error: cannot write to standard output: {error}"
            ));
            std::process::exit(1);
        }
    }
}

/// A progress bar for this many records; hidden without a terminal.
pub(crate) fn progress(total: u64, what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total).with_message(what);
    if let Ok(style) = ProgressStyle::with_template(
        "{msg} [{bar:40}] {human_pos}/{human_len} ({per_sec}, {eta} left)",
    ) {
        bar.set_style(style);
    }
    bar
}

/// A line that is overwritten repeatedly; hidden without a terminal.
pub(crate) fn live_line() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let line = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        line.set_style(style);
    }
    line
}

/// Rows under headings, columns aligned.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let print = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        line(padded.join("  ").trim_end());
    };
    print(
        &headings
            .iter()
            .map(|heading| (*heading).to_owned())
            .collect::<Vec<_>>(),
    );
    for row in rows {
        print(row);
    }
}

/// A number of things: `1 show`, `2 shows`.
pub(crate) fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

/// A value as it is shown, `-` where there is none.
pub(crate) fn or_dash(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A time as people and scripts read it.
pub(crate) fn time(ms: u64) -> String {
    i64::try_from(ms)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map_or_else(|| ms.to_string(), |time| format!("{time:.3}"))
}

/// A line on standard error beside what is written on standard output.
pub(crate) fn note(text: std::fmt::Arguments<'_>) {
    say(text);
}

/// Leaves the first `limit` of a list that was asked for one more. Whether there are more.
pub(crate) fn cut<T>(list: &mut Vec<T>, limit: u32) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = list.len() > limit;
    list.truncate(limit);
    has_more
}

/// Says on standard error, where no script takes it for an item, that a list goes on behind a place.
pub(crate) fn more(option: &str, place: Option<impl std::fmt::Display>) {
    if let Some(place) = place {
        say(format_args!("more: {option} {place}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_below_one_another_as_over_http() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(1_580), "1970-01-01T00:00:01.580Z");
        assert_eq!(time(u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn a_list_has_more_where_one_more_came() {
        for (length, limit, left, has_more) in [(0, 2, 0, false), (2, 2, 2, false), (3, 2, 2, true)]
        {
            let mut list = vec![(); length];
            assert_eq!(cut(&mut list, limit), has_more, "{length}");
            assert_eq!(list.len(), left);
        }
    }
}
