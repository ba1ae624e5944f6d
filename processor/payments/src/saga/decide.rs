//! What is due for a payment.

use onsale_store::payment::{Payment, PaymentState};

use super::pace::{extend_at_ms, extension, give_up_ms};
use super::{Action, Due, KEY_MS, Terms};

/// What is due for a payment, from its row alone.
///
/// What fails is tried again after a pause; from the third failure on it is asked about every other time how things
/// stand, because a gateway may answer a key with the same failure for a day although it has done what it was asked.
pub fn decide(payment: &Payment, terms: &Terms, now_ms: u64) -> Due {
    if let (1.., Some(until_ms)) = (payment.tries, payment.wake_at_ms)
        && now_ms < until_ms
    {
        return Due::Wait { until_ms };
    }
    let action = match payment.state {
        PaymentState::Pending => pending(payment, terms, now_ms),
        PaymentState::AwaitingBuyer | PaymentState::Processing => {
            return under_way(payment, terms, now_ms);
        }
        PaymentState::Authorised | PaymentState::Paid => Action::Confirm,
        // What was refused for good is let go: the answer is that, or that it was taken after all.
        PaymentState::Capturing if payment.failure.is_some() => alternate(payment, Action::Cancel),
        PaymentState::Capturing => alternate(payment, Action::Capture),
        PaymentState::Cancelling => alternate(payment, Action::Cancel),
        PaymentState::Refunding => {
            let amount = payment.captured.saturating_sub(payment.refunded);
            alternate(payment, Action::RefundAll { amount })
        }
        // Money that has come after all buys nothing: another payment may have been asked for.
        PaymentState::CaptureFailed
            if payment.captured > 0 || payment.cancel_asked_at_ms.is_some() =>
        {
            Action::GiveBack
        }
        PaymentState::CaptureFailed if now_ms < payment.deadline_ms => {
            return Due::Wait {
                until_ms: payment.deadline_ms,
            };
        }
        // A last look; whatever is seen, the time for another payment is over from then on.
        PaymentState::CaptureFailed => Action::Read,
        // Something is open at the gateway all the same.
        PaymentState::Failed | PaymentState::TimedOut if payment.wake_at_ms.is_some() => {
            alternate(payment, Action::Cancel)
        }
        PaymentState::Failed
        | PaymentState::TimedOut
        | PaymentState::Succeeded
        | PaymentState::Refunded
        | PaymentState::NeedsOperator => return Due::Over,
    };
    Due::Do(action)
}

/// Whether a sale that the log knows by this payment's reference is there for another payment of the booking to pay,
/// under that reference: its money could not be taken, and [`Seen::Replaced`](super::Seen::Replaced) has been written
/// down. Whatever comes in for it afterwards goes back and does not change that.
///
/// While one is [`PaymentState::CaptureFailed`] it is not left: either `Replaced` moves it, or its places go back.
pub fn leaves_its_sale(payment: &Payment) -> bool {
    !payment.state.is_live() && payment.state != PaymentState::CaptureFailed
}

/// The action, or a look at what has become of it.
fn alternate(payment: &Payment, action: Action) -> Action {
    if is_to_be_read(payment) {
        Action::Read
    } else {
        action
    }
}

/// Whether it is time for a look: about every other time, and not in step with anything. Notices count as tries too,
/// and one after each poll would otherwise leave nothing but looks.
fn is_to_be_read(payment: &Payment) -> bool {
    // Multiples of the golden ratio, whichever of them are taken, lie in both halves of the circle.
    payment.tries >= 2 && payment.tries.wrapping_mul(0x9e37_79b9) >> 31 == 1
}

/// Whether the gateway may have forgotten the key by which the payment was made.
pub(super) fn is_key_forgotten(payment: &Payment, now_ms: u64) -> bool {
    payment
        .asked_at_ms
        .is_some_and(|asked| now_ms.saturating_sub(asked) >= KEY_MS)
}

/// Whether a refusal is one of making the payment, and not of finding it.
pub(super) fn makes(payment: &Payment, now_ms: u64) -> bool {
    payment.asked_at_ms.is_some() && !is_key_forgotten(payment, now_ms) && !is_to_be_read(payment)
}

fn pending(payment: &Payment, terms: &Terms, now_ms: u64) -> Action {
    let is_late = give_up_ms(payment, terms, now_ms) <= now_ms;
    if payment.asked_at_ms.is_none() && is_late {
        // There is nothing, and this finds it out: whatever is seen ends it.
        return Action::Read;
    }
    if let Some(by_ms) = extension_due(payment, terms, now_ms) {
        return Action::Extend { by_ms };
    }
    // Also when it is given up: what was made is known for certain only when it was asked for under its key.
    if is_key_forgotten(payment, now_ms) {
        Action::Read
    } else {
        alternate(payment, Action::Create)
    }
}

fn under_way(payment: &Payment, terms: &Terms, now_ms: u64) -> Due {
    if give_up_ms(payment, terms, now_ms) <= now_ms {
        return Due::Do(alternate(payment, Action::Cancel));
    }
    if let Some(by_ms) = extension_due(payment, terms, now_ms) {
        return Due::Do(Action::Extend { by_ms });
    }
    match payment.wake_at_ms {
        Some(until_ms) if now_ms < until_ms => Due::Wait { until_ms },
        _ => Due::Do(Action::Read),
    }
}

fn extension_due(payment: &Payment, terms: &Terms, now_ms: u64) -> Option<u32> {
    if payment.cancel_asked_at_ms.is_some() || extend_at_ms(payment, terms, now_ms)? > now_ms {
        return None;
    }
    extension(payment, terms, now_ms)
}
