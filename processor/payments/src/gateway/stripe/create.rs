//! How a payment is made at Stripe: by card as a Checkout session, by PromptPay as a payment intent.

use super::client::Form;
use super::methods::{CARD, PROMPTPAY};
use crate::gateway::{CreateOrder, GatewayError};

/// A Checkout session lives for at least 30 minutes after it was made. It is made before the payment is given
/// up, so this long after that is always long enough; the saga expires it when its time is over.
const SESSION_AFTER_S: u64 = 1_800;
/// Longest name of what is sold, in characters.
const TITLE_MAX: usize = 250;

/// Which of Stripe's objects a payment is made as, with its form.
pub(super) enum Made {
    Session(Form),
    Intent(Form),
}

pub(super) fn made(order: &CreateOrder<'_>) -> Result<Made, GatewayError> {
    if order.amount <= 0 {
        let said = format!("amount {}: expected 1 or more", order.amount);
        return Err(GatewayError::refused("amount", said));
    }
    match order.method {
        CARD => Ok(Made::Session(session(order))),
        PROMPTPAY => intent(order).map(Made::Intent),
        other => {
            let said = format!("method {other:?}: expected card or promptpay");
            Err(GatewayError::refused("method", said))
        }
    }
}

fn session(order: &CreateOrder<'_>) -> Form {
    let expires_at_s = order.expires_at_ms.div_ceil(1_000) + SESSION_AFTER_S;
    let form = Form::default()
        .set("mode", "payment")
        .set("payment_method_types[0]", CARD)
        .set("payment_method_options[card][capture_method]", "manual")
        .set("payment_intent_data[capture_method]", "automatic_async")
        .set("line_items[0][quantity]", "1")
        .set("line_items[0][price_data][currency]", currency(order))
        .set(
            "line_items[0][price_data][unit_amount]",
            order.amount.to_string(),
        )
        .set(
            "line_items[0][price_data][product_data][name]",
            title(order.title),
        )
        .set("success_url", order.return_url)
        .set("cancel_url", order.return_url)
        .set("expires_at", expires_at_s.to_string())
        .set("client_reference_id", order.payment.to_string());
    let form = metadata(form, "metadata", order);
    // The intent has it too: it is what is listed and what most notices are about.
    let form = metadata(form, "payment_intent_data[metadata]", order);
    form.set("expand[]", "payment_intent.latest_charge")
}

fn intent(order: &CreateOrder<'_>) -> Result<Form, GatewayError> {
    let email = order.email.ok_or_else(|| {
        GatewayError::refused("email", "email: promptpay needs the buyer's address")
    })?;
    let form = Form::default()
        .set("amount", order.amount.to_string())
        .set("currency", currency(order))
        .set("capture_method", "automatic_async")
        .set("payment_method_types[0]", PROMPTPAY)
        .set("payment_method_data[type]", PROMPTPAY)
        .set(
            "payment_method_data[billing_details][email]",
            email.expose(),
        )
        .set("confirm", "true")
        .set("description", title(order.title))
        .set("return_url", order.return_url);
    let form = metadata(form, "metadata", order);
    Ok(form.set("expand[]", "latest_charge"))
}

fn metadata(form: Form, of: &str, order: &CreateOrder<'_>) -> Form {
    form.set(format!("{of}[payment]"), order.payment.to_string())
        .set(format!("{of}[booking]"), order.booking.to_string())
        .set(format!("{of}[tenant]"), order.tenant.to_string())
}

fn currency(order: &CreateOrder<'_>) -> String {
    order.currency.as_str().to_ascii_lowercase()
}

fn title(text: &str) -> String {
    let text: String = text.chars().take(TITLE_MAX).collect();
    // Stripe takes no empty name.
    if text.trim().is_empty() {
        return "Tickets".to_owned();
    }
    text
}
