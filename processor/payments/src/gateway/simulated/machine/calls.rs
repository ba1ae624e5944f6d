//! What each call does, and when it is refused.

use std::collections::BTreeMap;

use super::{Machine, New, PAYMENTS_MAX, REFUNDS_MAX, Step};
use crate::gateway::simulated::keys::Answer;
use crate::gateway::simulated::record::{
    Course, DisputeRecord, Object, Problem, Record, RefundRecord, SessionOf, SessionStatus, Status,
};

impl Machine {
    pub(super) fn create(&mut self, new: &New, now_ms: u64) -> Answer {
        if self.payments.len() >= PAYMENTS_MAX {
            let said =
                format!("the simulated gateway holds {PAYMENTS_MAX} payments: start it anew");
            return Err(Problem {
                status: 429,
                ..Problem::invalid("rate_limit", said)
            });
        }
        if new.amount <= 0 {
            let said = format!("amount {}: expected 1 or more", new.amount);
            return Err(Problem::invalid("parameter_invalid_integer", said));
        }
        let id = self.new_id("pi");
        let session = match &new.page {
            None => None,
            Some(page) => {
                let session = self.new_id("cs");
                self.sessions.insert(session.clone(), id.clone());
                self.later(page.expires_at_s.saturating_mul(1_000), &id, Step::Close);
                Some(SessionOf {
                    id: session,
                    status: SessionStatus::Open,
                    expires_at_s: page.expires_at_s,
                    success_url: page.success_url.clone(),
                    cancel_url: page.cancel_url.clone(),
                    metadata: page.metadata.clone(),
                    is_tried: false,
                })
            }
        };
        let record = Record {
            id: id.clone(),
            number: self.order.len(),
            session,
            status: if new.page.is_some() {
                Status::RequiresPaymentMethod
            } else {
                Status::RequiresAction
            },
            amount: new.amount,
            currency: new.currency,
            method: new.method.clone(),
            holds: new.holds,
            received: 0,
            refunded: 0,
            failure: None,
            cancelled_for: None,
            metadata: new.metadata.clone(),
            email: new.email.clone(),
            created_ms: now_ms,
            course: new.course,
            expires_at_ms: new.expires_at_ms,
        };
        self.order.push(id.clone());
        self.payments.insert(id.clone(), record);
        if new.page.is_none() {
            self.tell(&id, "payment_intent.created", now_ms);
        }
        self.set_out(&id, new, now_ms);
        self.answer(&id)
    }

    fn answer(&self, id: &str) -> Answer {
        let record = self
            .payments
            .get(id)
            .ok_or_else(|| Problem::missing("payment_intent", id))?;
        Ok(if record.session.is_some() {
            Object::Session(record.clone())
        } else {
            Object::Payment(record.clone())
        })
    }

    pub(super) fn capture(&mut self, id: &str, amount: Option<i64>, now_ms: u64) -> Answer {
        let record = self
            .payments
            .get_mut(id)
            .ok_or_else(|| Problem::missing("payment_intent", id))?;
        if record.status != Status::RequiresCapture {
            return Err(unexpected_state(record, "captured"));
        }
        let amount = amount.unwrap_or(record.amount);
        if !(1..=record.amount).contains(&amount) {
            let said = format!(
                "amount_to_capture {amount}: expected 1 to {}",
                record.amount
            );
            return Err(Problem::invalid("amount_too_large", said));
        }
        if matches!(record.course, Course::PaysButCannotBeTaken(_)) {
            return Err(Problem::invalid(
                "charge_expired_for_capture",
                "The authorization of this charge cannot be captured any more.",
            ));
        }
        record.status = Status::Succeeded;
        record.received = amount;
        self.came(id, now_ms);
        self.payment_answer(id)
    }

    pub(super) fn cancel(&mut self, id: &str, now_ms: u64) -> Answer {
        let record = self
            .payments
            .get_mut(id)
            .ok_or_else(|| Problem::missing("payment_intent", id))?;
        let can_be = match record.status {
            Status::RequiresCapture => true,
            // The page of a session is closed instead.
            Status::RequiresPaymentMethod | Status::RequiresAction => record.session.is_none(),
            Status::Processing | Status::Succeeded | Status::Canceled => false,
        };
        if !can_be {
            return Err(unexpected_state(record, "canceled"));
        }
        record.status = Status::Canceled;
        record.cancelled_for = Some("abandoned");
        self.tell(id, "payment_intent.canceled", now_ms);
        self.payment_answer(id)
    }

