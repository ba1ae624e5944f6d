//! A running 64-bit digest of everything a partition was given and of every outcome.
//!
//! Replicas compare it at the same offset. Every field of every outcome goes in: the patterns below
//! name all of them, so a field added later does not compile until it is mixed too.

use onsale_schemas::command::{ClaimReference, Currency, Describe, Subject};
use onsale_schemas::outcome::{
    BlockChange, Confirmed, EndedBooking, Outcome, OutcomeRecord, Replayed, Reserved,
};
use onsale_schemas::{LogTimeMs, Rejection, SeatList};

use crate::hash::{fold, halves};

mod version_3;

const SEED: u64 = 0x6f6e_7361_6c65_2026;
const K: u64 = 0xe703_7ed1_a0b4_28db;

/// The digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Digest(pub(crate) u64);

impl Digest {
    pub(crate) fn new() -> Self {
        Self(SEED)
    }

    /// Mixes a record that yielded no outcome.
    #[inline]
    pub(crate) fn silent(&mut self, offset: u64, now: LogTimeMs, decoded: bool) {
        self.pair(offset, now);
        self.word(u64::from(decoded));
    }

    /// Mixes a record's outcome.
    #[inline]
    pub(crate) fn outcome(&mut self, record: &OutcomeRecord, decoded: bool) {
        let OutcomeRecord {
            offset,
            previous,
            log_time_ms,
            request_id,
            replay_of,
            expired,
            outcome,
        } = record;
        self.pair(*offset, *log_time_ms);
        let flags = u64::from(decoded)
            | u64::from(previous.is_some()) << 1
            | u64::from(request_id.is_some()) << 2
            | u64::from(replay_of.is_some()) << 3;
        self.pair(flags ^ (expired.len() as u64) << 8, previous.unwrap_or(0));
        if let Some(id) = request_id {
            self.id(id.as_bytes());
        }
        if let Some(Replayed {
            offset,
            log_time_ms,
        }) = replay_of
        {
            self.pair(*offset, *log_time_ms);
        }
        for booking in expired {
            self.ended(booking);
        }
        self.any_outcome(outcome);
    }

    #[inline]
    fn word(&mut self, word: u64) {
        self.0 = fold(self.0 ^ K, word ^ SEED) ^ word;
    }

    #[inline]
    fn pair(&mut self, a: u64, b: u64) {
        self.0 = fold(self.0 ^ a, b ^ K).wrapping_add(a);
    }

    #[inline]
    fn id(&mut self, bytes: &[u8; 16]) {
        let (a, b) = halves(bytes);
        self.pair(a, b);
    }

    #[inline]
    fn seats(&mut self, seats: &SeatList) {
        let mut chunks = seats.chunks_exact(2);
        for pair in &mut chunks {
            if let &[a, b] = pair {
                self.word(u64::from(a) | u64::from(b) << 32);
            }
        }
        let last = chunks.remainder().first().copied().unwrap_or(0);
        self.pair(seats.len() as u64, u64::from(last));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(xxhash_rust::xxh3::xxh3_64(bytes));
    }

