//! What a crash can leave of the last batch is cut; everything before it stays.

use super::support::{
    Killed, append, bytes, expect, killed_after, open, open_read_only, read, segment_path,
};
use onsale_disk::MemoryDisk;

/// Opens a disk, checks that it holds the first `batches`, and that the journal goes on from there.
fn check_cut(killed: &Killed, disk: &MemoryDisk, batches: usize) {
    let content = &killed.contents[batches];
    let looked_at = open_read_only(disk).unwrap();
    let seen = read(&looked_at).unwrap();
    assert!(
        seen == *content,
        "read-only: not the first {batches} batches"
    );

    let (mut writer, journal) = open(disk).unwrap();
    assert_eq!(looked_at.torn_tail(), journal.torn_tail());
    assert!(
        read(&journal).unwrap() == *content,
        "not the first {batches} batches"
    );
    let mut content = content.clone();
    let more = vec![(1, bytes(77, 700)), (0, bytes(78, 3))];
    append(&mut writer, u64::MAX, &more).unwrap();
    expect(&mut content, u64::MAX, &more);
    drop(writer);
    let (_writer, again) = open(disk).unwrap();
    assert!(
        read(&again).unwrap() == content,
        "another batch was not appended well"
    );
    assert_eq!(again.torn_tail(), None);
}

fn sample() -> Killed {
    killed_after(&[&[10, 20], &[900], &[0], &[300, 1, 200, 4], &[100, 1_700]])
}

/// How many batches end at or before a byte.
fn whole_before(killed: &Killed, byte: u64) -> usize {
    let ends = killed.begins.iter().skip(1).map(|begin| begin.1);
    ends.chain([killed.end]).filter(|end| *end <= byte).count()
}

#[test]
fn a_file_cut_at_any_byte_keeps_the_batches_before() {
    let killed = sample();
    let (segment, header_end) = killed.begins[0];
    for byte in header_end..=killed.end + 1 {
        let len = usize::try_from(byte).unwrap();
        let disk = killed.with(segment, |bytes| bytes.truncate(len));
        check_cut(&killed, &disk, whole_before(&killed, byte));
    }
    for byte in 0..header_end {
        let len = usize::try_from(byte).unwrap();
        let disk = killed.with(segment, |bytes| bytes.truncate(len));
        assert!(
            open(&disk).is_err(),
            "a header cut at byte {byte} is no torn tail"
        );
    }
}

#[test]
fn a_write_that_stopped_at_any_byte_is_cut() {
    let killed = sample();
    let (segment, begin) = *killed.begins.last().unwrap();
    for byte in begin..=killed.end {
        let from = usize::try_from(byte).unwrap();
        let disk = killed.with(segment, |bytes| bytes[from..].fill(0));
        let torn = byte > begin && byte < killed.end;
        let looked_at = open_read_only(&disk).unwrap();
        assert_eq!(looked_at.torn_tail().is_some(), torn, "byte {byte}");
        if let Some(tail) = looked_at.torn_tail() {
            assert_eq!(tail.byte, begin);
            assert_eq!(tail.file, segment_path(segment));
            assert_eq!(
                tail.cut_bytes,
                byte - begin - trailing_zeros(&killed, segment, byte)
            );
        }
        check_cut(&killed, &disk, whole_before(&killed, byte));
    }
}

fn trailing_zeros(killed: &Killed, segment: u64, byte: u64) -> u64 {
    let bytes = killed.disk.bytes_of(&segment_path(segment)).unwrap();
    let before = &bytes[..usize::try_from(byte).unwrap()];
    before.iter().rev().take_while(|&&byte| byte == 0).count() as u64
}

#[test]
fn any_lost_sectors_of_the_last_batch_cut_just_that() {
    let killed = sample();
    let (segment, begin) = *killed.begins.last().unwrap();
    let sectors = (killed.end - begin) / 512;
    assert!((4..=6).contains(&sectors), "{sectors}");
    for lost in 0..1u64 << sectors {
        // The first sector lost may have been written up to any byte.
        for written in [0, 1, 8, 63, 64, 100, 511] {
            let disk = killed.with(segment, |bytes| {
                let mut keep = written;
                for sector in (0..sectors).filter(|sector| lost >> sector & 1 == 1) {
                    let at = usize::try_from(begin + sector * 512).unwrap();
                    bytes[at + keep..at + 512].fill(0);
                    keep = 0;
                }
            });
            let kept = killed.contents.len() - 1 - usize::from(lost != 0);
            check_cut(&killed, &disk, kept);
        }
    }
}

#[test]
fn what_was_closed_in_good_order_is_never_cut() {
    let disk = MemoryDisk::new();
    let (mut writer, _) = open(&disk).unwrap();
    append(&mut writer, 1, &vec![(0, bytes(1, 600))]).unwrap();
    writer.close().unwrap();
    let (_, journal) = open(&disk.after_kill()).unwrap();
    let position = journal.durable_position();
    let closing = position.position() - 512;
    let batch = closing - 1_024;
    for sector in [batch, batch + 512] {
        let disk = disk.after_kill();
        let path = segment_path(position.segment());
        let mut bytes = disk.bytes_of(&path).unwrap();
        let at = usize::try_from(sector).unwrap();
        bytes[at..at + 512].fill(0);
        disk.put_bytes(&path, bytes);
        assert!(open(&disk).is_err(), "a lost sector at {sector} was cut");
    }
}

#[test]
fn what_stands_behind_the_size_of_a_segment_is_taken_away() {
    let killed = sample();
    let (segment, _) = killed.begins[0];
    let disk = killed.with(segment, |bytes| bytes.extend_from_slice(b"garbage"));
    check_cut(&killed, &disk, killed.begins.len());
}
