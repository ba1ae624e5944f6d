//! Values for the tests.

use onsale_schemas::command::Currency;
use onsale_schemas::outcome::{BlockChange, Confirmed, EndedBooking, Replayed, Reserved};
use onsale_schemas::seating::RowPlan;
use onsale_schemas::{
    BookingId, EventId, Offset, Outcome, OutcomeRecord, PartitionId, RequestId, ShowId, UserId,
    ZoneCounts,
};
use onsale_store::booking::{BookingFilter, BookingRow};
use onsale_store::catalog::{
    ChartRow, EventRow, EventStatus, Growth, RowSeats, ShowRow, ShowStatus, ZoneAdmission, ZoneRow,
};
use onsale_store::projection::ProjectionBatch;
use onsale_store::{Store, booking::Watermark};
use uuid::Uuid;

pub(crate) const P: PartitionId = PartitionId(3);
pub(crate) const HOLD_MS: u64 = 600_000;

pub(crate) fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(0xabcd_0000_0000_4000, number)
}

pub(crate) fn show_id(number: u64) -> ShowId {
    ShowId(id(0x5000 + number))
}

pub(crate) fn user_id(number: u64) -> UserId {
    UserId(id(0x7000 + number))
}

pub(crate) fn event_id(number: u64) -> EventId {
    EventId(id(0xe000 + number))
}

pub(crate) fn event(number: u64) -> EventRow {
    EventRow {
        event_id: event_id(number),
        tenant_id: id(1),
        organizer_id: user_id(900),
        name: format!("Event {number}"),
        description: Some("Loud & late".to_owned()),
        venue: Some("Café Ölberg".to_owned()),
        city: Some("Zürich".to_owned()),
        category: Some("concert".to_owned()),
        starts_at_ms: 1_800_000_000_000 + number,
        max_tickets_per_user: 4,
        minimum_age: Some(18),
        requires_verified_account: false,
        status: EventStatus::Published,
        created_at_ms: 1_700_000_000_000,
        details: onsale_store::catalog::EventDetails::default(),
    }
}

/// Zone 0 has seats 0..30 in three rows, zone 1 is general admission, zone 2 has seats 30..35.
pub(crate) fn show(number: u64, event: u64) -> ShowRow {
    let zone = |index: u16, name: &str, admission| ZoneRow {
        zone_id: id(0x20_0000 + number * 16 + u64::from(index)),
        index,
        name: name.to_owned(),
        unit_price: 250_000 + i64::from(index),
        currency: "THB".to_owned(),
        admission,
        growth: Growth::default(),
    };
    let row = |name: &str, seats| ChartRow {
        name: name.to_owned(),
        seats,
        plan: RowPlan::default(),
    };
    ShowRow {
        show_id: show_id(number),
        event_id: event_id(event),
        partition: P,
        map: None,
        name: None,
        starts_at_ms: 1_800_000_000_000 + number,
        sale_opens_at_ms: 1_750_000_000_000,
        sale_closes_at_ms: 1_799_000_000_000,
        closes_by_default: false,
        hold_ms: 600_000,
        cooldown_ms: 0,
        status: ShowStatus::Opening,
        created_at_ms: 1_700_000_000_000,
        companions_per_accessible: 0,
        offer: None,
        zones: vec![
            zone(
                0,
                "Stalls",
                ZoneAdmission::Seated {
                    rows: vec![
                        row("A", RowSeats::Count(10)),
                        row("B", RowSeats::Count(10)),
                        row("C", RowSeats::Count(10)),
                    ],
                },
            ),
            zone(1, "Floor", ZoneAdmission::General { capacity: 1_000 }),
            zone(
                2,
                "Box",
                ZoneAdmission::Seated {
                    rows: vec![row(
                        "Box \"1\"",
                        RowSeats::Labels(["i", "ii", "iii", "iv", "v"].map(String::from).to_vec()),
                    )],
                },
            ),
        ],
    }
}

pub(crate) async fn with_show(store: &Store) -> ShowRow {
    store.add_event(&event(1)).await.unwrap();
    let show = show(1, 1);
    store.add_show(&show).await.unwrap();
    show
}

pub(crate) fn counts(available: u32, held: u32, sold: u32, blocked: u32) -> ZoneCounts {
    ZoneCounts {
        available,
        held,
        sold,
        blocked,
    }
}

pub(crate) fn filter(user: UserId) -> BookingFilter {
    BookingFilter {
        user_id: user,
        status: None,
        expires_after_ms: None,
        after: None,
        limit: 1_000,
    }
}

/// Outcomes in the order of their chain.
#[derive(Default)]
pub(crate) struct Chain {
    pub(crate) outcomes: Vec<OutcomeRecord>,
    pub(crate) next_offset: Offset,
}

pub(crate) fn time_of(offset: Offset) -> u64 {
    1_760_000_000_000 + offset * 10
}

impl Chain {
    /// The next record's outcome; returns its offset.
    pub(crate) fn push(&mut self, outcome: Outcome) -> Offset {
        self.push_with(Vec::new(), outcome)
    }

