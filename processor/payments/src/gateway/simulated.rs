//! The simulated gateway: built in, for `dev`, tests and the simulator. No money moves.
//!
//! [`Machine`] is what it is, pure and with Stripe's rules; [`Simulated`] asks one in this process, and the
//! counterpart (feature `counterpart`) puts one behind Stripe's interface. It holds everything in memory: what
//! was made before a restart is unknown after it, unless it is [saved](Simulated::saved) and taken up again.

mod faults;
mod keys;
mod machine;
pub mod methods;
pub(crate) mod random;
mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use parking_lot::Mutex;
use serde_json::json;
use uuid::Uuid;

use super::{
    CreateOrder, DisputeAtGateway, Gateway, GatewayError, GatewayState, Method, Notice, Page,
    PageItem, Phase, RefundAtGateway, RefundPhase, WebhookError,
};

pub use faults::{Fault, Faults, NOTICE_LATE_MAX_MS};
pub use keys::{Answer, KEY_LIVES_MS, KEY_MAX_BYTES, KEYS_MAX};
pub use machine::{
    Call, EVENTS_MAX, Machine, New, NewPage, PAYMENTS_MAX, Performed, RestoreError, SAVED_MAX,
    Saved,
};
pub use record::{
    Act, Course, DisputeRecord, Event, Object, Problem, Record, RefundRecord, SessionOf,
    SessionStatus, Status,
};

/// Payments on a page.
const PAGE: usize = 100;
/// A key is remembered for a day, and clocks here and there differ.
const FIND_WITHIN_MS: u64 = KEY_LIVES_MS + 2 * CLOCKS_MS;
const CLOCKS_MS: u64 = 3_600_000;

/// How the simulation behaves.
#[derive(Clone, Debug, Default)]
pub struct SimulatedConfig {
    /// What goes wrong, and the seed of everything, ids too: a new one for each process, or ids come again.
    pub faults: Faults,
    /// How long a call takes.
    pub latency: Duration,
    /// Where a buyer passes a challenge: the object's id is put behind it. Without it the buyer only waits.
    pub challenge_url: Option<String>,
}

/// What tells the time, in Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// See the module. Copies are of the same gateway.
#[derive(Clone)]
pub struct Simulated {
    machine: Arc<Mutex<Machine>>,
    config: SimulatedConfig,
    clock: Clock,
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Simulated").field(&self.config).finish()
    }
}

impl Simulated {
    /// One that holds nothing.
    pub fn new(config: SimulatedConfig, clock: Clock) -> Self {
        Self {
            machine: Arc::new(Mutex::new(Machine::new(config.faults))),
            config,
            clock,
        }
    }

