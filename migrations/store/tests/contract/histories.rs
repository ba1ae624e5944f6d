//! Random histories, cut into batches at random and repeated at random, end in the same tables on
//! every database: those that a naive reader of the records ends in.

mod orders;

use std::collections::BTreeMap;

use onsale_schemas::outcome::{Confirmed, EndedBooking};
use onsale_schemas::{Offset, Outcome};
use onsale_store::booking::{BookingRow, BookingStatus};
use onsale_store::catalog::ShowStatus;

use crate::build::{
    Chain, HOLD_MS, P, booking_id, confirmed, ended, event, event_id, filter, reserved, show,
    show_id, time_of, user_id,
};
use crate::harness::{Bench, on_postgres, on_sqlite};

const SEEDS: u64 = 12;
const RECORDS: u64 = 400;
const SHOWS: u64 = 2;
const USERS: u64 = 5;
const SEATS: u32 = 12;

/// SplitMix64: enough randomness for a test, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % sides
    }
}

/// A history and what it comes to, record by record, without batches.
struct History {
    chain: Chain,
    rows: BTreeMap<Offset, (BookingRow, u64)>,
    statuses: BTreeMap<u64, ShowStatus>,
    blocked: BTreeMap<u64, u32>,
}

impl History {
    fn new(dice: &mut Dice) -> Self {
        let mut history = Self {
            chain: Chain::default(),
            rows: BTreeMap::new(),
            statuses: (1..=SHOWS).map(|n| (n, ShowStatus::Opening)).collect(),
            blocked: BTreeMap::new(),
        };
        while history.chain.next_offset < RECORDS {
            history.step(dice);
        }
        history
    }

    fn step(&mut self, dice: &mut Dice) {
        let show = 1 + dice.roll(SHOWS);
        // Holds run out now and then, with whatever record comes next.
        let expired: Vec<EndedBooking> = if dice.roll(5) == 0 {
            self.any(dice, |row| row.status == BookingStatus::Reserved)
                .map_or_else(Vec::new, |booking| {
                    self.end(booking, BookingStatus::Expired)
                })
        } else {
            Vec::new()
        };
        let offset = self.chain.next_offset;
        let cancelled = self.statuses[&show] == ShowStatus::Cancelled;
        let outcome = match dice.roll(100) {
            0..45 if !cancelled => self.reserve(dice, show, offset),
            45..60 => self
                .any(dice, |row| row.status == BookingStatus::Reserved)
                .map(|booking| self.confirm(booking, offset, false)),
            60..65 => self
                .any(dice, |row| row.status == BookingStatus::Expired)
                .filter(|booking| self.can_revive(*booking))
                .map(|booking| self.confirm(booking, offset, true)),
            65..75 => self.any(dice, |row| row.status.is_live()).map(|booking| {
                let was_confirmed = self.rows[&booking].0.status == BookingStatus::Confirmed;
                let ended = self.end(booking, BookingStatus::Cancelled);
                self.released(booking, ended, was_confirmed)
            }),
            75..80 => self
                .any(dice, |row| row.status == BookingStatus::Reserved)
                .map(|booking| self.extend(booking, offset)),
            80..85 => {
                let blocked = self.blocked.entry(show).or_default();
                *blocked += 3;
                self.chain.block(show, 1, &[], 3);
                return self.chain_expired(expired);
            }
            85..88 if self.blocked.get(&show).is_some_and(|blocked| *blocked > 0) => {
                *self.blocked.entry(show).or_default() -= 1;
                self.chain.unblock(show, 1, &[], 1);
                return self.chain_expired(expired);
            }
            88 if dice.roll(4) == 0 => Some(self.cancel(show)),
            89..92 => {
                let status = self.statuses.entry(show).or_insert(ShowStatus::Opening);
                if *status == ShowStatus::Opening {
                    *status = ShowStatus::Open;
                }
                Some(Outcome::ShowOpened {
                    show: show_id(show),
                    event: event_id(1),
                })
            }
            92..94 => Some(self.reset_clock(dice.roll(2_000))),
            94..97 => self
                .any(dice, |row| row.status == BookingStatus::Confirmed)
                .map(|booking| self.give_back(dice, booking, offset)),
            _ => None,
        };
        match outcome {
            Some(outcome) => {
                self.chain.push_with(expired, outcome);
            }
            None if !expired.is_empty() => {
                self.chain.push_with(expired, Outcome::Nothing);
            }
            None => self.chain.ticks(1 + dice.roll(3)),
        }
    }

