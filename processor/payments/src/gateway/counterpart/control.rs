//! What tests ask the counterpart beside Stripe's interface: its books, and to act as a buyer or a bank.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::form::Fields;
use super::{Shared, json_answer, now_ms, render};
use crate::gateway::simulated::{Act, Faults, Record};

/// `GET /_books`: everything that it holds.
pub(super) async fn books(State(shared): State<Arc<Shared>>) -> Response {
    let mut machine = shared.machine.lock();
    machine.advance(now_ms());
    let payments: Vec<Value> = machine
        .payments()
        .map(|record| {
            let refunds = machine.refunds_of(&record.id).map(render::refund);
            payment(record, refunds.collect())
        })
        .collect();
    let keys = machine.key_count();
    drop(machine);
    let validated = shared.validator.as_ref().map(|validator| {
        let (asked, refusals) = validator.seen();
        json!({ "url": validator.url().as_str(), "asked": asked, "refusals": refusals })
    });
    let notices = &shared.notices;
    let books = json!({
        "payments": payments,
        "keys": keys,
        "notices": {
            "sent": notices.sent.load(Ordering::Relaxed),
            "taken": notices.taken.load(Ordering::Relaxed),
            "given_up": notices.given_up.load(Ordering::Relaxed),
        },
        "validated": validated,
    });
    json_answer(StatusCode::OK, &books)
}

fn payment(record: &Record, refunds: Vec<Value>) -> Value {
    let session = record.session.as_ref();
    let metadata = session.map_or(&record.metadata, |session| &session.metadata);
    json!({
        "object": record.object(),
        "intent": record.id,
        "session_status": session.map(|session| session.status.as_str()),
        "payment": metadata.get("payment"),
        "booking": metadata.get("booking"),
        "status": record.status.as_str(),
        "amount": record.amount,
        "currency": record.currency.as_str(),
        "capturable": record.capturable(),
        "received": record.received,
        "refunded": record.refunded,
        "refunds": refunds,
        "created_at_ms": record.created_ms,
    })
}

/// `POST /_buyer/{object}`, `act=pay|fail|begin`: 200, or 409 where nothing is to be done any more.
pub(super) async fn buyer(
    State(shared): State<Arc<Shared>>,
    Path(object): Path<String>,
    body: Bytes,
) -> Response {
    let fields = Fields::parse(&body).unwrap_or_default();
    let Some(act) = fields.get("act").and_then(act) else {
        return (
            StatusCode::BAD_REQUEST,
            "act: expected pay, fail or begin\n",
        )
            .into_response();
    };
    let is_done = shared.machine.lock().act(&object, act, now_ms());
    if is_done {
        StatusCode::OK.into_response()
    } else {
        (StatusCode::CONFLICT, "nothing is to be done any more\n").into_response()
    }
}

fn act(text: &str) -> Option<Act> {
    match text {
        "pay" => Some(Act::Pay),
        "fail" => Some(Act::Fail),
        "begin" => Some(Act::Begin),
        _ => None,
    }
}

/// `POST /_dispute/{object}`: 200 with the dispute, or 409 where nothing was paid.
pub(super) async fn dispute(
    State(shared): State<Arc<Shared>>,
    Path(object): Path<String>,
) -> Response {
    let disputed = shared.machine.lock().dispute(&object, now_ms());
    match disputed {
        Some(dispute) => json_answer(StatusCode::OK, &render::dispute(&dispute)),
        None => (StatusCode::CONFLICT, "nothing was paid\n").into_response(),
    }
}

/// `POST /_faults`, with fields of [`Faults`]: from now on these, those that are not named 0.
pub(super) async fn faults(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match read_faults(&body) {
        Ok(faults) => {
            shared.machine.lock().set_faults(faults);
            StatusCode::OK.into_response()
        }
        Err(said) => (StatusCode::BAD_REQUEST, format!("{said}\n")).into_response(),
    }
}

fn read_faults(body: &[u8]) -> Result<Faults, String> {
    let fields = Fields::parse(body).map_err(|problem| problem.message)?;
    let known = [
        "lost_calls",
        "lost_answers",
        "errors_before",
        "errors_after",
        "rate_limits",
        "notices_twice",
        "notices_late",
        "notices_lost",
    ];
    fields.only(&known).map_err(|problem| problem.message)?;
    let of = |name: &str| match fields.number::<u32>(name) {
        Ok(None) => Ok(0),
        Ok(Some(per_mille)) if per_mille <= 1_000 => Ok(per_mille),
        _ => Err(format!("{name}: expected 0 to 1000, of 1,000 calls")),
    };
    Ok(Faults {
        seed: 0,
        lost_calls: of("lost_calls")?,
        lost_answers: of("lost_answers")?,
        errors_before: of("errors_before")?,
        errors_after: of("errors_after")?,
        rate_limits: of("rate_limits")?,
        notices_twice: of("notices_twice")?,
        notices_late: of("notices_late")?,
        notices_lost: of("notices_lost")?,
    })
}

/// `GET /pay/{object}`: the page of a session, or of a QR code.
pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    Path(object): Path<String>,
) -> Response {
    let mut machine = shared.machine.lock();
    machine.advance(now_ms());
    let Some(record) = machine.payment(&object) else {
        return (StatusCode::NOT_FOUND, "there is no such payment\n").into_response();
    };
    let (amount, code) = (record.amount, record.currency.as_str());
    let page = format!(
        "<!doctype html><html lang=\"en\"><title>Simulated payment</title>\
         <h1>Simulated payment</h1><p>{amount} {code}, in the smallest unit. No money moves.</p>\
         <form method=\"post\">\
         <button name=\"act\" value=\"pay\">Pay</button> \
         <button name=\"act\" value=\"fail\">Use a card that is declined</button> \
         <button name=\"act\" value=\"leave\">Leave</button></form></html>"
    );
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

/// `POST /pay/{object}`: what the buyer chose there. Who has paid or leaves goes back to the shop.
pub(super) async fn choose(
    State(shared): State<Arc<Shared>>,
    Path(object): Path<String>,
    body: Bytes,
) -> Response {
    let fields = Fields::parse(&body).unwrap_or_default();
    let chosen = fields.get("act").unwrap_or("leave");
    let mut machine = shared.machine.lock();
    if let Some(act) = act(chosen) {
        machine.act(&object, act, now_ms());
    }
    let session = machine
        .payment(&object)
        .and_then(|record| record.session.as_ref());
    let back = match (session, chosen) {
        (Some(session), "pay") => session.success_url.clone(),
        (Some(session), "leave") => session.cancel_url.clone(),
        _ => format!("{}/pay/{object}", shared.base),
    };
    (StatusCode::SEE_OTHER, [(header::LOCATION, back)]).into_response()
}
