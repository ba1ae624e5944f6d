//! The hourly job that deletes what is no longer needed, and keeps the audit trail in order.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use onsale_schemas::limits::IDEMPOTENCY_WINDOW_MS;
use onsale_store::Store;

use crate::attempt::Attempt;
use crate::audit_trail;
use crate::handler::{Failure, Handler};
use crate::kind::Kind;
use crate::schedule::Schedule;

const NAME: &str = "housekeeping";
const EVERY: Duration = Duration::from_secs(3_600);
const LEASE: Duration = Duration::from_secs(60);
/// It comes again in an hour.
const ATTEMPTS_MAX: u16 = 5;
/// How long changes of shows and events that the log never accepted are kept, in milliseconds: 30
/// days, longer than any request is in flight.
const CHANGES_KEPT_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// How long those of shows and codes are kept where the projection has passed them, in milliseconds: an hour. A refusal
/// forgets them at once; these are of requests whose answer nobody got.
const PASSED_CHANGES_KEPT_MS: u64 = 3_600 * 1_000;
/// How long codes are kept after their end, in milliseconds: 30 days, within which they are exported. They count for
/// what their organizer may have.
const ENDED_CODES_KEPT_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// How long ended jobs are kept, and with them their keys, in milliseconds: 7 days, longer than the
/// time within which the same job is enqueued again.
const JOBS_KEPT_MS: u64 = 7 * 24 * 3_600 * 1_000;
/// How long one-time tokens are kept after they could be used, in milliseconds: 7 days.
const TOKENS_KEPT_MS: u64 = 7 * 24 * 3_600 * 1_000;
/// How long changes of an address are kept after their link was good, in milliseconds: a day, within which they are
/// counted.
const ADDRESS_CHANGES_KEPT_MS: u64 = 24 * 3_600 * 1_000;
/// How long sign-ins by other providers are kept after they could be used, in milliseconds: a day. Only while
/// a browser may bring the same one again do they matter, and that is minutes.
const SIGN_INS_KEPT_MS: u64 = 24 * 3_600 * 1_000;
/// How long API keys are kept after they were revoked or have expired, in milliseconds: 30 days, within which
/// their ids are looked up. Who acted by them later is in the audit trail.
const API_KEYS_KEPT_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// How long mails to people are kept that were not sent, in milliseconds: 37 days. A link is good for 30
/// days at most, so such a mail has long been of no use.
const MAILS_KEPT_MS: u64 = 37 * 24 * 3_600 * 1_000;
/// How long reports of what was kept too long are kept after their end, in milliseconds: a year. What they
/// deleted is in the audit trail for longer.
const REPORTS_KEPT_MS: u64 = 366 * 24 * 3_600 * 1_000;
/// How long what gateways have said is kept once it was acted on, in milliseconds: 30 days. A gateway repeats itself for
/// a few, and what it repeats later does no harm.
const NOTICES_KEPT_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// How long guests who bought nothing are kept after their token could be used, in milliseconds: 7 days, longer
/// than any projection is behind.
const GUESTS_KEPT_MS: u64 = 7 * 24 * 3_600 * 1_000;
/// How long after its beginning a show is over, in milliseconds: 12 hours. Nobody says how long one lasts, and this is
/// longer than any evening, or any day of a festival.
const SHOW_LASTS_MS: u64 = 12 * 3_600 * 1_000;
/// Jobs forgotten in one transaction, so that it stays short.
const JOBS_PER_STEP: u32 = 5_000;

/// Keeps the audit trail in order. Deletes answers of calls whose idempotency key is no longer remembered, changes that
/// the log never accepted, jobs, one-time tokens, changes of an address and API keys that ended long ago, sign-ins with
/// other providers and challenges, guests who bought nothing, reports of retention, notices of gateways that were acted on, and mails that were never sent. Notes
/// which events have ended.
/// Forgets codes that ended.
/// What people may want to look at before it is gone is left to [`crate::retention`].
struct Housekeeping {
    store: Store,
}

/// The kind.
pub fn kind(store: &Store) -> Kind {
    Kind {
        name: NAME,
        handler: Arc::new(Housekeeping {
            store: store.clone(),
        }),
        concurrency: 1,
        lease: LEASE,
    }
}

/// When it is due.
pub fn schedule() -> Schedule {
    Schedule {
        kind: NAME,
        every: EVERY,
        attempts_max: ATTEMPTS_MAX,
    }
}

#[async_trait]
impl Handler for Housekeeping {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        // First, because it is wanted most; and what goes wrong with it keeps nothing else from being done.
        let trail = audit_trail::keep(&self.store, attempt).await;
        if let Err(error) = &trail {
            tracing::warn!(%error, "older entries of the audit trail are not linked; the rest goes on");
        }
        let now_ms = self.store.clock_ms().await?;
        let unremembered_ms = now_ms.saturating_sub(IDEMPOTENCY_WINDOW_MS);
        let answers = self.store.forget_answers(unremembered_ms).await?
            + self.store.forget_account_answers(unremembered_ms).await?;
        let changes = self
            .store
            .forget_changes(now_ms.saturating_sub(CHANGES_KEPT_MS))
            .await?
            + self
                .store
                .forget_passed_changes(now_ms.saturating_sub(PASSED_CHANGES_KEPT_MS))
                .await?;
        self.store
            .forget_ended_codes(now_ms.saturating_sub(ENDED_CODES_KEPT_MS))
            .await?;
        let tokens = self
            .store
            .forget_one_time_tokens(now_ms.saturating_sub(TOKENS_KEPT_MS))
            .await?;
        self.store
            .forget_address_changes(now_ms.saturating_sub(ADDRESS_CHANGES_KEPT_MS))
            .await?;
        self.store
            .forget_federated_sign_ins(now_ms.saturating_sub(SIGN_INS_KEPT_MS))
            .await?;
        // Neither is of any use after its end.
        let challenges = self.store.forget_challenges(now_ms).await?;
        let keys = self
            .store
            .forget_api_keys(now_ms.saturating_sub(API_KEYS_KEPT_MS))
            .await?;
        let guests = self
            .store
            .forget_guests(now_ms.saturating_sub(GUESTS_KEPT_MS))
            .await?;
        self.store
            .forget_retention_reports(now_ms.saturating_sub(REPORTS_KEPT_MS))
            .await?;
        self.store
            .forget_notices(now_ms.saturating_sub(NOTICES_KEPT_MS))
            .await?;
        let over_before_ms = now_ms.saturating_sub(SHOW_LASTS_MS);
        let ended = self.store.note_ended_events(now_ms, over_before_ms).await?;
        let mut jobs = self
            .store
            .forget_mails(now_ms.saturating_sub(MAILS_KEPT_MS))
            .await?;
        loop {
            let forgotten = self.store.prune_jobs(JOBS_KEPT_MS, JOBS_PER_STEP).await?;
            jobs += forgotten;
            attempt.note_progress(format!(
                "{answers} answers, {changes} changes, {tokens} tokens, {challenges} challenges, {keys} \
                 API keys, {guests} guests and {jobs} jobs forgotten; {ended} events ended"
            ));
            if forgotten < u64::from(JOBS_PER_STEP) {
                return trail.map(drop).map_err(Failure::from);
            }
        }
    }
}
