//! What of a machine outlives a process.

use std::collections::{BTreeMap, HashSet};

use onsale_schemas::command::Currency;
use serde::{Deserialize, Serialize};

use super::{Faults, Machine, Step};
use crate::gateway::simulated::record::{
    Course, DisputeRecord, Object, Record, RefundRecord, Status,
};

/// Most payments that are saved, the newest; one has about 1 KiB with its keys.
pub const SAVED_MAX: usize = 5_000;
/// The form of what is saved.
const FORM: u32 = 1;
/// Why payments fail.
const FAILURES: [&str; 2] = ["card_declined", "payment_intent_authentication_failure"];
/// Why they are cancelled.
const CANCELLED_FOR: [&str; 2] = ["abandoned", "expired"];

/// What a machine holds, to be written down: its newest payments with their refunds, disputes, keys and what is due.
/// What was paid on a page, or with an address, is left out, and so are events that nobody has taken.
#[derive(Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    form: u32,
    payments: Vec<SavedPayment>,
    refunds: Vec<SavedRefund>,
    disputes: Vec<SavedDispute>,
    due: Vec<SavedStep>,
    keys: Vec<SavedKey>,
}

/// Why what was saved cannot be taken up.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is of another form.
    #[error("form: {0}; expected {FORM}")]
    Form(u32),
    /// It has more payments than are ever saved.
    #[error("payments: {0} of them; expected at most {SAVED_MAX}")]
    TooMany(usize),
    /// A word that no machine has written.
    #[error("{field}: {value:?}; expected {expected}")]
    Word {
        /// The field.
        field: &'static str,
        /// What stands there.
        value: String,
        /// What would be right.
        expected: String,
    },
}

#[derive(Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct SavedPayment {
    id: String,
    status: Status,
    amount: i64,
    currency: String,
    method: String,
    holds: bool,
    received: i64,
    refunded: i64,
    failure: Option<String>,
    cancelled_for: Option<String>,
    metadata: BTreeMap<String, String>,
    created_ms: u64,
    course: Course,
    expires_at_ms: u64,
}

#[derive(Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct SavedRefund {
    id: String,
    of: String,
    amount: i64,
    currency: String,
    metadata: BTreeMap<String, String>,
    created_ms: u64,
}

#[derive(Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct SavedDispute {
    id: String,
    of: String,
    amount: i64,
    currency: String,
    created_ms: u64,
}

#[derive(Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct SavedStep {
    at_ms: u64,
    of: String,
    step: Step,
}

/// A key with what was made or changed under it. What it was answered then follows from that; refusals are forgotten.
#[derive(Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct SavedKey {
    key: String,
    at_ms: u64,
    asked: [u8; 32],
    object: String,
}

impl Machine {
    /// What it holds, to be written down.
    pub fn saved(&self) -> Saved {
        let can_be_saved = |record: &&Record| record.session.is_none() && record.email.is_none();
        let mut kept: Vec<&Record> = self
            .payments()
            .rev()
            .filter(can_be_saved)
            .take(SAVED_MAX)
            .collect();
        kept.reverse();
        let ids: HashSet<&str> = kept.iter().map(|record| record.id.as_str()).collect();
        let disputes = self.disputes.values();
        let keys = self.keys.all().filter_map(|(key, at_ms, asked, answer)| {
            let (of, object) = match answer {
                Ok(Object::Payment(record) | Object::Session(record)) => (&record.id, &record.id),
                Ok(Object::Refund(refund)) => (&refund.of, &refund.id),
                Ok(Object::Dispute(_)) | Err(_) => return None,
            };
            ids.contains(of.as_str()).then(|| SavedKey {
                key: key.to_owned(),
                at_ms,
                asked,
                object: object.clone(),
            })
        });
        Saved {
            form: FORM,
            refunds: kept
                .iter()
                .flat_map(|record| self.refunds_of(&record.id))
                .map(SavedRefund::of)
                .collect(),
            disputes: disputes
                .filter(|dispute| ids.contains(dispute.of.as_str()))
                .map(SavedDispute::of)
                .collect(),
            due: self
                .due
                .iter()
                .filter(|(_, (of, _))| ids.contains(of.as_str()))
                .map(|((at_ms, _), (of, step))| SavedStep {
                    at_ms: *at_ms,
                    of: of.clone(),
                    step: step.clone(),
                })
                .collect(),
            keys: keys.collect(),
            payments: kept.into_iter().map(SavedPayment::of).collect(),
        }
    }

