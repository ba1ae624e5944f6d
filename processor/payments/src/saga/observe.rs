//! What a payment is after something was seen.

mod gateway;
mod log;

use onsale_store::payment::{Moved, Payment, PaymentState, Posting, REASON_MAX_BYTES};

use super::decide::{is_key_forgotten, makes};
use super::pace::{give_up_ms, pause_unavailable_ms, sooner};
use super::{NOT_FOUND, Seen, Terms, books};

/// What a payment has become.
pub(super) type Observed = Option<(Payment, Moved)>;

/// What a payment is after something was seen, with what is written down of it. `None`: nothing has changed.
///
/// The version of the row that comes out is the one that came in; the store counts it up.
pub fn observe(payment: &Payment, seen: Seen, terms: &Terms, now_ms: u64) -> Observed {
    let look = Look {
        payment,
        terms,
        now_ms,
    };
    let is_about_now = !matches!(
        seen,
        Seen::Gateway(_) | Seen::Extended { .. } | Seen::CancelAsked | Seen::Disputed { .. }
    );
    if is_about_now && look.never_asked_and_late() {
        return look.over("time is over");
    }
    if payment.state == PaymentState::CaptureFailed {
        return log::capture_failed(&look, &seen);
    }
    match seen {
        Seen::Gateway(state) => gateway::observe(&look, &state),
        Seen::GatewayRefused {
            code,
            is_final: true,
        } => look.refused(&code),
        Seen::GatewayRefused {
            code,
            is_final: false,
        } => look.gateway_failed(None, &format!("refused for now: {code}")),
        Seen::GatewayUnknown => look.gateway_failed(None, "no answer from the gateway"),
        Seen::Unavailable { retry_after_ms } => {
            look.gateway_failed(retry_after_ms, "the gateway is not available")
        }
        Seen::Confirmed { .. } => log::confirmed(&look),
        Seen::ConfirmRefused(refusal) => log::refused(&look, refusal),
        Seen::Extended { hold_ends_ms } => log::extended(&look, hold_ends_ms),
        Seen::ExtendRefused => log::not_extended(&look),
        Seen::LogUnknown => log::failed(&look),
        Seen::CancelAsked => look.cancel_asked(),
        Seen::GivenBack | Seen::Replaced | Seen::Woken => None,
        Seen::Disputed {
            dispute,
            amount,
            is_returned,
        } => look.disputed(&dispute, amount, is_returned),
    }
}

/// A payment that is looked at.
struct Look<'a> {
    payment: &'a Payment,
    terms: &'a Terms,
    now_ms: u64,
}

