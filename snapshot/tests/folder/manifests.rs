//! The manifest is a convenience: whatever becomes of it, listings are those of the files.

use std::path::{Path, PathBuf};

use onsale_schemas::PartitionId;
use onsale_snapshot::SnapshotError;
use onsale_snapshot::directory::Directory;

use crate::support::snapshot;

const KEPT: [(u16, u64); 3] = [(1, 20), (1, 30), (2, 5)];

fn manifest_of(folder: &Path) -> PathBuf {
    folder.join("manifest")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in files_below(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, target).unwrap();
    }
}

/// A folder with the snapshots of [`KEPT`], and the manifest as it was after each step on the way.
fn life() -> (tempfile::TempDir, Vec<tempfile::TempDir>) {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::open(folder.path()).unwrap();
    let mut manifests = Vec::new();
    let mut keep = || {
        let kept = tempfile::tempdir().unwrap();
        copy(&manifest_of(folder.path()), kept.path());
        manifests.push(kept);
    };
    keep();
    for (partition, offset) in [(1, 10), (1, 20), (2, 5), (1, 30)] {
        directory.save(&snapshot(partition, offset)).unwrap();
        keep();
    }
    directory.prune(PartitionId(1), 2, None).unwrap();
    keep();
    drop(directory);
    (folder, manifests)
}

/// Opens the folder with some manifest: for writing, where listings come from the manifest, twice.
fn assert_listed(folder: &Path, why: &str) {
    for opening in ["first", "second"] {
        let directory = Directory::open(folder).unwrap();
        let listed: Vec<(u16, u64)> = directory
            .list()
            .unwrap()
            .iter()
            .map(|entry| (entry.header.partition.0, entry.header.next_offset))
            .collect();
        assert_eq!(listed, KEPT, "{why}, {opening} opening");
        let newest = directory.newest(PartitionId(1), None).unwrap();
        assert_eq!(newest, Some(snapshot(1, 30)), "{why}, {opening} opening");
    }
}

fn put_in_place(folder: &Path, manifest: &Path) {
    let place = manifest_of(folder);
    std::fs::remove_dir_all(&place).unwrap();
    copy(manifest, &place);
}

#[test]
fn a_folder_has_one_writer_and_a_second_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::open(folder.path()).unwrap();
    directory.save(&snapshot(1, 10)).unwrap();
    let refused = Directory::open(folder.path()).unwrap_err();
    assert!(matches!(refused, SnapshotError::InUse(_)), "{refused}");
    let aside = files_below(folder.path())
        .into_iter()
        .find(|path| path.to_string_lossy().contains(".bad"));
    assert_eq!(aside, None);
    assert_eq!(directory.list().unwrap().len(), 1);
    drop(directory);
    Directory::open(folder.path()).unwrap();
}

#[test]
fn a_manifest_of_any_earlier_time_is_made_anew() {
    let (folder, manifests) = life();
    assert_eq!(manifests.len(), 6);
    for (step, manifest) in manifests.iter().enumerate() {
        put_in_place(folder.path(), manifest.path());
        assert_listed(folder.path(), &format!("the manifest after step {step}"));
    }
}

#[test]
fn a_lost_manifest_is_made_anew() {
    let (folder, _) = life();
    std::fs::remove_dir_all(manifest_of(folder.path())).unwrap();
    assert_listed(folder.path(), "no manifest");
}

#[test]
fn a_torn_manifest_is_made_anew() {
    let (folder, manifests) = life();
    let whole = manifests.last().unwrap().path();
    let names: Vec<PathBuf> = files_below(whole)
        .iter()
        .map(|file| file.strip_prefix(whole).unwrap().to_owned())
        .collect();
    assert!(names.len() > 1, "{names:?}");
    for name in &names {
        let bytes = std::fs::read(whole.join(name)).unwrap();
        // Where the content of a mostly empty file ends.
        let used = bytes
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |i| i + 1);
        let mut torn: Vec<(String, Option<Vec<u8>>)> = vec![("gone".to_owned(), None)];
        for length in [
            0,
            1,
            used / 3,
            used / 2,
            used.saturating_sub(1),
            bytes.len() / 2,
        ] {
            let cut = bytes[..length.min(bytes.len())].to_vec();
            let mut zeros = cut.clone();
            zeros.resize(bytes.len(), 0);
            torn.push((format!("cut to {length}"), Some(cut)));
            torn.push((format!("zeros from {length} on"), Some(zeros)));
        }
        for (how, content) in torn {
            put_in_place(folder.path(), whole);
            let path = manifest_of(folder.path()).join(name);
            match content {
                Some(content) => std::fs::write(&path, content).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            assert_listed(folder.path(), &format!("{}: {how}", name.display()));
        }
    }
}
