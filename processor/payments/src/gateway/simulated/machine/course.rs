//! What becomes of payments by themselves, and what buyers do.

use super::{Machine, New, Step};
use crate::gateway::simulated::record::{Act, Course, Record, SessionStatus, Status};

impl Machine {
    /// Begins what becomes of a payment by itself.
    pub(super) fn set_out(&mut self, id: &str, new: &New, now_ms: u64) {
        match new.course {
            Course::Buyer => {}
            Course::Pays(0) | Course::PaysButCannotBeTaken(0) | Course::PaysAndDisputes(0, _) => {
                self.pay(id, now_ms);
            }
            Course::Pays(after_ms)
            | Course::PaysButCannotBeTaken(after_ms)
            | Course::PaysAndDisputes(after_ms, _) => {
                self.later(now_ms.saturating_add(after_ms), id, Step::Pay);
            }
            Course::Processes(for_ms) => {
                self.begin(id, now_ms);
                self.later(now_ms.saturating_add(for_ms), id, Step::Pay);
            }
            Course::PaysLate(after_ms) => {
                self.begin(id, now_ms);
                let at_ms = new.expires_at_ms.max(now_ms).saturating_add(after_ms);
                self.later(at_ms, id, Step::Pay);
            }
            Course::Declines => self.decline(id, now_ms),
            Course::Challenges(for_ms) => {
                self.later(now_ms.saturating_add(for_ms), id, Step::Decline);
            }
        }
    }

    /// Lets something happen to a payment that the buyer can still pay.
    fn happen(&mut self, id: &str, change: impl FnOnce(&mut Record)) -> bool {
        let Some(record) = self.payments.get_mut(id) else {
            return false;
        };
        let is_over = record
            .session
            .as_ref()
            .is_some_and(|session| session.status == SessionStatus::Expired);
        let can_be_paid = matches!(
            record.status,
            Status::RequiresPaymentMethod | Status::RequiresAction | Status::Processing
        );
        if is_over || !can_be_paid {
            return false;
        }
        if let Some(session) = &mut record.session {
            session.is_tried = true;
        }
        change(record);
        true
    }

    pub(super) fn pay(&mut self, id: &str, now_ms: u64) {
        let is_paid = self.happen(id, |record| {
            record.failure = None;
            if record.holds {
                record.status = Status::RequiresCapture;
            } else {
                record.status = Status::Succeeded;
                record.received = record.amount;
            }
            if let Some(session) = &mut record.session {
                session.status = SessionStatus::Complete;
            }
        });
        let Some(record) = self.payments.get(id).filter(|_| is_paid) else {
            return;
        };
        let (holds, has_page) = (record.holds, record.session.is_some());
        if holds {
            self.tell(id, "payment_intent.amount_capturable_updated", now_ms);
        } else {
            self.came(id, now_ms);
        }
        if has_page {
            self.tell_session(id, "checkout.session.completed", now_ms);
        }
    }

    /// The money has come.
    pub(super) fn came(&mut self, id: &str, now_ms: u64) {
        self.tell(id, "payment_intent.succeeded", now_ms);
        let course = self.payments.get(id).map(|record| record.course);
        if let Some(Course::PaysAndDisputes(_, after_ms)) = course {
            self.later(now_ms.saturating_add(after_ms), id, Step::Dispute);
        }
    }

    pub(super) fn decline(&mut self, id: &str, now_ms: u64) {
        let is_declined = self.happen(id, |record| {
            record.status = Status::RequiresPaymentMethod;
            record.failure = Some(match record.course {
                Course::Challenges(_) => "payment_intent_authentication_failure",
                _ => "card_declined",
            });
        });
        if is_declined {
            self.tell(id, "payment_intent.payment_failed", now_ms);
        }
    }

    fn begin(&mut self, id: &str, now_ms: u64) {
        let is_begun = self.happen(id, |record| {
            record.status = Status::Processing;
            record.failure = None;
        });
        if is_begun {
            self.tell(id, "payment_intent.processing", now_ms);
        }
    }

    /// What a buyer does; `false` where there is nothing to be done any more.
    pub fn act(&mut self, object: &str, act: Act, now_ms: u64) -> bool {
        self.advance(now_ms);
        let Some(before) = self.payment(object).cloned() else {
            return false;
        };
        match act {
            Act::Pay => self.pay(&before.id, now_ms),
            Act::Fail => self.decline(&before.id, now_ms),
            Act::Begin => self.begin(&before.id, now_ms),
        }
        self.payment(object) != Some(&before)
    }
}
