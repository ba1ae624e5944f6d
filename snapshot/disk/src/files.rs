//! What is done with whole files.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::{Access, Disk};

/// What the name of a file ends in while it is being written. One that a crash leaves behind is of no
/// use.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

/// All bytes of a file.
///
/// # Errors
/// Of the system.
pub fn read(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path, Access::Read)?;
    let size = file.size_bytes()?;
    let size = usize::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while filled < size {
        match file.read_at(&mut bytes[filled..], filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Writes a file durably, in the place of what had its name. A crash at any point leaves the one or the
/// other, whole. It is written under a name of its own first, which ends in [`TEMPORARY_SUFFIX`].
///
/// # Errors
/// Of the system. Either file may then be there, whole; of the temporary one nothing is left, as its
/// room may be what is missing.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    let written = disk.open(&temporary, Access::Create).and_then(|file| {
        file.write_all_at(bytes, 0)?;
        file.sync_data()
    });
    if let Err(error) = written.and_then(|()| disk.rename(&temporary, path)) {
        drop(disk.remove(&temporary));
        return Err(error);
    }
    disk.sync_folder(path.parent().unwrap_or(Path::new("")))
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(TEMPORARY_SUFFIX);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryDisk;

    const PATH: &str = "/folder/file";

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let old = b"what was there before".as_slice();
        let new = vec![7; 5_000];
        for failing in 0..4 {
            let disk = MemoryDisk::new();
            replace(&disk, Path::new(PATH), old).unwrap();
            match failing {
                0 => disk.fail_writes(0, 1),
                1 | 2 => disk.fail_syncs_after(Some(failing - 1)),
                _ => {}
            }
            let replaced = replace(&disk, Path::new(PATH), &new);
            assert_eq!(replaced.is_err(), failing < 3, "{failing}");
            for keep in 0..4 {
                let after = disk.after_crash(&mut |below| keep.min(below - 1));
                let found = read(&after, Path::new(PATH)).unwrap();
                let is_new = found == new;
                assert!(is_new || (found == old && replaced.is_err()), "{failing}");
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_behind() {
        let disk = MemoryDisk::new();
        disk.fail_writes(0, 1);
        replace(&disk, Path::new(PATH), b"bytes").unwrap_err();
        assert_eq!(disk.list(Path::new("/folder")).unwrap(), [""; 0]);
    }
}
