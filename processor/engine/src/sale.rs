//! What machine version 3 knows of a show: its offer, its hall, its codes.

use std::collections::BTreeMap;

use onsale_schemas::code::CodeTerms;
use onsale_schemas::offer::Offer;
use onsale_schemas::outcome::PriceRule;
use onsale_schemas::{CodeGroup, Offset};
use triomphe::Arc;

use crate::hall::Hall;
use crate::orders::Order;
use crate::pages::own;

/// See the module's documentation. Behind one pointer of the show; a show without anything of it has
/// none.
#[derive(Clone)]
pub(crate) struct Sale {
    /// True when the show was opened by `OpenShowV3`.
    pub(crate) is_third: bool,
    /// Companion seats for one accessible seat.
    pub(crate) companions_per_accessible: u8,
    pub(crate) offer: Arc<Offer>,
    pub(crate) hall: Arc<Hall>,
    /// Zones that were added after the opening, the last ones.
    pub(crate) added_zones: u16,
    /// Live places by the phase that gave their price; also of phases that the offer has no more.
    phases: Arc<BTreeMap<u8, u32>>,
    pub(crate) groups: Arc<BTreeMap<CodeGroup, Group>>,
    /// Codes of all groups.
    pub(crate) codes: u32,
}

/// A group of codes.
#[derive(Clone)]
pub(crate) struct Group {
    /// The record that began it: codes of that number which were created before are not of it.
    pub(crate) begun: Offset,
    pub(crate) terms: CodeTerms,
    /// Its codes.
    pub(crate) codes: u32,
}

impl Sale {
    pub(crate) fn new() -> Self {
        Self {
            is_third: false,
            companions_per_accessible: 0,
            offer: Arc::new(Offer::default()),
            hall: Arc::new(Hall::default()),
            added_zones: 0,
            phases: Arc::new(BTreeMap::new()),
            groups: Arc::new(BTreeMap::new()),
            codes: 0,
        }
    }

    pub(crate) fn hall_mut(&mut self) -> &mut Hall {
        own(&mut self.hall)
    }

    pub(crate) fn groups_mut(&mut self) -> &mut BTreeMap<CodeGroup, Group> {
        own(&mut self.groups)
    }

    /// Live places that have the price of a phase.
    pub(crate) fn phase_places(&self, phase: u8) -> u32 {
        self.phases.get(&phase).copied().unwrap_or(0)
    }

    /// All phases with live places.
    pub(crate) fn phases(&self) -> &BTreeMap<u8, u32> {
        &self.phases
    }

    /// Counts places that are live from now on.
    pub(crate) fn count_phase(&mut self, rule: PriceRule, places: u32) {
        if let PriceRule::Phase(phase) = rule
            && places > 0
        {
            *own(&mut self.phases).entry(phase).or_default() += places;
        }
    }

    /// Counts places that are not live any more.
    pub(crate) fn uncount_phase(&mut self, rule: PriceRule, places: u32) {
        if let PriceRule::Phase(phase) = rule
            && places > 0
        {
            let phases = own(&mut self.phases);
            let left = phases
                .get(&phase)
                .copied()
                .unwrap_or(0)
                .saturating_sub(places);
            if left == 0 {
                phases.remove(&phase);
            } else {
                phases.insert(phase, left);
            }
        }
    }

    /// Counts the phases of an order, or takes them back.
    pub(crate) fn count_order(&mut self, order: &Order, is_live: bool) {
        for line in &order.lines {
            if is_live {
                self.count_phase(line.rule, line.quantity);
            } else {
                self.uncount_phase(line.rule, line.quantity);
            }
        }
    }

    /// The show was cancelled: what it had for sale cannot be asked for any more. Returns the number
    /// of codes that ended by it.
    pub(crate) fn end(&mut self) -> u32 {
        self.phases = Arc::new(BTreeMap::new());
        self.groups = Arc::new(BTreeMap::new());
        std::mem::take(&mut self.codes)
    }

    /// True when a show without it would be the same.
    pub(crate) fn is_blank(&self) -> bool {
        !self.is_third
            && self.companions_per_accessible == 0
            && self.offer.is_empty()
            && self.added_zones == 0
            && self.groups.is_empty()
            && self.hall.is_blank()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let offer = &self.offer;
        size_of::<Self>()
            + offer.types.len() * size_of::<onsale_schemas::offer::TicketType>()
            + offer.prices.len() * size_of::<onsale_schemas::offer::TypePrice>()
            + offer.phases.len() * size_of::<onsale_schemas::offer::Phase>()
            + offer.bundles.len() * size_of::<onsale_schemas::offer::Bundle>()
            + offer.zones.len() * size_of::<onsale_schemas::offer::ZoneRule>()
            + self.groups.len() * size_of::<(CodeGroup, Group)>()
            + self.hall.memory_bytes()
    }
}
