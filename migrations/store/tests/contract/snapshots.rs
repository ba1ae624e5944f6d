//! Snapshot objects.

use onsale_schemas::PartitionId;
use onsale_store::snapshot::SnapshotInfo;

use crate::harness::{Bench, contract};

contract!(only_a_newer_snapshot_is_stored, a_large_object_comes_back);

fn info(partition: u16, next_offset: u64, object: &[u8]) -> SnapshotInfo {
    SnapshotInfo {
        partition: PartitionId(partition),
        next_offset,
        log_time_ms: next_offset + 5,
        size_bytes: object.len() as u64,
        created_at_ms: next_offset + 9,
    }
}

async fn only_a_newer_snapshot_is_stored(bench: Bench) {
    let store = &bench.store;
    let partition = PartitionId(2);
    assert_eq!(store.newest_snapshot(partition).await.unwrap(), None);
    assert!(
        store
            .put_snapshot(&info(2, 10, b"ten"), b"ten")
            .await
            .unwrap()
    );
    assert!(
        !store
            .put_snapshot(&info(2, 9, b"nine"), b"nine")
            .await
            .unwrap()
    );
    assert!(
        !store
            .put_snapshot(&info(2, 10, b"other"), b"other")
            .await
            .unwrap()
    );
    assert_eq!(
        store.newest_snapshot(partition).await.unwrap(),
        Some((info(2, 10, b"ten"), b"ten".to_vec()))
    );
    assert!(
        store
            .put_snapshot(&info(2, 11, b"eleven"), b"eleven")
            .await
            .unwrap()
    );
    assert!(store.put_snapshot(&info(0, 1, b""), b"").await.unwrap());
    assert_eq!(
        store.snapshots().await.unwrap(),
        vec![info(0, 1, b""), info(2, 11, b"eleven")]
    );
    assert_eq!(
        store
            .newest_snapshot(PartitionId(0))
            .await
            .unwrap()
            .unwrap()
            .1,
        Vec::<u8>::new()
    );
}

async fn a_large_object_comes_back(bench: Bench) {
    let object: Vec<u8> = (0..8_000_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let info = info(1, 5, &object);
    assert!(bench.store.put_snapshot(&info, &object).await.unwrap());
    let (found, bytes) = bench
        .store
        .newest_snapshot(PartitionId(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found, info);
    assert!(bytes == object);
}
