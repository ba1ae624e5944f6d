//! Remembered answers: encoded outcomes in a ring of chunks, found by request id, forgotten in the
//! order in which they were given.

use onsale_schemas::limits::IDEMPOTENCY_WINDOW_MS;
use onsale_schemas::{LogTimeMs, Offset, Outcome, RequestId, codec};
use triomphe::Arc;

use crate::hash;
use crate::index::Index;
use crate::pages::Pages;

const ANSWERS_PER_CHUNK: u32 = 64;
/// Room that a chunk starts with for each of its answers, in bytes.
const ANSWER_ROOM_BYTES: usize = 112;

/// What is known about an answer besides the answer.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) request_id: RequestId,
    pub(crate) fingerprint: u64,
    /// The record that was answered.
    pub(crate) offset: Offset,
    pub(crate) log_time_ms: LogTimeMs,
    start: u32,
    end: u32,
}

impl Head {
    /// True when the answer must not be given again, swept or not.
    #[inline]
    pub(crate) fn is_stale(&self, now: LogTimeMs) -> bool {
        now.saturating_sub(self.log_time_ms) >= IDEMPOTENCY_WINDOW_MS
    }
}

#[derive(Clone, Default)]
struct Chunk {
    heads: Vec<Head>,
    bytes: Vec<u8>,
}

#[derive(Clone)]
struct ChunkCell(Arc<Chunk>);

impl Default for ChunkCell {
    fn default() -> Self {
        Self(Arc::new(Chunk::default()))
    }
}

/// The table.
#[derive(Clone)]
pub(crate) struct Answers {
    chunks: Pages<ChunkCell, 16>,
    /// Chunks of the ring: enough for all answers and two that are begun.
    ring: u32,
    /// Number of the oldest answer kept.
    first: u64,
    /// Number of the next answer.
    next: u64,
    /// No answer gets stale before this.
    quiet_until_ms: LogTimeMs,
    index: Index,
}

impl Answers {
    /// A table of this capacity.
    pub(crate) fn new(answers_max: u32) -> Self {
        Self {
            chunks: Pages::new(),
            ring: answers_max / ANSWERS_PER_CHUNK + 2,
            first: 0,
            next: 0,
            quiet_until_ms: LogTimeMs::MAX,
            index: Index::new(),
        }
    }

    /// Answers kept, stale ones that are not swept yet included.
    #[inline]
    pub(crate) fn len(&self) -> u64 {
        self.next - self.first
    }

