//! A full disk is survived, a sync that fails is not.

use std::sync::Arc;

use super::support::{
    SEGMENT_BYTES, append, bytes, expect, folder, no_content, open, options, read,
};
use crate::journal::{Journal, JournalOptions, PrepareSegments};
use crate::storage::LogError;
use onsale_disk::MemoryDisk;

fn is_full<T: std::fmt::Debug>(result: &Result<T, LogError>) -> bool {
    matches!(result, Err(LogError::DiskFull(_)))
}

#[test]
fn a_batch_that_found_no_room_leaves_nothing_behind() {
    let disk = MemoryDisk::new();
    let (mut writer, journal) = open(&disk).unwrap();
    let mut content = no_content();
    for round in 0..40u64 {
        let batch = vec![(0, bytes(round, 2_000)), (2, bytes(round, 900))];
        let before = journal.durable_position();
        // Both the batch and, every now and then, the base of the next segment are hit.
        disk.fail_writes(round % 3, 1);
        let mut result = append(&mut writer, round, &batch);
        if result.is_err() {
            assert!(is_full(&result), "{result:?}");
            assert_eq!(journal.durable_position(), before);
            assert!(read(&journal).unwrap() == content);
            let (_writer, after_crash) = open(&disk.after_kill()).unwrap();
            assert_eq!(after_crash.torn_tail(), None);
            assert!(read(&after_crash).unwrap() == content);
            disk.fail_writes(0, 0);
            result = append(&mut writer, round, &batch);
        }
        result.unwrap();
        expect(&mut content, round, &batch);
        assert!(read(&journal).unwrap() == content);
    }
    assert!(journal.stats().segments > 1);
    drop(writer);
    assert!(read(&open(&disk).unwrap().1).unwrap() == content);
}

fn survives_a_full_disk(prepare: PrepareSegments) {
    let disk = MemoryDisk::new();
    let options = JournalOptions {
        prepare,
        ..options()
    };
    let on = Arc::new(disk.clone());
    let (mut writer, journal) = Journal::open_on(on, folder(), &options).unwrap();
    // Room for the segment in use, the one made ahead, and not quite another one.
    disk.set_capacity(Some(3 * SEGMENT_BYTES - 1));
    let mut content = no_content();
    let batch = vec![(1, bytes(5, 5_000))];
    let mut now_ms = 0;
    let refused = loop {
        now_ms += 1;
        match append(&mut writer, now_ms, &batch) {
            Ok(_) => expect(&mut content, now_ms, &batch),
            refused => break refused,
        }
    };
    assert!(is_full(&refused), "{refused:?}");
    assert!(now_ms > 20);
    for _ in 0..3 {
        assert!(is_full(&append(&mut writer, now_ms, &batch)));
        assert!(read(&journal).unwrap() == content);
    }
    disk.set_capacity(None);
    append(&mut writer, now_ms, &batch).unwrap();
    expect(&mut content, now_ms, &batch);
    drop(writer);
    assert!(read(&open(&disk).unwrap().1).unwrap() == content);
}

#[test]
fn no_room_for_the_next_segment_is_survived() {
    survives_a_full_disk(PrepareSegments::OnDemand);
}

#[test]
fn no_room_for_the_next_segment_ahead_is_survived() {
    survives_a_full_disk(PrepareSegments::Ahead);
}

#[test]
fn a_disk_too_small_to_begin_says_so() {
    let disk = MemoryDisk::new();
    disk.set_capacity(Some(SEGMENT_BYTES / 2));
    assert!(is_full(&open(&disk).map(|_| ())));
    disk.set_capacity(None);
    open(&disk).unwrap();
}

#[test]
fn a_failed_sync_stops_the_writer_for_good() {
    let disk = MemoryDisk::new();
    let (mut writer, journal) = open(&disk).unwrap();
    let batch = vec![(0, bytes(1, 10))];
    append(&mut writer, 1, &batch).unwrap();
    let before = journal.durable_position();
    disk.fail_syncs_after(Some(0));
    let failed = append(&mut writer, 1, &batch);
    assert!(
        matches!(failed, Err(LogError::Io { doing: "sync", .. })),
        "{failed:?}"
    );
    disk.fail_syncs_after(None);
    let syncs = disk.syncs();
    for _ in 0..3 {
        let refused = append(&mut writer, 1, &batch);
        assert!(matches!(refused, Err(LogError::Io { .. })), "{refused:?}");
    }
    drop(writer);
    assert_eq!(disk.syncs(), syncs, "it tried again");
    assert_eq!(journal.durable_position(), before);
    assert_eq!(read(&journal).unwrap()[0].len(), 1);
}

#[test]
fn one_append_is_one_sync() {
    let disk = MemoryDisk::new();
    let (mut writer, _) = open(&disk).unwrap();
    let before = disk.syncs();
    for round in 0..10 {
        let batch: Vec<_> = (0..30u16)
            .map(|i| (i % 3, bytes(u64::from(i), 20)))
            .collect();
        append(&mut writer, round, &batch).unwrap();
    }
    assert_eq!(disk.syncs() - before, 10);
}
