//! The job that deletes the files of a picture that no event has. It is enqueued before they are put where uploads
//! are, so that a crash leaves nothing behind for good, and again when another picture takes their place, or the event
//! is deleted ([`onsale_store::catalog::PictureLook`]).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use onsale_store::Store;
use onsale_store::catalog::{PICTURE_SWEEP_KIND, PictureFiles};
use onsale_uploads::Uploads;

use crate::attempt::Attempt;
use crate::handler::{Failure, Handler};
use crate::kind::Kind;
use crate::uploads::with_cause;

/// Pictures whose files a worker deletes at once.
const CONCURRENCY: u32 = 2;
/// A picture has a few files, each of which is deleted by one request.
const LEASE: Duration = Duration::from_secs(60);

struct Sweep {
    store: Store,
    uploads: Uploads,
}

/// The kind.
pub fn kind(store: &Store, uploads: Uploads) -> Kind {
    Kind {
        name: PICTURE_SWEEP_KIND,
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
        let files: PictureFiles = attempt.payload()?;
        if self.store.forget_picture(files.picture_id).await? {
            attempt.note_progress("kept: an event has it");
            return Ok(());
        }
        for name in files.names() {
            let deleted = self.uploads.delete(&name).await;
            deleted.map_err(|error| Failure::Later(with_cause(&error)))?;
        }
        Ok(())
    }
}
