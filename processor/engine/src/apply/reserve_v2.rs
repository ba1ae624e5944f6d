//! `ReserveV2`.

use onsale_schemas::order::ReserveV2;
use onsale_schemas::{Offset, Outcome};

use super::Done;
use super::order::{Seen, Wanted};
use crate::state::State;

impl State {
    pub(super) fn reserve_v2(
        &mut self,
        offset: Offset,
        command: &ReserveV2,
        hint: u32,
        outcome: &mut Outcome,
    ) -> Done {
        let wanted = Wanted {
            show: command.show,
            user: command.user,
            items: &command.items,
            code: command.code.as_ref(),
            seen: Seen::Total(command.expected_total),
        };
        self.order(offset, &wanted, hint, outcome)
    }
}

#[cfg(test)]
mod tests;
