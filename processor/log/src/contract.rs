//! The contract of every log, as tests that run on any implementation.
//!
//! An implementation gives a [`LogUnderTest`] and names it in [`log_contract`](crate::log_contract).
//! The functions panic where the contract is broken, as tests do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are the bodies of tests"
)]

use std::time::Duration;

use onsale_schemas::limits::RECORD_SIZE_MAX_BYTES;
use onsale_schemas::{LogTimeMs, Offset, PartitionId};

use crate::storage::{AppendRecord, Appended, EntryBatch, LogError, LogReader, LogWriter};

/// Number of partitions that a log under test has.
pub const PARTITIONS: u16 = 3;

/// A log that can be reopened.
pub trait LogUnderTest: Sized {
    /// Its writer.
    type Writer: LogWriter;
    /// Its reader.
    type Reader: LogReader + 'static;

    /// False if there is nothing to test on; the tests then pass without testing.
    fn is_there() -> bool {
        true
    }
    /// An empty log of [`PARTITIONS`] partitions.
    fn create() -> Self;
    /// Its only writer, which is dropped before it is requested again.
    fn writer(&mut self) -> Self::Writer;
    /// A new reader. There is a writer.
    fn reader(&mut self) -> Self::Reader;
}

/// Creates one test per rule for a [`LogUnderTest`].
#[macro_export]
macro_rules! log_contract {
    ($log:ty) => {
        $crate::log_contract!($log:
            an_empty_log_has_nothing,
            offsets_are_contiguous_per_partition,
            log_time_never_goes_back,
            log_time_goes_back_where_it_is_set_back,
            what_was_appended_is_read_back,
            a_read_keeps_to_its_size,
            a_read_may_begin_anywhere,
            a_read_goes_on_when_more_comes,
            partitions_read_in_turns_do_not_mix,
            an_unknown_partition_is_refused,
            the_largest_record_fits_and_a_larger_one_does_not,
            empty_payloads_and_empty_batches_are_fine,
            positions_are_added_to_what_was_there,
            a_log_opened_again_goes_on,
            a_reader_beside_a_writer_sees_only_what_is_whole,
        );
    };
    ($log:ty: $($rule:ident),* $(,)?) => {
        $(
            #[test]
            fn $rule() {
                use $crate::contract::LogUnderTest;
                if <$log as LogUnderTest>::is_there() {
                    $crate::contract::$rule(<$log as LogUnderTest>::create());
                }
            }
        )*
    };
}

const READ_BYTES: usize = 4 << 10;

fn p(partition: u16) -> PartitionId {
    PartitionId(partition)
}

fn record(partition: u16, payload: &[u8]) -> AppendRecord<'_> {
    AppendRecord {
        partition: p(partition),
        payload,
    }
}

fn append(
    writer: &mut impl LogWriter,
    now_ms: LogTimeMs,
    records: &[(u16, &[u8])],
) -> Vec<Appended> {
    let records: Vec<_> = records
        .iter()
        .map(|&(at, payload)| record(at, payload))
        .collect();
    let mut appended = Vec::new();
    writer.append(&records, now_ms, &mut appended).unwrap();
    appended
}

/// Everything from `from` on, with several reads.
fn read_all(
    reader: &mut impl LogReader,
    partition: u16,
    from: Offset,
) -> Vec<(Offset, LogTimeMs, Vec<u8>)> {
    let mut all = Vec::new();
    let mut batch = EntryBatch::default();
    loop {
        let next = from + all.len() as u64;
        reader
            .read(p(partition), next, READ_BYTES, &mut batch)
            .unwrap();
        if batch.is_empty() {
            return all;
        }
        all.extend(
            batch
                .iter()
                .map(|entry| (entry.offset, entry.log_time_ms, entry.payload.to_vec())),
        );
    }
}

/// An empty log has bounds 0 and 0 and reads as empty.
pub fn an_empty_log_has_nothing(mut log: impl LogUnderTest) {
    let _writer = log.writer();
    let mut reader = log.reader();
    for partition in 0..PARTITIONS {
        assert_eq!(reader.bounds(p(partition)).unwrap(), (0, 0));
        assert_eq!(read_all(&mut reader, partition, 0), []);
        assert_eq!(read_all(&mut reader, partition, 7), []);
    }
}

