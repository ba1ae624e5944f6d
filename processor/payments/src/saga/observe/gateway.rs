//! What the gateway has of a payment.

use onsale_store::payment::{NEXT_ACTION_MAX_BYTES, OBJECT_MAX_BYTES, Payment, PaymentState};

use super::log::goes_back;
use super::{Look, Observed, moved, word};
use crate::saga::pace::poll_at_ms;
use crate::saga::{GatewayState, Phase, books};

/// What a payment is after its object was read.
pub(super) fn observe(look: &Look<'_>, state: &GatewayState) -> Observed {
    let payment = look.payment;
    let is_another = payment
        .object
        .as_ref()
        .is_some_and(|object| *object != state.object);
    // Another object is not this payment's; comparing all that the gateway has with all payments finds it. One whose
    // name does not fit cannot be asked for again.
    if is_another || state.object.len() > OBJECT_MAX_BYTES || state.object.is_empty() {
        return None;
    }
    match payment.state {
        PaymentState::Pending | PaymentState::AwaitingBuyer | PaymentState::Processing => {
            before_money(look, state)
        }
        PaymentState::Cancelling => cancelling(look, state),
        PaymentState::Authorised => authorised(look, state),
        PaymentState::Capturing => capturing(look, state),
        PaymentState::Refunding => refunding(look, state),
        PaymentState::Failed | PaymentState::TimedOut => over(look, state),
        // The log's answer is waited for, or nothing more is due.
        PaymentState::Paid
        | PaymentState::CaptureFailed
        | PaymentState::Succeeded
        | PaymentState::Refunded
        | PaymentState::NeedsOperator => None,
    }
}

/// Why what is at the gateway is not what is to be paid.
fn mismatch(payment: &Payment, state: &GatewayState) -> Option<&'static str> {
    let is_other_sum = state.amount != payment.amount
        || (state.phase == Phase::Captured && state.captured != payment.amount);
    if state.currency != payment.currency {
        Some("currency_mismatch")
    } else if is_other_sum {
        Some("amount_mismatch")
    } else if state.refunded > 0 {
        // Somebody has given it back at the gateway.
        Some("refunded_at_gateway")
    } else {
        None
    }
}

/// Waits for the buyer or a bank.
fn before_money(look: &Look<'_>, state: &GatewayState) -> Observed {
    let payment = look.payment;
    if state.phase == Phase::Captured {
        return money(look, state);
    }
    let failure = match state.phase {
        Phase::Cancelled => return cancelled(look, state),
        Phase::Failed => Some(said(state, "declined")),
        _ => mismatch(payment, state).map(str::to_owned),
    };
    let is_to_end = failure.is_some()
        || payment.cancel_asked_at_ms.is_some()
        || (state.phase != Phase::Authorised && look.is_late());
    if is_to_end {
        let why = failure.clone().unwrap_or_else(|| "given up".to_owned());
        let mut row = look.row_in(PaymentState::Cancelling);
        row.object = Some(state.object.clone());
        row.failure = failure;
        return moved(row, &format!("taken back: {why}"), None, None);
    }
    match state.phase {
        Phase::Authorised => {
            let mut row = look.row_in(PaymentState::Authorised);
            row.object = Some(state.object.clone());
            moved(row, "the money is set aside", None, None)
        }
        Phase::Processing => waits(look, state, PaymentState::Processing),
        _ => waits(look, state, PaymentState::AwaitingBuyer),
    }
}

/// Nothing is to be done but to look again later.
fn waits(look: &Look<'_>, state: &GatewayState, becomes: PaymentState) -> Observed {
    let payment = look.payment;
    let next_action = state
        .next_action
        .clone()
        .filter(|next| becomes == PaymentState::AwaitingBuyer && fits(next));
    let is_same = payment.state == becomes && payment.next_action == next_action;
    let is_early = payment.wake_at_ms.is_some_and(|at| look.now_ms < at);
    if is_same && payment.tries == 0 && is_early {
        return None;
    }
    let mut row = look.row_in(becomes);
    row.object = Some(state.object.clone());
    row.next_action = next_action;
    row.wake_at_ms = Some(poll_at_ms(&row, look.terms, look.now_ms));
    let why = match becomes {
        _ if is_same => "nothing new at the gateway",
        PaymentState::Processing => "the gateway works on it",
        _ => "the buyer is asked",
    };
    moved(row, why, None, None)
}

fn fits(next_action: &str) -> bool {
    next_action.len() <= NEXT_ACTION_MAX_BYTES
}

fn said(state: &GatewayState, otherwise: &str) -> String {
    word(state.failure.as_deref().unwrap_or(otherwise))
}

/// Money has come before the sale: the log is asked for it, or it goes back.
fn money(look: &Look<'_>, state: &GatewayState) -> Observed {
    let payment = look.payment;
    let mut row = look.row_in(PaymentState::Paid);
    row.object = Some(state.object.clone());
    row.captured = state.captured.max(0);
    let Some(failure) = mismatch(payment, state) else {
        row.failure = None;
        let posting = books::paid(payment, row.captured);
        return moved(row, "the money has come", posting, None);
    };
    row.failure = Some(failure.to_owned());
    let posting = posted(&row, state, books::paid(payment, row.captured));
    let row = goes_back(look, &row);
    let why = format!("money that buys nothing: {failure}");
    moved(row, &why, posting, Some("payment.failed"))
}

