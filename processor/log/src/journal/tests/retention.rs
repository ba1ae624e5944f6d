//! Whole segments are deleted, and readers that wanted them get an error.

use onsale_schemas::PartitionId;

use super::support::{append, bytes, open, open_read_only, read, segment_path};
use crate::journal::{Journal, JournalWriter};
use crate::storage::{EntryBatch, LogError, LogReader, LogWriter as _};
use onsale_disk::MemoryDisk;

const P0: PartitionId = PartitionId(0);
const P1: PartitionId = PartitionId(1);
const P2: PartitionId = PartitionId(2);

/// Partition 0 gets a record with every batch, partition 1 with every fourth, partition 2 only
/// with the first. About six batches to a segment.
fn filled(disk: &MemoryDisk, batches: u64) -> (JournalWriter, Journal) {
    let (mut writer, journal) = open(disk).unwrap();
    for i in 0..batches {
        let mut batch = vec![(0, bytes(i, 9_000))];
        if i % 4 == 0 {
            batch.push((1, bytes(i, 900)));
        }
        if i == 0 {
            batch.push((2, bytes(i, 9)));
        }
        append(&mut writer, 1_000 + i, &batch).unwrap();
    }
    (writer, journal)
}

#[test]
fn only_unneeded_segments_are_deleted() {
    let disk = MemoryDisk::new();
    let (mut writer, journal) = filled(&disk, 40);
    let segments = journal.stats().segments;
    assert!(segments >= 6);
    // Partition 2 is not named, so it keeps everything.
    assert_eq!(journal.truncate_before(&[(P0, 40), (P1, 10)]).unwrap(), 0);
    let keep = [(P0, 20), (P1, 10), (P2, 1)];
    let removed = journal.truncate_before(&keep).unwrap();
    assert!(
        (1..segments - 1).contains(&removed),
        "{removed} of {segments}"
    );
    assert_eq!(journal.stats().segments, segments - removed);
    let (first, end) = journal.bounds(P0).unwrap();
    assert!(first > 0 && first <= 20, "{first}");
    assert_eq!(end, 40);
    assert_eq!(journal.bounds(P2).unwrap(), (1, 1));
    assert_eq!(journal.truncate_before(&keep).unwrap(), 0);
    assert!(disk.bytes_of(&segment_path(1)).is_none());

    let mut reader = journal.reader();
    let mut batch = EntryBatch::default();
    match reader.read(P0, first - 1, 1, &mut batch) {
        Err(LogError::OffsetGone {
            asked, first: kept, ..
        }) => {
            assert_eq!((asked, kept), (first - 1, first));
        }
        other => panic!("{other:?}"),
    }
    reader.read(P0, first, 1, &mut batch).unwrap();
    assert_eq!(batch.iter().next().unwrap().offset, first);
    assert!(matches!(
        journal.scan(&[(P0, 0)]),
        Err(LogError::OffsetGone { .. })
    ));

    // Everything may go but the segment that is written.
    journal
        .truncate_before(&[(P0, 99), (P1, 99), (P2, 99)])
        .unwrap();
    assert_eq!(journal.stats().segments, 1);
    append(&mut writer, 1, &vec![(2, bytes(1, 1))]).unwrap();
    let before = read(&journal).unwrap();
    let bounds = journal.bounds(P0).unwrap();
    drop(writer);
    let (_writer, again) = open(&disk).unwrap();
    assert_eq!(again.bounds(P0).unwrap(), bounds);
    assert!(read(&again).unwrap() == before);
    assert!(read(&open_read_only(&disk).unwrap()).unwrap() == before);
}

#[test]
fn a_reader_learns_when_it_is_overtaken() {
    let disk = MemoryDisk::new();
    let (_writer, journal) = filled(&disk, 40);
    let mut reader = journal.reader();
    let mut scan = journal.scan(&[(P0, 0)]).unwrap();
    let mut batch = EntryBatch::default();
    reader.read(P0, 0, 1, &mut batch).unwrap();
    let keep = [(P0, 40), (P1, 10), (P2, 1)];
    journal.truncate_before(&keep).unwrap();
    let overtaken = reader.read(P0, 1, usize::MAX, &mut batch);
    assert!(
        matches!(overtaken, Err(LogError::OffsetGone { .. })),
        "{overtaken:?}"
    );
    assert!(batch.is_empty());
    let overtaken = scan.next_chunk(|_, _| ());
    assert!(
        matches!(overtaken, Err(LogError::OffsetGone { .. })),
        "{overtaken:?}"
    );
    let (first, end) = journal.bounds(P0).unwrap();
    reader.read(P0, first, usize::MAX, &mut batch).unwrap();
    assert_eq!(batch.len() as u64, end - first);
}