    fn chain_expired(&mut self, expired: Vec<EndedBooking>) {
        self.chain.outcomes.last_mut().unwrap().expired = expired;
    }

    fn any(&self, dice: &mut Dice, wanted: impl Fn(&BookingRow) -> bool) -> Option<Offset> {
        let found: Vec<Offset> = self
            .rows
            .iter()
            .filter(|(_, (row, _))| wanted(row))
            .map(|(offset, _)| *offset)
            .collect();
        let picked = dice.roll(u64::try_from(found.len()).unwrap().max(1));
        found.get(usize::try_from(picked).unwrap()).copied()
    }

    fn is_free(&self, show: u64, seat: u32) -> bool {
        !self.rows.values().any(|(row, _)| {
            row.show_id == show_id(show) && row.status.is_live() && row.seats.contains(&seat)
        })
    }

    fn can_revive(&self, booking: Offset) -> bool {
        let (row, _) = &self.rows[&booking];
        let show = (1..=SHOWS).find(|n| show_id(*n) == row.show_id).unwrap();
        self.statuses[&show] != ShowStatus::Cancelled
            && row.seats.iter().all(|seat| self.is_free(show, *seat))
    }

    fn reserve(&mut self, dice: &mut Dice, show: u64, offset: Offset) -> Option<Outcome> {
        let user = dice.roll(USERS);
        let mut seats: Vec<u32> = (0..1 + dice.roll(3))
            .map(|_| u32::try_from(dice.roll(u64::from(SEATS))).unwrap())
            .collect();
        seats.sort_unstable();
        seats.dedup();
        if dice.roll(2) == 0 {
            seats.reverse();
        }
        if !seats.iter().all(|seat| self.is_free(show, *seat)) {
            return None;
        }
        if dice.roll(3) == 0 {
            return Some(self.reserve_order(dice, show, user, &seats));
        }
        let made = reserved(offset, show, user, &seats, seats.len());
        let row = BookingRow {
            booking_id: booking_id(offset),
            request_id: Some(onsale_schemas::RequestId(crate::build::id(
                0x100_0000 + offset,
            ))),
            event_id: made.event,
            show_id: made.show,
            user_id: made.user,
            zone: 0,
            quantity: made.quantity,
            seats,
            unit_price: made.unit_price,
            currency: "THB".to_owned(),
            status: BookingStatus::Reserved,
            reserved_at_ms: time_of(offset),
            expires_at_ms: made.expires_at_ms,
            confirmed_at_ms: None,
            ended_at_ms: None,
            payment_reference: None,
            updated_offset: offset,
            order: None,
        };
        self.rows.insert(offset, (row, user));
        Some(Outcome::Reserved(made))
    }

    fn confirm(&mut self, booking: Offset, offset: Offset, revived: bool) -> Outcome {
        let (row, user) = self.rows.get_mut(&booking).unwrap();
        let as_order = orders::confirmed(row, offset, revived);
        let made = Confirmed {
            show: row.show_id,
            revived,
            ..confirmed(booking, 0, *user, &row.seats, time_of(offset))
        };
        row.status = BookingStatus::Confirmed;
        row.confirmed_at_ms = Some(time_of(offset));
        row.payment_reference = Some(made.payment_reference.clone());
        row.ended_at_ms = None;
        row.updated_offset = offset;
        as_order.unwrap_or(Outcome::Confirmed(made))
    }

    fn extend(&mut self, booking: Offset, offset: Offset) -> Outcome {
        let (row, _) = self.rows.get_mut(&booking).unwrap();
        row.expires_at_ms += 60_000;
        row.updated_offset = offset;
        Outcome::Extended {
            booking,
            show: row.show_id,
            user: row.user_id,
            expires_at_ms: row.expires_at_ms,
        }
    }

    fn end(&mut self, booking: Offset, status: BookingStatus) -> Vec<EndedBooking> {
        let offset = self.chain.next_offset;
        let (row, user) = self.rows.get_mut(&booking).unwrap();
        row.status = status;
        row.ended_at_ms = Some(time_of(offset));
        row.updated_offset = offset;
        let plain = EndedBooking {
            show: row.show_id,
            quantity: row.quantity,
            ..ended(booking, 0, *user, &row.seats)
        };
        orders::ended(row, &plain).unwrap_or_else(|| vec![plain])
    }

