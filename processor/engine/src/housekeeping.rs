//! Work that time brings along, in bounded portions: forgetting ended bookings and stale answers,
//! and voiding the bookings of cancelled shows.
//!
//! What can be asked for by name is exact without it: a booking or an answer past its time is
//! unknown whether it was swept or not. The counter of a user, however, comes down only when a
//! cancelled show's booking is voided; with more bookings than one portion that takes some records.

use crate::bookings::State as BookingState;
use crate::index::NONE;
use crate::list::{List, ShowLinks};
use crate::state::State;

impl State {
    /// Works off at most `steps` steps. Gives how many are left.
    #[inline]
    pub(crate) fn keep_house(&mut self, steps: usize) -> usize {
        let mut left = steps;
        while left > 0
            && let Some(slot) = self.ended.forgettable(&self.bookings, self.now)
        {
            self.forget(slot);
            left -= 1;
        }
        while left > 0 && self.answers.sweep_one(self.now) {
            left -= 1;
        }
        self.drain(left)
    }

    fn forget(&mut self, slot: u32) {
        self.ended.remove(&mut self.bookings, slot);
        let booking = self.bookings.get(slot);
        let (show_slot, user) = (booking.show, booking.user);
        let seated = self.is_seated(booking);
        let show = self.shows.get_mut(show_slot);
        if show.drain_at == slot {
            show.drain_at = List::<ShowLinks>::next(&self.bookings, slot);
        }
        show.bookings.remove(&mut self.bookings, slot);
        self.users.forget_booking(user);
        self.bookings.remove(slot, seated);
    }

    /// Voids bookings of cancelled shows, at most `steps` looked at. Gives how many are left.
    #[inline]
    pub(crate) fn drain(&mut self, steps: usize) -> usize {
        let mut left = steps;
        while let Some(&show_slot) = self.draining.front() {
            let mut at = self.shows.get(show_slot).drain_at;
            while left > 0 && at != NONE {
                let next = List::<ShowLinks>::next(&self.bookings, at);
                self.void(at);
                at = next;
                left -= 1;
            }
            self.shows.get_mut(show_slot).drain_at = at;
            if at != NONE {
                break;
            }
            self.draining.pop_front();
        }
        left
    }

    fn void(&mut self, slot: u32) {
        let booking = self.bookings.get(slot);
        let (user, places) = (booking.user, booking.places());
        let Some(cancelled_at_ms) = self.shows.get(booking.show).cancelled_at_ms else {
            return;
        };
        match booking.state {
            BookingState::Reserved => self.expiry.remove(&mut self.bookings, slot),
            BookingState::Confirmed => self.confirmed -= 1,
            BookingState::Parked => {}
            BookingState::Vacant
            | BookingState::Cancelled
            | BookingState::Expired
            | BookingState::Voided => return,
        }
        self.users.subtract_places(user, places);
        self.end(slot, BookingState::Voided, cancelled_at_ms);
    }
}
