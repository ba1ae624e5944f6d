//! Work caused by the passing of time, in bounded portions: forgetting ended bookings, stale
//! answers, and the bookings of shows that were cancelled long ago.
//!
//! None of it is visible from outside: what is past its time is unknown whether it was swept or
//! not, and a full table makes room at once when anything in it is past its time.

use crate::bookings::State as BookingState;
use crate::ended::is_forgotten;
use crate::state::State;

impl State {
    /// True when there is surely nothing to forget now.
    #[inline]
    pub(crate) fn is_house_in_order(&self) -> bool {
        self.ended.is_quiet(self.now)
            && self.answers.is_quiet(self.now)
            && self.cancelled.is_empty()
            && self.purgeable == 0
            && self.codes.stale == 0
    }

    /// Does at most `steps` steps.
    pub(crate) fn keep_house(&mut self, steps: usize) {
        let mut left = steps;
        while left > 0 && self.forget_one() {
            left -= 1;
        }
        while left > 0 && self.answers.sweep_one(self.now) {
            left -= 1;
        }
        let left = self.codes.sweep(&self.shows, left);
        self.purge(left);
    }

    /// Forgets everything that is past its time. The cost grows with its amount.
    pub(crate) fn forget_all(&mut self) {
        self.keep_house(usize::MAX);
    }

    /// True when another booking may be added.
    #[inline]
    pub(crate) fn has_room_for_booking(&mut self) -> bool {
        let is_full = |state: &Self| {
            state.bookings.len().saturating_sub(state.purgeable) >= state.limits.bookings_max
        };
        !is_full(self) || (self.forget_one() && !is_full(self))
    }

    /// True when another answer may be remembered.
    #[inline]
    pub(crate) fn has_room_for_answer(&mut self) -> bool {
        let answers_max = u64::from(self.limits.remembered_answers_max);
        self.answers.len() < answers_max
            || (self.answers.sweep_one(self.now) && self.answers.len() < answers_max)
    }

    /// Forgets the booking that ended first if it is time.
    #[inline]
    fn forget_one(&mut self) -> bool {
        let Some(slot) = self.ended.forgettable(&self.bookings, self.now) else {
            return false;
        };
        self.ended.remove(&mut self.bookings, slot);
        self.erase(slot);
        true
    }

    fn erase(&mut self, slot: u32) {
        let booking = self.bookings.get(slot);
        let seated = self.is_seated(booking);
        if booking.is_order() {
            self.orders.remove(booking.order());
        }
        self.users.forget_booking(&mut self.bookings, slot);
        self.bookings.remove(slot, seated);
    }

    /// Continues the pass through the table that removes the bookings of cancelled shows.
    #[inline]
    fn purge(&mut self, steps: usize) {
        while let Some(&show) = self.cancelled.front() {
            let show = self.shows.get(show);
            if !show
                .cancelled_at_ms
                .is_some_and(|at| is_forgotten(at, self.now))
            {
                break;
            }
            // All its bookings are unknown from now on; the walk begins anew to find them.
            self.purgeable += show.voided;
            self.purge_left = self.bookings.made();
            self.cancelled.pop_front();
        }
        if self.purgeable > 0 {
            self.purge_some(steps);
        }
    }

    #[cold]
    fn purge_some(&mut self, steps: usize) {
        for _ in 0..steps {
            if self.purge_left == 0 || self.purgeable == 0 {
                return;
            }
            self.purge_left -= 1;
            let slot = self.purge_left;
            if self.is_purgeable(slot) {
                self.void(slot);
                self.erase(slot);
                self.purgeable -= 1;
            }
        }
    }

    /// True when the booking was held or sold when its show was cancelled, and that is long ago.
    pub(crate) fn is_purgeable(&self, slot: u32) -> bool {
        let booking = self.bookings.get(slot);
        matches!(
            booking.state,
            BookingState::Reserved | BookingState::Confirmed | BookingState::Voided
        ) && self
            .ended_at_ms(booking)
            .is_some_and(|at| is_forgotten(at, self.now))
    }

    /// Lowers the counter of the user of a booking whose show is cancelled, once.
    pub(crate) fn void(&mut self, slot: u32) {
        let booking = self.bookings.get_mut(slot);
        let was = booking.state;
        let (user, places) = (booking.user, booking.places());
        if !was.is_live() {
            return;
        }
        if was == BookingState::Reserved {
            self.expiry.remove(&mut self.bookings, slot);
        }
        self.bookings.get_mut(slot).state = BookingState::Voided;
        self.users.subtract_places(user, places);
    }

    /// Voids all bookings of a user whose shows are cancelled, so that the counter is exact.
    ///
    /// Done when the counter is read and not when a show is cancelled, because a show may have any
    /// number of bookings while a user, wherever a limit is checked, has few.
    #[cold]
    pub(crate) fn settle_user(&mut self, counter: u32) {
        let mut at = self.users.get(counter).head;
        while at != crate::index::NONE {
            let booking = self.bookings.get(at);
            let [_, next] = booking.user_links;
            if self.shows.get(booking.show).cancelled_at_ms.is_some() {
                self.void(at);
            }
            at = next;
        }
    }
}
