//! A snapshot with any change at all is refused, whatever its bytes say of lengths.

use onsale_fuzz::Run;
use onsale_schemas::PartitionId;
use onsale_snapshot::{Snapshot, SnapshotHeader};
use xxhash_rust::xxh3::xxh3_64;

const RUN: Run = Run {
    inputs: 60_000,
    size_max_bytes: 4_096,
};

fn snapshot(image: Vec<u8>) -> Snapshot {
    Snapshot {
        header: SnapshotHeader {
            machine_version: 1,
            log_id: [9; 16],
            partition: PartitionId(2),
            next_offset: 70_000,
            epoch: 3,
            log_time_ms: 1_700_000_000_000,
            digest: u64::MAX,
            last_outcome: Some(69_999),
            last_record_checksum: Some(7),
            created_at_ms: 1_700_000_000_001,
        },
        image,
    }
}

#[test]
fn snapshot_reader() {
    let sound = [snapshot(Vec::new()), snapshot(vec![7; 300])];
    let corpus: Vec<Vec<u8>> = sound.iter().map(|s| s.encode().unwrap()).collect();
    onsale_fuzz::run("snapshot", RUN, &corpus, |bytes| {
        if let Ok(found) = Snapshot::decode(bytes) {
            assert!(sound.contains(&found), "damage passed the checksum");
        }
        // A checksum that fits is no proof that the rest does.
        let mut sealed = bytes.to_vec();
        sealed.extend(xxh3_64(bytes).to_le_bytes());
        if let Ok(found) = Snapshot::decode(&sealed) {
            assert_eq!(found.encode().unwrap().len(), sealed.len());
        }
    });
}
