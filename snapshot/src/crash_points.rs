//! Whatever a power cut leaves of the folder, the newest snapshot whose saving had returned is
//! found, or the one that was being saved; and what is torn is refused and never taken.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use onsale_disk::power_cuts::{Explorer, Moment, Op, Recorder};
use onsale_disk::{Disk, MemoryDisk};
use onsale_schemas::{Offset, PartitionId};

use crate::directory::Directory;
use crate::folder::Folder;
use crate::{Snapshot, SnapshotError, SnapshotHeader};

/// The newest snapshot of each partition.
type Newest = BTreeMap<u16, Offset>;

const PARTITIONS: [u16; 2] = [1, 2];
/// What a state is called in which a snapshot is lost.
const LOST: &str = "the newest snapshot is lost";

/// Sizes differ, so that some are torn within a sector and others over many.
fn snapshot(partition: u16, next_offset: Offset) -> Snapshot {
    let size = usize::try_from(next_offset * 37 % 3_000).unwrap();
    Snapshot {
        header: SnapshotHeader {
            machine_version: 1,
            log_id: [9; 16],
            partition: PartitionId(partition),
            next_offset,
            epoch: 1,
            log_time_ms: 5,
            digest: next_offset,
            last_outcome: None,
            last_record_checksum: None,
            created_at_ms: 6,
        },
        image: (0u8..=255).cycle().skip(1).take(size).collect(),
    }
}

fn folder(disk: Arc<dyn Disk>) -> Folder {
    Folder::of(disk, Path::new("/snapshots"))
}

/// Opens the folder as a start does.
fn open(disk: Arc<dyn Disk>) -> Result<Directory, SnapshotError> {
    Directory::without_manifest(folder(disk))
}

/// What a start would begin with; each has to be just what was saved.
fn newest(directory: &Directory) -> Result<Newest, String> {
    let mut found = Newest::new();
    for partition in PARTITIONS {
        let newest = directory.newest(PartitionId(partition), None);
        if let Some(newest) = newest.map_err(|error| error.to_string())? {
            let offset = newest.header.next_offset;
            if newest != snapshot(partition, offset) {
                return Err(format!("partition {partition}: {offset} is another one"));
            }
            found.insert(partition, offset);
        }
    }
    Ok(found)
}

/// Snapshots of two partitions, older ones deleted, one saved twice, over several starts.
fn life() -> Vec<Op<Newest>> {
    let recorder = Recorder::default();
    let mut content = Newest::new();
    for saved in [
        &[(1, 10), (2, 5), (1, 21), (1, 30)][..],
        &[(1, 30), (2, 44), (1, 1_000)],
        &[(2, 45), (1, 1_001), (1, 1_080)],
    ] {
        let directory = open(Arc::new(recorder.clone())).unwrap();
        for &(partition, offset) in saved {
            content.insert(partition, offset);
            recorder.attempt(content.clone());
            directory.save(&snapshot(partition, offset)).unwrap();
            recorder.acknowledge(content.clone());
            let keep = u32::from(partition);
            let of = PartitionId(partition);
            directory.prune(of, keep, None).unwrap();
        }
    }
    recorder.ops()
}

