//! What the log has said.

use onsale_store::payment::{Payment, PaymentState};

use super::{Look, Observed, moved, word};
use crate::saga::pace::{extension, poll_at_ms};
use crate::saga::{ConfirmRefusal, GatewayState, Phase, Seen, books};

/// The booking is sold to this payment.
pub(super) fn confirmed(look: &Look<'_>) -> Observed {
    let payment = look.payment;
    match payment.state {
        PaymentState::Authorised => {
            let mut row = look.row_in(PaymentState::Capturing);
            row.failure = None;
            moved(row, "the booking is confirmed", None, None)
        }
        PaymentState::Paid => {
            let mut row = look.row_in(PaymentState::Succeeded);
            row.failure = None;
            row.wake_at_ms = None;
            let posting = books::sold(payment.captured);
            moved(row, "paid and confirmed", posting, Some("payment.success"))
        }
        _ => None,
    }
}

/// The booking is not sold to this payment: what was set aside is let go, what has come goes back.
pub(super) fn refused(look: &Look<'_>, refusal: ConfirmRefusal) -> Observed {
    let failure = Some(word(refusal.as_str()));
    let why = format!("the booking is not confirmed: {}", refusal.as_str());
    match look.payment.state {
        PaymentState::Authorised => {
            let mut row = look.row_in(PaymentState::Cancelling);
            row.failure = failure;
            moved(row, &why, None, None)
        }
        PaymentState::Paid => {
            let mut row = look.row();
            row.failure = failure;
            let row = goes_back(look, &row);
            let event = (!row.state.is_live()).then_some("payment.failed");
            moved(row, &why, None, event)
        }
        _ => None,
    }
}

/// A row whose money goes back, or one that is over because none has come.
pub(super) fn goes_back(look: &Look<'_>, row: &Payment) -> Payment {
    let is_due = row.captured > row.refunded;
    Payment {
        state: if is_due {
            PaymentState::Refunding
        } else {
            PaymentState::Failed
        },
        tries: 0,
        wake_at_ms: is_due.then_some(look.now_ms),
        next_action: None,
        ..row.clone()
    }
}

/// The hold lasts longer.
pub(super) fn extended(look: &Look<'_>, hold_ends_ms: u64) -> Observed {
    let Look {
        payment,
        terms,
        now_ms,
    } = *look;
    if !has_hold(payment.state) || hold_ends_ms <= payment.hold_ends_ms {
        return None;
    }
    let by_ms = extension(payment, terms, now_ms).map_or_else(
        // It ran out here while it was extended there.
        || hold_ends_ms - payment.hold_ends_ms,
        u64::from,
    );
    let mut row = look.row();
    row.extended_ms = row.extended_ms.saturating_add(by_ms);
    row.hold_ends_ms = hold_ends_ms;
    rests(look, &mut row);
    moved(row, "the hold is extended", None, None)
}

/// The hold ends when it ends: what is not paid before is given up.
pub(super) fn not_extended(look: &Look<'_>) -> Observed {
    let Look { payment, terms, .. } = *look;
    let last_ms = payment
        .hold_ends_ms
        .saturating_sub(terms.cancel_before_end_ms);
    if !has_hold(payment.state) || payment.deadline_ms <= last_ms {
        return None;
    }
    let mut row = look.row();
    row.deadline_ms = last_ms;
    rests(look, &mut row);
    moved(row, "the hold cannot be extended", None, None)
}

/// What was asked of the log is answered: the pause that it made is over.
fn rests(look: &Look<'_>, row: &mut Payment) {
    row.tries = 0;
    row.wake_at_ms = Some(if row.state == PaymentState::Pending {
        look.now_ms
    } else {
        poll_at_ms(row, look.terms, look.now_ms)
    });
}

/// A sale that is not paid for: another payment takes its place, or its places go back.
pub(super) fn capture_failed(look: &Look<'_>, seen: &Seen) -> Observed {
    let Look {
        payment, now_ms, ..
    } = *look;
    let goes_back_now = payment.cancel_asked_at_ms.is_some() || payment.captured > 0;
    match seen {
        Seen::Gateway(state) if is_late_money(payment, state) => {
            let mut row = look.row_in(PaymentState::CaptureFailed);
            row.captured = state.captured;
            row.cancel_asked_at_ms.get_or_insert(now_ms);
            let posting = books::paid(payment, state.captured);
            let posting = posting.filter(|_| state.currency == payment.currency);
            moved(row, "money has come after all", posting, None)
        }
        Seen::GivenBack if goes_back_now => {
            let row = goes_back(look, &look.row());
            moved(row, "the places are back on sale", None, None)
        }
        Seen::LogUnknown if goes_back_now => {
            look.failed_again(look.row(), None, "no answer from the log")
        }
        _ if goes_back_now => None,
        Seen::Replaced => {
            let mut row = look.row_in(PaymentState::Failed);
            row.wake_at_ms = None;
            moved(row, "another payment takes its place", None, None)
        }
        Seen::CancelAsked => {
            let mut row = look.row_in(PaymentState::CaptureFailed);
            row.cancel_asked_at_ms = Some(now_ms);
            moved(row, "the buyer gives the places back", None, None)
        }
        Seen::Disputed { .. } => None,
        _ if now_ms < payment.deadline_ms => None,
        _ => {
            // Written down before the log is asked, so that no other payment takes its place meanwhile.
            let mut row = look.row_in(PaymentState::CaptureFailed);
            row.cancel_asked_at_ms = Some(now_ms);
            moved(row, "nobody has paid: the places go back", None, None)
        }
    }
}

fn is_late_money(payment: &Payment, state: &GatewayState) -> bool {
    let is_its_own = payment.object.as_ref() == Some(&state.object);
    is_its_own && payment.captured == 0 && state.phase == Phase::Captured && state.captured > 0
}

/// It is not known what became of a command.
pub(super) fn failed(look: &Look<'_>) -> Observed {
    let state = look.payment.state;
    let why = "no answer from the log";
    if has_hold(state) {
        return look.failed_again(look.row(), None, why);
    }
    match state {
        PaymentState::Authorised | PaymentState::Paid => look.failed_again(look.row(), None, why),
        _ => None,
    }
}

/// Whether the hold of a payment in this state matters.
fn has_hold(state: PaymentState) -> bool {
    matches!(
        state,
        PaymentState::Pending | PaymentState::AwaitingBuyer | PaymentState::Processing
    )
}
