//! What Stripe's objects mean.

use onsale_schemas::command::Currency;
use serde_json::json;
use uuid::Uuid;

use super::answers::{Dispute, Expandable, Intent, Metadata, NextAction, Refund, Session, word};
use crate::gateway::{
    DisputeAtGateway, GatewayError, GatewayState, PageItem, Phase, RefundAtGateway, RefundPhase,
};

/// Longest description of what a buyer has to do next, in bytes: what a row has room for.
const NEXT_ACTION_MAX_BYTES: usize = 8_192;
/// Longest id of an object, in bytes: what a row has room for.
const OBJECT_MAX_BYTES: usize = 255;

/// The payment that an object was made for.
pub(super) fn payment_of(metadata: &Metadata) -> Option<Uuid> {
    let text = metadata.as_ref()?.get("payment")?;
    Uuid::parse_str(text).ok()
}

pub(super) fn of_intent(intent: &Intent) -> Result<GatewayState, GatewayError> {
    let phase = match intent.status.as_str() {
        "requires_payment_method" if intent.last_payment_error.is_some() => Phase::Failed,
        "requires_payment_method" | "requires_confirmation" | "requires_action" => {
            Phase::AwaitingBuyer
        }
        "processing" => Phase::Processing,
        "requires_capture" => Phase::Authorised,
        "succeeded" => Phase::Captured,
        "canceled" => Phase::Cancelled,
        _ => return Err(unexpected("a payment intent of a status that is not known")),
    };
    let failure = match phase {
        Phase::Cancelled => intent.cancellation_reason.as_deref().and_then(word),
        Phase::AwaitingBuyer | Phase::Failed => intent
            .last_payment_error
            .as_ref()
            .map(super::answers::Problem::word),
        Phase::Processing | Phase::Authorised | Phase::Captured => None,
    };
    let next_action = match phase {
        Phase::AwaitingBuyer => intent.next_action.as_ref().and_then(next_action),
        _ => None,
    };
    Ok(GatewayState {
        object: id(&intent.id)?,
        phase,
        amount: intent.amount,
        currency: currency(&intent.currency)?,
        captured: intent.amount_received,
        refunded: refunded(intent),
        failure,
        next_action,
    })
}

fn refunded(intent: &Intent) -> i64 {
    let charge = intent.latest_charge.as_ref().and_then(Expandable::object);
    charge.map_or(0, |charge| charge.amount_refunded)
}

pub(super) fn of_session(session: &Session) -> Result<GatewayState, GatewayError> {
    let intent = match &session.payment_intent {
        None => None,
        Some(Expandable::Object(intent)) => Some(of_intent(intent)?),
        Some(Expandable::Id(_)) => {
            return Err(unexpected("a session whose payment intent is not in it"));
        }
    };
    let moved = intent.as_ref().filter(|intent| {
        matches!(
            intent.phase,
            Phase::Processing | Phase::Authorised | Phase::Captured
        )
    });
    let failure = intent.as_ref().and_then(|intent| intent.failure.clone());
    let (phase, next_action) = match (session.status.as_deref(), moved) {
        // Whatever the page says: the intent is the money.
        (_, Some(intent)) => (intent.phase, None),
        // A card that was declined leaves the page open for another.
        (Some("open"), None) => (Phase::AwaitingBuyer, redirect(session.url.as_deref())),
        (Some("expired"), None) => (Phase::Cancelled, None),
        (Some("complete"), None) => match &intent {
            Some(intent) => (intent.phase, None),
            None => return Err(unexpected("a complete session without a payment intent")),
        },
        _ => return Err(unexpected("a session of a status that is not known")),
    };
    let (Some(amount), Some(code)) = (session.amount_total, &session.currency) else {
        return Err(unexpected("a session without amount and currency"));
    };
    Ok(GatewayState {
        object: id(&session.id)?,
        phase,
        amount,
        currency: currency(code)?,
        captured: intent.as_ref().map_or(0, |intent| intent.captured),
        refunded: intent.as_ref().map_or(0, |intent| intent.refunded),
        failure,
        next_action,
    })
}

