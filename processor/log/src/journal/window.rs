//! A piece of a file in memory, moved along as it is read.

use std::io;

use onsale_disk::DiskFile;

/// How much is read at once, in bytes.
const WINDOW_BYTES: usize = 1 << 20;

/// A piece of one file, in memory that is used again and again.
#[derive(Default)]
pub(super) struct Window {
    buffer: Vec<u8>,
    start: u64,
    filled: usize,
}

impl Window {
    /// Forgets the piece; call it before reading another file.
    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }

    /// `len` bytes at `position`, fewer where the file or `limit` ends before. Nothing at or
    /// behind `limit` is ever read, since it may still change.
    pub(super) fn bytes(
        &mut self,
        file: &dyn DiskFile,
        position: u64,
        len: usize,
        limit: u64,
    ) -> io::Result<&[u8]> {
        let room = usize::try_from(limit.saturating_sub(position)).unwrap_or(usize::MAX);
        let len = len.min(room);
        let within = position
            .checked_sub(self.start)
            .and_then(|at| usize::try_from(at).ok())
            .filter(|at| at + len <= self.filled);
        if let Some(at) = within {
            return Ok(&self.buffer[at..at + len]);
        }
        self.fill(file, position, len.max(WINDOW_BYTES).min(room))?;
        Ok(&self.buffer[..len.min(self.filled)])
    }

    fn fill(&mut self, file: &dyn DiskFile, position: u64, want: usize) -> io::Result<()> {
        self.start = position;
        self.filled = 0;
        if self.buffer.len() < want {
            self.buffer.resize(want, 0);
        }
        while self.filled < want {
            let into = &mut self.buffer[self.filled..want];
            match file.read_at(into, position + self.filled as u64) {
                Ok(0) => break,
                Ok(n) => self.filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.filled = 0;
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
