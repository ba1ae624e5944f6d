//! The job that deletes an upload that nothing refers to. It is enqueued before the upload is put where uploads
//! are, so that a crash leaves nothing behind for good, and again when another takes its place
//! ([`onsale_store::branding`]).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use onsale_store::Store;
use onsale_store::branding::{SWEEP_KIND, UploadSweep, logo_name};
use onsale_uploads::{UploadError, Uploads};

use crate::attempt::Attempt;
use crate::handler::{Failure, Handler};
use crate::kind::Kind;

/// Uploads that a worker deletes at once.
const CONCURRENCY: u32 = 2;
const LEASE: Duration = Duration::from_secs(60);

struct Sweep {
    store: Store,
    uploads: Uploads,
}

/// The kind.
pub fn kind(store: &Store, uploads: Uploads) -> Kind {
    Kind {
        name: SWEEP_KIND,
        handler: Arc::new(Sweep {
            store: store.clone(),
            uploads,
        }),
        concurrency: CONCURRENCY,
        lease: LEASE,
    }
}

#[async_trait]
impl Handler for Sweep {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        let UploadSweep { logo_id } = attempt.payload()?;
        if self.store.is_logo(logo_id).await? {
            attempt.note_progress("kept: a tenant has it");
            return Ok(());
        }
        // No tenant ever gets it any more: its id is random, and whoever had announced it gave up long ago.
        let deleted = self.uploads.delete(&logo_name(logo_id)).await;
        deleted.map_err(|error| Failure::Later(with_cause(&error)))
    }
}

pub(crate) fn with_cause(error: &UploadError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
