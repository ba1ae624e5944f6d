//! File descriptors that are kept back for the log.
//!
//! A process that has none left must still be able to begin a segment: what clients did with their
//! connections is no reason to stop a sale. So a few are held open, and given up one by one when a
//! file cannot be opened for want of one.

use std::fs::File;
use std::io;

use parking_lot::Mutex;
use rustix::io::Errno;

/// How many are kept back.
const RESERVED: usize = 8;
/// What is held open where they are not needed.
const HELD: &str = "/dev/null";

/// One reserve for all journals of the process: descriptors are the process's.
static RESERVE: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// True when the process, or the system, has no file descriptor left.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE)
    )
}

/// Opens a file, by means of the reserve where there is no other way.
pub(super) fn with_reserve<T>(open: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let mut opened = open();
    while opened.as_ref().is_err_and(is_out_of_descriptors) {
        // Another process may be faster to take what is given up.
        if RESERVE.lock().pop().is_none() {
            return opened;
        }
        opened = open();
    }
    if opened.is_ok() {
        refill();
    }
    opened
}

/// Brings the reserve back to its size, as far as there are descriptors.
fn refill() {
    let mut reserve = RESERVE.lock();
    while reserve.len() < RESERVED {
        match File::open(HELD) {
            Ok(held) => reserve.push(held),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_file_that_finds_no_descriptor_gets_one_of_the_reserve() {
        with_reserve(|| File::open(HELD)).unwrap();
        let attempts = Cell::new(0);
        let opened = with_reserve(|| {
            attempts.set(attempts.get() + 1);
            match attempts.get() {
                1..=3 => Err(Errno::MFILE.into()),
                _ => Ok(RESERVE.lock().len()),
            }
        });
        // Other tests open files too and fill it up.
        assert!(opened.unwrap() <= RESERVED);
        assert_eq!(attempts.get(), 4);
        let refused = with_reserve(|| Err::<(), _>(Errno::ACCESS.into()));
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }
}
