//! A refund, step by step: places go back on sale first, because the log decides that once; then the money goes back.

use std::time::Duration;

use onsale_schemas::SeatList;
use onsale_schemas::order::ReturnPlaces;
use onsale_store::StoreError;
use onsale_store::job::NewJob;
use onsale_store::payment::{Payment, Refund, RefundOf};
use uuid::Uuid;

use super::ask_log::GivenBack;
use super::jobs::refund_job;
use super::{Executor, Rest, RunError, STEPS_MAX, counter};
use crate::gateway::GatewayError;
use crate::saga::refund::{
    RefundAction, RefundAtGateway, RefundDue, RefundPhase, RefundSeen, decide_refund,
    observe_refund,
};

/// As with payments.
const PATIENCE: Duration = Duration::from_secs(40);

/// What became of a step.
enum Step {
    /// The row has changed.
    Changed,
    /// Nothing more to do now.
    Rests(Rest),
}

impl Executor {
    /// Takes a refund on until it waits for something or is over. It may be called by several at once, and dropped at
    /// any point.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn advance_refund(&self, id: Uuid) -> Result<Rest, RunError> {
        let mut is_left = false;
        for _ in 0..STEPS_MAX {
            match self.refund_step(id, &mut is_left).await? {
                Step::Changed => {}
                Step::Rests(rest) => return Ok(rest),
            }
        }
        Err(RunError::Restless(format!("refund {id}")))
    }

    /// Reads a refund at its gateway whatever is due, and takes it on: something is said to have happened there.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn look_at_refund(&self, id: Uuid) -> Result<Rest, RunError> {
        for _ in 0..STEPS_MAX {
            let Some(refund) = self.store.refund(id).await? else {
                return Ok(Rest::Unknown);
            };
            let Some(payment) = self.store.payment(refund.payment).await? else {
                return Ok(Rest::Unknown);
            };
            if refund.object.is_none() {
                // Nothing of it is at the gateway as far as is known: what is due says whether it is asked.
                break;
            }
            let seen = self
                .perform_refund(&refund, &payment, &RefundAction::Read)
                .await;
            let now_ms = self.now_ms();
            let observed = observe_refund(&refund, &payment, seen, &self.terms, now_ms);
            let Some((after, moved)) = observed else {
                break;
            };
            let job = self.wake_refund(&refund, (&after, &payment), now_ms);
            if self.store.move_refund(&refund, &after, &moved, job).await? {
                break;
            }
        }
        self.advance_refund(id).await
    }

    async fn refund_step(&self, id: Uuid, is_left: &mut bool) -> Result<Step, StoreError> {
        let Some(refund) = self.store.refund(id).await? else {
            return Ok(Step::Rests(Rest::Unknown));
        };
        let Some(payment) = self.store.payment(refund.payment).await? else {
            return Ok(Step::Rests(Rest::Unknown));
        };
        let now_ms = self.now_ms();
        let action = match decide_refund(&refund, &payment, &self.terms, now_ms) {
            RefundDue::Over => return Ok(Step::Rests(Rest::Over)),
            RefundDue::Wait { until_ms } => {
                return Ok(Step::Rests(Rest::Waits {
                    version: refund.version,
                    until_ms,
                    is_left: *is_left,
                }));
            }
            RefundDue::Do(action) => action,
        };
        *is_left = false;
        let seen = self.perform_refund(&refund, &payment, &action).await;
        let now_ms = self.now_ms();
        match observe_refund(&refund, &payment, seen, &self.terms, now_ms) {
            Some((after, moved)) => {
                let job = self.wake_refund(&refund, (&after, &payment), now_ms);
                let waits = job.is_some();
                let is_moved = self.store.move_refund(&refund, &after, &moved, job).await?;
                *is_left = is_moved && waits;
                Ok(Step::Changed)
            }
            None => Ok(Step::Rests(Rest::Waits {
                version: refund.version,
                until_ms: now_ms.saturating_add(self.terms.poll_ms),
                is_left: false,
            })),
        }
    }

    /// The job that wakes a refund which is to wait, for the transaction of its move.
    fn wake_refund(
        &self,
        before: &Refund,
        (after, payment): (&Refund, &Payment),
        now_ms: u64,
    ) -> Option<NewJob> {
        match decide_refund(after, payment, &self.terms, now_ms) {
            RefundDue::Wait { until_ms } => {
                let key = format!("{}:{}", before.id, before.version.saturating_add(1));
                let delay_ms = until_ms.saturating_sub(now_ms);
                Some(refund_job(before.id, key, delay_ms))
            }
            RefundDue::Do(_) | RefundDue::Over => None,
        }
    }

    async fn perform_refund(
        &self,
        refund: &Refund,
        payment: &Payment,
        action: &RefundAction,
    ) -> RefundSeen {
        match action {
            RefundAction::GiveBack => match self.places_back(refund, payment).await {
                GivenBack::Done | GivenBack::Ended => RefundSeen::GivenBack,
                GivenBack::Refused => RefundSeen::GiveBackRefused,
                GivenBack::Unknown => RefundSeen::LogUnknown,
            },
            RefundAction::Refund | RefundAction::Read if counter::settles(payment) => {
                // It was handed over by whoever approved it.
                RefundSeen::Gateway(RefundAtGateway {
                    object: refund.id.simple().to_string(),
                    phase: RefundPhase::Done,
                    amount: refund.amount,
                    currency: payment.currency,
                    failure: None,
                })
            }
            RefundAction::Refund | RefundAction::Read => {
                let asked = self.refund_at_gateway(refund, payment);
                match tokio::time::timeout(PATIENCE, asked).await {
                    Ok(seen) => seen,
                    Err(_elapsed) => RefundSeen::GatewayUnknown,
                }
            }
        }
    }

    /// Puts what goes back on sale there.
    async fn places_back(&self, refund: &Refund, payment: &Payment) -> GivenBack {
        let booking = payment.booking;
        match &refund.of {
            RefundOf::Amount => GivenBack::Ended,
            RefundOf::Booking => self.give_back(refund.id, refund.tenant, booking).await,
            RefundOf::Places(seats) => {
                let places = ReturnPlaces {
                    booking: booking.offset(),
                    seats: seats.iter().copied().collect::<SeatList>(),
                    places: Vec::new(),
                };
                let asked = (booking.partition(), places);
                self.give_places_back(refund.id, refund.tenant, asked).await
            }
        }
    }

    async fn refund_at_gateway(&self, refund: &Refund, payment: &Payment) -> RefundSeen {
        let (Some(gateway), Some(object)) = (self.gateway_of(payment), &payment.object) else {
            tracing::warn!(
                refund = %refund.id,
                gateway = payment.gateway,
                "a refund waits for a gateway that is not configured here"
            );
            return RefundSeen::Unavailable {
                retry_after_ms: None,
            };
        };
        let asked = match &refund.object {
            Some(refund) => gateway.read_refund(refund).await,
            None => {
                let key = format!("{}:refund:{}", payment.id, refund.number);
                gateway.refund(object, &key, refund.amount).await
            }
        };
        match asked {
            Ok(state) => RefundSeen::Gateway(state),
            Err(GatewayError::Refused {
                code,
                message_for_operator,
                is_final,
            }) => {
                tracing::warn!(
                    refund = %refund.id,
                    code,
                    is_final,
                    "refused by the gateway: {message_for_operator}"
                );
                RefundSeen::GatewayRefused { code, is_final }
            }
            Err(GatewayError::Unknown(why)) => {
                tracing::warn!(refund = %refund.id, "what became of a refund is not known: {why}");
                RefundSeen::GatewayUnknown
            }
            Err(GatewayError::Unavailable {
                retry_after_ms,
                why,
            }) => {
                tracing::debug!(refund = %refund.id, "the gateway is not asked now: {why}");
                RefundSeen::Unavailable { retry_after_ms }
            }
        }
    }
}