/// Offsets count from 0 in each partition separately.
pub fn offsets_are_contiguous_per_partition(mut log: impl LogUnderTest) {
    let mut writer = log.writer();
    let first = append(&mut writer, 1, &[(0, b"a"), (1, b"b"), (0, b"c")]);
    let second = append(&mut writer, 1, &[(1, b"d"), (0, b"e"), (2, b"f")]);
    let offsets = |appended: &[Appended]| appended.iter().map(|at| at.offset).collect::<Vec<_>>();
    assert_eq!(offsets(&first), [0, 0, 1]);
    assert_eq!(offsets(&second), [1, 2, 0]);
    let reader = log.reader();
    let ends: Vec<_> = (0..PARTITIONS)
        .map(|i| reader.bounds(p(i)).unwrap())
        .collect();
    assert_eq!(ends, [(0, 3), (0, 2), (0, 1)]);
}

/// A clock that goes back does not take the log back.
pub fn log_time_never_goes_back(mut log: impl LogUnderTest) {
    let mut writer = log.writer();
    let mut last = 0;
    for now_ms in [1_000, 5_000, 2_000, 5_001] {
        for at in append(&mut writer, now_ms, &[(0, b"a"), (0, b"b")]) {
            assert!(at.log_time_ms >= last, "{} after {last}", at.log_time_ms);
            last = at.log_time_ms;
        }
    }
}

/// Only an operator takes it back, and that survives reopening.
pub fn log_time_goes_back_where_it_is_set_back(mut log: impl LogUnderTest) {
    let mut writer = log.writer();
    append(&mut writer, 9_000, &[(0, b"a"), (1, b"b")]);
    writer.set_back(2_000);
    let mut expected = Vec::new();
    for now_ms in [2_000, 1_500, 3_000] {
        let at = append(&mut writer, now_ms, &[(0, b"c")])[0];
        expected.push(at.log_time_ms);
    }
    // A log with its own clock need not follow.
    if expected[0] >= 9_000 {
        return;
    }
    assert_eq!(expected, [2_000, 2_000, 3_000]);
    drop(writer);
    let mut writer = log.writer();
    assert_eq!(
        append(&mut writer, 2_500, &[(0, b"d")])[0].log_time_ms,
        3_000
    );
    let read = read_all(&mut log.reader(), 0, 0);
    let times: Vec<_> = read.iter().map(|(_, time, _)| *time).collect();
    assert_eq!(times, [9_000, 2_000, 2_000, 3_000, 3_000]);
}

/// Payloads, offsets and times are read back as reported.
pub fn what_was_appended_is_read_back(mut log: impl LogUnderTest) {
    let mut writer = log.writer();
    let mut expected = vec![Vec::new(); usize::from(PARTITIONS)];
    for round in 0..50u64 {
        let payloads: Vec<(u16, Vec<u8>)> = (0..7u8)
            .map(|i| {
                let partition =
                    u16::try_from((round + u64::from(i)) % u64::from(PARTITIONS)).unwrap();
                (
                    partition,
                    format!("{round}/{i}")
                        .repeat(usize::from(i) * 20)
                        .into_bytes(),
                )
            })
            .collect();
        let records: Vec<_> = payloads
            .iter()
            .map(|(at, bytes)| (*at, &bytes[..]))
            .collect();
        let appended = append(&mut writer, 1_000 + round, &records);
        for (at, (partition, payload)) in appended.iter().zip(&payloads) {
            expected[usize::from(*partition)].push((at.offset, at.log_time_ms, payload.clone()));
        }
    }
    let mut reader = log.reader();
    for partition in 0..PARTITIONS {
        assert_eq!(
            read_all(&mut reader, partition, 0),
            expected[usize::from(partition)]
        );
    }
}

