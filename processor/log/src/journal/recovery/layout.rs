//! The segments of a folder, by their headers.

use std::path::Path;
use std::sync::Arc;

use onsale_disk::{Access, Disk, DiskFile};

use super::search;
use crate::journal::error::{SEGMENT_ADVICE, damaged, failed};
use crate::journal::meta::Meta;
use crate::journal::options::SEGMENT_SIZE_MAX_BYTES;
use crate::journal::segment::{
    BASE_POSITION, FIRST_SEGMENT, Header, Identity, Segment, header_bytes, path_of, read_header,
    sequence_of,
};
use crate::journal::window::Window;
use crate::storage::LogError;

/// The segments of a folder, as their headers say.
pub(in crate::journal) struct Layout {
    /// Those in use, ascending and without gaps.
    pub(in crate::journal) segments: Vec<Arc<Segment>>,
    /// The one prepared behind them.
    pub(in crate::journal) spare: Option<Spare>,
}

/// A segment that was prepared and not used.
pub(in crate::journal) struct Spare {
    pub(in crate::journal) identity: Identity,
    /// False when it must be made again.
    pub(in crate::journal) is_clean: bool,
}

/// Reads the headers of all segments.
///
/// # Errors
/// A missing segment, a damaged header, or of the system.
pub(in crate::journal) fn read_layout(
    disk: &dyn Disk,
    folder: &Path,
    meta: &Meta,
) -> Result<Layout, LogError> {
    let mut sequences: Vec<u64> = disk
        .list(folder)
        .map_err(|error| failed("list", folder, error))?
        .iter()
        .filter_map(|name| sequence_of(name))
        .collect();
    sequences.sort_unstable();
    let mut layout = Layout {
        segments: Vec::with_capacity(sequences.len()),
        spare: None,
    };
    for (i, &sequence) in sequences.iter().enumerate() {
        let path = path_of(folder, sequence);
        let file = match disk.open(&path, Access::Read) {
            Ok(file) => file,
            // Retention of a running writer removes the oldest while we look.
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && layout.segments.is_empty() =>
            {
                continue;
            }
            Err(error) => return Err(failed("open", &path, error)),
        };
        let before = i.checked_sub(1).map(|before| sequences[before]);
        if before.is_some_and(|before| before + 1 != sequence) {
            let missing = path_of(folder, before.unwrap_or_default() + 1);
            return Err(damaged(
                &missing,
                0,
                "the segment is missing",
                SEGMENT_ADVICE,
            ));
        }
        if layout.spare.is_some() {
            let before = path_of(folder, sequence - 1);
            return Err(damaged(
                &before,
                BASE_POSITION,
                "the segment was never begun, but there is one behind it",
                SEGMENT_ADVICE,
            ));
        }
        layout.add(&*file, &path, sequence, meta)?;
    }
    if layout.segments.is_empty()
        && layout.spare.is_none()
        && let Some(&newest) = sequences.last()
    {
        // Retention has taken away all that the list named: there are newer ones.
        let path = path_of(folder, newest);
        return Err(failed("open", &path, std::io::ErrorKind::NotFound.into()));
    }
    if layout.segments.is_empty()
        && let Some(spare) = &layout.spare
        && spare.identity.sequence != FIRST_SEGMENT
    {
        let missing = path_of(folder, spare.identity.sequence - 1);
        return Err(damaged(
            &missing,
            0,
            "the segment is missing",
            SEGMENT_ADVICE,
        ));
    }
    Ok(layout)
}

impl Layout {
    fn add(
        &mut self,
        file: &dyn DiskFile,
        path: &Path,
        sequence: u64,
        meta: &Meta,
    ) -> Result<(), LogError> {
        let seed = crate::journal::batch::crc_seed(&meta.log_id);
        let (identity, header) = read_header(file, meta.partitions, seed)
            .map_err(|error| failed("read", path, error))?
            .map_err(|what| damaged(path, 0, what, SEGMENT_ADVICE))?;
        let wrong = if identity.log_id != meta.log_id {
            Some("the segment belongs to another log")
        } else if identity.sequence != sequence {
            Some("the segment has the name of another one")
        } else if identity.size_bytes > SEGMENT_SIZE_MAX_BYTES
            || identity.size_bytes < header_bytes(meta.partitions) as u64
        {
            Some("the segment claims an impossible size")
        } else {
            None
        };
        if let Some(what) = wrong {
            return Err(damaged(path, 0, what, SEGMENT_ADVICE));
        }
        match header {
            Header::Started(segment) => {
                if let Some(before) = self.segments.last()
                    && !segment.continues(before)
                {
                    return Err(damaged(
                        path,
                        BASE_POSITION,
                        "the segment begins before the one in front of it",
                        SEGMENT_ADVICE,
                    ));
                }
                self.segments.push(Arc::new(segment));
            }
            Header::Unstarted => {
                self.spare = Some(Spare::check(file, path, identity)?);
            }
        }
        Ok(())
    }
}

impl Segment {
    fn continues(&self, before: &Self) -> bool {
        self.first.sequence >= before.first.sequence
            // Their times may go back: an operator may have set the clock back between them.
            && self.bases.iter().zip(&before.bases).all(|(base, earlier)| base.next >= earlier.next)
    }
}

impl Spare {
    /// The base is durable before a batch is written: without a base there is nothing behind it.
    fn check(file: &dyn DiskFile, path: &Path, identity: Identity) -> Result<Self, LogError> {
        let size = file
            .size_bytes()
            .map_err(|error| failed("read", path, error))?;
        let header_end = header_bytes(identity.partitions) as u64;
        let mut window = Window::default();
        let rest = search(
            &mut window,
            file,
            header_end,
            size.min(identity.size_bytes),
            |_, _| (),
        )
        .map_err(|error| failed("read", path, error))?;
        if rest.is_some() || size < header_end {
            return Err(damaged(
                path,
                BASE_POSITION,
                "the second part of the segment's header is damaged",
                SEGMENT_ADVICE,
            ));
        }
        let base = search(&mut window, file, BASE_POSITION, header_end, |_, _| ())
            .map_err(|error| failed("read", path, error))?;
        Ok(Self {
            identity,
            is_clean: base.is_none() && size == identity.size_bytes,
        })
    }
}