    pub(crate) fn push_with(&mut self, expired: Vec<EndedBooking>, outcome: Outcome) -> Offset {
        let offset = self.next_offset;
        self.outcomes.push(OutcomeRecord {
            offset,
            previous: self.outcomes.last().map(|last| last.offset),
            log_time_ms: time_of(offset),
            request_id: Some(RequestId(id(0x100_0000 + offset))),
            replay_of: None,
            expired,
            outcome,
        });
        self.next_offset += 1;
        offset
    }

    /// Marks the last outcome as the answer of an earlier record.
    pub(crate) fn mark_replay(&mut self, of: Offset) {
        self.outcomes.last_mut().unwrap().replay_of = Some(Replayed {
            offset: of,
            log_time_ms: time_of(of),
        });
    }

    /// Records without an outcome.
    pub(crate) fn ticks(&mut self, count: u64) {
        self.next_offset += count;
    }

    pub(crate) fn reserve(&mut self, show: u64, user: u64, seats: &[u32]) -> Offset {
        let reserved = reserved(self.next_offset, show, user, seats, seats.len());
        self.push(Outcome::Reserved(reserved))
    }

    pub(crate) fn reserve_general(&mut self, show: u64, user: u64, quantity: usize) -> Offset {
        let reserved = Reserved {
            zone: 1,
            ..reserved(self.next_offset, show, user, &[], quantity)
        };
        self.push(Outcome::Reserved(reserved))
    }

    pub(crate) fn confirm(&mut self, show: u64, user: u64, booking: Offset, seats: &[u32]) {
        let confirmed = confirmed(booking, show, user, seats, time_of(self.next_offset));
        self.push(Outcome::Confirmed(confirmed));
    }

    pub(crate) fn expire(&mut self, show: u64, user: u64, booking: Offset, seats: &[u32]) {
        self.push_with(vec![ended(booking, show, user, seats)], Outcome::Nothing);
    }

    pub(crate) fn release(&mut self, show: u64, user: u64, booking: Offset, seats: &[u32]) {
        self.push(Outcome::Released {
            booking: ended(booking, show, user, seats),
            was_confirmed: false,
        });
    }

    pub(crate) fn block(&mut self, show: u64, zone: u16, seats: &[u32], quantity: u32) {
        self.push(Outcome::Blocked(block(show, zone, seats, quantity)));
    }

    pub(crate) fn unblock(&mut self, show: u64, zone: u16, seats: &[u32], quantity: u32) {
        self.push(Outcome::Unblocked(block(show, zone, seats, quantity)));
    }

    /// The records `from..until` as a batch.
    pub(crate) fn batch(&self, from: Offset, until: Offset) -> ProjectionBatch {
        ProjectionBatch {
            partition: P,
            from_offset: from,
            next_offset: until,
            log_time_ms: time_of(until.saturating_sub(1)),
            outcomes: self
                .outcomes
                .iter()
                .filter(|record| (from..until).contains(&record.offset))
                .cloned()
                .collect(),
            askers: Vec::new(),
        }
    }

    /// Everything so far as one batch.
    pub(crate) fn all(&self) -> ProjectionBatch {
        self.batch(0, self.next_offset)
    }

    /// What the watermark is once records before `until` are projected.
    pub(crate) fn watermark(&self, until: Offset) -> Watermark {
        Watermark {
            partition: P,
            next_offset: until,
            last_outcome: self
                .outcomes
                .iter()
                .map(|record| record.offset)
                .filter(|offset| *offset < until)
                .max(),
            log_time_ms: time_of(until.saturating_sub(1)),
        }
    }
}

pub(crate) fn reserved(
    booking: Offset,
    show: u64,
    user: u64,
    seats: &[u32],
    quantity: usize,
) -> Reserved {
    Reserved {
        booking,
        show: show_id(show),
        event: event_id(1),
        user: user_id(user),
        zone: 0,
        seats: seats.into(),
        quantity: quantity.try_into().unwrap(),
        unit_price: 250_000,
        currency: Currency(*b"THB"),
        expires_at_ms: time_of(booking) + HOLD_MS,
    }
}

pub(crate) fn confirmed(
    booking: Offset,
    show: u64,
    user: u64,
    seats: &[u32],
    at_ms: u64,
) -> Confirmed {
    Confirmed {
        booking,
        show: show_id(show),
        user: user_id(user),
        zone: 0,
        seats: seats.into(),
        quantity: seats.len().max(1).try_into().unwrap(),
        payment_reference: format!("pay-{booking}"),
        confirmed_at_ms: at_ms,
        first: true,
        revived: false,
    }
}

pub(crate) fn ended(booking: Offset, show: u64, user: u64, seats: &[u32]) -> EndedBooking {
    EndedBooking {
        booking,
        show: show_id(show),
        user: user_id(user),
        zone: 0,
        seats: seats.into(),
        quantity: seats.len().max(1).try_into().unwrap(),
    }
}

fn block(show: u64, zone: u16, seats: &[u32], quantity: u32) -> BlockChange {
    BlockChange {
        show: show_id(show),
        zone,
        seats: seats.into(),
        quantity,
    }
}

pub(crate) fn booking_id(offset: Offset) -> BookingId {
    BookingId::new(P, offset)
}

pub(crate) async fn booking(store: &Store, offset: Offset) -> BookingRow {
    store
        .booking(booking_id(offset))
        .await
        .unwrap()
        .unwrap_or_else(|| panic!("booking {offset} is projected"))
}
