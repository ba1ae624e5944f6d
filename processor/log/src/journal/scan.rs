//! Reads all partitions at once in log order: each byte of the log is read once.

use std::sync::Arc;

use onsale_schemas::{Entry, Offset, PartitionId};

use super::batch::Frame;
use super::cursor::Cursor;
use super::shared::OpenJournal;
use crate::storage::LogError;

/// Minimum that one call of [`JournalScan::next_chunk`] reads if available, in bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// Reads several partitions in log order.
pub struct JournalScan {
    shared: Arc<OpenJournal>,
    cursor: Cursor,
    /// First offset wanted, by partition.
    from: Vec<Offset>,
    /// Next offset to come, by partition.
    next: Vec<Offset>,
}

impl JournalScan {
    pub(super) fn new(
        shared: Arc<OpenJournal>,
        starts: &[(PartitionId, Offset)],
    ) -> Result<Self, LogError> {
        let mut from = vec![Offset::MAX; usize::from(shared.meta.partitions)];
        for &(partition, offset) in starts {
            let index = shared.index(partition)?;
            shared.check_kept(index, offset)?;
            from[index] = offset;
        }
        let start = shared.last_segment_where(|segment| {
            segment
                .bases
                .iter()
                .zip(&from)
                .all(|(base, from)| base.next <= *from)
        });
        let mut cursor = Cursor::new(Arc::clone(&shared));
        let mut next = vec![0; from.len()];
        if let Some(segment) = start {
            cursor.seek(segment.first);
            next = segment.bases.iter().map(|base| base.next).collect();
        }
        Ok(Self {
            shared,
            cursor,
            from,
            next,
        })
    }

    /// Passes the next records to `f`, in log order, and returns how many there were. 0 means that
    /// the durable end was reached; a later call continues from there.
    ///
    /// # Errors
    /// Damage, or when the log cannot be read; what was passed on before is valid.
    pub fn next_chunk(
        &mut self,
        mut f: impl FnMut(PartitionId, Entry<'_>),
    ) -> Result<usize, LogError> {
        let mut delivered = 0;
        let mut bytes = 0;
        while delivered == 0 || bytes < CHUNK_BYTES {
            match self.next_batch(&mut f) {
                Ok(None) => break,
                Ok(Some((records, size))) => {
                    delivered += records;
                    bytes += size;
                }
                Err(error) => {
                    self.check_still_kept()?;
                    return Err(error);
                }
            }
        }
        Ok(delivered)
    }

    fn next_batch(
        &mut self,
        f: &mut impl FnMut(PartitionId, Entry<'_>),
    ) -> Result<Option<(usize, usize)>, LogError> {
        let Some((header, mut frames)) = self.cursor.next_batch()? else {
            return Ok(None);
        };
        let mut delivered = 0;
        while let Some(frame) = Frame::take(&mut frames) {
            let index = usize::from(frame.partition.0);
            let expected = self
                .next
                .get_mut(index)
                .filter(|next| **next == frame.offset);
            let Some(expected) = expected else {
                let at = super::batch::BatchPlace {
                    segment: header.segment,
                    position: header.position,
                    sequence: header.sequence,
                    previous_crc: header.previous_crc,
                };
                return Err(self.shared.damage(
                    &at,
                    format!(
                        "offset {} of partition {} is out of order",
                        frame.offset, frame.partition
                    ),
                ));
            };
            *expected += 1;
            if frame.offset >= self.from[index] {
                delivered += 1;
                let entry = Entry {
                    offset: frame.offset,
                    log_time_ms: frame.log_time_ms,
                    payload: frame.payload,
                };
                f(frame.partition, entry);
            }
        }
        Ok(Some((delivered, header.size())))
    }

    /// Reports that retention has overtaken the scan.
    fn check_still_kept(&self) -> Result<(), LogError> {
        for (index, (from, next)) in self.from.iter().zip(&self.next).enumerate() {
            if *from != Offset::MAX {
                self.shared.check_kept(index, *from.max(next))?;
            }
        }
        Ok(())
    }
}
