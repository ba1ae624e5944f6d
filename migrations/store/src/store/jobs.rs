//! The queue of jobs. Times are those of the database's clock, which all workers share.

pub(crate) mod enqueue;
mod lease;
mod operate;

pub(crate) use enqueue::enqueue;

/// A text about a job, cut to what its column takes.
fn note(text: &str) -> &str {
    let mut end = text.len().min(crate::job::NOTE_MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // PostgreSQL's text has no NUL.
    text[..end].split('\0').next().unwrap_or_default()
}