pub(super) fn of_refund(refund: &Refund) -> Result<RefundAtGateway, GatewayError> {
    let phase = match refund.status.as_deref() {
        Some("succeeded") => RefundPhase::Done,
        Some("failed" | "canceled") => RefundPhase::Failed,
        Some("pending" | "requires_action") => RefundPhase::Pending,
        _ => return Err(unexpected("a refund of a status that is not known")),
    };
    let failure = match phase {
        RefundPhase::Failed => refund.failure_reason.as_deref().and_then(word),
        RefundPhase::Pending | RefundPhase::Done => None,
    };
    Ok(RefundAtGateway {
        object: id(&refund.id)?,
        phase,
        amount: refund.amount,
        currency: currency(&refund.currency)?,
        failure,
    })
}

pub(super) fn of_dispute(dispute: &Dispute) -> Result<DisputeAtGateway, GatewayError> {
    let payment_object = dispute.payment_intent.as_ref().map(|intent| match intent {
        Expandable::Id(name) => name.clone(),
        Expandable::Object(named) => named.id.clone(),
    });
    Ok(DisputeAtGateway {
        object: id(&dispute.id)?,
        payment_object: payment_object.map(|name| id(&name)).transpose()?,
        amount: dispute.amount,
        currency: currency(&dispute.currency)?,
        reason: word(&dispute.reason).unwrap_or_else(|| "general".to_owned()),
        status: word(&dispute.status)
            .ok_or_else(|| unexpected("a dispute of a status that is no word"))?,
        due_at_ms: dispute
            .evidence_details
            .as_ref()
            .and_then(|details| Some(details.due_by?.saturating_mul(1_000))),
    })
}

pub(super) fn page_item(intent: &Intent) -> Result<PageItem, GatewayError> {
    Ok(PageItem {
        state: of_intent(intent)?,
        payment: payment_of(&intent.metadata),
        created_at_ms: intent.created.saturating_mul(1_000),
    })
}

fn next_action(action: &NextAction) -> Option<String> {
    let Some(code) = &action.promptpay_display_qr_code else {
        return redirect(action.redirect_to_url.as_ref()?.url.as_deref());
    };
    let full = json!({
        "kind": "qr",
        "data": code.data,
        "page_url": code.hosted_instructions_url,
        "image_url": code.image_url_svg,
    });
    let bare = json!({ "kind": "qr", "data": code.data });
    [full, bare]
        .iter()
        .map(serde_json::Value::to_string)
        .find(|text| text.len() <= NEXT_ACTION_MAX_BYTES)
}

fn redirect(url: Option<&str>) -> Option<String> {
    let url = url.filter(|url| url.starts_with("https://") || url.starts_with("http://"))?;
    let text = json!({ "kind": "redirect", "url": url }).to_string();
    (text.len() <= NEXT_ACTION_MAX_BYTES).then_some(text)
}

