//! Reads a journal's folder when it is opened, and tells a torn tail from damage.
//!
//! The writer makes each batch durable before it starts the next. So after a crash at most one
//! batch, the last, can be anything but whole, and it was never acknowledged. The rule, at the
//! first place in the last segment where the next batch is not valid:
//!
//! 1. Only zeros from there on: the log ends there.
//! 2. A valid header of a later batch behind it: the bad batch had been durable: **damage**.
//! 3. Anything but zeros further behind than the bad batch can reach (its own size where its header
//!    is valid, else [`BATCH_SIZE_MAX_BYTES`](super::options::BATCH_SIZE_MAX_BYTES)): **damage**.
//! 4. The bad batch is not what a write that stopped leaves behind: **damage**. A device may write
//!    the sectors of a batch in any order and lose any of them, and stop within a sector, so a torn
//!    batch has a sector (or a header) that still ends with the zero that stood there.
//! 5. Else the tail is **torn**: it is cut, loudly.
//!
//! Any damage in an earlier segment is damage: a segment is begun after all batches before it were
//! durable. When a journal is closed or opened, an empty batch is written behind the last one that
//! holds records, so that only the last batch before a crash is ever in doubt. A file that is
//! shorter than it was created is no crash's doing, but a person who shortened it has decided: what is left
//! of its last batch is cut like a torn one.
//!
//! The rule is for a log at rest. Who reads beside a running writer reads one place before and
//! another after the writer went on, and the two do not fit together. So whatever is found wrong
//! there is believed only when the batch is still not whole in a later read, and still the same
//! ([`Beside::Writer`]); else the log ends there for this reader.

mod layout;
mod tail;

use std::path::Path;

use onsale_disk::{Disk, DiskFile};

pub(super) use self::layout::{Layout, read_layout};
pub use self::tail::TornTail;
pub(super) use self::tail::{Tail, find_tail};
use super::bytes::{SECTOR_BYTES, all_zero};
use super::meta::Meta;
use super::window::Window;
use crate::storage::LogError;

/// How much is searched at once behind the end of the log, in bytes.
const SEARCH_BYTES: usize = 1 << 20;
/// How often a folder is looked at whose segments come and go meanwhile.
const LOOKS_MAX: u32 = 16;

/// Who may write what is being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Beside {
    /// Nobody: the folder is locked by the reader.
    Nobody,
    /// A writer, of this or another process.
    Writer,
}

/// Reads the headers and finds the end of the log while a writer may go on, begin segments and
/// remove them. What one look finds wrong must be found by the next one too.
///
/// # Errors
/// As [`read_layout`] and [`find_tail`].
pub(super) fn look_beside_writer(
    disk: &dyn Disk,
    folder: &Path,
    meta: &Meta,
) -> Result<(Layout, Option<Tail>), LogError> {
    let look = || {
        let layout = read_layout(disk, folder, meta)?;
        let last = layout.segments.last();
        let tail = last.map(|last| find_tail(disk, folder, meta, last, Beside::Writer));
        let tail = tail.transpose()?;
        Ok::<_, LogError>((layout, tail))
    };
    let mut before = String::new();
    let mut looks = 1;
    loop {
        let error = match look() {
            Ok(seen) => return Ok(seen),
            Err(error) => error,
        };
        let now = error.to_string();
        if now == before || looks >= LOOKS_MAX {
            return Err(error);
        }
        before = now;
        looks += 1;
    }
}

/// Goes through `file` from `from` to `until` sector by sector, hands each that is not all zeros to
/// `look`, and gives where the last byte stands that is not zero.
fn search(
    window: &mut Window,
    file: &dyn DiskFile,
    from: u64,
    until: u64,
    mut look: impl FnMut(u64, &[u8]),
) -> std::io::Result<Option<u64>> {
    let mut last = None;
    let mut position = from;
    while position < until {
        let piece = window.bytes(file, position, SEARCH_BYTES, until)?;
        if piece.is_empty() {
            break;
        }
        if !all_zero(piece) {
            let mut at = position;
            for sector in piece.chunks(SECTOR_BYTES) {
                if let Some(i) = sector.iter().rposition(|&byte| byte != 0) {
                    last = Some(at + i as u64);
                    look(at, sector);
                }
                at += sector.len() as u64;
            }
        }
        position += piece.len() as u64;
    }
    Ok(last)
}