#[test]
fn readers_and_retention_together() {
    let disk = MemoryDisk::new();
    let (mut writer, journal) = filled(&disk, 10);
    let reading = journal.clone();
    let thread = std::thread::spawn(move || {
        let mut reader = reading.reader();
        let mut batch = EntryBatch::default();
        let mut next = 0;
        while next < 300 {
            match reader.read(P0, next, 20_000, &mut batch) {
                Ok(()) => {
                    for entry in batch.iter() {
                        assert_eq!(entry.offset, next);
                        assert!(entry.payload == bytes(next, 9_000));
                        next += 1;
                    }
                }
                Err(LogError::OffsetGone { first, .. }) => {
                    assert!(first > next);
                    next = first;
                }
                Err(error) => panic!("{error}"),
            }
        }
    });
    for i in 10..300 {
        append(&mut writer, 2_000, &vec![(0, bytes(i, 9_000))]).unwrap();
        let keep = [(P0, i - 5), (P1, 99), (P2, 99)];
        journal.truncate_before(&keep).unwrap();
    }
    thread.join().unwrap();
    assert!(journal.stats().segments <= 3);
}

#[test]
fn the_offset_at_a_time_is_the_first_not_before_it() {
    let disk = MemoryDisk::new();
    let (mut writer, journal) = open(&disk).unwrap();
    let mut stamps = Vec::new();
    for i in 0..60u64 {
        let now_ms = 1_000 + (i / 7) * 50;
        append(
            &mut writer,
            now_ms,
            &vec![(0, bytes(i, 5_000)), (1, bytes(i, 1))],
        )
        .unwrap();
        stamps.push(now_ms);
    }
    assert!(journal.stats().segments > 3);
    let check = |kept_from: u64| {
        for time_ms in (0..1_600).step_by(25).chain([u64::MAX]) {
            let expected = stamps.partition_point(|stamp| *stamp < time_ms) as u64;
            let found = journal.offset_in_time(P0, &(time_ms..=u64::MAX)).unwrap();
            assert_eq!(found, expected.max(kept_from), "{time_ms}");
        }
    };
    check(0);
    journal
        .truncate_before(&[(P0, 30), (P1, 30), (P2, 0)])
        .unwrap();
    let (first, _) = journal.bounds(P0).unwrap();
    assert!(first > 0);
    check(first);
    assert_eq!(journal.offset_in_time(P2, &(5..=u64::MAX)).unwrap(), 0);
}

#[test]
fn records_of_a_wrong_clock_are_no_records_of_now() {
    const NOW_MS: u64 = 10_000_000;
    const AGE_MS: u64 = 1_000_000;
    // (what, stamps before, stamps of the wrong clock, stamps since, the first record of the last age)
    let right = |from: u64| (0..20).map(move |n| from + n * 10);
    let old = 1_000;
    let recent = NOW_MS - AGE_MS / 2;
    let table = [
        // Ahead, long ago: it must not keep for a year what is old.
        ("ahead", old, NOW_MS * 50, recent, 40),
        // Back, a moment ago: what came before it is as new as ever.
        ("back", recent, 5, recent + 1_000, 0),
    ];
    for (what, before, wrong, since, expected) in table {
        let disk = MemoryDisk::new();
        let (mut writer, journal) = open(&disk).unwrap();
        for (number, from) in [before, wrong, since].into_iter().enumerate() {
            writer.set_back(from);
            for now_ms in right(from) {
                append(&mut writer, now_ms, &vec![(0, bytes(number as u64, 5_000))]).unwrap();
            }
        }
        assert!(journal.stats().segments > 3);
        let times = NOW_MS - AGE_MS..=NOW_MS;
        let found = journal.offset_in_time(P0, &times).unwrap();
        assert_eq!(found, expected, "{what}");
    }
}
