//! `EndCodes`.

use onsale_schemas::code::EndedCodes;
use onsale_schemas::{Outcome, Rejection, ShowId};

use super::Verdict;
use crate::asked::Asked;
use crate::state::State;

impl State {
    /// Ends a code, or a group at once whatever its size.
    pub(super) fn end_codes(
        &mut self,
        show: ShowId,
        which: &EndedCodes,
        asked: &Asked<'_>,
    ) -> Verdict {
        let slot = self.find_show(&show, asked)?;
        let ended = match which {
            EndedCodes::Group(group) => {
                if !self
                    .sale_of(self.shows.get(slot))
                    .groups
                    .contains_key(group)
                {
                    return Err(Rejection::UnknownCode);
                }
                let sale = self.shows.get_mut(slot).sale_mut();
                let ended = sale.groups_mut().remove(group);
                let codes = ended.map_or(0, |group| group.codes);
                sale.codes -= codes;
                self.codes.let_go(codes);
                codes
            }
            EndedCodes::Code(hash) => {
                let at = self.find_code(slot, hash).ok_or(Rejection::UnknownCode)?;
                let group = self.codes.get(at).group;
                self.codes.remove(at);
                let sale = self.shows.get_mut(slot).sale_mut();
                sale.codes -= 1;
                if let Some(group) = sale.groups_mut().get_mut(&group) {
                    group.codes -= 1;
                }
                1
            }
        };
        Ok(Outcome::CodesEnded { show, ended })
    }
}

#[cfg(test)]
mod tests;
