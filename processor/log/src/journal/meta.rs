//! The meta file: what is frozen when a journal is created.

use std::path::Path;

use super::bytes::{array_at, put, u16_at, u32_at};
use super::error::{damaged, io_error};
use crate::storage::LogError;
use onsale_disk::{Access, Disk};

pub(super) const META_NAME: &str = "journal.meta";
const MAGIC: [u8; 8] = *b"ONSALEJM";
const FORMAT_VERSION: u16 = 1;
const META_BYTES: usize = 32;
const ADVICE: &str = "Restore the file from a copy of the same journal";

/// What is frozen when a journal is created.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Meta {
    pub(super) log_id: [u8; 16],
    pub(super) partitions: u16,
}

impl Meta {
    fn encode(&self) -> [u8; META_BYTES] {
        let mut bytes = [0; META_BYTES];
        put(&mut bytes, 0, &MAGIC);
        put(&mut bytes, 8, &FORMAT_VERSION.to_le_bytes());
        put(&mut bytes, 10, &self.partitions.to_le_bytes());
        put(&mut bytes, 12, &self.log_id);
        let crc = crc32c::crc32c(&bytes[..28]);
        put(&mut bytes, 28, &crc.to_le_bytes());
        bytes
    }

    /// Reads the meta file; `None` where there is none.
    pub(super) fn read(disk: &dyn Disk, folder: &Path) -> Result<Option<Self>, LogError> {
        let path = folder.join(META_NAME);
        let file = match disk.open(&path, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("open", &path, error)),
        };
        // One byte more, to see that there is none.
        let mut bytes = [0; META_BYTES + 1];
        let size = file
            .read_at(&mut bytes, 0)
            .map_err(|error| io_error("read", &path, error))?;
        if size < META_BYTES || bytes[..8] != MAGIC {
            return Err(damaged(
                &path,
                0,
                "this is not the meta file of a journal",
                ADVICE,
            ));
        }
        let version = u16_at(&bytes, 8);
        if version != FORMAT_VERSION {
            return Err(LogError::Mismatch(format!(
                "{} has format {version}, this program knows {FORMAT_VERSION}: run the program \
                 that wrote it, or a later one",
                path.display()
            )));
        }
        if size != META_BYTES || u32_at(&bytes, 28) != crc32c::crc32c(&bytes[..28]) {
            return Err(damaged(&path, 0, "the checksum does not match", ADVICE));
        }
        Ok(Some(Self {
            log_id: array_at(&bytes, 12),
            partitions: u16_at(&bytes, 10),
        }))
    }

    /// Writes the meta file as a whole or not at all.
    pub(super) fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), LogError> {
        let path = folder.join(META_NAME);
        onsale_disk::replace(disk, &path, &self.encode())
            .map_err(|error| io_error("write", &path, error))
    }
}
