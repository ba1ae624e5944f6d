//! What is too old is reported, and deleted once a report of it has waited for somebody to withdraw it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use onsale_store::Store;
use onsale_store::audit::Actor;
use onsale_store::retention::{Report, ReportState, RetentionConfig, RetentionError};
use uuid::Uuid;

use crate::attempt::Attempt;
use crate::handler::{Failure, Handler};
use crate::kind::Kind;
use crate::schedule::Schedule;

const NAME: &str = "retention";
const LEASE: Duration = Duration::from_secs(60);
/// It comes again with the next slot, and goes on where it was.
const ATTEMPTS_MAX: u16 = 5;
const HOUR_MS: u64 = 3_600 * 1_000;
/// A report is made a little after the slot of its job, and the next job may come a little earlier in its own:
/// that much less than `every_hours` and `apply_after_hours` is enough, one part in this many. Of a day it is an
/// hour.
const SLACK: u64 = 24;

struct Retention {
    store: Store,
    config: RetentionConfig,
}

/// The kind.
pub fn kind(store: &Store, config: &RetentionConfig) -> Kind {
    Kind {
        name: NAME,
        handler: Arc::new(Retention {
            store: store.clone(),
            config: *config,
        }),
        concurrency: 1,
        lease: LEASE,
    }
}

/// When it is due; `None` where the configuration leaves it to operators.
pub fn schedule(config: &RetentionConfig) -> Option<Schedule> {
    (config.every_hours > 0).then(|| Schedule {
        kind: NAME,
        every: Duration::from_secs(config.every_hours * 3_600),
        attempts_max: ATTEMPTS_MAX,
    })
}

#[async_trait]
impl Handler for Retention {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        let now_ms = self.store.clock_ms().await?;
        let waits = match self.store.unended_retention_report().await? {
            None => None,
            // Somebody, or an attempt before, has begun it.
            Some(report) if report.state == ReportState::Applying => {
                self.apply(report.report_id, attempt).await?;
                None
            }
            Some(report) if self.has_waited(&report, now_ms) => {
                self.apply(report.report_id, attempt).await?;
                None
            }
            // The clock was wrong then, and nobody knows how long it has waited: another one takes its place.
            Some(report) if report.created_at_ms > now_ms => None,
            Some(report) => Some(report),
        };
        if let Some(report) = waits {
            attempt.note_progress(format!("report {} waits", report.report_id));
            return Ok(());
        }
        let report = self.store.report_retention(&self.config, now_ms, None);
        let report = report.await.map_err(failure)?;
        let count = report.count();
        tracing::info!(report = %report.report_id, count, "what is too old was looked for");
        attempt.note_progress(format!("report {}: {count} too old", report.report_id));
        Ok(())
    }
}

impl Retention {
    fn has_waited(&self, report: &Report, now_ms: u64) -> bool {
        let RetentionConfig {
            every_hours,
            apply_after_hours,
            ..
        } = self.config;
        let slack_ms = every_hours.min(apply_after_hours) * HOUR_MS / SLACK;
        let wait_ms = apply_after_hours * HOUR_MS - slack_ms;
        wait_ms > 0 && now_ms.saturating_sub(report.created_at_ms) >= wait_ms
    }

    async fn apply(&self, id: Uuid, attempt: &Attempt) -> Result<(), Failure> {
        let note = |report: &Report| {
            let (deleted, count) = (report.deleted(), report.count());
            attempt.note_progress(format!("report {id}: {deleted} of {count} deleted"));
        };
        let applied = apply(&self.store, id, &Actor::node(), note).await;
        applied.map(drop).map_err(failure)
    }
}

/// Applies a report to its end, one bounded transaction after the other; `watch` sees it behind each. It
/// may be dropped at any point, and applied again. Where somebody else applies it at the same time, both come to
/// its end.
///
/// # Errors
/// [`RetentionError`].
pub async fn apply(
    store: &Store,
    id: Uuid,
    actor: &Actor,
    mut watch: impl FnMut(&Report),
) -> Result<Report, RetentionError> {
    let before = store.retention_report(id).await?;
    let before = before.ok_or(RetentionError::Unknown(id))?;
    if !before.state.is_unended() {
        return Err(RetentionError::Ended {
            report: id,
            state: before.state,
        });
    }
    loop {
        let now_ms = store.clock_ms().await?;
        let report = match store.apply_retention_step(id, now_ms, actor).await {
            // Somebody else has taken the last step.
            Err(RetentionError::Ended {
                state: ReportState::Applied,
                ..
            }) => {
                let ended = store.retention_report(id).await?;
                ended.ok_or(RetentionError::Unknown(id))?
            }
            report => report?,
        };
        watch(&report);
        if !report.state.is_unended() {
            return Ok(report);
        }
    }
}

fn failure(error: RetentionError) -> Failure {
    match error {
        RetentionError::Store(error) => error.into(),
        // Someone else has applied or withdrawn it, or applies another one: the next slot looks again.
        error => Failure::Later(error.to_string()),
    }
}
