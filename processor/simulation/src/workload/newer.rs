//! The commands of machine version 2, and the staff on whose behalf commands come.

use onsale_schemas::command::{
    AmendEvent, ClaimReference, Command, ConfirmV2, Currency, Describe, OpenShow, OpenShowV2,
    Subject,
};
use onsale_schemas::limits::{COOLDOWN_MAX_MS, DOCUMENT_MAX_BYTES};
use onsale_schemas::{EventId, PartitionId, ReferenceHash, Staff, TenantId, UserId};

use super::actions::Actions;
use super::layouts::id_bytes;
use super::rng::Rng;

/// Tenants of the workload: few, so that they meet.
const TENANTS: u64 = 2;
/// References in use: few, so that they collide.
const REFERENCES: u64 = 12;

fn tenant(rng: &mut Rng) -> TenantId {
    TenantId::from_bytes(id_bytes(b't', rng.below(TENANTS)))
}

/// Staff of some tenant, of the installation, or nobody.
pub(super) fn staff(rng: &mut Rng) -> Option<Staff> {
    rng.percent(35).then(|| Staff {
        user: UserId::from_bytes(id_bytes(b's', rng.below(3))),
        tenant: rng.percent(80).then(|| tenant(rng)),
    })
}

impl Actions<'_> {
    pub(super) fn newer(&mut self) -> Command {
        match self.rng.below(100) {
            0..30 => self.open_v2(),
            30..40 => Command::AmendEvent(AmendEvent {
                event: self.event(),
                max_tickets_per_user: self.rng.one_of([0, 1, 2, 3, 5]),
            }),
            40..42 => Command::CancelEvent {
                event: self.event(),
            },
            42..65 => self.confirm_v2(),
            65..80 => Command::ClaimReference(ClaimReference {
                reference: ReferenceHash::from_bytes(id_bytes(b'p', self.rng.below(REFERENCES))),
                partition: PartitionId(self.rng.one_of([0, 0, 1])),
                booking: self.rng.below(4),
            }),
            80..95 => self.describe(),
            _ => Command::ResetClock,
        }
    }

    fn event(&mut self) -> EventId {
        let show = self.world.any_show(self.rng);
        if self.rng.percent(5) {
            EventId::from_bytes(id_bytes(b'?', self.rng.below(2)))
        } else {
            self.world.shows[show].open.event
        }
    }

    pub(super) fn open_v2(&mut self) -> Command {
        let show = self.rng.index(self.world.shows.len());
        let open: OpenShow = self.world.shows[show].open.clone();
        // Mostly long ones: after a leap in time, nobody waits for short ones any more.
        let cooldown_ms = self.rng.one_of([
            COOLDOWN_MAX_MS,
            COOLDOWN_MAX_MS,
            60_000,
            1_000,
            0,
            COOLDOWN_MAX_MS + 1,
        ]);
        Command::OpenShowV2(OpenShowV2 {
            show: open,
            tenant: TenantId::from_bytes(id_bytes(b't', u64::from(self.rng.percent(10)))),
            cooldown_ms,
        })
    }

    fn confirm_v2(&mut self) -> Command {
        let Command::Confirm(confirm) = self.confirm() else {
            return Command::ResetClock;
        };
        let currency = self.rng.one_of([*b"THB", *b"THB", *b"THB", *b"EUR"]);
        let booking = self
            .world
            .bookings
            .iter()
            .find(|seen| seen.offset == confirm.booking);
        let total = booking.map_or(100, |seen| seen.total);
        let paid = match self.rng.below(4) {
            0 => None,
            1 => Some((
                self.rng.one_of([0, 100, 200, i64::MAX, i64::MIN]),
                Currency(currency),
            )),
            _ => Some((total, Currency(currency))),
        };
        Command::ConfirmV2(ConfirmV2 { confirm, paid })
    }

    fn describe(&mut self) -> Command {
        let show = self.rng.index(self.world.shows.len());
        let open = &self.world.shows[show].open;
        let subject = if self.rng.percent(50) {
            Subject::Event(open.event)
        } else {
            Subject::Show {
                show: open.show,
                event: open.event,
            }
        };
        let sizes = [1, 10, 50, 100, 200, 0];
        let mut size = self.rng.one_of(sizes);
        if self.rng.percent(1) {
            size = self
                .rng
                .one_of([DOCUMENT_MAX_BYTES, DOCUMENT_MAX_BYTES + 1]);
        }
        let byte = u8::try_from(self.rng.below(256)).unwrap_or(0);
        Command::Describe(Describe {
            subject,
            document: vec![byte; size],
        })
    }
}
