//! The job that deletes an upload that nothing refers to. It is enqueued before the upload is put, so that a
//! crash leaves nothing behind, and again when another takes its place.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use onsale_jobs::{Attempt, Failure, Handler, Kind};
use onsale_store::Store;
use onsale_store::branding::{SWEEP_KIND, UploadSweep};

use crate::uploads::Uploads;

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
            attempt.note_progress("kept: it is in use");
            return Ok(());
        }
        let deleted = self.uploads.delete(&onsale_store::branding::logo_name(logo_id));
        deleted.await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            Failure::Later(match cause {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            })
        })
    }
}
