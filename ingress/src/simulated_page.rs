//! The page of a payment at the simulated gateway, on which its buyer passes a challenge or fails it. Where the gateway
//! is another one, there is no such page.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, Redirect};
use axum::routing::{get, post};

use crate::edge;
use crate::error::ApiError;
use crate::payments::SimulatedPayment;
use crate::state::AppState;

/// `/dev/gateway/{object}`. Who knows the object may act: it is as good as a bank's page for a payment of no money.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/dev/gateway/{object}", get(page))
        .route("/dev/gateway/{object}/approve", post(approve))
        .route("/dev/gateway/{object}/decline", post(decline))
}

async fn page(
    State(state): State<AppState>,
    Path(object): Path<String>,
) -> Result<Html<String>, ApiError> {
    match found(&state, &object) {
        Some(payment) => Ok(Html(rendered(&payment))),
        None => Err(edge::not_found().await),
    }
}

async fn approve(
    State(state): State<AppState>,
    Path(object): Path<String>,
) -> Result<Redirect, ApiError> {
    act(&state, &object, true).await
}

async fn decline(
    State(state): State<AppState>,
    Path(object): Path<String>,
) -> Result<Redirect, ApiError> {
    act(&state, &object, false).await
}

/// Does what the buyer has chosen, once, and shows what came of it.
async fn act(state: &AppState, object: &str, is_approved: bool) -> Result<Redirect, ApiError> {
    let Some(payment) = found(state, object) else {
        return Err(edge::not_found().await);
    };
    if let Ok(desk) = state.desk() {
        desk.pass_simulated(object, is_approved);
    }
    Ok(Redirect::to(&format!("/dev/gateway/{}", payment.object)))
}

fn found(state: &AppState, object: &str) -> Option<SimulatedPayment> {
    state.desk().ok()?.simulated(object)
}

/// Nothing in it comes from a client: the gateway has named the object and the method itself.
fn rendered(payment: &SimulatedPayment) -> String {
    let SimulatedPayment {
        object,
        amount,
        currency,
        method,
        status,
        can_be_paid,
    } = payment;
    let currency = currency.as_str();
    let choices = if *can_be_paid {
        format!(
            "<form method=\"post\" action=\"/dev/gateway/{object}/approve\"><button>Approve</button></form>\n\
             <form method=\"post\" action=\"/dev/gateway/{object}/decline\"><button>Decline</button></form>\n"
        )
    } else {
        String::new()
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Simulated gateway</title>\n</head>\n<body>\n<main>\n<h1>Simulated gateway</h1>\n\
         <p>No money moves here.</p>\n\
         <p>{amount} {currency} in its smallest unit, by {method}: <strong>{status}</strong></p>\n\
         {choices}</main>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_paid_can_be_approved_or_declined() {
        let payment = |can_be_paid| SimulatedPayment {
            object: "pi_sim1".to_owned(),
            amount: 5_000,
            currency: "THB".parse().unwrap(),
            method: "sim_card_challenge".to_owned(),
            status: "requires_action",
            can_be_paid,
        };
        let open = rendered(&payment(true));
        for part in [
            "action=\"/dev/gateway/pi_sim1/approve\"",
            "action=\"/dev/gateway/pi_sim1/decline\"",
            "5000 THB",
            "requires_action",
        ] {
            assert!(open.contains(part), "{part}: {open}");
        }
        assert!(!open.contains("<script"), "{open}");
        let over = rendered(&payment(false));
        assert!(!over.contains("<form"), "{over}");
    }
}
