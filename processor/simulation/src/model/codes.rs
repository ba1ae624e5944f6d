//! Presale, discount and access codes of a show.

use std::collections::BTreeMap;

use onsale_schemas::code::{AmendCodes, CodeTerms, CreateCodes, Discount, EndedCodes};
use onsale_schemas::limits::{
    BASIS_POINTS, CODE_GROUPS_PER_SHOW_MAX, CODES_PER_COMMAND_MAX, CODES_PER_SHOW_MAX,
    UNIT_PRICE_MAX_MINOR,
};
use onsale_schemas::rejection::{CodeRefusal, FullTable, InvalidReason};
use onsale_schemas::{CodeGroup, CodeHash, Offset, Outcome, Rejection, ShowId, UserId};

use super::bookings::{Booking, UsedCode};
use super::lifecycle::invalid;
use super::machine::Model;
use super::offer::scope_is_valid;
use super::price::{Place, covers};
use super::shows::Show;

/// The groups and codes of a show.
#[derive(Clone, Default, Debug)]
pub(super) struct Codes {
    pub(super) groups: BTreeMap<CodeGroup, Group>,
    pub(super) codes: BTreeMap<CodeHash, Code>,
}

/// A group of codes.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) terms: CodeTerms,
    /// The most uses that its terms ever allowed, 0 for no bound, in all and of one user: the
    /// invariant may rely on them even after terms changed.
    pub(super) widest_uses: (u32, u16),
}

/// A code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Code {
    pub(super) group: CodeGroup,
    /// Offset of the record that created it.
    pub(super) created: Offset,
}

impl Codes {
    /// The group of a code as it was created; `None` once it ended.
    pub(super) fn group_of(&self, used: UsedCode) -> Option<&Group> {
        let code = self.codes.get(&used.hash)?;
        if code.created != used.created {
            return None;
        }
        self.groups.get(&code.group)
    }
}

impl Group {
    fn new(terms: &CodeTerms) -> Self {
        Self {
            widest_uses: (terms.uses_max, terms.uses_per_user_max),
            terms: terms.clone(),
        }
    }

    fn amend(&mut self, terms: &CodeTerms) {
        let (all, one) = &mut self.widest_uses;
        *all = if *all == 0 || terms.uses_max == 0 {
            0
        } else {
            terms.uses_max.max(*all)
        };
        *one = if *one == 0 || terms.uses_per_user_max == 0 {
            0
        } else {
            terms.uses_per_user_max.max(*one)
        };
        self.terms = terms.clone();
    }
}

impl Model {
    pub(super) fn create_codes(
        &mut self,
        offset: Offset,
        create: &CreateCodes,
    ) -> Result<Outcome, Rejection> {
        if create.codes.is_empty() {
            return Err(invalid(InvalidReason::NothingAsked));
        }
        if create.codes.len() > CODES_PER_COMMAND_MAX {
            return Err(invalid(InvalidReason::TooMany));
        }
        let show = self.open_to_staff(create.show)?;
        check_terms(show, &create.terms)?;
        let Codes { groups, codes } = &show.codes;
        let is_new_group = match groups.get(&create.group) {
            Some(known) if known.terms != create.terms => {
                return Err(Rejection::CodeExists {
                    group: create.group,
                    code: None,
                });
            }
            Some(_) => false,
            None => true,
        };
        let mut new: Vec<CodeHash> = Vec::new();
        let mut known = 0;
        let mut seen = std::collections::BTreeSet::new();
        for &code in &create.codes {
            match codes.get(&code) {
                Some(other) if other.group != create.group => {
                    return Err(Rejection::CodeExists {
                        group: other.group,
                        code: Some(code),
                    });
                }
                None if seen.insert(code) => new.push(code),
                Some(_) | None => known += 1,
            }
        }
        let too_many_groups = is_new_group && groups.len() >= CODE_GROUPS_PER_SHOW_MAX;
        let of_show = codes.len() + new.len();
        if too_many_groups || (!new.is_empty() && of_show > CODES_PER_SHOW_MAX as usize) {
            return Err(invalid(InvalidReason::TooMany));
        }
        let of_partition: usize = self
            .shows()
            .filter(|show| !show.cancelled)
            .map(|show| show.codes.codes.len())
            .sum();
        if !new.is_empty() && of_partition + new.len() > self.limits.codes_max as usize {
            let table = FullTable::Codes;
            return Err(Rejection::Full { table });
        }
        let created = u32::try_from(new.len()).unwrap_or(u32::MAX);
        let show = self.show_mut(create.show)?;
        show.codes
            .groups
            .entry(create.group)
            .or_insert_with(|| Group::new(&create.terms));
        for code in new {
            let made = Code {
                group: create.group,
                created: offset,
            };
            show.codes.codes.insert(code, made);
        }
        Ok(Outcome::CodesCreated {
            show: create.show,
            group: create.group,
            created,
            known,
        })
    }