/// Opens a disk and looks for what must be found; `is_sound` says that no file may be damaged.
fn judge(
    recorder: &Recorder<Newest>,
    moment: &Moment<Newest>,
    is_sound: bool,
) -> Result<Newest, String> {
    let directory = open(Arc::new(recorder.clone())).map_err(|error| error.to_string())?;
    for (path, result) in directory.verify_all().map_err(|error| error.to_string())? {
        match result {
            Ok(_) => {}
            Err(SnapshotError::Damaged(_)) if !is_sound => {}
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
    }
    let names = recorder.list(Path::new("/snapshots")).unwrap();
    if let Some(half) = names.iter().find(|name| name.ends_with(".tmp")) {
        return Err(format!("{half} is left over"));
    }
    let found = newest(&directory)?;
    if found != moment.acknowledged && found != moment.attempted {
        let must = &moment.acknowledged;
        return Err(format!("{LOST}: there is {found:?}, saved was {must:?}"));
    }
    Ok(found)
}

#[test]
fn every_state_that_a_power_cut_may_leave_has_the_newest() {
    let mut explorer = Explorer::default();
    explorer
        .explore(&life(), &Newest::new(), Some(3), |recorder, moment| {
            judge(recorder, moment, true)
        })
        .unwrap();
    // Fewer would mean that the recording lost something.
    assert!(explorer.opened > 200, "{} states", explorer.opened);
    assert!(explorer.again > 30, "{} second cuts", explorer.again);
}

/// What the life would be without some of its calls.
fn without(is_left_out: fn(&Op<Newest>) -> bool) -> Vec<Op<Newest>> {
    let mut ops = life();
    let before = ops.len();
    ops.retain(|op| !is_left_out(op));
    assert!(ops.len() < before);
    ops
}

/// The test can fail, and a torn file is never taken for a sound one.
#[test]
fn a_file_that_was_not_synced_is_lost_and_refused() {
    let ops = without(|op| matches!(op, Op::Sync(_)));
    let mut torn = 0;
    let mut lost = 0;
    Explorer::default()
        .explore(&ops, &Newest::new(), None, |recorder, moment| {
            let directory = open(Arc::new(recorder.clone())).unwrap();
            for (path, result) in directory.verify_all().unwrap() {
                if let Err(error) = result {
                    torn += 1;
                    let said = error.to_string();
                    assert!(
                        said.starts_with("not a sound snapshot: "),
                        "{}: {said}",
                        path.display()
                    );
                }
            }
            let found = newest(&directory)?;
            lost += usize::from(found != moment.acknowledged && found != moment.attempted);
            Ok(found)
        })
        .unwrap();
    assert!(torn > 300, "{torn} torn files");
    assert!(lost > 30, "{lost} states without the newest");
}

#[test]
fn a_name_that_was_not_synced_is_lost() {
    let ops = without(|op| matches!(op, Op::SyncFolder));
    let caught = Explorer::default().explore(&ops, &Newest::new(), None, |recorder, moment| {
        judge(recorder, moment, true)
    });
    let why = caught.unwrap_err();
    assert!(why.contains(LOST), "{why}");
}

/// A sync that fails, of a file or of the folder: an error, and what was there before is there.
#[test]
fn a_saving_that_fails_harms_no_older_one() {
    let fails: [fn(&MemoryDisk); 5] = [
        |disk| disk.fail_syncs_after(Some(0)),
        |disk| disk.fail_syncs_after(Some(1)),
        |disk| disk.fail_writes(0, 1),
        |disk| disk.set_capacity(Some(disk.used_bytes())),
        |disk| disk.set_capacity(Some(disk.used_bytes() + 100)),
    ];
    for (number, fail) in fails.into_iter().enumerate() {
        let disk = MemoryDisk::new();
        let directory = open(Arc::new(disk.clone())).unwrap();
        directory.save(&snapshot(1, 10)).unwrap();
        fail(&disk);
        let error = directory.save(&snapshot(1, 20)).unwrap_err();
        assert!(matches!(error, SnapshotError::Io { .. }), "{error}");
        for keep in 0..3 {
            let after = disk.after_crash(&mut |below| keep.min(below - 1));
            let found = newest(&open(Arc::new(after)).unwrap()).unwrap();
            assert!(
                found == Newest::from([(1, 10)]) || found == Newest::from([(1, 20)]),
                "failure {number}: {found:?}"
            );
        }
        disk.fail_syncs_after(None);
        disk.set_capacity(None);
        directory.save(&snapshot(1, 30)).unwrap();
        assert_eq!(newest(&directory), Ok(Newest::from([(1, 30)])));
    }
}