    fn payment_answer(&self, id: &str) -> Answer {
        let record = self.payments.get(id);
        let record = record.ok_or_else(|| Problem::missing("payment_intent", id))?;
        Ok(Object::Payment(record.clone()))
    }

    pub(super) fn close(&mut self, id: &str, now_ms: u64) -> Answer {
        let record = self
            .payments
            .get_mut(id)
            .ok_or_else(|| Problem::missing("payment_intent", id))?;
        let is_processed = record.status == Status::Processing;
        match &mut record.session {
            Some(session) if session.status == SessionStatus::Open && !is_processed => {
                session.status = SessionStatus::Expired;
            }
            _ => {
                let said = "Only Checkout Sessions with a status in [\"open\"] can be expired.";
                return Err(Problem::invalid("", said));
            }
        }
        record.status = Status::Canceled;
        record.cancelled_for = Some("expired");
        self.tell_session(id, "checkout.session.expired", now_ms);
        self.answer(id)
    }

    pub(super) fn refund(
        &mut self,
        id: &str,
        amount: Option<i64>,
        (metadata, has_email): (&BTreeMap<String, String>, bool),
        now_ms: u64,
    ) -> Answer {
        let record = self
            .payments
            .get(id)
            .ok_or_else(|| Problem::missing("payment_intent", id))?;
        if record.status != Status::Succeeded {
            return Err(unexpected_state(record, "refunded"));
        }
        if record.method == "promptpay" && !has_email {
            let said = "Missing required param: instructions_email.";
            return Err(Problem::invalid("parameter_missing", said));
        }
        let rest = record.received - record.refunded;
        let (amount, currency) = (amount.unwrap_or(rest), record.currency);
        if rest == 0 {
            return Err(Problem::invalid(
                "charge_already_refunded",
                "The charge has already been refunded.",
            ));
        }
        if !(1..=rest).contains(&amount) {
            let said = format!("amount {amount}: expected 1 to the {rest} that are left");
            return Err(Problem::invalid("amount_too_large", said));
        }
        if self
            .refunds_of
            .get(id)
            .is_some_and(|of| of.len() >= REFUNDS_MAX)
        {
            let said = format!("{REFUNDS_MAX} refunds are the most of one payment");
            return Err(Problem::invalid("", said));
        }
        let refund = RefundRecord {
            id: self.new_id("re"),
            of: id.to_owned(),
            amount,
            currency,
            metadata: metadata.clone(),
            created_ms: now_ms,
        };
        self.refunds.insert(refund.id.clone(), refund.clone());
        let of = self.refunds_of.entry(id.to_owned()).or_default();
        of.push(refund.id.clone());
        if let Some(record) = self.payments.get_mut(id) {
            record.refunded += amount;
        }
        self.push("refund.created", Object::Refund(refund.clone()), now_ms);
        Ok(Object::Refund(refund))
    }

    /// Lets a bank take back what was paid. `None` where nothing was.
    pub fn dispute(&mut self, object: &str, now_ms: u64) -> Option<DisputeRecord> {
        let record = self.payment(object)?;
        if record.status != Status::Succeeded {
            return None;
        }
        let (of, amount, currency) = (record.id.clone(), record.received, record.currency);
        let dispute = DisputeRecord {
            id: self.new_id("du"),
            of,
            amount,
            currency,
            created_ms: now_ms,
        };
        self.disputes.insert(dispute.id.clone(), dispute.clone());
        let object = Object::Dispute(dispute.clone());
        self.push("charge.dispute.created", object, now_ms);
        Some(dispute)
    }
}

fn unexpected_state(record: &Record, what: &str) -> Problem {
    let status = record.status.as_str();
    Problem::invalid(
        "payment_intent_unexpected_state",
        format!("This PaymentIntent could not be {what} because it has a status of {status}."),
    )
}
