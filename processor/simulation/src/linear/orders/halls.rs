//! What shows have for sale, from the commands that were granted.

use std::collections::BTreeMap;

use onsale_schemas::code::{CodeTerms, EndedCodes};
use onsale_schemas::command::{Admission, OpenShow, ZoneLayout};
use onsale_schemas::offer::Offer;
use onsale_schemas::seating::{Addition, RowPlan, SeatKind, ZonePlan};
use onsale_schemas::{CodeGroup, CodeHash, Command, EventId, Offset, Outcome, SeatIndex, ShowId};

/// A show.
#[derive(Clone, Debug)]
pub(super) struct Hall {
    event: EventId,
    /// Unit prices of the zones.
    pub(super) prices: Vec<i64>,
    /// Seats that are not ordinary.
    special: BTreeMap<SeatIndex, SeatKind>,
    next_seat: SeatIndex,
    pub(super) companions_per_accessible: u8,
    pub(super) offer: Offer,
    groups: BTreeMap<CodeGroup, CodeTerms>,
    /// Group of each code, and the record that created it.
    codes: BTreeMap<CodeHash, (CodeGroup, Offset)>,
}

/// All shows.
#[derive(Default, Debug)]
pub(super) struct Halls(BTreeMap<ShowId, Hall>);

impl Halls {
    pub(super) fn get(&self, show: ShowId) -> Option<&Hall> {
        self.0.get(&show)
    }

    pub(super) fn of_event(&self, event: EventId) -> Vec<ShowId> {
        let shows = self.0.iter();
        shows
            .filter(|(_, hall)| hall.event == event)
            .map(|(show, _)| *show)
            .collect()
    }

    /// Whether the command of an outcome has to be looked at.
    pub(super) fn concerns(outcome: &Outcome) -> bool {
        matches!(
            outcome,
            Outcome::ShowOpened { .. }
                | Outcome::ShowAmended { .. }
                | Outcome::OfferSet { .. }
                | Outcome::CodesCreated { .. }
                | Outcome::CodesAmended { .. }
                | Outcome::CodesEnded { .. }
                | Outcome::SeatsAdded { .. }
        )
    }

    /// Takes a command that was granted.
    pub(super) fn take(&mut self, offset: Offset, command: &Command) {
        match command {
            Command::OpenShow(open) => {
                self.open(open, &[]);
            }
            Command::OpenShowV2(open) => {
                self.open(&open.show, &[]);
            }
            Command::OpenShowV3(open) => {
                if let Some(hall) = self.open(&open.show.show, &open.plans) {
                    hall.companions_per_accessible = open.companions_per_accessible;
                    hall.offer = open.offer.clone();
                }
            }
            Command::AmendShow(amend) => {
                if let Some(hall) = self.0.get_mut(&amend.show) {
                    for &(zone, price) in &amend.prices {
                        if let Some(known) = hall.prices.get_mut(usize::from(zone)) {
                            *known = price;
                        }
                    }
                }
            }
            Command::SetOffer(set) => {
                if let Some(hall) = self.0.get_mut(&set.show) {
                    hall.offer = set.offer.clone();
                }
            }
            Command::CreateCodes(create) => {
                if let Some(hall) = self.0.get_mut(&create.show) {
                    hall.groups.insert(create.group, create.terms.clone());
                    for &code in &create.codes {
                        hall.codes.entry(code).or_insert((create.group, offset));
                    }
                }
            }
            Command::AmendCodes(amend) => {
                if let Some(hall) = self.0.get_mut(&amend.show) {
                    hall.groups.insert(amend.group, amend.terms.clone());
                }
            }
            Command::EndCodes { show, which } => {
                if let Some(hall) = self.0.get_mut(show) {
                    hall.end_codes(*which);
                }
            }
            Command::AddSeats(add) => {
                if let Some(hall) = self.0.get_mut(&add.show) {
                    hall.add(&add.addition);
                }
            }
            _ => {}
        }
    }

    /// A show that is new; opening one again changes nothing.
    fn open(&mut self, open: &OpenShow, plans: &[ZonePlan]) -> Option<&mut Hall> {
        if self.0.contains_key(&open.show) {
            return None;
        }
        let mut hall = Hall {
            event: open.event,
            prices: Vec::new(),
            special: BTreeMap::new(),
            next_seat: 0,
            companions_per_accessible: 0,
            offer: Offer::default(),
            groups: BTreeMap::new(),
            codes: BTreeMap::new(),
        };
        for (number, zone) in (0..).zip(&open.zones) {
            let plan = plans.iter().find(|plan| plan.zone == number);
            hall.add_zone(zone, plan.map_or(&[], |plan| &plan.rows));
        }
        Some(self.0.entry(open.show).or_insert(hall))
    }
}

impl Hall {
    pub(super) fn kind(&self, seat: SeatIndex) -> SeatKind {
        self.special.get(&seat).copied().unwrap_or_default()
    }

    /// The record that created a code, and the terms of its group.
    pub(super) fn code(&self, code: CodeHash) -> Option<(Offset, &CodeTerms)> {
        let (group, created) = self.codes.get(&code)?;
        Some((*created, self.groups.get(group)?))
    }

    fn end_codes(&mut self, which: EndedCodes) {
        match which {
            EndedCodes::Group(ended) => {
                self.groups.remove(&ended);
                self.codes.retain(|_, (group, _)| *group != ended);
            }
            EndedCodes::Code(code) => {
                self.codes.remove(&code);
            }
        }
    }

    fn add(&mut self, addition: &Addition) {
        match addition {
            Addition::Rows { rows, plans, .. } => self.add_rows(rows, plans),
            Addition::Capacity { .. } => {}
            Addition::Zone { layout, plan } => self.add_zone(layout, plan),
        }
    }

    fn add_zone(&mut self, zone: &ZoneLayout, plan: &[RowPlan]) {
        self.prices.push(zone.unit_price);
        if let Admission::Seated { rows } = &zone.admission {
            self.add_rows(rows, plan);
        }
    }

    fn add_rows(&mut self, rows: &[u16], plans: &[RowPlan]) {
        for (number, &len) in rows.iter().enumerate() {
            for special in plans.get(number).map_or(&[][..], |plan| &plan.special) {
                let first = self.next_seat + u32::from(special.first);
                for seat in first..first + u32::from(special.count) {
                    self.special.insert(seat, special.kind);
                }
            }
            self.next_seat += u32::from(len);
        }
    }
}
