//! Wakes the event loop at the nanosecond: polling alone waits in whole milliseconds, which at ten
//! thousand requests a second would send them in bursts of ten.

#[cfg(target_os = "linux")]
mod imp {
    use std::io;
    use std::os::fd::{AsRawFd, OwnedFd};

    use mio::unix::SourceFd;
    use mio::{Interest, Poll, Token};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    use crate::clock::NS_PER_S;

    pub(crate) struct Timer(OwnedFd);

    impl Timer {
        pub(crate) fn new(poll: &Poll, token: Token) -> io::Result<Self> {
            let timer = timerfd_create(
                TimerfdClockId::Monotonic,
                TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
            )?;
            poll.registry().register(
                &mut SourceFd(&timer.as_raw_fd()),
                token,
                Interest::READABLE,
            )?;
            Ok(Self(timer))
        }

        /// Fires an event after `wait_ns`. Setting it again replaces the previous setting.
        pub(crate) fn set(&self, wait_ns: u64) -> io::Result<()> {
            // 0 would switch it off.
            let wait_ns = wait_ns.max(1);
            let zero = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let after = Timespec {
                tv_sec: i64::try_from(wait_ns / NS_PER_S).unwrap_or(i64::MAX),
                tv_nsec: i64::try_from(wait_ns % NS_PER_S).unwrap_or(0),
            };
            timerfd_settime(
                &self.0,
                TimerfdTimerFlags::empty(),
                &Itimerspec {
                    it_interval: zero,
                    it_value: after,
                },
            )?;
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;

    use mio::{Poll, Token};

    /// Elsewhere the milliseconds of polling have to suffice.
    pub(crate) struct Timer;

    impl Timer {
        pub(crate) fn new(_poll: &Poll, _token: Token) -> io::Result<Self> {
            Ok(Self)
        }

        pub(crate) fn set(&self, _wait_ns: u64) -> io::Result<()> {
            Ok(())
        }
    }
}

pub(crate) use imp::Timer;