/// A read stops before it would exceed its size, but always returns one record.
pub fn a_read_keeps_to_its_size(mut log: impl LogUnderTest) {
    let mut writer = log.writer();
    append(
        &mut writer,
        1,
        &[(0, &[1; 40]), (1, &[9; 10]), (0, &[2; 40]), (0, &[3; 40])],
    );
    let mut reader = log.reader();
    let mut batch = EntryBatch::default();
    let mut count = |from, bytes_max| {
        reader.read(p(0), from, bytes_max, &mut batch).unwrap();
        (batch.len(), batch.size_bytes())
    };
    assert_eq!(count(0, 80), (2, 80));
    assert_eq!(count(2, 80), (1, 40));
    assert_eq!(count(0, 1), (1, 40));
    assert_eq!(count(1, 0), (1, 40));
    assert_eq!(count(0, usize::MAX), (3, 120));
    assert_eq!(count(3, usize::MAX), (0, 0));
}

/// Reading from any offset returns the rest of the partition.
pub fn a_read_may_begin_anywhere(mut log: impl LogUnderTest) {
    let mut writer = log.writer();
    for i in 0..60u8 {
        append(&mut writer, 1, &[(0, &[i; 3]), (1, &[0; 5]), (0, &[i; 4])]);
    }
    let mut reader = log.reader();
    for from in (0..=120).rev().chain([3, 119, 4]) {
        let rest = read_all(&mut reader, 0, from);
        assert_eq!(rest.len() as u64, 120 - from);
        if let Some((offset, _, payload)) = rest.first() {
            assert_eq!(*offset, from);
            assert_eq!(u64::from(payload[0]), from / 2);
        }
    }
}

/// A reader that reached the end continues from there.
pub fn a_read_goes_on_when_more_comes(mut log: impl LogUnderTest) {
    let mut writer = log.writer();
    let mut reader = log.reader();
    let mut batch = EntryBatch::default();
    for i in 0..100u64 {
        append(&mut writer, i, &[(0, &i.to_le_bytes()), (1, b"other")]);
        reader.read(p(0), i, READ_BYTES, &mut batch).unwrap();
        let got: Vec<_> = batch.iter().map(|entry| entry.payload.to_vec()).collect();
        assert_eq!(got, [i.to_le_bytes().to_vec()]);
        reader.read(p(0), i + 1, READ_BYTES, &mut batch).unwrap();
        assert!(batch.is_empty());
    }
}

/// One reader may serve all partitions.
pub fn partitions_read_in_turns_do_not_mix(mut log: impl LogUnderTest) {
    let mut writer = log.writer();
    for i in 0..40u8 {
        append(&mut writer, 1, &[(0, &[0, i]), (1, &[1, i]), (2, &[2, i])]);
    }
    let mut reader = log.reader();
    let mut batch = EntryBatch::default();
    for offset in 0..40u8 {
        for partition in 0..PARTITIONS {
            reader
                .read(p(partition), offset.into(), 1, &mut batch)
                .unwrap();
            let payloads: Vec<_> = batch.iter().map(|entry| entry.payload.to_vec()).collect();
            assert_eq!(payloads, [vec![u8::try_from(partition).unwrap(), offset]]);
        }
    }
}

/// A partition that does not exist is refused, and the writer keeps working.
pub fn an_unknown_partition_is_refused(mut log: impl LogUnderTest) {
    let mut writer = log.writer();
    let mut appended = Vec::new();
    let records = [record(0, b"a"), record(PARTITIONS, b"b")];
    match writer.append(&records, 1, &mut appended) {
        Err(LogError::UnknownPartition { partition, .. }) => assert_eq!(partition, p(PARTITIONS)),
        other => panic!("{other:?}"),
    }
    assert!(appended.is_empty());
    assert_eq!(append(&mut writer, 1, &[(0, b"c")])[0].offset, 0);
    let mut reader = log.reader();
    let mut batch = EntryBatch::default();
    assert!(matches!(
        reader.bounds(p(PARTITIONS)),
        Err(LogError::UnknownPartition { .. })
    ));
    let read = reader.read(p(PARTITIONS), 0, 1, &mut batch);
    assert!(matches!(read, Err(LogError::UnknownPartition { .. })));
}

