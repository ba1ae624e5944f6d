//! A scan gives what was appended, in that order.

use onsale_schemas::{Offset, PartitionId};

use super::support::{append, bytes, open};
use crate::journal::{Journal, JournalScan};
use onsale_disk::MemoryDisk;

type Seen = Vec<(u16, Offset, u64, Vec<u8>)>;

fn written() -> (crate::journal::JournalWriter, Journal, Seen) {
    let disk = MemoryDisk::new();
    let (mut writer, journal) = open(&disk).unwrap();
    let mut seen = Vec::new();
    for i in 0..300u64 {
        let batch: Vec<_> = (0..i % 5 + 1)
            .map(|k| {
                let partition = u16::try_from((i + k * k) % 3).unwrap();
                (
                    partition,
                    bytes(i * 10 + k, usize::try_from(i * k % 900).unwrap()),
                )
            })
            .collect();
        let appended = append(&mut writer, i, &batch).unwrap();
        for (at, (partition, payload)) in appended.into_iter().zip(batch) {
            seen.push((partition, at.offset, at.log_time_ms, payload));
        }
    }
    assert!(journal.stats().segments > 3);
    (writer, journal, seen)
}

fn collect(scan: &mut JournalScan) -> Seen {
    let mut seen = Vec::new();
    loop {
        let before = seen.len();
        let count = scan
            .next_chunk(|partition, entry| {
                let payload = entry.payload.to_vec();
                seen.push((partition.0, entry.offset, entry.log_time_ms, payload));
            })
            .unwrap();
        assert_eq!(count, seen.len() - before);
        if count == 0 {
            return seen;
        }
    }
}

#[test]
fn a_scan_gives_all_partitions_in_log_order_and_goes_on() {
    let (mut writer, journal, mut expected) = written();
    let starts: Vec<_> = (0..3).map(|i| (PartitionId(i), 0)).collect();
    let mut scan = journal.scan(&starts).unwrap();
    assert!(collect(&mut scan) == expected);
    assert!(collect(&mut scan).is_empty());
    let appended = append(&mut writer, 9_999, &vec![(2, bytes(1, 5))]).unwrap();
    expected = vec![(2, appended[0].offset, 9_999, bytes(1, 5))];
    assert!(collect(&mut scan) == expected);
}

#[test]
fn a_scan_begins_where_each_partition_is_wanted() {
    let (_writer, journal, all) = written();
    for starts in [
        vec![(0u16, 0u64)],
        vec![(0, 250), (1, 3)],
        vec![(0, 200), (1, 210), (2, 190)],
        vec![(1, 10_000)],
        vec![],
    ] {
        let wanted: Vec<_> = starts
            .iter()
            .map(|&(p, from)| (PartitionId(p), from))
            .collect();
        let seen = collect(&mut journal.scan(&wanted).unwrap());
        let mut expected = all.clone();
        expected.retain(|(partition, offset, ..)| {
            starts
                .iter()
                .any(|&(p, from)| p == *partition && *offset >= from)
        });
        assert!(seen == expected, "{starts:?}");
    }
    assert!(journal.scan(&[(PartitionId(3), 0)]).is_err());
}
