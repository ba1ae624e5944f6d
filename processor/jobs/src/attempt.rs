//! What a handler is given.

use onsale_store::job::ClaimedJob;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use crate::handler::Failure;

/// One attempt at a job.
#[derive(Debug)]
pub struct Attempt {
    key: String,
    payload: String,
    number: u32,
    enqueued_at_ms: u64,
    progress_before: Option<String>,
    progress: Mutex<Option<String>>,
}

impl Attempt {
    pub(crate) fn of(job: &ClaimedJob) -> Self {
        Self {
            key: job.key.clone(),
            payload: job.payload.clone(),
            number: job.attempt,
            enqueued_at_ms: job.created_at_ms,
            progress_before: job.progress.clone(),
            progress: Mutex::new(None),
        }
    }

    /// The key of the job within its kind; the same at every attempt.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Which attempt this is, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// When the job was enqueued, by the clock that all who share the database go by, in milliseconds since 1970.
    pub fn enqueued_at_ms(&self) -> u64 {
        self.enqueued_at_ms
    }

    /// The payload.
    ///
    /// # Errors
    /// [`Failure::Never`] when it is not what the kind expects: another attempt would not help.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.payload)
            .map_err(|error| Failure::Never(format!("the payload cannot be read: {error}")))
    }

    /// What an earlier attempt noted last.
    pub fn progress_before(&self) -> Option<&str> {
        self.progress_before.as_deref()
    }

    /// Notes its progress, for an operator and for the next attempt. It reaches the database with
    /// the next renewal of the lease, so that a job may note every step.
    pub fn note_progress(&self, progress: impl Into<String>) {
        *self.progress.lock() = Some(progress.into());
    }

    /// What was noted since the last time this was asked.
    pub(crate) fn take_progress(&self) -> Option<String> {
        self.progress.lock().take()
    }

    /// Gives back what did not reach the database, unless there is something newer by now.
    pub(crate) fn return_progress(&self, taken: Option<String>) {
        let mut progress = self.progress.lock();
        if progress.is_none() {
            *progress = taken;
        }
    }
}
