//! Hands a command in and waits for its outcome, up to the deadline.

use onsale_log::Submission;
use onsale_schemas::{Command, Envelope, PartitionId, UserId, codec};
use tokio::sync::oneshot;

use super::answer::Answer;
use super::asked::Asked;
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::idempotency::Identity;
use crate::state::AppState;

/// A command and who asks for it.
pub(crate) struct Ask {
    pub(crate) user: UserId,
    pub(crate) identity: Identity,
    pub(crate) partition: PartitionId,
    pub(crate) command: Command,
    pub(crate) asked: Asked,
}

/// The answer, which is 202 when the outcome is not known in time: an unknown outcome is never
/// called a failure.
pub(crate) async fn send(
    state: &AppState,
    context: &RequestContext,
    ask: Ask,
) -> Result<Answer, ApiError> {
    let Ask {
        user,
        identity,
        partition,
        command,
        asked,
    } = ask;
    let request_id = identity.request_id;
    let envelope = Envelope {
        request_id: Some(request_id),
        idempotency: identity.fingerprint,
        trace: context.sampled_trace(),
        command,
        by: None,
    };
    let payload = codec::encode(&envelope).map_err(ApiError::internal)?;
    let (reply, mut received) = oneshot::channel();
    state.log.submit(Submission {
        partition,
        request_id,
        payload,
        reply,
    })?;
    let deadline = state.config.http.reply_deadline();
    match tokio::time::timeout(deadline, &mut received).await {
        Ok(Ok(Ok(record))) => asked
            .answer(state, partition, &record)
            .await
            .map(Answer::Final),
        Ok(Ok(Err(error))) => Err(error.into()),
        Ok(Err(_dropped)) => {
            state.metrics.unknown_outcomes.inc();
            state
                .replies
                .remember(state, user, request_id, partition, asked, None);
            Ok(Answer::Pending(request_id))
        }
        Err(_elapsed) => {
            state.metrics.unknown_outcomes.inc();
            state
                .replies
                .remember(state, user, request_id, partition, asked, Some(received));
            Ok(Answer::Pending(request_id))
        }
    }
}
