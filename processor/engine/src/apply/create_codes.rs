//! `CreateCodes`.

use std::collections::BTreeSet;

use onsale_schemas::code::CreateCodes;
use onsale_schemas::limits::{CODE_GROUPS_PER_SHOW_MAX, CODES_PER_COMMAND_MAX, CODES_PER_SHOW_MAX};
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::{CodeHash, Offset, Outcome, Rejection};

use super::Verdict;
use super::places::invalid;
use super::set_offer::currencies;
use crate::asked::Asked;
use crate::codes::Code;
use crate::sale::Group;
use crate::state::State;

/// Records of ended codes that are looked at for every code that is created: more than one, so that
/// creating and ending codes again and again cannot fill the memory.
const SWEPT_PER_CODE: usize = 2;

impl State {
    /// Adds codes to a group, all or none.
    pub(super) fn create_codes(
        &mut self,
        command: &CreateCodes,
        offset: Offset,
        asked: &Asked<'_>,
    ) -> Verdict {
        let CreateCodes {
            show: show_id,
            group,
            terms,
            codes,
        } = command;
        let group = *group;
        if codes.is_empty() {
            return Err(invalid(InvalidReason::NothingAsked));
        }
        if codes.len() > CODES_PER_COMMAND_MAX {
            return Err(invalid(InvalidReason::TooMany));
        }
        let slot = self.find_show(show_id, asked)?;
        let show = self.shows.get(slot);
        if !onsale_prices::are_terms_valid(terms, &currencies(show)) {
            return Err(invalid(InvalidReason::Code));
        }
        let sale = self.sale_of(show);
        let known_group = sale.groups.get(&group);
        if known_group.is_some_and(|known| known.terms != *terms) {
            return Err(Rejection::CodeExists { group, code: None });
        }
        let new = self.new_codes(slot, group, codes)?;
        let created = u32::try_from(new.len()).unwrap_or(u32::MAX);
        let has_room_for_group =
            known_group.is_some() || sale.groups.len() < CODE_GROUPS_PER_SHOW_MAX;
        if !has_room_for_group || sale.codes.saturating_add(created) > CODES_PER_SHOW_MAX {
            return Err(invalid(InvalidReason::TooMany));
        }
        if self.codes.live.saturating_add(created) > self.limits.codes_max {
            return Err(Rejection::Full {
                table: FullTable::Codes,
            });
        }
        let sale = self.shows.get_mut(slot).sale_mut();
        sale.codes += created;
        let entry = sale.groups_mut().entry(group).or_insert_with(|| Group {
            begun: offset,
            terms: terms.clone(),
            codes: 0,
        });
        entry.codes += created;
        self.codes.sweep(&self.shows, new.len() * SWEPT_PER_CODE);
        for hash in new {
            self.codes.insert(Code {
                hash,
                created: offset,
                show: slot,
                group,
                uses: 0,
            });
        }
        let asked = u32::try_from(codes.len()).unwrap_or(u32::MAX);
        Ok(Outcome::CodesCreated {
            show: *show_id,
            group,
            created,
            known: asked - created,
        })
    }

    /// Those of the codes that the show does not have, if none is in another group.
    fn new_codes(
        &self,
        slot: u32,
        group: u32,
        codes: &[CodeHash],
    ) -> Result<Vec<CodeHash>, Rejection> {
        let mut seen = BTreeSet::new();
        let mut new = Vec::new();
        for hash in codes {
            match self
                .find_code(slot, hash)
                .map(|at| self.codes.get(at).group)
            {
                Some(known) if known != group => {
                    return Err(Rejection::CodeExists {
                        group: known,
                        code: Some(*hash),
                    });
                }
                Some(_) => {}
                None => {
                    if seen.insert(*hash) {
                        new.push(*hash);
                    }
                }
            }
        }
        Ok(new)
    }
}

#[cfg(test)]
mod tests;