/// A record of the wire format's largest size is accepted, a larger one is refused.
pub fn the_largest_record_fits_and_a_larger_one_does_not(mut log: impl LogUnderTest) {
    let mut writer = log.writer();
    let payload = vec![0x5a; RECORD_SIZE_MAX_BYTES + 1];
    let mut appended = Vec::new();
    let refused = writer.append(&[record(0, &payload)], 1, &mut appended);
    assert!(
        matches!(refused, Err(LogError::RecordTooLarge { .. })),
        "{refused:?}"
    );
    append(
        &mut writer,
        1,
        &[(0, b"small"), (0, &payload[1..]), (0, b"after")],
    );
    let mut reader = log.reader();
    let sizes: Vec<_> = read_all(&mut reader, 0, 0)
        .iter()
        .map(|read| read.2.len())
        .collect();
    assert_eq!(sizes, [5, RECORD_SIZE_MAX_BYTES, 5]);
}

/// Nothing may be appended, and records may be empty.
pub fn empty_payloads_and_empty_batches_are_fine(mut log: impl LogUnderTest) {
    let mut writer = log.writer();
    assert_eq!(append(&mut writer, 1, &[]), []);
    append(&mut writer, 1, &[(0, b""), (0, b"")]);
    assert_eq!(append(&mut writer, 1, &[]), []);
    let mut reader = log.reader();
    let read = read_all(&mut reader, 0, 0);
    assert_eq!(read.iter().map(|read| read.0).collect::<Vec<_>>(), [0, 1]);
}

/// `appended` is the caller's.
pub fn positions_are_added_to_what_was_there(mut log: impl LogUnderTest) {
    let mut writer = log.writer();
    let mut appended = Vec::new();
    for _ in 0..3 {
        writer.append(&[record(1, b"a")], 1, &mut appended).unwrap();
    }
    let offsets: Vec<_> = appended.iter().map(|at| at.offset).collect();
    assert_eq!(offsets, [0, 1, 2]);
}

/// Everything is there after reopening, and offsets and times continue.
pub fn a_log_opened_again_goes_on(mut log: impl LogUnderTest) {
    let mut expected = Vec::new();
    for round in 0..5u8 {
        let mut writer = log.writer();
        // The clock goes back with every round.
        let now_ms = 9_000 - u64::from(round);
        let appended = append(
            &mut writer,
            now_ms,
            &[(0, &[round]), (2, b"x"), (0, &[round, 1])],
        );
        expected.push((appended[0].offset, appended[0].log_time_ms, vec![round]));
        expected.push((appended[2].offset, appended[2].log_time_ms, vec![round, 1]));
        let mut reader = log.reader();
        assert_eq!(read_all(&mut reader, 0, 0), expected);
        assert_eq!(reader.bounds(p(2)).unwrap(), (0, u64::from(round) + 1));
        drop(writer);
        drop(reader);
    }
    assert!(expected.iter().map(|read| read.0).eq(0..10));
    assert!(expected.is_sorted_by_key(|read| read.1));
}

/// Another thread reads while records are appended: a prefix, whole, in order, and in the end all.
pub fn a_reader_beside_a_writer_sees_only_what_is_whole(mut log: impl LogUnderTest) {
    const RECORDS: u64 = 2_000;
    let mut writer = log.writer();
    let mut reader = log.reader();
    let thread = std::thread::spawn(move || {
        let mut batch = EntryBatch::default();
        let mut next = 0;
        while next < RECORDS {
            let (_, end) = reader.bounds(p(1)).unwrap();
            reader.read(p(1), next, READ_BYTES, &mut batch).unwrap();
            assert!(
                !batch.is_empty() || next == end,
                "{next} of {end} is missing"
            );
            for entry in batch.iter() {
                assert_eq!(entry.offset, next);
                assert_eq!(entry.payload, payload_of(next));
                next += 1;
            }
            if batch.is_empty() {
                std::thread::sleep(Duration::from_micros(50));
            }
        }
    });
    let mut offset = 0;
    while offset < RECORDS {
        let payloads: Vec<_> = (offset..RECORDS.min(offset + 10)).map(payload_of).collect();
        let mut records: Vec<(u16, &[u8])> = payloads.iter().map(|bytes| (1, &bytes[..])).collect();
        records.insert(records.len() / 2, (0, b"between"));
        append(&mut writer, offset, &records);
        offset += payloads.len() as u64;
    }
    thread.join().unwrap();
}

fn payload_of(offset: Offset) -> Vec<u8> {
    let seed = offset.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    seed.repeat(1 + usize::from(seed[0]) % 40)
}
