//! Who is behind a request, for the audit trail.

use std::time::Duration;

use onsale_store::audit::{Actor, AuditEntry, address_block};
use tokio::time::timeout;

use crate::auth::Caller;
use crate::context::RequestContext;
use crate::state::AppState;

/// How long the answer to something that is done waits for its entry.
const NOTE_MAX: Duration = Duration::from_secs(2);

/// The caller of a request.
pub(crate) fn actor(caller: &Caller, context: &RequestContext) -> Actor {
    let request_id = context.request_id();
    Actor {
        id: Some(caller.user.0),
        role: caller.role.as_str().to_owned(),
        tenant_id: caller.scope().one(),
        request_id: (!request_id.is_empty()).then(|| request_id.to_owned()),
        origin: context.address().map(address_block),
    }
}

/// Writes down what an operator has done that is nowhere in the database. It is done, and has to be possible
/// while the database is down, so an entry that cannot be written is only told to the log of this process.
pub(crate) async fn note(state: &AppState, entry: AuditEntry) {
    let (action, subject) = (entry.action, entry.subject_id.clone());
    let by = entry.actor.id;
    // Its write goes on to its end, if it was begun.
    match timeout(NOTE_MAX, state.store.append_audit(entry)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, action, subject, ?by, "what was done has no entry in the audit trail");
        }
        Err(_elapsed) => {
            tracing::error!(
                action,
                subject,
                ?by,
                "what was done may have no entry in the audit trail"
            );
        }
    }
}
