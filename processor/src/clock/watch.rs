//! What the rest of a process may know of an owner's clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{LEAP_MAX_MS, MachineClock, Reading, Turn, for_people, monotonic_ms, now_ms};

/// The machine clock of a process, read by its owner and looked at by others. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClockWatch {
    shared: Arc<Mutex<Watched>>,
}

#[derive(Debug)]
struct Watched {
    clock: MachineClock,
    state: ClockState,
}

/// Where machine time and the wall clock stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockState {
    /// Machine time, in milliseconds since 1970.
    pub machine_ms: u64,
    /// How far the wall clock is ahead of it, in milliseconds; negative where it is behind.
    pub wall_ahead_ms: i64,
    /// Whether the wall clock is followed.
    pub is_followed: bool,
    /// Whether it has been followed at any time in this process: else the log was ahead of it from
    /// the start.
    pub was_followed: bool,
}

/// A clock as it was before a reset.
#[derive(Debug)]
pub struct ClockBefore {
    clock: MachineClock,
    state: ClockState,
}

impl ClockState {
    /// What is wrong and what to do, if anything is.
    pub fn problem(&self) -> Option<String> {
        if self.is_followed {
            return None;
        }
        let apart = for_people(self.wall_ahead_ms.unsigned_abs());
        Some(if !self.was_followed {
            format!(
                "the log ends {apart} ahead of the clock of this machine. If the clock is wrong, \
                 set it (NTP) and start again; if it is right, the log was written by a wrong one: \
                 `onsale clock reset` takes machine time back"
            )
        } else if self.wall_ahead_ms > 0 {
            format!(
                "the clock of this machine has leapt {apart} ahead and is not followed: holds and \
                 sales follow the time that really passes. Set it (NTP); if it is right now, \
                 `onsale clock reset`"
            )
        } else {
            format!(
                "the clock of this machine has gone {apart} back and is not followed: holds and \
                 sales follow the time that really passes. Set it (NTP); if it is right now, \
                 `onsale clock reset`"
            )
        })
    }
}

impl ClockWatch {
    /// A clock that begins with the wall clock, but never before the last record of the log.
    pub fn start(log_end_ms: u64) -> Self {
        let (wall_ms, monotonic) = (now_ms(), monotonic_ms());
        let watched = Watched {
            clock: MachineClock::new(wall_ms, monotonic, log_end_ms),
            state: ClockState {
                machine_ms: wall_ms.max(log_end_ms),
                wall_ahead_ms: 0,
                is_followed: true,
                was_followed: wall_ms.saturating_add(LEAP_MAX_MS) >= log_end_ms,
            },
        };
        let watch = Self {
            shared: Arc::new(Mutex::new(watched)),
        };
        watch.now_ms();
        watch
    }

    /// Reads the clocks: machine time now, in milliseconds since 1970. Says when the wall clock is
    /// no longer followed, and when it is again.
    pub fn now_ms(&self) -> u64 {
        let mut watched = self.lock();
        let reading = watched.clock.now(now_ms(), monotonic_ms());
        watched.take(&reading);
        let state = watched.state;
        drop(watched);
        match reading.turn {
            None => {}
            Some(Turn::Left) => {
                let problem = state.problem().unwrap_or_default();
                tracing::error!(wall_ahead_ms = state.wall_ahead_ms, "{problem}");
            }
            Some(Turn::Returned) => tracing::info!(
                wall_ahead_ms = state.wall_ahead_ms,
                "the clock of this machine is followed again"
            ),
        }
        reading.now_ms
    }

    /// Where the clocks stand, as they were read last.
    pub fn state(&self) -> ClockState {
        self.lock().state
    }

    /// Takes the wall clock as right. What it was before can be brought back until the log says so.
    pub fn reset(&self) -> ClockBefore {
        let mut watched = self.lock();
        let before = ClockBefore {
            clock: watched.clock.clone(),
            state: watched.state,
        };
        let from_ms = watched.state.machine_ms;
        watched.clock.reset(now_ms(), monotonic_ms());
        let reading = watched.clock.now(now_ms(), monotonic_ms());
        watched.take(&reading);
        drop(watched);
        tracing::warn!(
            from_ms,
            to_ms = reading.now_ms,
            "machine time is set to the clock of this machine, as an operator asked"
        );
        before
    }

    /// Goes on as if it had not been reset: the log could not take the record that says so.
    pub(crate) fn undo(&self, before: ClockBefore) {
        let mut watched = self.lock();
        watched.clock = before.clock;
        watched.state = before.state;
        drop(watched);
        let machine_ms = self.now_ms();
        tracing::warn!(
            machine_ms,
            "machine time stays as it was: the log did not take the record that sets it"
        );
    }

    /// A thread that panicked meanwhile leaves plain values behind that are still right.
    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn take(&mut self, reading: &Reading) {
        self.state = ClockState {
            machine_ms: reading.now_ms,
            wall_ahead_ms: reading.wall_ahead_ms,
            is_followed: reading.is_followed,
            was_followed: self.state.was_followed || reading.is_followed,
        };
    }
}