impl Look<'_> {
    /// The row as it is, to be changed.
    fn row(&self) -> Payment {
        Payment {
            updated_at_ms: self.now_ms,
            ..self.payment.clone()
        }
    }

    /// The row in a new state, in which nothing has failed yet.
    fn row_in(&self, state: PaymentState) -> Payment {
        Payment {
            state,
            tries: 0,
            wake_at_ms: Some(self.now_ms),
            next_action: None,
            ..self.row()
        }
    }

    /// A row in which the step that is due has failed once more.
    fn failed_again(&self, mut row: Payment, retry_after_ms: Option<u64>, why: &str) -> Observed {
        let Self { terms, now_ms, .. } = *self;
        row.tries = row.tries.saturating_add(1);
        let pause_ms = pause_unavailable_ms(row.id, row.tries, retry_after_ms, terms);
        let at_ms = now_ms.saturating_add(pause_ms);
        let has_hold = matches!(
            row.state,
            PaymentState::Pending | PaymentState::AwaitingBuyer | PaymentState::Processing
        );
        row.wake_at_ms = Some(if has_hold && retry_after_ms.is_none() {
            sooner(&row, terms, now_ms, at_ms)
        } else {
            at_ms
        });
        moved(row, why, None, None)
    }

    /// Whether a payment without money is past its time.
    fn is_late(&self) -> bool {
        give_up_ms(self.payment, self.terms, self.now_ms) <= self.now_ms
    }

    fn never_asked_and_late(&self) -> bool {
        self.payment.state == PaymentState::Pending
            && self.payment.asked_at_ms.is_none()
            && self.payment.object.is_none()
            && self.is_late()
    }

    /// It is over without money.
    fn over(&self, why: &str) -> Observed {
        let mut row = self.row_in(PaymentState::TimedOut);
        row.wake_at_ms = None;
        if row.cancel_asked_at_ms.is_some() {
            row.state = PaymentState::Failed;
            row.failure = Some("cancelled".to_owned());
        } else if row.failure.is_some() {
            row.state = PaymentState::Failed;
        } else {
            row.failure = Some("timed_out".to_owned());
        }
        moved(row, why, None, Some("payment.failed"))
    }

    /// A call of the gateway has come to nothing that is known.
    fn gateway_failed(&self, retry_after_ms: Option<u64>, why: &str) -> Observed {
        let mut row = self.row();
        match row.state {
            PaymentState::Pending
            | PaymentState::Cancelling
            | PaymentState::Capturing
            | PaymentState::Refunding => {}
            PaymentState::AwaitingBuyer | PaymentState::Processing => {
                if self.is_late() {
                    // It may have been taken back: from now on that is seen through.
                    row.state = PaymentState::Cancelling;
                    row.next_action = None;
                }
            }
            PaymentState::Failed | PaymentState::TimedOut if row.wake_at_ms.is_some() => {}
            // What is due is not the gateway's.
            _ => return None,
        }
        self.failed_again(row, retry_after_ms, why)
    }

    /// The gateway has refused something for good.
    fn refused(&self, code: &str) -> Observed {
        let Self {
            payment, now_ms, ..
        } = *self;
        let why = format!("refused by the gateway: {code}");
        match payment.state {
            PaymentState::Pending if payment.object.is_none() => {
                let is_not_there = code == NOT_FOUND
                    && (payment.asked_at_ms.is_none() || is_key_forgotten(payment, now_ms));
                let is_not_made = code != NOT_FOUND && makes(payment, now_ms);
                if is_not_there {
                    return self.over("the gateway never heard of it");
                }
                if is_not_made {
                    let mut look = self.row();
                    look.failure = Some(word(code));
                    let look = Look {
                        payment: &look,
                        ..*self
                    };
                    return look.over(&why);
                }
                self.gateway_failed(None, &why)
            }
            PaymentState::Capturing if payment.failure.is_none() => {
                let mut row = self.row_in(PaymentState::Capturing);
                row.failure = Some(word(code));
                moved(row, &why, None, None)
            }
            _ => self.gateway_failed(None, &why),
        }
    }

    /// The buyer wants to pay no more.
    fn cancel_asked(&self) -> Observed {
        let Self {
            payment, now_ms, ..
        } = *self;
        if payment.cancel_asked_at_ms.is_some() {
            return None;
        }
        let mut row = match payment.state {
            PaymentState::Pending if payment.asked_at_ms.is_some() => self.row(),
            PaymentState::Pending => {
                let mut row = self.row();
                row.cancel_asked_at_ms = Some(now_ms);
                let look = Look {
                    payment: &row,
                    ..*self
                };
                return look.over("cancelled by the buyer");
            }
            PaymentState::AwaitingBuyer | PaymentState::Processing => {
                self.row_in(PaymentState::Cancelling)
            }
            // Too late, or under way already.
            _ => return None,
        };
        row.cancel_asked_at_ms = Some(now_ms);
        moved(row, "the buyer cancels", None, None)
    }

    fn disputed(&self, dispute: &str, amount: i64, is_returned: bool) -> Observed {
        let posting = books::disputed(self.payment, dispute, amount, is_returned)?;
        let why = if is_returned {
            "a dispute was won"
        } else {
            "disputed by the buyer's bank"
        };
        moved(self.row(), why, Some(posting), Some("payment.disputed"))
    }
}

/// A move.
fn moved(
    row: Payment,
    why: &str,
    posting: Option<Posting>,
    event: Option<&'static str>,
) -> Observed {
    let reason = cut(why);
    Some((
        row,
        Moved {
            reason,
            posting,
            event,
        },
    ))
}

/// As much of a text as is kept.
pub(super) fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(REASON_MAX_BYTES);
    text[..end].to_owned()
}

/// A word of the gateway's as it is kept and shown.
pub(super) fn word(code: &str) -> String {
    if code.is_empty() {
        "refused".to_owned()
    } else {
        cut(code)
    }
}
