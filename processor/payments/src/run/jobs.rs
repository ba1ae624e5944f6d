//! The kinds of jobs that payments have: a step of a payment and of a refund, what a gateway has said, and the look
//! at what nobody has woken.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use onsale_jobs::{Attempt, Failure, Handler, Kind, Schedule};
use onsale_store::job::NewJob;
use onsale_store::payment::{JOB_ATTEMPTS_MAX, NOTICE_JOB, NoticeKey, PAYMENT_JOB, REFUND_JOB};
use serde_json::json;
use uuid::Uuid;

use super::{Executor, Rest, RunError};

/// The look at what nobody has woken.
const POLL: &str = "payment.poll";

/// Payments that a worker takes on at once; each mostly waits for its gateway.
const PAYMENTS_AT_ONCE: u32 = 64;
const REFUNDS_AT_ONCE: u32 = 8;
const NOTICES_AT_ONCE: u32 = 16;
/// Longer than a gateway may take for one call.
const LEASE: Duration = Duration::from_secs(90);
const POLL_EVERY: Duration = Duration::from_secs(60);
const POLL_ATTEMPTS_MAX: u16 = 3;
/// Payments that a poll looks at. Those beyond it are the next one's.
const POLL_MAX: u32 = 500;
/// How long past its time something is before the poll takes it for forgotten, in milliseconds: jobs may be late.
const FORGOTTEN_MS: u64 = 60_000;

/// The kinds, for a worker.
pub fn kinds(executor: &Executor) -> Vec<Kind> {
    let kind = |name, handler: Arc<dyn Handler>, concurrency| Kind {
        name,
        handler,
        concurrency,
        lease: LEASE,
    };
    let executor = || executor.clone();
    vec![
        kind(
            PAYMENT_JOB,
            Arc::new(PaymentSteps(executor())),
            PAYMENTS_AT_ONCE,
        ),
        kind(
            REFUND_JOB,
            Arc::new(RefundSteps(executor())),
            REFUNDS_AT_ONCE,
        ),
        kind(NOTICE_JOB, Arc::new(Notices(executor())), NOTICES_AT_ONCE),
        kind(POLL, Arc::new(Poll(executor())), 1),
    ]
}

/// When the poll is due.
pub fn schedule() -> Schedule {
    Schedule {
        kind: POLL,
        every: POLL_EVERY,
        attempts_max: POLL_ATTEMPTS_MAX,
    }
}

/// A step of a payment, `delay_ms` from now.
pub(super) fn payment_job(payment: Uuid, key: String, delay_ms: u64) -> NewJob {
    NewJob {
        kind: PAYMENT_JOB,
        key,
        payload: json!({ "payment": payment }).to_string(),
        delay_ms,
        attempts_max: JOB_ATTEMPTS_MAX,
    }
}

/// A step of a refund, `delay_ms` from now.
pub(super) fn refund_job(refund: Uuid, key: String, delay_ms: u64) -> NewJob {
    NewJob {
        kind: REFUND_JOB,
        key,
        payload: json!({ "refund": refund }).to_string(),
        delay_ms,
        attempts_max: JOB_ATTEMPTS_MAX,
    }
}

/// What a step is of: the first part of its key.
fn stem(attempt: &Attempt) -> Result<Uuid, Failure> {
    let key = attempt.key();
    let (stem, _) = key.split_once(':').unwrap_or((key, ""));
    stem.parse()
        .map_err(|_| Failure::Never(format!("the key {key:?} does not begin with an id")))
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::Later(error.to_string())
    }
}

struct PaymentSteps(Executor);

#[async_trait]
impl Handler for PaymentSteps {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        let Self(executor) = self;
        let payment = stem(attempt)?;
        let rest = executor.advance(payment).await?;
        attempt.note_progress(said(rest));
        if let Rest::Waits {
            version,
            until_ms,
            is_left: false,
        } = rest
        {
            // By the clock of the database the job may have come a moment early, and a look may have found nothing new.
            let key = format!("{payment}:{version}:{until_ms}");
            let delay_ms = until_ms.saturating_sub(executor.now_ms());
            let job = payment_job(payment, key, delay_ms);
            executor.store.enqueue_job(&job).await?;
        }
        Ok(())
    }
}

struct RefundSteps(Executor);

#[async_trait]
impl Handler for RefundSteps {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        let Self(executor) = self;
        let refund = stem(attempt)?;
        let rest = executor.advance_refund(refund).await?;
        attempt.note_progress(said(rest));
        if let Rest::Waits {
            version,
            until_ms,
            is_left: false,
        } = rest
        {
            let key = format!("{refund}:{version}:{until_ms}");
            let delay_ms = until_ms.saturating_sub(executor.now_ms());
            let job = refund_job(refund, key, delay_ms);
            executor.store.enqueue_job(&job).await?;
        }
        Ok(())
    }
}

struct Notices(Executor);

#[async_trait]
impl Handler for Notices {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        let Self(executor) = self;
        let notice: NoticeKey = attempt.payload()?;
        let became = executor.hear(&notice).await?;
        attempt.note_progress(became);
        Ok(())
    }
}

struct Poll(Executor);

#[async_trait]
impl Handler for Poll {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        let Self(executor) = self;
        let before_ms = executor.now_ms().saturating_sub(FORGOTTEN_MS);
        let payments = executor.store.stuck_payments(before_ms, POLL_MAX).await?;
        let refunds = executor.store.stuck_refunds(before_ms, POLL_MAX).await?;
        let all = payments.len() + refunds.len();
        let mut failed = 0u32;
        // One that cannot be taken on keeps nobody else waiting.
        for (done, payment) in payments.iter().enumerate() {
            if let Err(error) = executor.advance(payment.id).await {
                failed += 1;
                tracing::warn!(payment = %payment.id, %error, "a payment was not taken on");
            }
            attempt.note_progress(format!("{} of {all}", done + 1));
        }
        for refund in &refunds {
            if let Err(error) = executor.advance_refund(refund.id).await {
                failed += 1;
                tracing::warn!(refund = %refund.id, %error, "a refund was not taken on");
            }
        }
        match failed {
            0 => Ok(()),
            failed => Err(Failure::Later(format!(
                "{failed} of {all} payments and refunds were not taken on"
            ))),
        }
    }
}

/// Where something stands, for an operator.
fn said(rest: Rest) -> String {
    match rest {
        Rest::Unknown => "there is no such row".to_owned(),
        Rest::Over => "over".to_owned(),
        Rest::Waits {
            version, until_ms, ..
        } => format!("version {version} waits until {until_ms}"),
    }
}
