//! `Unblock`: the reverse of `Block`, tested together with it.

use onsale_schemas::Outcome;
use onsale_schemas::command::SeatBlock;

use super::Verdict;
use crate::asked::Asked;
use crate::seats::Place;
use crate::state::State;

impl State {
    pub(super) fn unblock(&mut self, command: SeatBlock, asked: &Asked<'_>) -> Verdict {
        self.turn_block(command, asked, Place::Blocked, Place::Free)
            .map(Outcome::Unblocked)
    }
}
