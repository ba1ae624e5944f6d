//! The job that answers requests of people who forgot their password ([`onsale_store::reset`]): it looks for the
//! account of the address, and has a link sent where there is one. Where there is none it ends like any other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use onsale_store::Store;
use onsale_store::reset::{KIND, ResetRequest};

use crate::attempt::Attempt;
use crate::handler::{Failure, Handler};
use crate::kind::Kind;

/// Requests that a worker answers at once.
const CONCURRENCY: u32 = 4;
const LEASE: Duration = Duration::from_secs(60);

struct ResetRequests {
    store: Store,
}

/// The kind.
pub fn kind(store: &Store) -> Kind {
    Kind {
        name: KIND,
        handler: Arc::new(ResetRequests {
            store: store.clone(),
        }),
        concurrency: CONCURRENCY,
        lease: LEASE,
    }
}

#[async_trait]
impl Handler for ResetRequests {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        let request: ResetRequest = attempt.payload()?;
        let now_ms = self.store.clock_ms().await?;
        // What became of it is in the audit trail. It is not noted here: all of these jobs look alike.
        // Both by the database's clock: that of the node that was asked may be wrong.
        let asked_at_ms = attempt.enqueued_at_ms();
        self.store
            .answer_reset_request(&request, asked_at_ms, now_ms)
            .await?;
        // Anyone may ask for any address, so they are not kept as long as other jobs. This one is answered whether or not
        // that goes well; the next one forgets more.
        if let Err(error) = self.store.forget_answered_resets().await {
            tracing::warn!(%error, "answered requests for links are not forgotten yet");
        }
        Ok(())
    }
}
