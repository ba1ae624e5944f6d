//! What no crash can have done stops the journal, and says where.

use super::support::{
    Killed, append, bytes, damage_in, killed_after, open, open_read_only, read, segment_path,
};
use crate::storage::LogError;
use onsale_disk::{Disk, MemoryDisk};

fn flip(killed: &Killed, segment: u64, byte: u64, mask: u8) -> MemoryDisk {
    let at = usize::try_from(byte).unwrap();
    killed.with(segment, |bytes| bytes[at] ^= mask)
}

#[test]
fn any_changed_byte_is_noticed() {
    let killed = killed_after(&[&[10, 20], &[900], &[0], &[300, 1, 200]]);
    let segment = killed.begins[0].0;
    let ends = killed.begins[1..].iter().map(|begin| begin.1);
    let ends: Vec<u64> = ends.chain([killed.end]).collect();
    for mask in [0xff, 0x01, 0x80] {
        for byte in 0..killed.begins[0].1 {
            let error = open(&flip(&killed, segment, byte, mask)).err().unwrap();
            let (at, _) = damage_in(segment, error);
            assert!(at <= byte);
        }
        for (i, (&(_, begin), &end)) in killed.begins.iter().zip(&ends).enumerate() {
            for byte in begin..end {
                let disk = flip(&killed, segment, byte, mask);
                let (at, _) = damage_in(segment, open(&disk).err().unwrap());
                assert_eq!(at, begin, "byte {byte} of batch {i}");
                assert!(open_read_only(&disk).is_err());
            }
        }
    }
}

#[test]
fn a_stray_byte_behind_the_end_loses_nothing() {
    let killed = killed_after(&[&[10], &[900]]);
    let segment = killed.begins[0].0;
    for byte in (killed.end..killed.end + 1_100).chain([super::support::SEGMENT_BYTES - 1]) {
        match open(&flip(&killed, segment, byte, 0x10)) {
            Ok((_writer, journal)) => {
                assert!(journal.torn_tail().is_some());
                assert!(read(&journal).unwrap() == *killed.all());
            }
            Err(error) => assert_eq!(damage_in(segment, error).0, killed.end),
        }
    }
}

#[test]
fn damage_before_the_last_segment_stops_every_reader() {
    let sizes = [9_000usize; 16];
    let batches: Vec<&[usize]> = sizes.iter().map(std::slice::from_ref).collect();
    let killed = killed_after(&batches);
    let first: Vec<u64> = killed
        .begins
        .iter()
        .filter(|at| at.0 == 1)
        .map(|at| at.1)
        .collect();
    assert!(killed.begins.last().unwrap().0 >= 3);
    for &begin in &first {
        for byte in [begin, begin + 63, begin + 64, begin + 5_000, begin + 9_000] {
            let disk = flip(&killed, 1, byte, 0x20);
            let (_writer, journal) = open(&disk).unwrap();
            let (at, _) = damage_in(1, read(&journal).unwrap_err());
            assert_eq!(at, begin);
        }
    }
    // The last batch of a segment cannot go missing either.
    let last = usize::try_from(*first.last().unwrap()).unwrap();
    let disk = killed.with(1, |bytes| bytes[last..].fill(0));
    let (_writer, journal) = open(&disk).unwrap();
    let (at, what) = damage_in(1, read(&journal).unwrap_err());
    assert_eq!(at, last as u64);
    assert!(what.contains("the segment ends before batch"), "{what}");
}

#[test]
fn a_missing_segment_is_damage_wherever_it_stood() {
    let sizes = [30_000usize; 8];
    let batches: Vec<&[usize]> = sizes.iter().map(std::slice::from_ref).collect();
    let killed = killed_after(&batches);
    for missing in 2..4 {
        let disk = killed.disk.after_kill();
        disk.remove(&segment_path(missing)).unwrap();
        let error = open(&disk).err().unwrap();
        assert_eq!(damage_in(missing, error).1, "the segment is missing");
    }
}

#[test]
fn the_last_segment_is_missed_by_the_one_prepared_behind_it() {
    let disk = MemoryDisk::new();
    let (mut writer, _) = open(&disk).unwrap();
    append(&mut writer, 1, &vec![(0, bytes(1, 60_000))]).unwrap();
    // The disk is full when the next segment has been made and is to be begun.
    disk.fail_writes(2, 1);
    let full = append(&mut writer, 1, &vec![(0, bytes(2, 60_000))]);
    assert!(matches!(full, Err(LogError::DiskFull(_))), "{full:?}");
    let disk = disk.after_kill();
    disk.remove(&segment_path(1)).unwrap();
    assert_eq!(
        damage_in(1, open(&disk).err().unwrap()).1,
        "the segment is missing"
    );
}

#[test]
fn segments_of_another_log_are_refused() {
    let killed = killed_after(&[&[10]]);
    let other = MemoryDisk::new();
    let options = crate::journal::JournalOptions {
        log_id: Some([1; 16]),
        ..super::support::options()
    };
    let on = std::sync::Arc::new(other.clone());
    drop(crate::journal::Journal::open_on(on, super::support::folder(), &options).unwrap());
    let path = segment_path(1);
    killed.disk.put_bytes(&path, other.bytes_of(&path).unwrap());
    let (_, what) = damage_in(1, open(&killed.disk).err().unwrap());
    assert_eq!(what, "the segment belongs to another log");
}
