//! The load generator against the minimal server with nothing behind it, at a rate.

use std::time::Duration;

use onsale_load::{DriveSettings, Driven, Pace, Schedule, Stop};

use super::ingress::{self, BackendKind};
use crate::side::child::Process;
use crate::side::job::{self, Zone};

/// Warm-up, in seconds.
pub(crate) const WARM_UP_S: f64 = 1.0;

/// Drives the minimal server; a rate of 0 is a closed loop.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn drive(
    per_second: u64,
    duration: Duration,
    connections: usize,
) -> anyhow::Result<(Process, Driven)> {
    let (process, target) = ingress::start(BackendKind::Echo, None)?;
    let warm_up = Duration::from_secs_f64(WARM_UP_S);
    let pace = match per_second {
        0 => Pace::Closed(warm_up + duration),
        rate => Pace::Open(Schedule::constant(rate, warm_up + duration)),
    };
    let settings = DriveSettings {
        target,
        pace,
        warm_up,
        connections,
        timeout: Duration::from_secs(30),
        history: None,
    };
    let users = job::plain_users();
    let reserve = job::reserve(&Zone::made_up(1), &users);
    let driven = onsale_load::drive(
        &settings,
        &users,
        vec![reserve],
        &Stop::default(),
        &mut |_| {},
    )?;
    Ok((process, driven))
}