/// An entry of the books, which are kept in the payment's currency; money in another one has no place in them.
fn posted(
    payment: &Payment,
    state: &GatewayState,
    posting: Option<onsale_store::payment::Posting>,
) -> Option<onsale_store::payment::Posting> {
    posting.filter(|_| state.currency == payment.currency)
}

/// It was taken back, or its time was over at the gateway.
fn cancelled(look: &Look<'_>, state: &GatewayState) -> Observed {
    let mut row = look.row();
    row.object = Some(state.object.clone());
    if row.failure.is_none() && row.cancel_asked_at_ms.is_none() && !look.is_late() {
        row.failure = Some(said(state, "cancelled"));
    }
    let look = Look {
        payment: &row,
        ..*look
    };
    look.over("taken back at the gateway")
}

/// It is being taken back.
fn cancelling(look: &Look<'_>, state: &GatewayState) -> Observed {
    match state.phase {
        Phase::Captured => money(look, state),
        Phase::Cancelled => look.over("taken back at the gateway"),
        // Not over: with some gateways a buyer may try again what has failed, until it is taken back.
        _ => look.failed_again(look.row(), None, "not yet taken back at the gateway"),
    }
}

/// The log is asked. What was set aside and is gone shows when it is to be taken.
fn authorised(look: &Look<'_>, state: &GatewayState) -> Observed {
    let payment = look.payment;
    if state.phase != Phase::Captured {
        return None;
    }
    if mismatch(payment, state).is_none() {
        return money(look, state);
    }
    // The sale may be in the log already.
    to_operator(look, state)
}

/// The money that was set aside is to be taken; the booking is sold.
fn capturing(look: &Look<'_>, state: &GatewayState) -> Observed {
    let payment = look.payment;
    match state.phase {
        Phase::Captured if mismatch(payment, state).is_none() => {
            let mut row = look.row_in(PaymentState::Succeeded);
            row.captured = state.captured;
            row.failure = None;
            row.wake_at_ms = None;
            let posting = books::captured(payment, state.captured);
            moved(row, "the money is taken", posting, Some("payment.success"))
        }
        Phase::Captured => to_operator(look, state),
        Phase::Cancelled => {
            let mut row = look.row_in(PaymentState::CaptureFailed);
            row.failure
                .get_or_insert_with(|| said(state, "capture_failed"));
            row.deadline_ms = look.now_ms.saturating_add(look.terms.capture_grace_ms);
            row.wake_at_ms = Some(row.deadline_ms);
            let why = "sold, and the money could not be taken";
            moved(row, why, None, Some("payment.failed"))
        }
        Phase::Failed if payment.failure.is_none() => {
            let mut row = look.row_in(PaymentState::Capturing);
            row.failure = Some(said(state, "capture_failed"));
            moved(row, "the money could not be taken", None, None)
        }
        _ => look.failed_again(look.row(), None, "the money is not taken yet"),
    }
}

fn to_operator(look: &Look<'_>, state: &GatewayState) -> Observed {
    let mut row = look.row_in(PaymentState::NeedsOperator);
    let failure = mismatch(look.payment, state).unwrap_or("amount_mismatch");
    row.failure = Some(failure.to_owned());
    row.captured = state.captured.max(0);
    row.wake_at_ms = None;
    let posting = posted(&row, state, books::paid(look.payment, row.captured));
    moved(
        row,
        &format!("a person has to look at it: {failure}"),
        posting,
        None,
    )
}

/// What has come is to go back.
fn refunding(look: &Look<'_>, state: &GatewayState) -> Observed {
    let payment = look.payment;
    if state.refunded < payment.captured {
        let why = "the money has not gone back yet";
        return look.failed_again(look.row(), None, why);
    }
    let mut row = look.row_in(PaymentState::Refunded);
    let gone = payment.captured.saturating_sub(payment.refunded);
    row.refunded = payment.captured;
    row.wake_at_ms = None;
    let posting = posted(&row, state, books::gone_back(payment, gone));
    moved(
        row,
        "the money went back",
        posting,
        Some("payment.refunded"),
    )
}

/// It was over, and something is at the gateway all the same.
fn over(look: &Look<'_>, state: &GatewayState) -> Observed {
    let payment = look.payment;
    let is_woken = payment.wake_at_ms.is_some();
    match state.phase {
        Phase::Captured if payment.captured == 0 && state.captured > 0 => {
            let mut row = look.row();
            row.object = Some(state.object.clone());
            row.captured = state.captured;
            let posting = posted(&row, state, books::paid(payment, row.captured));
            let row = goes_back(look, &row);
            moved(row, "money has come too late", posting, None)
        }
        Phase::Captured | Phase::Cancelled if !is_woken => None,
        Phase::Captured | Phase::Cancelled => {
            let mut row = look.row();
            row.tries = 0;
            row.wake_at_ms = None;
            moved(row, "taken back at the gateway", None, None)
        }
        _ if is_woken => look.failed_again(look.row(), None, "not yet taken back at the gateway"),
        _ => {
            let mut row = look.row();
            row.object = Some(state.object.clone());
            row.tries = 0;
            row.wake_at_ms = Some(look.now_ms);
            moved(row, "still open at the gateway", None, None)
        }
    }
}