    /// One that holds what was saved. The seed has to be a new one, as for every process.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn restored(
        config: SimulatedConfig,
        clock: Clock,
        saved: Saved,
    ) -> Result<Self, RestoreError> {
        let machine = Machine::restored(config.faults, saved)?;
        Ok(Self {
            machine: Arc::new(Mutex::new(machine)),
            config,
            clock,
        })
    }

    /// What it holds, to be written down: its newest [`SAVED_MAX`] payments.
    pub fn saved(&self) -> Saved {
        self.machine.lock().saved()
    }

    /// Grows with each change of what it holds.
    pub fn revision(&self) -> u64 {
        self.machine.lock().revision()
    }

    /// What a buyer does: passes or fails a challenge, pays by a QR code. `false` where nothing is to be done
    /// any more.
    pub fn act(&self, object: &str, act: Act) -> bool {
        self.machine.lock().act(object, act, (self.clock)())
    }

    /// What has happened since it was asked last, as notices, in the order in which they arrive. Those of
    /// [`methods::TWICE`] are there twice, and the faults lose, double and delay others.
    pub fn take_notices(&self) -> Vec<Notice> {
        let mut machine = self.machine.lock();
        machine.advance((self.clock)());
        let mut sent: Vec<(u64, Notice)> = Vec::new();
        for event in machine.take_events() {
            let mut delays = machine.faults().of_notice(event.number);
            let (record, refund, dispute) = match &event.object {
                Object::Payment(record) | Object::Session(record) => (Some(record), None, None),
                Object::Refund(refund) => (machine.payment(&refund.of), Some(&refund.id), None),
                Object::Dispute(dispute) => (machine.payment(&dispute.of), None, Some(&dispute.id)),
            };
            if record.is_some_and(|record| record.method == methods::TWICE) {
                delays = vec![0, 0];
            }
            let notice = Notice {
                event_id: event.id.clone(),
                kind: event.kind.to_owned(),
                object: record.map(|record| record.object().to_owned()),
                payment: record.and_then(Record::payment),
                refund: refund.cloned(),
                dispute: dispute.cloned(),
                created_at_ms: event.created_ms,
            };
            sent.extend(
                delays
                    .into_iter()
                    .map(|delay_ms| (event.created_ms.saturating_add(delay_ms), notice.clone())),
            );
        }
        sent.sort_by_key(|(at_ms, _)| *at_ms);
        sent.into_iter().map(|(_, notice)| notice).collect()
    }

    /// The machine itself, to look into or to break.
    pub fn with_machine<T>(&self, look: impl FnOnce(&mut Machine, u64) -> T) -> T {
        let mut machine = self.machine.lock();
        let now_ms = (self.clock)();
        machine.advance(now_ms);
        look(&mut machine, now_ms)
    }

    async fn perform(
        &self,
        key: Option<&str>,
        call: &Call,
    ) -> Result<(Object, bool), GatewayError> {
        self.wait().await;
        let asked = format!("{call:?}");
        let performed = self
            .machine
            .lock()
            .perform(key, &asked, call, (self.clock)());
        match performed {
            Performed::Nothing => Err(no_answer()),
            Performed::Answered {
                answer: Ok(object),
                is_replayed,
            } => Ok((object, is_replayed)),
            Performed::Answered {
                answer: Err(problem),
                ..
            } => Err(refusal(problem)),
        }
    }

    /// Looks something up, unless a fault befalls that.
    async fn look<T>(
        &self,
        look: impl FnOnce(&Machine) -> Result<T, Problem> + Send,
    ) -> Result<T, GatewayError> {
        self.wait().await;
        let mut machine = self.machine.lock();
        match machine.befalls_read((self.clock)()) {
            None => look(&machine).map_err(refusal),
            Some(Performed::Answered {
                answer: Err(problem),
                ..
            }) => Err(refusal(problem)),
            Some(_) => Err(no_answer()),
        }
    }

    async fn wait(&self) {
        if !self.config.latency.is_zero() {
            tokio::time::sleep(self.config.latency).await;
        }
    }

    fn state(&self, record: &Record) -> GatewayState {
        let phase = phase(record);
        let next_action = (phase == Phase::AwaitingBuyer).then(|| self.next_action(record));
        GatewayState {
            object: record.object().to_owned(),
            phase,
            amount: record.amount,
            currency: record.currency,
            captured: record.received,
            refunded: record.refunded,
            failure: record.failure.map(str::to_owned),
            next_action,
        }
    }

    fn next_action(&self, record: &Record) -> String {
        let challenge = self.config.challenge_url.as_deref();
        let action = match (record.course, challenge) {
            (Course::Challenges(_), Some(url)) => {
                json!({ "kind": "redirect", "url": format!("{url}{}", record.id) })
            }
            (Course::Pays(_), _) => {
                let (amount, code) = (record.amount, record.currency.as_str());
                json!({ "kind": "qr", "data": format!("SIMULATED {amount} {code} {}", record.id) })
            }
            _ => json!({ "kind": "wait" }),
        };
        action.to_string()
    }

    async fn payment(
        &self,
        key: Option<&str>,
        object: &str,
        call: Call,
    ) -> Result<GatewayState, GatewayError> {
        match self.perform(key, &call).await {
            Ok((Object::Payment(record) | Object::Session(record), _)) => Ok(self.state(&record)),
            Ok(_) => Err(no_answer()),
            // What it is says what follows.
            Err(GatewayError::Refused { code, .. })
                if code == "payment_intent_unexpected_state" =>
            {
                self.read(object).await
            }
            Err(error) => Err(error),
        }
    }
}

fn phase(record: &Record) -> Phase {
    match record.status {
        Status::RequiresPaymentMethod if record.failure.is_some() => Phase::Failed,
        Status::RequiresPaymentMethod | Status::RequiresAction => Phase::AwaitingBuyer,
        Status::Processing => Phase::Processing,
        Status::RequiresCapture => Phase::Authorised,
        Status::Succeeded => Phase::Captured,
        Status::Canceled => Phase::Cancelled,
    }
}

fn refund_state(refund: &RefundRecord) -> RefundAtGateway {
    RefundAtGateway {
        object: refund.id.clone(),
        phase: RefundPhase::Done,
        amount: refund.amount,
        currency: refund.currency,
        failure: None,
    }
}

fn no_answer() -> GatewayError {
    GatewayError::Unknown("the simulated gateway did not answer".to_owned())
}

fn refusal(problem: Problem) -> GatewayError {
    match problem.status {
        429 => GatewayError::Unavailable {
            retry_after_ms: Some(1_000),
            why: problem.message,
        },
        500.. => GatewayError::Unknown(problem.message),
        _ => {
            let code = [problem.code, problem.kind]
                .into_iter()
                .find(|word| !word.is_empty());
            GatewayError::refused(code.unwrap_or("refused"), problem.message)
        }
    }
}

#[async_trait]
impl Gateway for Simulated {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn methods(&self) -> &[Method] {
        &methods::METHODS
    }

