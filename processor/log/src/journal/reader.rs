//! Reads one partition after the other.

use std::sync::Arc;

use onsale_schemas::{Offset, PartitionId};

use super::batch::{BatchPlace, Frame};
use super::cursor::Cursor;
use super::shared::OpenJournal;
use crate::storage::{EntryBatch, LogError, LogReader};

/// Reads a journal, on any thread. It has its own file handles and memory and never delays the
/// writer.
pub struct JournalReader {
    shared: Arc<OpenJournal>,
    cursor: Cursor,
    /// Where reading of each partition stopped.
    stops: Vec<Option<Stop>>,
}

/// Where reading of a partition stopped, so that the next read continues there.
#[derive(Clone, Copy)]
struct Stop {
    next: Offset,
    place: BatchPlace,
    /// Bytes of frames in that batch that were read.
    skip_bytes: usize,
}

impl JournalReader {
    pub(super) fn new(shared: Arc<OpenJournal>) -> Self {
        Self {
            cursor: Cursor::new(Arc::clone(&shared)),
            stops: vec![None; usize::from(shared.meta.partitions)],
            shared,
        }
    }

    /// Where to start for an offset at which no read stopped: the last segment that begins at or
    /// before it.
    fn start(&self, index: usize, from: Offset) -> Option<Stop> {
        let segment = self
            .shared
            .last_segment_where(|segment| segment.bases[index].next <= from)?;
        Some(Stop {
            next: segment.bases[index].next,
            place: segment.first,
            skip_bytes: 0,
        })
    }

    fn read_from(
        &mut self,
        index: usize,
        from: Offset,
        bytes_max: usize,
        into: &mut EntryBatch,
    ) -> Result<(), LogError> {
        let end = self.shared.end(index);
        if from >= end {
            return Ok(());
        }
        let stopped_here = self.stops[index].filter(|stop| stop.next == from);
        let Some(mut stop) = stopped_here.or_else(|| self.start(index, from)) else {
            return Ok(());
        };
        self.stops[index] = None;
        self.cursor.seek(stop.place);
        let mut full = false;
        while !full && stop.next < end {
            stop.place = self.cursor.place();
            let Some((header, frames)) = self.cursor.next_batch()? else {
                break;
            };
            // The cursor may have moved to another segment to find it.
            stop.place.segment = header.segment;
            stop.place.position = header.position;
            let mut rest = frames.get(stop.skip_bytes..).unwrap_or_default();
            loop {
                let skip_bytes = frames.len() - rest.len();
                let Some(frame) = Frame::take(&mut rest) else {
                    stop.place = self.cursor.place();
                    stop.skip_bytes = 0;
                    break;
                };
                if usize::from(frame.partition.0) != index {
                    continue;
                }
                if frame.offset != stop.next {
                    return Err(self.shared.damage(
                        &stop.place,
                        format!("offset {} is where {} belongs", frame.offset, stop.next),
                    ));
                }
                if frame.offset >= from {
                    let size = into.size_bytes().saturating_add(frame.payload.len());
                    full = !into.is_empty() && size > bytes_max;
                    if full {
                        stop.skip_bytes = skip_bytes;
                        break;
                    }
                    into.push(frame.offset, frame.log_time_ms, frame.payload);
                }
                stop.next += 1;
            }
        }
        self.stops[index] = Some(stop);
        Ok(())
    }
}

impl LogReader for JournalReader {
    fn bounds(&self, partition: PartitionId) -> Result<(Offset, Offset), LogError> {
        let index = self.shared.index(partition)?;
        Ok((self.shared.first(index), self.shared.end(index)))
    }

    fn read(
        &mut self,
        partition: PartitionId,
        from: Offset,
        bytes_max: usize,
        into: &mut EntryBatch,
    ) -> Result<(), LogError> {
        let index = self.shared.index(partition)?;
        into.clear();
        self.shared.check_kept(index, from)?;
        self.read_from(index, from, bytes_max, into)
            .or_else(|error| {
                into.clear();
                // Retention may have deleted the segment meanwhile: then this error is the better
                // one.
                self.shared.check_kept(index, from)?;
                Err(error)
            })
    }
}
