//! Makes segments ahead, filled with zeros, so that the writer never waits for one in the normal
//! case.
//!
//! Zeros are really written: a sync of blocks that were only reserved has to change the file
//! system's own books and takes about twice as long.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};

use super::error::{failed, io_error};
use super::options::PrepareSegments;
use super::segment::{Identity, TEMPORARY_NAME, path_of};
use crate::storage::LogError;
use onsale_disk::{Access, Disk, DiskFile};

/// How much is written between two syncs, in bytes, so that the writer's own syncs never queue
/// behind a whole segment of zeros.
const FILL_CHUNK_BYTES: usize = 1 << 20;

/// A segment that is ready for its base.
pub(super) struct Prepared {
    pub(super) identity: Identity,
    pub(super) file: Box<dyn DiskFile>,
}

/// Makes a segment: zeros and identity durable first, then the name.
pub(super) fn prepare(
    location: &SegmentFolder,
    identity: Identity,
    stop: &AtomicBool,
) -> Result<Prepared, LogError> {
    let temporary = location.folder.join(TEMPORARY_NAME);
    let path = path_of(&location.folder, identity.sequence);
    let made = (|| {
        let file = location.disk.open(&temporary, Access::Create)?;
        file.allocate(identity.size_bytes)?;
        fill(&*file, identity.size_bytes, stop)?;
        file.write_all_at(&identity.encode(), 0)?;
        file.sync_data()?;
        location.disk.rename(&temporary, &path)?;
        location.disk.sync_folder(&location.folder)?;
        Ok(file)
    })();
    match made {
        Ok(file) => Ok(Prepared { identity, file }),
        Err(error) => {
            // What was filled so far would keep the disk full; a left-over is emptied next time.
            let _ = location.disk.remove(&temporary);
            Err(io_error("prepare", &path, error))
        }
    }
}

fn fill(file: &dyn DiskFile, size_bytes: u64, stop: &AtomicBool) -> std::io::Result<()> {
    let zeros = vec![0; FILL_CHUNK_BYTES];
    let mut position = 0;
    while position < size_bytes {
        if stop.load(Ordering::Relaxed) {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let left = usize::try_from(size_bytes - position).unwrap_or(usize::MAX);
        let chunk = &zeros[..left.min(FILL_CHUNK_BYTES)];
        file.write_all_at(chunk, position)?;
        file.sync_data()?;
        position += chunk.len() as u64;
    }
    Ok(())
}

/// Where segments are created.
#[derive(Clone)]
pub(super) struct SegmentFolder {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
}

/// Gives the writer its next segment.
pub(super) struct Preparer {
    location: SegmentFolder,
    worker: Option<Worker>,
    ready: Option<Prepared>,
    /// The worker has been asked and has not answered.
    asked: bool,
}

struct Worker {
    ask: Sender<Identity>,
    answer: Receiver<Result<Prepared, LogError>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Preparer {
    pub(super) fn new(
        location: SegmentFolder,
        mode: PrepareSegments,
        ready: Option<Prepared>,
    ) -> Result<Self, LogError> {
        let worker = match mode {
            PrepareSegments::OnDemand => None,
            PrepareSegments::Ahead => Some(Worker::start(location.clone())?),
        };
        Ok(Self {
            location,
            worker,
            ready,
            asked: false,
        })
    }

    /// Asks for a segment ahead of need.
    pub(super) fn ask(&mut self, identity: Identity) {
        let Some(worker) = &self.worker else {
            return;
        };
        if self.ready.is_none() && !self.asked {
            self.asked = worker.ask.try_send(identity).is_ok();
        }
    }

    /// The segment asked for; waits for it, and makes it where nobody asked.
    pub(super) fn take(&mut self, identity: Identity) -> Result<Prepared, LogError> {
        if let Some(ready) = self.ready.take() {
            return Ok(ready);
        }
        self.ask(identity);
        let answered = self.worker.as_ref().map(|worker| worker.answer.try_recv());
        if let Some(Ok(answer)) = answered {
            self.asked = false;
            if answer.is_ok() {
                return answer;
            }
            // That failed some time ago; there may be room now.
            self.ask(identity);
        }
        if !self.asked {
            return prepare(&self.location, identity, &AtomicBool::new(false));
        }
        self.asked = false;
        match self.worker.as_ref().map(|worker| worker.answer.recv()) {
            Some(Ok(answer)) => answer,
            // The thread is gone: do its work.
            Some(Err(_)) | None => prepare(&self.location, identity, &AtomicBool::new(false)),
        }
    }

    /// Gives a segment back that could not be used.
    pub(super) fn give_back(&mut self, prepared: Prepared) {
        self.ready = Some(prepared);
    }
}

impl Worker {
    fn start(location: SegmentFolder) -> Result<Self, LogError> {
        // One question and one answer at a time.
        let (ask, questions) = crossbeam_channel::bounded::<Identity>(1);
        let (answers, answer) = crossbeam_channel::bounded(1);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let folder = location.folder.clone();
        let thread = std::thread::Builder::new()
            .name("journal-segments".into())
            .spawn(move || {
                for identity in questions {
                    let made = prepare(&location, identity, &stopped);
                    if let Err(error) = &made
                        && !stopped.load(Ordering::Relaxed)
                    {
                        tracing::warn!(%error, "the journal's next segment could not be made yet");
                    }
                    if answers.send(made).is_err() {
                        break;
                    }
                }
            })
            .map_err(|error| failed("start a thread for", &folder, error))?;
        Ok(Self {
            ask,
            answer,
            stop,
            thread,
        })
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        // The folder is unlocked after this: no thread may still write there.
        if let Some(worker) = self.worker.take() {
            worker.stop.store(true, Ordering::Relaxed);
            drop(worker.ask);
            drop(worker.answer);
            if worker.thread.join().is_err() {
                tracing::error!("the thread that makes the journal's segments has panicked");
            }
        }
    }
}
