//! The simulation's objects as Stripe spells them.

use onsale_private::Private;
use serde_json::{Value, json};

use super::form::Fields;
use crate::gateway::simulated::{
    DisputeRecord, Event, Object, Problem, Record, RefundRecord, Status,
};
use crate::gateway::stripe::VERSION;

/// Renders objects; addresses are below its base.
pub(super) struct Renderer<'a> {
    pub(super) base: &'a str,
    pub(super) fields: &'a Fields,
}

impl Renderer<'_> {
    pub(super) fn object(&self, object: &Object) -> Value {
        match object {
            Object::Payment(record) => self.intent(record, "latest_charge"),
            Object::Session(record) => self.session(record),
            Object::Refund(refund) => self::refund(refund),
            Object::Dispute(dispute) => self::dispute(dispute),
        }
    }

    pub(super) fn list(&self, url: &str, data: Vec<Value>, has_more: bool) -> Value {
        json!({ "object": "list", "url": url, "data": data, "has_more": has_more })
    }

    /// An intent; `charge` is what the form has to expand for its charge to be given in full.
    pub(super) fn intent(&self, record: &Record, charge: &str) -> Value {
        let capture_method = if record.holds {
            "manual"
        } else {
            "automatic_async"
        };
        json!({
            "id": record.id,
            "object": "payment_intent",
            "amount": record.amount,
            "amount_capturable": record.capturable(),
            "amount_received": record.received,
            "cancellation_reason": record.cancelled_for,
            "capture_method": capture_method,
            "client_secret": format!("{}_secret_simulated", record.id),
            "created": record.created_ms / 1_000,
            "currency": code(record.currency.as_str()),
            "last_payment_error": record.failure.map(|failure| json!({
                "type": "card_error", "code": failure, "message": "The payment failed.",
            })),
            "latest_charge": self.charge(record, charge),
            "livemode": false,
            "metadata": record.metadata,
            "next_action": self.next_action(record),
            "payment_method_types": [record.method],
            "status": record.status.as_str(),
        })
    }

    fn charge(&self, record: &Record, expanded_as: &str) -> Value {
        if !matches!(record.status, Status::RequiresCapture | Status::Succeeded) {
            return Value::Null;
        }
        let id = record.id.replacen("pi_", "ch_", 1);
        if !self.fields.expands(expanded_as) {
            return id.into();
        }
        json!({
            "id": id,
            "object": "charge",
            "amount": record.amount,
            "amount_captured": record.received,
            "amount_refunded": record.refunded,
            "billing_details": { "email": record.email.as_ref().map(Private::expose) },
            "captured": record.received > 0,
            "created": record.created_ms / 1_000,
            "currency": code(record.currency.as_str()),
            "paid": true,
            "payment_intent": record.id,
            "refunded": record.refunded == record.received && record.received > 0,
            "status": "succeeded",
        })
    }

    fn next_action(&self, record: &Record) -> Value {
        if record.status != Status::RequiresAction || record.method != "promptpay" {
            return Value::Null;
        }
        let page = format!("{}/pay/{}", self.base, record.id);
        json!({
            "type": "promptpay_display_qr_code",
            "promptpay_display_qr_code": {
                "data": format!("SIMULATED {} {} {}", record.amount, record.currency.as_str(), record.id),
                "hosted_instructions_url": page,
                "image_url_png": format!("{page}.png"),
                "image_url_svg": format!("{page}.svg"),
            },
        })
    }

    pub(super) fn session(&self, record: &Record) -> Value {
        let Some(session) = &record.session else {
            return Value::Null;
        };
        let intent = if !session.is_tried {
            Value::Null
        } else if self.fields.expands("payment_intent")
            || self.fields.expands("payment_intent.latest_charge")
        {
            self.intent(record, "payment_intent.latest_charge")
        } else {
            record.id.clone().into()
        };
        let is_open = session.status.as_str() == "open";
        let url = is_open.then(|| format!("{}/pay/{}", self.base, session.id));
        json!({
            "id": session.id,
            "object": "checkout.session",
            "amount_total": record.amount,
            "cancel_url": session.cancel_url,
            "created": record.created_ms / 1_000,
            "currency": code(record.currency.as_str()),
            "expires_at": session.expires_at_s,
            "livemode": false,
            "metadata": session.metadata,
            "mode": "payment",
            "payment_intent": intent,
            "payment_method_types": [record.method],
            "payment_status": if record.received > 0 { "paid" } else { "unpaid" },
            "status": session.status.as_str(),
            "success_url": session.success_url,
            "url": url,
        })
    }

    /// An event, as a notice has it.
    pub(super) fn event(&self, event: &Event) -> Value {
        json!({
            "id": event.id,
            "object": "event",
            "api_version": VERSION,
            "created": event.created_ms / 1_000,
            "data": { "object": self.object(&event.object) },
            "livemode": false,
            "type": event.kind,
        })
    }
}

pub(super) fn refund(refund: &RefundRecord) -> Value {
    json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "created": refund.created_ms / 1_000,
        "currency": code(refund.currency.as_str()),
        "metadata": refund.metadata,
        "payment_intent": refund.of,
        "status": "succeeded",
    })
}

pub(super) fn dispute(dispute: &DisputeRecord) -> Value {
    json!({
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "created": dispute.created_ms / 1_000,
        "currency": code(dispute.currency.as_str()),
        "evidence_details": { "due_by": dispute.due_at_ms() / 1_000 },
        "payment_intent": dispute.of,
        "reason": "fraudulent",
        "status": "needs_response",
    })
}

pub(super) fn problem(problem: &Problem) -> Value {
    let code = Some(problem.code).filter(|code| !code.is_empty());
    json!({ "error": { "type": problem.kind, "code": code, "message": problem.message } })
}

fn code(text: &str) -> String {
    text.to_ascii_lowercase()
}