    /// A machine that holds what was saved. Its ids follow from the seed of `faults`, which has to be another one than
    /// any before: else they come again.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn restored(faults: Faults, saved: Saved) -> Result<Self, RestoreError> {
        if saved.form != FORM {
            return Err(RestoreError::Form(saved.form));
        }
        if saved.payments.len() > SAVED_MAX {
            return Err(RestoreError::TooMany(saved.payments.len()));
        }
        let mut machine = Self::new(faults);
        for payment in saved.payments {
            let record = payment.into_record(machine.order.len())?;
            machine.order.push(record.id.clone());
            machine.payments.insert(record.id.clone(), record);
        }
        for refund in saved.refunds {
            let refund = refund.into_record()?;
            let of = machine.refunds_of.entry(refund.of.clone()).or_default();
            of.push(refund.id.clone());
            machine.refunds.insert(refund.id.clone(), refund);
        }
        for dispute in saved.disputes {
            let dispute = dispute.into_record()?;
            machine.disputes.insert(dispute.id.clone(), dispute);
        }
        for due in saved.due {
            machine.later(due.at_ms, &due.of, due.step);
        }
        for key in saved.keys {
            if let Some(object) = machine.object(&key.object) {
                machine
                    .keys
                    .put_back(key.key, key.asked, Ok(object), key.at_ms);
            }
        }
        Ok(machine)
    }

    /// Grows with each change of what it holds.
    pub fn revision(&self) -> u64 {
        // Each change is told, and what is told has an id.
        self.ids
    }

    /// A payment or a refund as it is now.
    fn object(&self, id: &str) -> Option<Object> {
        let payment = self.payments.get(id).cloned().map(Object::Payment);
        payment.or_else(|| self.refunds.get(id).cloned().map(Object::Refund))
    }
}

impl SavedPayment {
    fn of(record: &Record) -> Self {
        Self {
            id: record.id.clone(),
            status: record.status,
            amount: record.amount,
            currency: record.currency.as_str().to_owned(),
            method: record.method.clone(),
            holds: record.holds,
            received: record.received,
            refunded: record.refunded,
            failure: record.failure.map(str::to_owned),
            cancelled_for: record.cancelled_for.map(str::to_owned),
            metadata: record.metadata.clone(),
            created_ms: record.created_ms,
            course: record.course,
            expires_at_ms: record.expires_at_ms,
        }
    }

    fn into_record(self, number: usize) -> Result<Record, RestoreError> {
        Ok(Record {
            id: self.id,
            number,
            session: None,
            status: self.status,
            amount: self.amount,
            currency: currency(self.currency)?,
            method: self.method,
            holds: self.holds,
            received: self.received,
            refunded: self.refunded,
            failure: word("failure", self.failure, &FAILURES)?,
            cancelled_for: word("cancelled_for", self.cancelled_for, &CANCELLED_FOR)?,
            metadata: self.metadata,
            email: None,
            created_ms: self.created_ms,
            course: self.course,
            expires_at_ms: self.expires_at_ms,
        })
    }
}

impl SavedRefund {
    fn of(refund: &RefundRecord) -> Self {
        Self {
            id: refund.id.clone(),
            of: refund.of.clone(),
            amount: refund.amount,
            currency: refund.currency.as_str().to_owned(),
            metadata: refund.metadata.clone(),
            created_ms: refund.created_ms,
        }
    }

    fn into_record(self) -> Result<RefundRecord, RestoreError> {
        Ok(RefundRecord {
            id: self.id,
            of: self.of,
            amount: self.amount,
            currency: currency(self.currency)?,
            metadata: self.metadata,
            created_ms: self.created_ms,
        })
    }
}

impl SavedDispute {
    fn of(dispute: &DisputeRecord) -> Self {
        Self {
            id: dispute.id.clone(),
            of: dispute.of.clone(),
            amount: dispute.amount,
            currency: dispute.currency.as_str().to_owned(),
            created_ms: dispute.created_ms,
        }
    }

    fn into_record(self) -> Result<DisputeRecord, RestoreError> {
        Ok(DisputeRecord {
            id: self.id,
            of: self.of,
            amount: self.amount,
            currency: currency(self.currency)?,
            created_ms: self.created_ms,
        })
    }
}

fn currency(code: String) -> Result<Currency, RestoreError> {
    code.parse().map_err(|_| RestoreError::Word {
        field: "currency",
        value: code,
        expected: "an ISO 4217 code, such as THB".to_owned(),
    })
}

/// One of the words that the machine uses.
fn word(
    field: &'static str,
    value: Option<String>,
    words: &[&'static str],
) -> Result<Option<&'static str>, RestoreError> {
    let Some(value) = value else { return Ok(None) };
    match words.iter().find(|word| **word == value) {
        Some(word) => Ok(Some(*word)),
        None => Err(RestoreError::Word {
            field,
            value,
            expected: format!("one of {}", words.join(", ")),
        }),
    }
}
