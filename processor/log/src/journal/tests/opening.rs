//! Who may open a journal, and with what.

use std::sync::Arc;

use super::support::{append, bytes, folder, killed_after, open, open_read_only, options, read};
use crate::journal::meta::META_NAME;
use crate::journal::{Journal, JournalOptions};
use crate::storage::LogError;
use onsale_disk::MemoryDisk;

#[test]
fn one_writer_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let options = JournalOptions::new(2);
    let (writer, first) = Journal::open(folder.path(), &options).unwrap();
    let second = Journal::open(folder.path(), &options).map(|_| ());
    match second {
        Err(LogError::Locked { folder: locked, .. }) => assert_eq!(locked, folder.path()),
        other => panic!("{other:?}"),
    }
    Journal::open_read_only(folder.path()).unwrap();
    drop(writer);
    // Readers of the first keep nobody out.
    let (_writer, again) = Journal::open(folder.path(), &options).unwrap();
    assert_eq!(first.log_id(), again.log_id());
    assert_ne!(first.log_id(), [0; 16]);
}

#[test]
fn frozen_settings_are_kept() {
    let disk = MemoryDisk::new();
    drop(open(&disk).unwrap());
    let reopen = |options: JournalOptions| {
        Journal::open_on(Arc::new(disk.clone()), folder(), &options).map(|_| ())
    };
    let more = JournalOptions {
        partitions: 4,
        ..options()
    };
    match reopen(more) {
        Err(LogError::Mismatch(text)) => {
            assert!(text.contains("with 3 partitions, but 4"), "{text}")
        }
        other => panic!("{other:?}"),
    }
    let other = JournalOptions {
        log_id: Some([1; 16]),
        ..options()
    };
    assert!(matches!(reopen(other), Err(LogError::Mismatch(_))));
    let none = JournalOptions {
        partitions: 0,
        ..options()
    };
    assert!(matches!(reopen(none), Err(LogError::Mismatch(_))));
    let larger = JournalOptions {
        segment_size_bytes: 1 << 20,
        log_id: None,
        ..options()
    };
    reopen(larger).unwrap();
}

#[test]
fn the_meta_file_is_guarded() {
    let killed = killed_after(&[&[10]]);
    let path = folder().join(META_NAME);
    let bytes = killed.disk.bytes_of(&path).unwrap();
    for i in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[i] ^= 0x40;
        let disk = killed.disk.after_kill();
        disk.put_bytes(&path, changed);
        assert!(open(&disk).is_err(), "byte {i}");
    }
    let disk = killed.disk.after_kill();
    onsale_disk::Disk::remove(&disk, &path).unwrap();
    assert!(matches!(open(&disk), Err(LogError::Damaged { .. })));
    assert!(matches!(open_read_only(&disk), Err(LogError::Mismatch(_))));
}

#[test]
fn read_only_changes_nothing() {
    let killed = killed_after(&[&[10, 20], &[900], &[3_000]]);
    let (segment, begin) = *killed.begins.last().unwrap();
    let at = usize::try_from(begin).unwrap();
    let disk = killed.with(segment, |bytes| bytes[at + 512..at + 1_024].fill(0));
    let path = super::support::segment_path(segment);
    let before = disk.bytes_of(&path);
    let syncs = disk.syncs();
    let journal = open_read_only(&disk).unwrap();
    assert!(journal.torn_tail().is_some());
    assert!(read(&journal).unwrap() == killed.contents[2]);
    assert!(journal.truncate_before(&[]).is_err());
    drop(journal);
    assert_eq!(disk.syncs(), syncs);
    assert!(disk.bytes_of(&path) == before);
}

#[test]
fn a_batch_that_never_fits_is_refused() {
    let disk = MemoryDisk::new();
    let (mut writer, _) = open(&disk).unwrap();
    let batch = vec![(0, bytes(1, 40_000)), (0, bytes(2, 40_000))];
    let refused = append(&mut writer, 1, &batch);
    assert!(
        matches!(refused, Err(LogError::BatchTooLarge { .. })),
        "{refused:?}"
    );
    let appended = append(&mut writer, 1, &batch[..1].to_vec()).unwrap();
    assert_eq!(appended[0].offset, 0);
    // The largest that fits.
    let room = writer.batch_size_max_bytes() - 64 - 24 - 4;
    append(&mut writer, 1, &vec![(0, bytes(3, room))]).unwrap();
    let refused = append(&mut writer, 1, &vec![(0, bytes(3, room + 1))]);
    assert!(
        matches!(refused, Err(LogError::BatchTooLarge { .. })),
        "{refused:?}"
    );
}