    pub(super) fn amend_codes(&mut self, amend: &AmendCodes) -> Result<Outcome, Rejection> {
        let show = self.open_to_staff(amend.show)?;
        check_terms(show, &amend.terms)?;
        let show = self.show_mut(amend.show)?;
        show.codes
            .groups
            .get_mut(&amend.group)
            .ok_or(Rejection::UnknownCode)?
            .amend(&amend.terms);
        Ok(Outcome::CodesAmended {
            show: amend.show,
            group: amend.group,
        })
    }

    pub(super) fn end_codes(
        &mut self,
        id: ShowId,
        which: EndedCodes,
    ) -> Result<Outcome, Rejection> {
        self.open_to_staff(id)?;
        let Codes { groups, codes } = &mut self.show_mut(id)?.codes;
        let before = codes.len();
        match which {
            EndedCodes::Group(group) => {
                groups.remove(&group).ok_or(Rejection::UnknownCode)?;
                codes.retain(|_, code| code.group != group);
            }
            EndedCodes::Code(code) => {
                codes.remove(&code).ok_or(Rejection::UnknownCode)?;
            }
        }
        let ended = u32::try_from(before - codes.len()).unwrap_or(u32::MAX);
        Ok(Outcome::CodesEnded { show: id, ended })
    }

    /// Live bookings of the show with this code: all, and those of the user.
    pub(super) fn uses(&self, show: ShowId, used: UsedCode, user: UserId) -> (u32, u32) {
        let (mut all, mut own) = (0, 0);
        for booking in self.live_bookings() {
            if booking.show == show && booking.code == Some(used) {
                all += 1;
                own += u32::from(booking.user == user);
            }
        }
        (all, own)
    }

    /// Why no more use of a code is granted to the user.
    fn check_uses(
        &self,
        show: ShowId,
        used: UsedCode,
        user: UserId,
        terms: &CodeTerms,
    ) -> Result<(), CodeRefusal> {
        let (all, own) = self.uses(show, used, user);
        if terms.uses_max != 0 && all >= terms.uses_max {
            return Err(CodeRefusal::UsedUp);
        }
        if terms.uses_per_user_max != 0 && own >= u32::from(terms.uses_per_user_max) {
            return Err(CodeRefusal::UsedUpByUser);
        }
        Ok(())
    }

    /// The code of an order and its terms, if it counts for the order.
    pub(super) fn check_code<'a>(
        &self,
        show: &'a Show,
        user: UserId,
        hash: CodeHash,
        places: &[Place],
    ) -> Result<(UsedCode, &'a CodeTerms), CodeRefusal> {
        let code = show.codes.codes.get(&hash).ok_or(CodeRefusal::Unknown)?;
        let created = code.created;
        let group = show.codes.groups.get(&code.group);
        let terms = &group.ok_or(CodeRefusal::Unknown)?.terms;
        let from_ms = terms.from_ms;
        if self.now < from_ms {
            return Err(CodeRefusal::NotYet { from_ms });
        }
        if self.now >= terms.until_ms {
            return Err(CodeRefusal::Over);
        }
        let mut places = places.iter();
        if !places.any(|place| covers(&terms.scope, place.zone, place.ticket_type)) {
            return Err(CodeRefusal::NotApplicable);
        }
        let used = UsedCode { hash, created };
        self.check_uses(show.id(), used, user, terms)?;
        Ok((used, terms))
    }

    /// Whether an expired booking may have its use back; one whose code ended needs none.
    pub(super) fn may_use_again(&self, show: &Show, booking: &Booking) -> bool {
        let Some(used) = booking.code else {
            return true;
        };
        show.codes.group_of(used).is_none_or(|group| {
            self.check_uses(booking.show, used, booking.user, &group.terms)
                .is_ok()
        })
    }
}

fn check_terms(show: &Show, terms: &CodeTerms) -> Result<(), Rejection> {
    let discount_is_valid = match terms.discount {
        None => terms.presale || terms.opens,
        Some(Discount::OffBp(off_bp)) => (1..=BASIS_POINTS).contains(&off_bp),
        Some(Discount::Amount(amount, currency)) => {
            (1..=UNIT_PRICE_MAX_MINOR).contains(&amount)
                && show.zones.iter().all(|zone| zone.currency == currency)
        }
    };
    let is_valid = discount_is_valid
        && terms.from_ms < terms.until_ms
        && scope_is_valid(&terms.scope, show.zones.len());
    if is_valid {
        Ok(())
    } else {
        Err(invalid(InvalidReason::Code))
    }
}