    #[inline]
    fn any_outcome(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Nothing => self.word(1),
            Outcome::ShowOpened { show, event } => {
                self.word(2);
                self.id(show.as_bytes());
                self.id(event.as_bytes());
            }
            Outcome::ShowAmended { show } => {
                self.word(3);
                self.id(show.as_bytes());
            }
            Outcome::ShowClosed { show } => {
                self.word(4);
                self.id(show.as_bytes());
            }
            Outcome::ShowCancelled { show } => {
                self.word(5);
                self.id(show.as_bytes());
            }
            Outcome::Reserved(reserved) => self.reserved(reserved),
            Outcome::Confirmed(confirmed) => self.confirmed(confirmed),
            Outcome::Released {
                booking,
                was_confirmed,
            } => {
                self.word(8 | u64::from(*was_confirmed) << 8);
                self.ended(booking);
            }
            Outcome::Extended {
                booking,
                show,
                user,
                expires_at_ms,
            } => {
                self.word(9);
                self.pair(*booking, *expires_at_ms);
                self.id(show.as_bytes());
                self.id(user.as_bytes());
            }
            Outcome::Blocked(change) => self.block_change(10, change),
            Outcome::Unblocked(change) => self.block_change(11, change),
            Outcome::Claimed { node, epoch } => {
                self.pair(12, *epoch);
                self.bytes(node.0.as_bytes());
            }
            Outcome::BarrierPassed { machine_version } => {
                self.word(13 | u64::from(*machine_version) << 8);
            }
            Outcome::Rejected(rejection) => self.rejection(rejection),
            Outcome::EventAmended {
                event,
                max_tickets_per_user,
            } => {
                self.word(15 | u64::from(*max_tickets_per_user) << 8);
                self.id(event.as_bytes());
            }
            Outcome::EventCancelled { event } => {
                self.word(16);
                self.id(event.as_bytes());
            }
            Outcome::ReferenceClaimed(ClaimReference {
                reference,
                partition,
                booking,
            }) => {
                self.pair(17 | u64::from(partition.0) << 8, *booking);
                self.id(reference.as_bytes());
            }
            Outcome::Described(Describe { subject, document }) => {
                match subject {
                    Subject::Event(event) => {
                        self.word(18);
                        self.id(event.as_bytes());
                    }
                    Subject::Show { show, event } => {
                        self.word(18 | 1 << 8);
                        self.id(show.as_bytes());
                        self.id(event.as_bytes());
                    }
                }
                self.bytes(document);
            }
            Outcome::ClockReset { from_ms, to_ms } => {
                self.word(19);
                self.pair(*from_ms, *to_ms);
            }
            Outcome::ReservedV2(_)
            | Outcome::ConfirmedV2(_)
            | Outcome::ReleasedV2(_)
            | Outcome::OfferSet { .. }
            | Outcome::CodesCreated { .. }
            | Outcome::CodesAmended { .. }
            | Outcome::CodesEnded { .. }
            | Outcome::PlacesReturned(_)
            | Outcome::SeatsAdded { .. }
            | Outcome::SeatsTaken(_) => self.outcome_v3(outcome),
        }
    }

    #[inline]
    fn reserved(&mut self, reserved: &Reserved) {
        let Reserved {
            booking,
            show,
            event,
            user,
            zone,
            seats,
            quantity,
            unit_price,
            currency: Currency([c0, c1, c2]),
            expires_at_ms,
        } = reserved;
        self.pair(*booking, *expires_at_ms);
        self.id(show.as_bytes());
        self.id(event.as_bytes());
        self.id(user.as_bytes());
        let kind = u64::from_le_bytes([6, *c0, *c1, *c2, 0, 0, 0, 0]);
        self.pair(
            kind | u64::from(*quantity) << 32,
            unit_price.cast_unsigned(),
        );
        self.word(u64::from(*zone));
        self.seats(seats);
    }

    #[inline]
    fn confirmed(&mut self, confirmed: &Confirmed) {
        let Confirmed {
            booking,
            show,
            user,
            zone,
            seats,
            quantity,
            payment_reference,
            confirmed_at_ms,
            first,
            revived,
        } = confirmed;
        self.pair(*booking, *confirmed_at_ms);
        self.id(show.as_bytes());
        self.id(user.as_bytes());
        let flags = 7 | u64::from(*first) << 8 | u64::from(*revived) << 9;
        self.pair(flags | u64::from(*quantity) << 32, u64::from(*zone));
        self.seats(seats);
        self.bytes(payment_reference.as_bytes());
    }

    #[inline]
    fn ended(&mut self, ended: &EndedBooking) {
        let EndedBooking {
            booking,
            show,
            user,
            zone,
            seats,
            quantity,
        } = ended;
        self.pair(*booking, u64::from(*quantity) | u64::from(*zone) << 32);
        self.id(show.as_bytes());
        self.id(user.as_bytes());
        self.seats(seats);
    }

    fn block_change(&mut self, kind: u64, change: &BlockChange) {
        let BlockChange {
            show,
            zone,
            seats,
            quantity,
        } = change;
        self.pair(kind | u64::from(*quantity) << 32, u64::from(*zone));
        self.id(show.as_bytes());
        self.seats(seats);
    }

    #[inline]
    fn rejection(&mut self, rejection: &Rejection) {
        self.pair(14, u64::from(rejection.number()));
        match rejection {
            Rejection::SeatUnavailable { seats } => self.seats(seats),
            Rejection::InsufficientStock {
                available,
                not_together,
            } => self.word(u64::from(*available) | u64::from(*not_together) << 32),
            Rejection::MaxPerUserExceeded { limit, current } => {
                self.word(u64::from(*limit) | u64::from(*current) << 16);
            }
            Rejection::SaleNotOpen { opens_at_ms } => self.word(*opens_at_ms),
            Rejection::PriceChanged { unit_price } => self.word(unit_price.cast_unsigned()),
            Rejection::Invalid { reason } => self.word(*reason as u64),
            Rejection::Full { table } => self.word(*table as u64),
            Rejection::UnknownShow
            | Rejection::UnknownBooking
            | Rejection::SaleClosed
            | Rejection::AlreadyConfirmed
            | Rejection::AlreadyCancelled
            | Rejection::ShowCancelled
            | Rejection::ReservationExpired
            | Rejection::IdempotencyKeyReused
            | Rejection::ShowExists
            | Rejection::PaymentReferenceUsed
            | Rejection::UnknownCode
            | Rejection::NotConfirmed => {}
            Rejection::AmountDiffers {
                total,
                currency: Currency([c0, c1, c2]),
            } => {
                let currency = u64::from_le_bytes([*c0, *c1, *c2, 0, 0, 0, 0, 0]);
                self.pair(total.cast_unsigned(), currency);
            }
            Rejection::CoolingDown { until_ms } => self.word(*until_ms),
            Rejection::TypeNotOffered { .. }
            | Rejection::CodeRefused { .. }
            | Rejection::AccessCodeRequired { .. }
            | Rejection::TypeNotOnSale { .. }
            | Rejection::TypeQuantity { .. }
            | Rejection::WrongSeatKind { .. }
            | Rejection::CompanionAlone { .. }
            | Rejection::TotalChanged { .. }
            | Rejection::SeatInOwnHold { .. }
            | Rejection::LeavesSingleSeat { .. }
            | Rejection::InsufficientStockOf { .. }
            | Rejection::CodeExists { .. }
            | Rejection::PlacesNotOfBooking { .. }
            | Rejection::LayoutChanged { .. } => self.rejection_v3(rejection),
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::{EventId, RequestId, ShowId, UserId};

    use super::*;

    fn of(record: &OutcomeRecord) -> u64 {
        let mut digest = Digest::new();
        digest.outcome(record, true);
        digest.0
    }

    /// A base record, and copies with one field changed in every possible place.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn every_field_counts() {
        let ended = EndedBooking {
            booking: 3,
            show: ShowId::from_bytes([1; 16]),
            user: UserId::from_bytes([2; 16]),
            zone: 1,
            seats: [4, 5, 6].as_slice().into(),
            quantity: 3,
        };
        let reserved = Reserved {
            booking: 9,
            show: ShowId::from_bytes([1; 16]),
            event: EventId::from_bytes([3; 16]),
            user: UserId::from_bytes([2; 16]),
            zone: 1,
            seats: [4, 5].as_slice().into(),
            quantity: 2,
            unit_price: 100,
            currency: Currency(*b"THB"),
            expires_at_ms: 77,
        };
        let confirmed = Confirmed {
            booking: 9,
            show: ShowId::from_bytes([1; 16]),
            user: UserId::from_bytes([2; 16]),
            zone: 1,
            seats: [4, 5].as_slice().into(),
            quantity: 2,
            payment_reference: "p".into(),
            confirmed_at_ms: 70,
            first: true,
            revived: false,
        };
        let record = OutcomeRecord {
            offset: 9,
            previous: Some(8),
            log_time_ms: 70,
            request_id: Some(RequestId::from_bytes([5; 16])),
            replay_of: None,
            expired: vec![ended.clone()],
            outcome: Outcome::Reserved(reserved.clone()),
        };
        let mut all = vec![record.clone()];
        let mut with = |change: &dyn Fn(&mut OutcomeRecord)| {
            let mut changed = record.clone();
            change(&mut changed);
            all.push(changed);
        };
        with(&|r| r.offset = 10);
        with(&|r| r.previous = None);
        with(&|r| r.previous = Some(7));
        with(&|r| r.log_time_ms = 71);
        with(&|r| r.request_id = None);
        with(&|r| r.request_id = Some(RequestId::from_bytes([6; 16])));
        with(&|r| {
            r.replay_of = Some(Replayed {
                offset: 1,
                log_time_ms: 2,
            });
        });
        with(&|r| r.expired.clear());
        with(&|r| r.expired.push(ended.clone()));
        with(&|r| r.expired[0].booking = 4);
        with(&|r| r.expired[0].show = ShowId::from_bytes([9; 16]));
        with(&|r| r.expired[0].user = UserId::from_bytes([9; 16]));
        with(&|r| r.expired[0].zone = 2);
        with(&|r| r.expired[0].quantity = 4);
        with(&|r| r.expired[0].seats = [4, 6, 5].as_slice().into());
        let mut reserved_with = |change: &dyn Fn(&mut Reserved)| {
            let mut changed = reserved.clone();
            change(&mut changed);
            with(&|r| r.outcome = Outcome::Reserved(changed.clone()));
        };
        reserved_with(&|r| r.booking = 10);
        reserved_with(&|r| r.show = ShowId::from_bytes([9; 16]));
        reserved_with(&|r| r.event = EventId::from_bytes([9; 16]));
        reserved_with(&|r| r.user = UserId::from_bytes([9; 16]));
        reserved_with(&|r| r.zone = 2);
        reserved_with(&|r| r.seats = [5, 4].as_slice().into());
        reserved_with(&|r| r.seats = [4].as_slice().into());
        reserved_with(&|r| r.quantity = 3);
        reserved_with(&|r| r.unit_price = 101);
        reserved_with(&|r| r.currency = Currency(*b"USD"));
        reserved_with(&|r| r.expires_at_ms = 78);
        let mut confirmed_with = |change: &dyn Fn(&mut Confirmed)| {
            let mut changed = confirmed.clone();
            change(&mut changed);
            with(&|r| r.outcome = Outcome::Confirmed(changed.clone()));
        };
        confirmed_with(&|_| {});
        confirmed_with(&|r| r.booking = 10);
        confirmed_with(&|r| r.show = ShowId::from_bytes([9; 16]));
        confirmed_with(&|r| r.user = UserId::from_bytes([9; 16]));
        confirmed_with(&|r| r.zone = 2);
        confirmed_with(&|r| r.seats = [5, 4].as_slice().into());
        confirmed_with(&|r| r.quantity = 3);
        confirmed_with(&|r| r.payment_reference = "q".into());
        confirmed_with(&|r| r.confirmed_at_ms = 71);
        confirmed_with(&|r| r.first = false);
        confirmed_with(&|r| r.revived = true);
        for was_confirmed in [true, false] {
            with(&|r| {
                r.outcome = Outcome::Released {
                    booking: ended.clone(),
                    was_confirmed,
                };
            });
        }
        for rejection in [
            Rejection::UnknownShow,
            Rejection::UnknownBooking,
            Rejection::SeatUnavailable {
                seats: [1].as_slice().into(),
            },
            Rejection::SeatUnavailable {
                seats: [2].as_slice().into(),
            },
            Rejection::InsufficientStock {
                available: 1,
                not_together: true,
            },
            Rejection::InsufficientStock {
                available: 1,
                not_together: false,
            },
            Rejection::SaleNotOpen { opens_at_ms: 1 },
            Rejection::SaleNotOpen { opens_at_ms: 2 },
        ] {
            with(&|r| r.outcome = Outcome::Rejected(rejection.clone()));
        }
        let mut digests: Vec<u64> = all.iter().map(of).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), all.len());
    }
}