    async fn create(&self, order: &CreateOrder<'_>) -> Result<GatewayState, GatewayError> {
        let (course, holds) = methods::course(order.method).ok_or_else(|| {
            let said = format!("method {:?}: expected one of the simulation", order.method);
            GatewayError::refused("method", said)
        })?;
        let call = Call::Create(Box::new(New {
            amount: order.amount,
            currency: order.currency,
            method: order.method.to_owned(),
            holds,
            course,
            metadata: BTreeMap::from([
                ("payment".to_owned(), order.payment.to_string()),
                ("booking".to_owned(), order.booking.to_string()),
                ("tenant".to_owned(), order.tenant.to_string()),
            ]),
            expires_at_ms: order.expires_at_ms,
            email: None,
            page: None,
        }));
        match self.perform(Some(order.key), &call).await? {
            (Object::Payment(record), is_replayed) => {
                if record.method == methods::SILENT && !is_replayed {
                    return Err(no_answer());
                }
                Ok(self.state(&record))
            }
            _ => Err(no_answer()),
        }
    }

    async fn read(&self, object: &str) -> Result<GatewayState, GatewayError> {
        self.look(|machine| {
            let record = machine.payment(object);
            let record = record.ok_or_else(|| Problem::missing("payment_intent", object))?;
            Ok(GatewayState {
                object: object.to_owned(),
                ..self.state(record)
            })
        })
        .await
    }

    async fn find(
        &self,
        payment: Uuid,
        created_from_ms: u64,
    ) -> Result<Option<GatewayState>, GatewayError> {
        let from_ms = created_from_ms.saturating_sub(CLOCKS_MS);
        let times = from_ms..=from_ms.saturating_add(FIND_WITHIN_MS);
        self.look(|machine| {
            let found = machine
                .payments_before(None)
                .take_while(|record| record.created_ms >= *times.start())
                .filter(|record| times.contains(&record.created_ms))
                .find(|record| record.payment() == Some(payment));
            Ok(found.map(|record| self.state(record)))
        })
        .await
    }

    async fn capture(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<GatewayState, GatewayError> {
        let call = Call::Capture {
            id: object.to_owned(),
            amount: Some(amount),
        };
        let state = self.payment(Some(key), object, call).await?;
        match state.phase {
            Phase::Captured | Phase::Cancelled => Ok(state),
            _ => Err(GatewayError::refused("not_paid", "nothing is set aside")),
        }
    }

    async fn cancel(&self, object: &str) -> Result<GatewayState, GatewayError> {
        let call = Call::Cancel {
            id: object.to_owned(),
        };
        self.payment(None, object, call).await
    }

    async fn refund(
        &self,
        object: &str,
        key: &str,
        amount: i64,
    ) -> Result<RefundAtGateway, GatewayError> {
        let earlier = self.look(|machine| {
            let refund = machine
                .refunds_of(object)
                .find(|refund| refund.metadata.get("key").map(String::as_str) == Some(key));
            Ok(refund.map(refund_state))
        });
        if let Some(refund) = earlier.await? {
            return Ok(refund);
        }
        let call = Call::Refund {
            id: object.to_owned(),
            amount: Some(amount),
            metadata: BTreeMap::from([("key".to_owned(), key.to_owned())]),
            has_email: false,
        };
        match self.perform(Some(key), &call).await? {
            (Object::Refund(refund), _) => Ok(refund_state(&refund)),
            _ => Err(no_answer()),
        }
    }

    async fn read_refund(&self, refund: &str) -> Result<RefundAtGateway, GatewayError> {
        self.look(|machine| {
            let found = machine.refund_of_id(refund).map(refund_state);
            found.ok_or_else(|| Problem::missing("refund", refund))
        })
        .await
    }

    async fn read_dispute(&self, dispute: &str) -> Result<DisputeAtGateway, GatewayError> {
        self.look(|machine| {
            let found = machine.dispute_of_id(dispute);
            let found = found.ok_or_else(|| Problem::missing("dispute", dispute))?;
            Ok(DisputeAtGateway {
                object: found.id.clone(),
                payment_object: Some(found.of.clone()),
                amount: found.amount,
                currency: found.currency,
                reason: "fraudulent".to_owned(),
                status: "needs_response".to_owned(),
                due_at_ms: Some(found.due_at_ms()),
            })
        })
        .await
    }

    async fn page(&self, created_from_ms: u64, after: Option<&str>) -> Result<Page, GatewayError> {
        self.look(|machine| {
            let mut records = machine
                .payments_before(after)
                .take_while(|record| record.created_ms >= created_from_ms)
                .peekable();
            let items: Vec<_> = records
                .by_ref()
                .take(PAGE)
                .map(|record| PageItem {
                    state: self.state(record),
                    payment: record.payment(),
                    created_at_ms: record.created_ms,
                })
                .collect();
            let last = items.last().map(|item| item.state.object.clone());
            Ok(Page {
                next: last.filter(|_| records.peek().is_some()),
                items,
            })
        })
        .await
    }

    fn verify_webhook(
        &self,
        _headers: &HeaderMap,
        _body: &[u8],
        _now_ms: u64,
    ) -> Result<Notice, WebhookError> {
        Err(WebhookError::NotSent)
    }
}
