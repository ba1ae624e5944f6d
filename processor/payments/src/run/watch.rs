//! Shows how payments stand.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::Executor;
use crate::metrics::StandingMetrics;

/// How often they are counted.
const COUNTED_EVERY: Duration = Duration::from_secs(10);
/// How long past its time something is before it is late, in milliseconds: twice what the poll gives it, so that it
/// was looked at in vain by then.
const LATE_MS: u64 = 120_000;

/// Counts what is not over and shows it, for as long as it is polled. All workers count the same.
pub async fn watch(executor: Executor, metrics: StandingMetrics) {
    let mut turns = tokio::time::interval(COUNTED_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let now_ms = executor.now_ms();
        let late_before_ms = now_ms.saturating_sub(LATE_MS);
        match executor.store.money_standing(late_before_ms).await {
            Ok(standing) => metrics.show(&standing, now_ms),
            Err(error) => tracing::debug!(%error, "payments were not counted"),
        }
    }
}
