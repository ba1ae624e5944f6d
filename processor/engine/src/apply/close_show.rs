//! `CloseShow`.

use onsale_schemas::{Outcome, ShowId};

use super::Verdict;
use crate::asked::Asked;
use crate::state::State;

impl State {
    pub(super) fn close_show(&mut self, show: ShowId, asked: &Asked<'_>) -> Verdict {
        let slot = self.find_show(&show, asked)?;
        let now = self.now;
        let closed = self.shows.get_mut(slot);
        closed.sale_closes_at_ms = closed.sale_closes_at_ms.min(now);
        Ok(Outcome::ShowClosed { show })
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::{Command, Rejection};

    use super::*;
    use crate::testing::{Machine, NOW, general, open, show_id};

    #[test]
    fn refusals_in_order_of_precedence() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![general(9)]));
        m.run(Command::CancelShow { show: show_id(1) });
        m.expect_refusal(
            Command::CloseShow { show: show_id(9) },
            Rejection::UnknownShow,
        );
        m.expect_refusal(
            Command::CloseShow { show: show_id(1) },
            Rejection::ShowCancelled,
        );
    }

    #[test]
    fn ends_the_sale_but_not_the_holds() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![general(9)]));
        let hold = m.reserve_general(1, 1, 0, 2);
        for _ in 0..2 {
            let outcome = m.run_ok(Command::CloseShow { show: show_id(1) });
            assert_eq!(outcome, Outcome::ShowClosed { show: show_id(1) });
            m.advance(1);
        }
        assert_eq!(m.partition.shows().next().unwrap().sale_closes_at_ms, NOW);
        m.expect_refusal(m.general(1, 1, 0, 1), Rejection::SaleClosed);
        m.run_ok(m.confirm(hold, "p"));
    }
}
