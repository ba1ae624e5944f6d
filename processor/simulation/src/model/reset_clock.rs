//! Machine time set back.

use onsale_schemas::{LogTimeMs, Outcome};

use super::machine::Model;

impl Model {
    pub(super) fn reset_clock(&mut self, record_time_ms: LogTimeMs) -> Outcome {
        let from_ms = self.now;
        if record_time_ms < from_ms {
            self.now = record_time_ms;
            self.shorten_holds();
            self.bookings.clamp_ended(record_time_ms);
            self.answers.clamp(record_time_ms);
            self.references.clamp(record_time_ms);
            self.cooldowns.clamp(record_time_ms);
        }
        Outcome::ClockReset {
            from_ms,
            to_ms: self.now,
        }
    }

    /// No hold lasts longer than one that began now.
    fn shorten_holds(&mut self) {
        let longer: Vec<_> = self
            .live_bookings()
            .filter_map(|booking| {
                let hold_ms = self.show(booking.show)?.hold_ms;
                let latest = self.now.saturating_add(u64::from(hold_ms));
                let is_hold = booking.state == super::bookings::BookingState::Held;
                (is_hold && booking.expires_at_ms > latest).then_some((booking.offset, latest))
            })
            .collect();
        for (offset, latest) in longer {
            self.bookings.set_expires_at(offset, latest);
        }
    }
}
