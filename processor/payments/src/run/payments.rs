//! A payment, step by step.

use onsale_store::job::NewJob;
use onsale_store::payment::{Moved, Payment};
use uuid::Uuid;

use super::jobs::payment_job;
use super::{Executor, Rest, RunError, STEPS_MAX, counter};
use crate::saga::{Action, Due, Seen, decide, observe};

/// How long after something was told a job looks whether it was gone on with, in milliseconds.
const FOLLOW_UP_MS: u64 = 5_000;

/// What became of a step.
enum Step {
    /// The row has changed, by this step or by somebody else: it is loaded again.
    Changed,
    /// Nothing more to do now.
    Rests(Rest),
}

impl Executor {
    /// Takes a payment on until it waits for something or is over. It may be called by several at once, and dropped
    /// at any point.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn advance(&self, id: Uuid) -> Result<Rest, RunError> {
        let mut is_left = false;
        for _ in 0..STEPS_MAX {
            match self.step(id, &mut is_left).await? {
                Step::Changed => {}
                Step::Rests(rest) => return Ok(rest),
            }
        }
        Err(RunError::Restless(format!("payment {id}")))
    }

    /// The buyer wants to pay no more, or otherwise: notes it, and takes the payment on.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn cancel(&self, id: Uuid) -> Result<Rest, RunError> {
        self.tell(id, &Seen::CancelAsked).await?;
        self.advance(id).await
    }

    /// Reads the gateway's object of a payment whatever is due, and takes the payment on: something is said to have
    /// happened there.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn look(&self, id: Uuid) -> Result<Rest, RunError> {
        let Some(payment) = self.store.payment(id).await? else {
            return Ok(Rest::Unknown);
        };
        if counter::settles(&payment) || payment.asked_at_ms.is_none() {
            // Nothing is at a gateway.
            return self.advance(id).await;
        }
        let seen = self.perform(&payment, Action::Read).await?;
        self.tell(id, &seen).await?;
        self.advance(id).await
    }

    /// Writes down what was seen of a payment, whatever it is by now.
    pub(super) async fn tell(&self, id: Uuid, seen: &Seen) -> Result<(), RunError> {
        for _ in 0..STEPS_MAX {
            let Some(payment) = self.store.payment(id).await? else {
                return Ok(());
            };
            let now_ms = self.now_ms();
            let Some((after, moved)) = observe(&payment, seen.clone(), &self.terms, now_ms) else {
                return Ok(());
            };
            let (job, _) = self.wake(&payment, &after, now_ms);
            // Nobody has promised yet to go on with what is due now.
            let key = format!("{id}:{}", payment.version.saturating_add(1));
            let job = job.unwrap_or_else(|| payment_job(id, key, FOLLOW_UP_MS));
            let moved = self
                .store
                .move_payment(&payment, &after, &moved, Some(job))
                .await?;
            if moved {
                return Ok(());
            }
        }
        Err(RunError::Restless(format!("payment {id}")))
    }

    /// Does what is due. `is_left` says afterwards whether the last move left a job that wakes the payment.
    async fn step(&self, id: Uuid, is_left: &mut bool) -> Result<Step, RunError> {
        let Some(payment) = self.store.payment(id).await? else {
            return Ok(Step::Rests(Rest::Unknown));
        };
        let now_ms = self.now_ms();
        let action = match decide(&payment, &self.terms, now_ms) {
            Due::Over => return Ok(Step::Rests(Rest::Over)),
            Due::Wait { until_ms } => {
                return Ok(Step::Rests(Rest::Waits {
                    version: payment.version,
                    until_ms,
                    is_left: *is_left,
                }));
            }
            Due::Do(action) => action,
        };
        *is_left = false;
        if matches!(action, Action::Create) && payment.asked_at_ms.is_none() {
            // Written down before the gateway is asked: who finds it later knows that there may be an object.
            let after = Payment {
                asked_at_ms: Some(now_ms),
                updated_at_ms: now_ms,
                ..payment.clone()
            };
            let moved = Moved {
                reason: "the gateway is asked".to_owned(),
                posting: None,
                event: None,
            };
            self.store
                .move_payment(&payment, &after, &moved, None)
                .await?;
            return Ok(Step::Changed);
        }
        let seen = self.perform(&payment, action).await?;
        let now_ms = self.now_ms();
        match observe(&payment, seen.clone(), &self.terms, now_ms) {
            Some((after, moved)) => {
                let (job, wakes) = self.wake(&payment, &after, now_ms);
                let is_moved = self
                    .store
                    .move_payment(&payment, &after, &moved, job)
                    .await?;
                *is_left = is_moved && wakes;
                if !is_moved && matches!(seen, Seen::Gateway(_)) && !counter::settles(&payment) {
                    // What the gateway has stays true, whoever was faster: nobody else may look there again.
                    self.tell(id, &seen).await?;
                }
                Ok(Step::Changed)
            }
            // Nothing new: it is asked again after a while, not at once.
            None => Ok(Step::Rests(Rest::Waits {
                version: payment.version,
                until_ms: now_ms.saturating_add(self.terms.poll_ms),
                is_left: false,
            })),
        }
    }

    /// The job that wakes a payment which is to wait, for the transaction of its move, and whether there is one.
    fn wake(&self, before: &Payment, after: &Payment, now_ms: u64) -> (Option<NewJob>, bool) {
        match decide(after, &self.terms, now_ms) {
            Due::Wait { until_ms } => {
                // The version that the move gives it.
                let key = format!("{}:{}", before.id, before.version.saturating_add(1));
                let delay_ms = until_ms.saturating_sub(now_ms);
                (Some(payment_job(after.id, key, delay_ms)), true)
            }
            Due::Do(_) | Due::Over => (None, false),
        }
    }

    /// Does something at the gateway, over the counter or in the log.
    async fn perform(&self, payment: &Payment, action: Action) -> Result<Seen, RunError> {
        Ok(match action {
            Action::Confirm => self.confirm(payment).await?,
            Action::Extend { by_ms } => self.extend(payment, by_ms).await,
            Action::GiveBack => self.give_sale_back(payment).await,
            Action::Create
            | Action::Read
            | Action::Capture
            | Action::Cancel
            | Action::RefundAll { .. } => {
                if counter::settles(payment) {
                    counter::seen(payment, &action)
                } else {
                    self.at_gateway(payment, &action).await
                }
            }
        })
    }
}
