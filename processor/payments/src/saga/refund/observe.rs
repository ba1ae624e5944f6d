//! What a refund is after something was seen.

use onsale_store::payment::{
    Account, Moved, OBJECT_MAX_BYTES, Payment, Posting, Refund, RefundState,
};

use super::{RefundAtGateway, RefundPhase, RefundSeen, gives_back};
use crate::saga::observe::{cut, word};
use crate::saga::pace::pause_unavailable_ms;
use crate::saga::{Terms, books};

/// What a refund has become.
type Observed = Option<(Refund, Moved)>;

/// What a refund is after something was seen, with what is written down of it. `None`: nothing has changed.
///
/// The version of the row that comes out is the one that came in; the store counts it up, and adds what went back to
/// the payment with the move to [`RefundState::Done`].
pub fn observe_refund(
    refund: &Refund,
    payment: &Payment,
    seen: RefundSeen,
    terms: &Terms,
    now_ms: u64,
) -> Observed {
    let look = Look {
        refund,
        payment,
        terms,
        now_ms,
    };
    if refund.payment != payment.id {
        return None;
    }
    match seen {
        RefundSeen::Gateway(state) => look.at_gateway(&state),
        RefundSeen::GatewayRefused {
            code,
            is_final: true,
        } if look.is_asked() => {
            look.to_operator(&word(&code), &format!("refused by the gateway: {code}"))
        }
        RefundSeen::GatewayRefused { code, .. } if look.is_asked() => {
            look.failed_again(None, &format!("refused for now: {code}"))
        }
        RefundSeen::GatewayUnknown if look.is_asked() => {
            look.failed_again(None, "no answer from the gateway")
        }
        RefundSeen::Unavailable { retry_after_ms } if look.is_asked() => {
            look.failed_again(retry_after_ms, "the gateway is not available")
        }
        RefundSeen::GivenBack if look.gives_back() => look.given_back(),
        RefundSeen::GiveBackRefused if look.gives_back() => {
            let mut row = look.row_in(RefundState::Refused);
            row.failure = Some("nothing_to_give_back".to_owned());
            row.wake_at_ms = None;
            moved(row, "the booking does not have these places", None, None)
        }
        RefundSeen::LogUnknown if look.gives_back() => {
            look.failed_again(None, "no answer from the log")
        }
        // What was not asked, or was answered before.
        _ => None,
    }
}

struct Look<'a> {
    refund: &'a Refund,
    payment: &'a Payment,
    terms: &'a Terms,
    now_ms: u64,
}

impl Look<'_> {
    /// Whether the log is to give places back.
    fn gives_back(&self) -> bool {
        self.refund.state == RefundState::Approved && gives_back(self.refund)
    }

    /// Whether the gateway is asked.
    fn is_asked(&self) -> bool {
        match self.refund.state {
            RefundState::Processing => true,
            RefundState::Approved => !gives_back(self.refund),
            _ => false,
        }
    }

    fn row(&self) -> Refund {
        Refund {
            updated_at_ms: self.now_ms,
            ..self.refund.clone()
        }
    }

    fn row_in(&self, state: RefundState) -> Refund {
        Refund {
            state,
            tries: 0,
            wake_at_ms: Some(self.now_ms),
            ..self.row()
        }
    }

    fn failed_again(&self, retry_after_ms: Option<u64>, why: &str) -> Observed {
        let mut row = self.row();
        row.tries = row.tries.saturating_add(1);
        let pause_ms = pause_unavailable_ms(row.id, row.tries, retry_after_ms, self.terms);
        row.wake_at_ms = Some(self.now_ms.saturating_add(pause_ms));
        moved(row, why, None, None)
    }

    fn to_operator(&self, failure: &str, why: &str) -> Observed {
        let mut row = self.row_in(RefundState::NeedsOperator);
        row.failure = Some(failure.to_owned());
        row.wake_at_ms = None;
        moved(row, why, None, None)
    }

    fn given_back(&self) -> Observed {
        if self.refund.amount > 0 {
            let row = self.row_in(RefundState::Processing);
            return moved(row, "the places are back on sale", None, None);
        }
        // No gateway gives nothing back.
        self.done(
            self.row(),
            "the places are back on sale, and nothing is due",
        )
    }

    fn at_gateway(&self, state: &RefundAtGateway) -> Observed {
        let refund = self.refund;
        // A person may have got it done.
        let is_open = self.is_asked() || refund.state == RefundState::NeedsOperator;
        let is_another = refund
            .object
            .as_ref()
            .is_some_and(|object| *object != state.object);
        if !is_open || is_another || state.object.len() > OBJECT_MAX_BYTES {
            return None;
        }
        let is_other = state.amount != refund.amount || state.currency != self.payment.currency;
        let is_stuck = refund.state == RefundState::NeedsOperator;
        match state.phase {
            _ if is_other && is_stuck => None,
            _ if is_other => self.to_operator("amount_mismatch", "another sum than was asked for"),
            RefundPhase::Done => {
                let mut row = self.row();
                row.object = Some(state.object.clone());
                row.failure = None;
                self.done(row, "the money went back")
            }
            RefundPhase::Failed if is_stuck => None,
            RefundPhase::Failed => {
                let failure = word(state.failure.as_deref().unwrap_or("refund_failed"));
                self.to_operator(&failure, "the money did not go back")
            }
            RefundPhase::Pending if is_stuck => None,
            RefundPhase::Pending => {
                let is_early = refund.wake_at_ms.is_some_and(|at| self.now_ms < at);
                if refund.object.is_some() && refund.tries == 0 && is_early {
                    return None;
                }
                let mut row = self.row_in(RefundState::Processing);
                row.object = Some(state.object.clone());
                row.wake_at_ms = Some(self.now_ms.saturating_add(self.terms.poll_ms));
                moved(row, "the gateway works on it", None, None)
            }
        }
    }

    /// It is done. What is added to a refund does not go through the gateway, which gives back no more than it took:
    /// it is owed.
    fn done(&self, row: Refund, why: &str) -> Observed {
        let row = Refund {
            state: RefundState::Done,
            tries: 0,
            wake_at_ms: None,
            ..row
        };
        let mut lines = Vec::new();
        let pairs = [
            (Account::Refunds, books::till(self.payment), row.amount),
            (
                Account::Compensation,
                Account::OwedToBuyers,
                row.compensation,
            ),
        ];
        for (debit, credit, amount) in pairs {
            if amount > 0 {
                lines.extend([(debit, amount), (credit, -amount)]);
            }
        }
        let posting = (!lines.is_empty()).then(|| Posting {
            what: format!("refund:{}", row.number),
            lines,
        });
        moved(row, why, posting, Some("payment.refunded"))
    }
}

fn moved(
    row: Refund,
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
