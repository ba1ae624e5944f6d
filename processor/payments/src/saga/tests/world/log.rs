//! The log, as far as one booking is concerned.

use std::collections::BTreeMap;

use super::gateway::DAY_MS;
use crate::saga::ConfirmRefusal;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Booking {
    Held,
    Confirmed { reference: String },
    Cancelled,
}

/// What is asked of it.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Confirm { reference: String },
    Extend { by_ms: u64 },
    Return,
    ReturnPlaces(Vec<u32>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Confirmed,
    Refused(ConfirmRefusal),
    Extended(u64),
    NotExtended,
    Returned,
    NotReturned,
}

#[derive(Debug)]
pub(super) struct Log {
    pub(super) booking: Booking,
    pub(super) ends_ms: u64,
    pub(super) is_taken: bool,
    pub(super) is_show_cancelled: bool,
    pub(super) places: Vec<u32>,
    remembered: BTreeMap<String, (u64, Outcome)>,
    late: Vec<(String, Command)>,
}

impl Log {
    pub(super) fn new(ends_ms: u64) -> Self {
        Self {
            booking: Booking::Held,
            ends_ms,
            is_taken: false,
            is_show_cancelled: false,
            places: vec![0, 1, 2, 3],
            remembered: BTreeMap::new(),
            late: Vec::new(),
        }
    }

    /// Whether somebody may sit down.
    pub(super) fn is_ticket(&self) -> bool {
        matches!(self.booking, Booking::Confirmed { .. }) && !self.is_show_cancelled
    }

    pub(super) fn later(&mut self, request: String, command: Command) {
        self.late.push((request, command));
    }

    pub(super) fn arrive(&mut self, now_ms: u64) {
        for (request, command) in std::mem::take(&mut self.late) {
            self.apply(&request, command, now_ms);
        }
    }

    /// Somebody else takes the places, if they are free.
    pub(super) fn others_take(&mut self, now_ms: u64) {
        let is_free = match self.booking {
            Booking::Held => now_ms >= self.ends_ms,
            Booking::Confirmed { .. } => false,
            Booking::Cancelled => true,
        };
        self.is_taken |= is_free;
    }

    pub(super) fn apply(&mut self, request: &str, command: Command, now_ms: u64) -> Outcome {
        if let Some((at_ms, outcome)) = self.remembered.get(request)
            && now_ms - at_ms < DAY_MS
        {
            return outcome.clone();
        }
        let outcome = self.decide(command, now_ms);
        let kept = (now_ms, outcome.clone());
        self.remembered.insert(request.to_owned(), kept);
        outcome
    }

    fn decide(&mut self, command: Command, now_ms: u64) -> Outcome {
        let is_over = now_ms >= self.ends_ms;
        match command {
            Command::Confirm { .. } if self.is_show_cancelled => {
                Outcome::Refused(ConfirmRefusal::ShowCancelled)
            }
            Command::Confirm { reference } => match &self.booking {
                Booking::Held if is_over && self.is_taken => {
                    Outcome::Refused(ConfirmRefusal::Expired)
                }
                Booking::Held => {
                    self.booking = Booking::Confirmed { reference };
                    Outcome::Confirmed
                }
                Booking::Confirmed { reference: known } if *known == reference => {
                    Outcome::Confirmed
                }
                Booking::Confirmed { .. } => Outcome::Refused(ConfirmRefusal::OtherReference),
                Booking::Cancelled => Outcome::Refused(ConfirmRefusal::Cancelled),
            },
            Command::Extend { by_ms } => {
                let is_live = self.booking == Booking::Held && !is_over && !self.is_show_cancelled;
                if !is_live {
                    return Outcome::NotExtended;
                }
                self.ends_ms += by_ms;
                Outcome::Extended(self.ends_ms)
            }
            Command::Return => {
                self.booking = Booking::Cancelled;
                Outcome::Returned
            }
            Command::ReturnPlaces(places) => {
                let are_there = places.iter().all(|place| self.places.contains(place));
                if self.is_show_cancelled || self.booking == Booking::Cancelled {
                    return Outcome::Returned;
                }
                if !are_there {
                    return Outcome::NotReturned;
                }
                self.places.retain(|place| !places.contains(place));
                if self.places.is_empty() {
                    self.booking = Booking::Cancelled;
                }
                Outcome::Returned
            }
        }
    }
}
