//! Snapshots in a folder, and what damage does to them.

use std::path::Path;

use onsale_schemas::PartitionId;
use onsale_snapshot::directory::Directory;

use crate::support::snapshot;

fn listed(directory: &Directory) -> Vec<(u16, u64)> {
    let list = directory.list().unwrap().into_iter();
    list.map(|entry| (entry.header.partition.0, entry.header.next_offset))
        .collect()
}

fn newest(directory: &Directory, limit: Option<u64>) -> Option<u64> {
    let newest = directory.newest(PartitionId(1), limit).unwrap();
    newest.map(|snapshot| snapshot.header.next_offset)
}

fn with_three(folder: &Path) -> Directory {
    let directory = Directory::open(folder).unwrap();
    for offset in [10, 20, 30] {
        directory.save(&snapshot(1, offset)).unwrap();
    }
    directory.save(&snapshot(2, 5)).unwrap();
    directory
}

#[test]
fn newest_respects_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let directory = with_three(folder.path());
    assert_eq!(newest(&directory, None), Some(30));
    assert_eq!(newest(&directory, Some(30)), Some(30));
    assert_eq!(newest(&directory, Some(29)), Some(20));
    assert_eq!(newest(&directory, Some(9)), None);
    assert_eq!(directory.oldest_offset(PartitionId(1)).unwrap(), Some(10));
    assert_eq!(listed(&directory), [(1, 10), (1, 20), (1, 30), (2, 5)]);
}

#[test]
fn a_damaged_newest_falls_back_to_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let directory = with_three(folder.path());
    let path = folder.path().join("p1-00000000000000000030.snapshot");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(newest(&directory, None), Some(20));
    let bad = directory
        .verify_all()
        .unwrap()
        .into_iter()
        .filter(|(_, result)| result.is_err());
    assert_eq!(bad.map(|(path, _)| path).collect::<Vec<_>>(), [path]);
}

#[test]
fn a_file_under_another_name_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let directory = with_three(folder.path());
    let from = folder.path().join("p1-00000000000000000010.snapshot");
    std::fs::copy(
        &from,
        folder.path().join("p1-00000000000000000040.snapshot"),
    )
    .unwrap();
    assert_eq!(newest(&directory, None), Some(30));
}

#[test]
fn prune_keeps_the_newest_and_the_protected() {
    let folder = tempfile::tempdir().unwrap();
    let directory = with_three(folder.path());
    assert_eq!(directory.prune(PartitionId(1), 1, Some(10)).unwrap(), 1);
    assert_eq!(listed(&directory), [(1, 10), (1, 30), (2, 5)]);
    assert_eq!(directory.prune(PartitionId(1), 3, None).unwrap(), 0);
}

#[test]
fn what_a_crash_left_half_written_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    drop(with_three(folder.path()));
    let half = folder.path().join("p1-00000000000000000050.snapshot.tmp");
    std::fs::write(&half, b"half").unwrap();
    let directory = Directory::open(folder.path()).unwrap();
    assert!(!half.exists());
    assert_eq!(newest(&directory, None), Some(30));
}

#[test]
fn a_lost_or_damaged_manifest_is_made_anew_from_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let expected = [(1, 10), (1, 20), (1, 30), (2, 5)];
    drop(with_three(folder.path()));
    let manifest = folder.path().join("manifest");

    std::fs::remove_dir_all(&manifest).unwrap();
    assert_eq!(listed(&Directory::open(folder.path()).unwrap()), expected);

    for entry in std::fs::read_dir(&manifest).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::write(&path, b"this is not sled").unwrap();
        }
    }
    assert_eq!(listed(&Directory::open(folder.path()).unwrap()), expected);

    // And one that was a file all along.
    std::fs::remove_dir_all(&manifest).unwrap();
    std::fs::write(&manifest, b"a file").unwrap();
    assert_eq!(listed(&Directory::open(folder.path()).unwrap()), expected);
}

#[test]
fn a_manifest_that_does_not_fit_the_files_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    drop(with_three(folder.path()));
    std::fs::remove_file(folder.path().join("p2-00000000000000000005.snapshot")).unwrap();
    assert_eq!(
        listed(&Directory::open(folder.path()).unwrap()),
        [(1, 10), (1, 20), (1, 30)]
    );
}

#[test]
fn it_can_be_read_beside_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let writer = with_three(folder.path());
    let reader = Directory::open_read_only(folder.path()).unwrap();
    assert_eq!(listed(&reader), listed(&writer));
    assert!(Directory::open_read_only(&folder.path().join("nowhere")).is_err());
}

#[tokio::test]
async fn the_same_object_goes_to_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.sqlite").display());
    let store = onsale_store::Store::connect(&url, 2).await.unwrap();
    store.migrate().await.unwrap();
    let newest = async |partition| {
        onsale_snapshot::database::newest(&store, PartitionId(partition))
            .await
            .unwrap()
    };
    assert_eq!(newest(1).await, None);
    assert!(
        onsale_snapshot::database::save(&store, &snapshot(1, 20))
            .await
            .unwrap()
    );
    assert!(
        !onsale_snapshot::database::save(&store, &snapshot(1, 10))
            .await
            .unwrap()
    );
    assert!(
        onsale_snapshot::database::save(&store, &snapshot(1, 30))
            .await
            .unwrap()
    );
    assert_eq!(newest(1).await, Some(snapshot(1, 30)));
    assert_eq!(newest(2).await, None);
}
