//! What requests of Stripe's interface ask of the simulation.

use onsale_private::Private;

use super::Options;
use super::form::Fields;
use crate::gateway::simulated::random::{befalls, number};
use crate::gateway::simulated::{Call, Course, New, NewPage, Problem};

/// The shortest and the longest life of a Checkout session, in seconds.
const SESSION_S: (u64, u64) = (1_800, 86_400);
const BUYERS: u64 = 200;

/// The call of a POST; `count` tells payments apart, for how their buyers behave.
pub(super) fn call(
    path: &[&str],
    fields: &Fields,
    options: &Options,
    (count, now_ms): (u64, u64),
) -> Result<Call, Problem> {
    let course = || course(options, count);
    match path {
        ["checkout", "sessions"] => session(fields, course(), now_ms),
        ["checkout", "sessions", session, "expire"] => {
            fields.only(&[])?;
            let session = (*session).to_owned();
            Ok(Call::Expire { session })
        }
        ["payment_intents"] => intent(fields, course(), now_ms),
        ["payment_intents", id, "capture"] => {
            fields.only(&["amount_to_capture"])?;
            Ok(Call::Capture {
                id: (*id).to_owned(),
                amount: fields.number("amount_to_capture")?,
            })
        }
        ["payment_intents", id, "cancel"] => {
            fields.only(&["cancellation_reason"])?;
            let id = (*id).to_owned();
            Ok(Call::Cancel { id })
        }
        ["refunds"] => {
            fields.only(&[
                "payment_intent",
                "amount",
                "reason",
                "instructions_email",
                "metadata[*",
            ])?;
            Ok(Call::Refund {
                id: fields.needed("payment_intent")?.to_owned(),
                amount: fields.number("amount")?,
                metadata: fields.map("metadata"),
                has_email: fields
                    .get("instructions_email")
                    .is_some_and(|email| email.contains('@')),
            })
        }
        _ => Err(unknown(path)),
    }
}

pub(super) fn unknown(path: &[&str]) -> Problem {
    let said = format!("Unrecognized request URL (/v1/{})", path.join("/"));
    Problem {
        status: 404,
        ..Problem::invalid("", said)
    }
}

/// What becomes of a payment whose buyer nobody acts for.
fn course(options: &Options, count: u64) -> Course {
    let drawn = number(options.faults.seed, BUYERS, count);
    match options.buyers_pay_after_ms {
        None => Course::Buyer,
        Some(_) if befalls(drawn, options.buyers_decline) => Course::Declines,
        Some(_) if befalls(drawn / 1_000, options.buyers_leave) => Course::Buyer,
        Some(after_ms) => Course::Pays(after_ms),
    }
}

fn session(fields: &Fields, course: Course, now_ms: u64) -> Result<Call, Problem> {
    fields.only(&[
        "mode",
        "payment_method_types[0]",
        "payment_method_options[card][capture_method]",
        "payment_intent_data[capture_method]",
        "payment_intent_data[metadata][*",
        "line_items[0][quantity]",
        "line_items[0][price_data][currency]",
        "line_items[0][price_data][unit_amount]",
        "line_items[0][price_data][product_data][name]",
        "success_url",
        "cancel_url",
        "expires_at",
        "client_reference_id",
        "metadata[*",
    ])?;
    if fields.needed("mode")? != "payment" {
        return Err(Problem::invalid("", "mode: expected payment"));
    }
    let expires_at_s: u64 = fields
        .number("expires_at")?
        .unwrap_or(now_ms / 1_000 + SESSION_S.1);
    let lives_s = expires_at_s.saturating_sub(now_ms / 1_000);
    if !(SESSION_S.0..=SESSION_S.1).contains(&lives_s) {
        let said = "The expires_at timestamp must be from 30 minutes to 24 hours from now.";
        return Err(Problem::invalid("", said));
    }
    let quantity: i64 = number_of(fields, "line_items[0][quantity]")?;
    let each: i64 = number_of(fields, "line_items[0][price_data][unit_amount]")?;
    let method = fields.needed("payment_method_types[0]")?;
    Ok(Call::Create(Box::new(New {
        amount: quantity
            .checked_mul(each)
            .ok_or_else(|| Problem::invalid("amount_too_large", "the total is too large"))?,
        currency: currency(fields.needed("line_items[0][price_data][currency]")?)?,
        method: method.to_owned(),
        holds: method == "card"
            && fields.get("payment_method_options[card][capture_method]") == Some("manual"),
        course,
        metadata: fields.map("payment_intent_data[metadata]"),
        email: None,
        expires_at_ms: expires_at_s.saturating_mul(1_000),
        page: Some(NewPage {
            success_url: fields.needed("success_url")?.to_owned(),
            cancel_url: fields.get("cancel_url").unwrap_or_default().to_owned(),
            expires_at_s,
            metadata: fields.map("metadata"),
        }),
    })))
}

fn intent(fields: &Fields, course: Course, now_ms: u64) -> Result<Call, Problem> {
    fields.only(&[
        "amount",
        "currency",
        "capture_method",
        "payment_method_types[0]",
        "payment_method_data[type]",
        "payment_method_data[billing_details][email]",
        "confirm",
        "description",
        "return_url",
        "metadata[*",
    ])?;
    let method = fields.needed("payment_method_types[0]")?;
    if method != "promptpay" || fields.get("confirm") != Some("true") {
        let said = "the simulation makes intents of promptpay that are confirmed at once alone";
        return Err(Problem::invalid("", said));
    }
    let email = fields.needed("payment_method_data[billing_details][email]")?;
    let currency = currency(fields.needed("currency")?)?;
    if currency.as_str() != "THB" {
        let said = "The currency provided is invalid for this payment method: promptpay takes thb.";
        return Err(Problem::invalid("payment_intent_invalid_parameter", said));
    }
    Ok(Call::Create(Box::new(New {
        amount: number_of(fields, "amount")?,
        currency,
        method: method.to_owned(),
        holds: false,
        course,
        metadata: fields.map("metadata"),
        email: Some(Private::new(email)),
        expires_at_ms: now_ms,
        page: None,
    })))
}

fn number_of(fields: &Fields, name: &str) -> Result<i64, Problem> {
    fields.needed(name)?;
    Ok(fields.number(name)?.unwrap_or_default())
}

fn currency(text: &str) -> Result<onsale_schemas::command::Currency, Problem> {
    text.to_ascii_uppercase()
        .parse()
        .map_err(|_| Problem::invalid("", format!("Invalid currency: {text}")))
}