fn id(text: &str) -> Result<String, GatewayError> {
    let is_id = (1..=OBJECT_MAX_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_id {
        Ok(text.to_owned())
    } else {
        Err(unexpected("an object whose id is none"))
    }
}

fn currency(code: &str) -> Result<Currency, GatewayError> {
    code.to_ascii_uppercase()
        .parse()
        .map_err(|_| unexpected("an object whose currency is none"))
}

/// An answer that nothing follows from.
pub(super) fn unexpected(what: &str) -> GatewayError {
    GatewayError::Unknown(format!("Stripe answered with {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(status: &str, more: &str) -> serde_json::Value {
        let text = format!(
            r#"{{"id":"pi_1","status":"{status}","amount":100,"currency":"thb","created":1{more}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn each_status_of_an_intent_has_its_phase() {
        let error = r#","last_payment_error":{"code":"card_declined","decline_code":"lost_card"}"#;
        for (status, more, phase, failure) in [
            ("requires_payment_method", "", Phase::AwaitingBuyer, None),
            (
                "requires_payment_method",
                error,
                Phase::Failed,
                Some("lost_card"),
            ),
            ("requires_confirmation", "", Phase::AwaitingBuyer, None),
            ("requires_action", "", Phase::AwaitingBuyer, None),
            ("processing", error, Phase::Processing, None),
            ("requires_capture", "", Phase::Authorised, None),
            ("succeeded", error, Phase::Captured, None),
            (
                "canceled",
                r#","cancellation_reason":"expired""#,
                Phase::Cancelled,
                Some("expired"),
            ),
            (
                "canceled",
                r#","cancellation_reason":"No word""#,
                Phase::Cancelled,
                None,
            ),
        ] {
            let state = of_intent(&serde_json::from_value(intent(status, more)).unwrap()).unwrap();
            assert_eq!(
                (state.phase, state.failure.as_deref()),
                (phase, failure),
                "{status}"
            );
        }
        let new = serde_json::from_value(intent("partially_funded", "")).unwrap();
        assert!(matches!(of_intent(&new), Err(GatewayError::Unknown(_))));
    }

    #[test]
    fn a_session_is_what_its_intent_is_once_money_moves() {
        let declined = intent(
            "requires_payment_method",
            r#","last_payment_error":{"code":"card_declined"}"#,
        );
        for (status, intent, phase) in [
            ("open", None, Some(Phase::AwaitingBuyer)),
            ("open", Some(declined.clone()), Some(Phase::AwaitingBuyer)),
            (
                "open",
                Some(intent("processing", "")),
                Some(Phase::Processing),
            ),
            (
                "complete",
                Some(intent("requires_capture", "")),
                Some(Phase::Authorised),
            ),
            (
                "complete",
                Some(intent("succeeded", "")),
                Some(Phase::Captured),
            ),
            (
                "complete",
                Some(intent("canceled", "")),
                Some(Phase::Cancelled),
            ),
            ("complete", None, None),
            ("expired", None, Some(Phase::Cancelled)),
            ("expired", Some(declined), Some(Phase::Cancelled)),
            (
                "expired",
                Some(intent("succeeded", "")),
                Some(Phase::Captured),
            ),
            ("open", Some("pi_1".into()), None),
            ("other", None, None),
        ] {
            let session = json!({
                "id": "cs_1", "status": status, "amount_total": 100, "currency": "thb",
                "url": "https://pay.example.test/cs_1", "payment_intent": intent,
            });
            let state = of_session(&serde_json::from_value(session).unwrap());
            assert_eq!(
                state.as_ref().ok().map(|state| state.phase),
                phase,
                "{status}"
            );
            if let Ok(state) = state {
                let is_open = state.phase == Phase::AwaitingBuyer;
                assert_eq!(state.next_action.is_some(), is_open, "{status}");
                assert_eq!(state.object, "cs_1");
            }
        }
    }

    #[test]
    fn what_does_not_fit_into_a_row_is_left_out_or_not_taken() {
        let code = |data: usize, url: usize| NextAction {
            redirect_to_url: None,
            promptpay_display_qr_code: Some(super::super::answers::QrCode {
                data: "d".repeat(data),
                hosted_instructions_url: Some("u".repeat(url)),
                image_url_svg: None,
            }),
        };
        assert!(next_action(&code(100, 100)).unwrap().contains("page_url"));
        assert!(
            !next_action(&code(5_000, 5_000))
                .unwrap()
                .contains("page_url")
        );
        assert_eq!(next_action(&code(9_000, 1)), None);
        assert_eq!(
            redirect(Some(&format!("https://{}", "u".repeat(9_000)))),
            None
        );
        assert_eq!(redirect(Some("javascript:alert(1)")), None);
        for bad in ["", "pi 1", "pi/1", &"p".repeat(256)] {
            assert!(id(bad).is_err(), "{bad}");
        }
    }
}
