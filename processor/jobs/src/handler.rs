//! What does the work of a kind.

use std::time::Duration;

use async_trait::async_trait;

use crate::attempt::Attempt;

/// Does the work of one kind of job.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Does the job, or the rest of it. It is dropped at any `.await` when the lease is lost or the
    /// job is cancelled, and another attempt may follow one that has done all its work. A write of the
    /// store that it had begun is done all the same.
    ///
    /// # Errors
    /// Why the attempt failed, and whether another one can be worth it.
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure>;
}

/// Why an attempt failed. The text is what an operator reads; it names no person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// Something that may pass: it is tried again after the usual pause.
    Later(String),
    /// As [`Failure::Later`], but the service that was called has said when.
    After(Duration, String),
    /// No attempt will ever succeed.
    Never(String),
}

impl From<onsale_store::StoreError> for Failure {
    fn from(error: onsale_store::StoreError) -> Self {
        Self::Later(error.to_string())
    }
}
