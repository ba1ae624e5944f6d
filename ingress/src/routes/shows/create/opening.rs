//! What the log says to the opening of a show.

use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use onsale_schemas::{EventId, Offset, Outcome, OutcomeRecord, PartitionId, Rejection, ShowId};
use onsale_store::audit::{Actor, Audit, AuditEntry};
use onsale_store::catalog::ShowStatus;
use serde_json::json;
use uuid::Uuid;

use crate::describe;
use crate::error::ApiError;
use crate::rejection;
use crate::routes::shows::body::ShowBody;
use crate::state::AppState;
use crate::submit::{Answering, Final, unexpected};

/// How long refused shows wait for the catalog to be as far as their refusals.
const WITHDRAW_PATIENCE: Duration = Duration::from_secs(2);

/// Answers the opening of a show.
pub(super) struct Opening {
    pub(super) show: ShowId,
    pub(super) event: EventId,
    pub(super) tenant: Uuid,
    pub(super) by: Actor,
}

impl Opening {
    /// An entry of the audit trail about the show.
    pub(super) fn did(&self, action: &'static str) -> AuditEntry {
        self.by
            .did(action, "show", self.show)
            .of_tenant(self.tenant)
            .with(json!({ "event_id": self.event.0 }))
    }

    /// Takes the show out of the catalog again, once that is known to be as far as the refusal. What
    /// a crash leaves behind, the next start withdraws.
    async fn withdraw(&self, state: &AppState, partition: PartitionId, record: &OutcomeRecord) {
        let entry = self.did("show.withdraw");
        withdraw(
            state,
            (partition, record.offset),
            [(self.show, entry.into())],
        )
        .await;
    }
}

/// Takes shows out of the catalog whose openings the log refused, the last of them at this position.
pub(in crate::routes::shows) async fn withdraw(
    state: &AppState,
    (partition, offset): (PartitionId, Offset),
    shows: impl IntoIterator<Item = (ShowId, Audit)>,
) {
    let projected = state
        .operations
        .wait_projected(partition, offset, WITHDRAW_PATIENCE);
    let is_projected = projected.await;
    for (show, audit) in shows {
        if !is_projected {
            tracing::info!(%show, "a show that the log refused is withdrawn at the next start");
        } else if let Err(error) = state.installation.withdraw_show(show, audit).await {
            tracing::warn!(%show, %error, "a show that the log refused is withdrawn at the next start");
        }
    }
}

/// Whether a refused opening says that the log has no such show and never will. After a refusal that
/// passes, another attempt may have opened it meanwhile.
pub(in crate::routes::shows) fn is_unopened(why: &Rejection) -> bool {
    !why.is_transient() && !matches!(why, Rejection::ShowExists | Rejection::IdempotencyKeyReused)
}

#[async_trait]
impl Answering for Opening {
    async fn answer(
        &self,
        state: &AppState,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        match &record.outcome {
            Outcome::ShowOpened { .. } => {
                // Right behind its opening. Another process may have sold the first seat by now.
                describe::opened(state, self.show).await;
                let row = state
                    .store
                    .show(self.show)
                    .await?
                    .ok_or_else(|| ApiError::not_found("show"))?;
                let mut body = ShowBody::of(&row);
                // The log has opened it, whether or not that is projected yet.
                if body.status == ShowStatus::Opening {
                    body.status = ShowStatus::Open;
                }
                Final::new(StatusCode::CREATED, &body)
            }
            Outcome::Rejected(why) => {
                if is_unopened(why) {
                    self.withdraw(state, partition, record).await;
                }
                Err(rejection::to_error(why, None, None))
            }
            other => Err(unexpected("opening a show", other)),
        }
    }
}