    fn cancel(&mut self, show: u64) -> Outcome {
        let offset = self.chain.next_offset;
        self.statuses.insert(show, ShowStatus::Cancelled);
        let live: Vec<Offset> = self
            .rows
            .iter()
            .filter(|(_, (row, _))| row.show_id == show_id(show) && row.status.is_live())
            .map(|(booking, _)| *booking)
            .collect();
        for booking in live {
            self.end(booking, BookingStatus::Cancelled);
        }
        assert_eq!(offset, self.chain.next_offset);
        Outcome::ShowCancelled {
            show: show_id(show),
        }
    }

    /// The machine's time goes back; the next record moves it on again.
    fn reset_clock(&mut self, by_ms: u64) -> Outcome {
        let offset = self.chain.next_offset;
        let from_ms = time_of(offset);
        let to_ms = from_ms - by_ms;
        for (row, _) in self.rows.values_mut() {
            let is_late = |at_ms: u64| at_ms > to_ms;
            if row.status == BookingStatus::Reserved && is_late(row.expires_at_ms - HOLD_MS) {
                row.expires_at_ms = to_ms + HOLD_MS;
                row.updated_offset = offset;
            }
            if row.ended_at_ms.is_some_and(is_late) {
                row.ended_at_ms = Some(to_ms);
                row.updated_offset = offset;
            }
        }
        Outcome::ClockReset { from_ms, to_ms }
    }

    async fn project(&self, bench: &Bench, mut dice: Dice) {
        bench.store.add_event(&event(1)).await.unwrap();
        for number in 1..=SHOWS {
            bench.store.add_show(&show(number, 1)).await.unwrap();
        }
        let end = self.chain.next_offset;
        let mut at = 0;
        while at < end {
            let until = end.min(at + 1 + dice.roll(60));
            // A reader that starts again reads what it has seen once more.
            let from = at - dice.roll(20).min(at);
            let batch = self.chain.batch(from, until);
            for _ in 0..=dice.roll(2) {
                let watermark = bench.store.project(&batch).await.unwrap();
                assert_eq!(watermark, self.chain.watermark(until));
            }
            at = until;
        }
    }

    async fn check(&self, bench: &Bench) {
        let store = &bench.store;
        let mut found: Vec<BookingRow> = Vec::new();
        for user in 0..USERS {
            found.extend(store.bookings(&filter(user_id(user))).await.unwrap());
        }
        found.sort_by_key(|row| row.booking_id.offset());
        let expected: Vec<BookingRow> = self.rows.values().map(|(row, _)| row.clone()).collect();
        assert_eq!(found, expected);

        let mut holders: Vec<(String, i64, i64, i64)> = expected
            .iter()
            .filter(|row| row.status.is_live())
            .flat_map(|row| {
                row.seats.iter().map(|seat| {
                    (
                        row.show_id.0.simple().to_string(),
                        i64::from(*seat),
                        i64::from(P.0),
                        i64::try_from(row.booking_id.offset()).unwrap(),
                    )
                })
            })
            .collect();
        holders.sort();
        assert_eq!(bench.seat_holders().await, holders);
        self.check_orders(bench).await;

        for (number, status) in &self.statuses {
            let row = store.show(show_id(*number)).await.unwrap().unwrap();
            assert_eq!(row.status, *status);
            let (_, quantities) = store.blocked_places(show_id(*number)).await.unwrap();
            let blocked = self.blocked.get(number).copied().filter(|sum| *sum > 0);
            assert_eq!(
                quantities,
                blocked.map(|sum| (1, sum)).into_iter().collect::<Vec<_>>()
            );
        }
    }
}

async fn run(bench: Bench, seed: u64) {
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let history = History::new(&mut dice);
    assert!(
        history.rows.len() > 20,
        "a history of {} bookings says little",
        history.rows.len()
    );
    history.project(&bench, dice).await;
    history.check(&bench).await;
}

#[tokio::test]
async fn histories_on_sqlite() {
    for seed in 0..SEEDS {
        on_sqlite(|bench| run(bench, seed)).await;
    }
}

#[tokio::test]
async fn histories_on_postgres() {
    for seed in 0..SEEDS {
        on_postgres(move |bench| run(bench, seed)).await;
    }
}