    /// Where the answer of that number is: chunk times its size, plus place.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "remainders of 32-bit divisors"
    )]
    fn slot(&self, number: u64) -> u32 {
        let per_chunk = u64::from(ANSWERS_PER_CHUNK);
        let chunk = (number / per_chunk % u64::from(self.ring)) as u32;
        chunk * ANSWERS_PER_CHUNK + (number % per_chunk) as u32
    }

    fn chunk(&self, slot: u32) -> &Chunk {
        &self.chunks.get(slot / ANSWERS_PER_CHUNK).0
    }

    fn head(&self, slot: u32) -> Option<&Head> {
        self.chunk(slot)
            .heads
            .get((slot % ANSWERS_PER_CHUNK) as usize)
    }

    fn find_slot(&self, request_id: &RequestId) -> Option<u32> {
        self.index.find(hash::id(request_id.as_bytes()), |slot| {
            self.head(slot)
                .is_some_and(|head| head.request_id == *request_id)
        })
    }

    fn body(&self, slot: u32, head: &Head) -> &[u8] {
        self.chunk(slot)
            .bytes
            .get(head.start as usize..head.end as usize)
            .unwrap_or(&[])
    }

    /// The answer to that request and its encoded outcome, if it is still valid.
    pub(crate) fn find(&self, request_id: &RequestId, now: LogTimeMs) -> Option<(Head, &[u8])> {
        let slot = self.find_slot(request_id)?;
        let head = *self.head(slot)?;
        (!head.is_stale(now)).then(|| (head, self.body(slot, &head)))
    }

    /// Remembers an answer. A stale one to the same request is not found any more.
    pub(crate) fn remember(
        &mut self,
        request_id: RequestId,
        fingerprint: u64,
        offset: Offset,
        log_time_ms: LogTimeMs,
        outcome: &Outcome,
    ) -> Result<(), codec::CodecError> {
        let mut result = Ok(());
        self.append(request_id, fingerprint, offset, log_time_ms, |bytes| {
            let before = bytes.len();
            result = codec::encode_body_into(outcome, bytes);
            if result.is_err() {
                bytes.truncate(before);
            }
        });
        result
    }

    /// Appends an answer whose encoded outcome `write` adds to the bytes it is given.
    pub(crate) fn append(
        &mut self,
        request_id: RequestId,
        fingerprint: u64,
        offset: Offset,
        log_time_ms: LogTimeMs,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let slot = self.slot(self.next);
        let cell = slot / ANSWERS_PER_CHUNK;
        self.chunks.grow_to(cell);
        let cell = &mut self.chunks.get_mut(cell).0;
        if slot.is_multiple_of(ANSWERS_PER_CHUNK) {
            *cell = Arc::new(Chunk {
                heads: Vec::with_capacity(ANSWERS_PER_CHUNK as usize),
                bytes: Vec::with_capacity(ANSWERS_PER_CHUNK as usize * ANSWER_ROOM_BYTES),
            });
        }
        let chunk = Arc::make_mut(cell);
        let start = chunk.bytes.len();
        write(&mut chunk.bytes);
        // A chunk's bytes are at most its answers times the size limit of a record.
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        chunk.heads.push(Head {
            request_id,
            fingerprint,
            offset,
            log_time_ms,
            start: place(start),
            end: place(chunk.bytes.len()),
        });
        self.next += 1;
        let stale_at_ms = log_time_ms.saturating_add(IDEMPOTENCY_WINDOW_MS);
        self.quiet_until_ms = self.quiet_until_ms.min(stale_at_ms);

        let hash = hash::id(request_id.as_bytes());
        if let Some(older) = self.find_slot(&request_id) {
            self.index.replace(hash, older, slot);
            return;
        }
        let chunks = &self.chunks;
        self.index.insert(hash, slot, |older| {
            chunks
                .get(older / ANSWERS_PER_CHUNK)
                .0
                .heads
                .get((older % ANSWERS_PER_CHUNK) as usize)
                .map_or(0, |head| hash::id(head.request_id.as_bytes()))
        });
    }

    /// True when no answer is stale now, without looking at any.
    #[inline]
    pub(crate) fn is_quiet(&self, now: LogTimeMs) -> bool {
        now < self.quiet_until_ms
    }

    /// Forgets the oldest answer if it is stale. True when there was one.
    #[inline]
    pub(crate) fn sweep_one(&mut self, now: LogTimeMs) -> bool {
        if self.is_quiet(now) {
            return false;
        }
        if self.first == self.next {
            self.quiet_until_ms = LogTimeMs::MAX;
            return false;
        }
        let slot = self.slot(self.first);
        let Some(head) = self.head(slot).copied() else {
            return false;
        };
        if !head.is_stale(now) {
            self.quiet_until_ms = head.log_time_ms.saturating_add(IDEMPOTENCY_WINDOW_MS);
            return false;
        }
        // Finds nothing when a later answer to the same request has taken its place.
        self.index
            .remove(hash::id(head.request_id.as_bytes()), slot);
        self.first += 1;
        if self.first.is_multiple_of(u64::from(ANSWERS_PER_CHUNK)) {
            self.chunks.get_mut(slot / ANSWERS_PER_CHUNK).0 = ChunkCell::default().0;
        }
        true
    }

    /// Moves times of answers that are later than `to` to `to`.
    pub(crate) fn turn_back(&mut self, to: LogTimeMs) {
        let mut number = self.next;
        while number > self.first {
            number -= 1;
            let slot = self.slot(number);
            if self.head(slot).is_none_or(|head| head.log_time_ms <= to) {
                break;
            }
            let cell = self.chunks.get_mut(slot / ANSWERS_PER_CHUNK);
            let heads = &mut Arc::make_mut(&mut cell.0).heads;
            if let Some(head) = heads.get_mut((slot % ANSWERS_PER_CHUNK) as usize) {
                head.log_time_ms = to;
            }
        }
        let stale_at_ms = to.saturating_add(IDEMPOTENCY_WINDOW_MS);
        self.quiet_until_ms = self.quiet_until_ms.min(stale_at_ms);
    }

    /// All answers, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Head, &[u8])> {
        (self.first..self.next).filter_map(|number| {
            let slot = self.slot(number);
            self.head(slot).map(|head| (head, self.body(slot, head)))
        })
    }

    /// Requests that can be found.
    pub(crate) fn indexed(&self) -> u32 {
        self.index.len()
    }

    /// True when the index leads from the request to some answer to it.
    pub(crate) fn is_known(&self, request_id: &RequestId) -> bool {
        self.find_slot(request_id).is_some()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let mut bytes = self.chunks.memory_bytes() + self.index.memory_bytes();
        let per_chunk = u64::from(ANSWERS_PER_CHUNK);
        let mut number = self.first;
        while number < self.next {
            let chunk = self.chunk(self.slot(number));
            bytes += chunk.heads.capacity() * size_of::<Head>() + chunk.bytes.capacity();
            number = (number / per_chunk + 1) * per_chunk;
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> RequestId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&n.to_le_bytes());
        RequestId::from_bytes(bytes)
    }

    #[test]
    fn remembers_in_a_ring_and_forgets_in_order() {
        let mut answers = Answers::new(200);
        // 150 answers fill the window, and the ring goes round many times.
        let step = IDEMPOTENCY_WINDOW_MS / 150;
        for n in 0..5_000u64 {
            let now = n * step;
            while answers.sweep_one(now) {}
            let outcome = Outcome::BarrierPassed {
                machine_version: u16::try_from(n).unwrap(),
            };
            answers.remember(id(n), n, n, now, &outcome).unwrap();
            assert_eq!(answers.len(), (n + 1).min(150));
            assert_eq!(u64::from(answers.indexed()), answers.len());
            for kept in n.saturating_sub(149)..=n {
                let (head, body) = answers.find(&id(kept), now).unwrap();
                assert_eq!((head.fingerprint, head.offset), (kept, kept));
                assert_eq!(
                    codec::decode_body::<Outcome>(body).unwrap(),
                    Outcome::BarrierPassed {
                        machine_version: u16::try_from(kept).unwrap()
                    }
                );
            }
            if n >= 150 {
                assert!(answers.find(&id(n - 150), now).is_none());
            }
        }
        let numbers: Vec<u64> = answers.iter().map(|(head, _)| head.offset).collect();
        assert_eq!(numbers, (4_850..5_000).collect::<Vec<u64>>());
    }

    #[test]
    fn the_window_ends_to_the_millisecond() {
        let mut answers = Answers::new(10);
        answers
            .remember(id(1), 0, 0, 1_000, &Outcome::Nothing)
            .unwrap();
        assert!(answers.find(&id(1), 999 + IDEMPOTENCY_WINDOW_MS).is_some());
        assert!(!answers.sweep_one(999 + IDEMPOTENCY_WINDOW_MS));
        assert!(
            answers
                .find(&id(1), 1_000 + IDEMPOTENCY_WINDOW_MS)
                .is_none()
        );
        assert!(answers.sweep_one(1_000 + IDEMPOTENCY_WINDOW_MS));
    }

    #[test]
    fn a_later_answer_survives_the_sweep_of_a_stale_one() {
        let mut answers = Answers::new(10);
        answers.remember(id(1), 1, 0, 0, &Outcome::Nothing).unwrap();
        let now = IDEMPOTENCY_WINDOW_MS;
        answers
            .remember(id(1), 2, 9, now, &Outcome::Nothing)
            .unwrap();
        assert_eq!(answers.len(), 2);
        assert!(answers.sweep_one(now));
        assert_eq!(answers.find(&id(1), now).unwrap().0.fingerprint, 2);
    }
}
