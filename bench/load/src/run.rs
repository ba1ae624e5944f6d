//! A whole run: shows, load, checks, report.

use std::sync::Arc;

use uuid::Uuid;

use crate::checks;
use crate::control::Control;
use crate::drive::{DriveSettings, drive};
use crate::error::LoadError;
use crate::minter::Minter;
use crate::progress::{Progress, Stop};
use crate::report::Report;
use crate::scenario::Stage;
use crate::schedule::Pace;
use crate::settings::LoadSettings;
use crate::users::Users;
use crate::world::World;

/// How long tokens are valid after the end of the run.
const TOKEN_SPARE_S: u64 = 3_600;
/// Assumed maximum of seats per second of a closed loop, for sizing the venues.
const CLOSED_PER_SECOND: u64 = 100_000;
/// Most users.
const USERS_MAX: usize = 5_000_000;
/// Most threads.
const THREADS_MAX: usize = 64;

/// Runs a scenario and reports. The organizer's and the users' tokens come from `minter`, which
/// must sign with the server's secret.
///
/// # Errors
/// When a setting is wrong, the server cannot be reached or refuses to create the shows, or the
/// history cannot be written. Failures under load are counted, not returned.
pub fn run(
    settings: &LoadSettings,
    minter: &Minter,
    stop: &Stop,
    watch: &mut dyn FnMut(&Progress),
) -> Result<Report, LoadError> {
    check("users", settings.users, USERS_MAX)?;
    check("threads", settings.threads, THREADS_MAX)?;
    if settings.duration.is_zero() || settings.warm_up >= settings.duration {
        return Err(LoadError::Setting {
            name: "duration",
            value: format!("{:?}", settings.duration),
            expected: format!("longer than the warm-up of {:?}", settings.warm_up),
        });
    }
    let pace = settings
        .scenario
        .pace(settings.per_second, settings.duration);
    let ttl_s = settings.duration.as_secs().saturating_add(TOKEN_SPARE_S);
    let requests = match &pace {
        Pace::Open(schedule) => schedule.count(),
        Pace::Closed(duration) => duration.as_secs().saturating_mul(CLOSED_PER_SECOND),
    };
    let size = settings.scenario.world_size(requests);
    let organizers = (0..size.shows.max(1))
        .map(|_| {
            let token = minter.mint(Uuid::new_v4(), "organizer", ttl_s)?;
            Ok(Control::new(settings.target.clone(), token))
        })
        .collect::<Result<Vec<_>, LoadError>>()?;
    let world = match (&settings.show, organizers.first()) {
        (Some(show), Some(organizer)) => World::find(organizer, show)?,
        _ => World::make(&organizers, &size)?,
    };
    let world = Arc::new(world);
    let users = Users::mint(minter, settings.users, ttl_s)?;
    let scenarios = (0..settings.threads)
        .map(|worker| {
            let world = Arc::clone(&world);
            let stage = Stage::new(
                world,
                settings.users,
                worker,
                settings.threads,
                settings.seed,
            );
            settings.scenario.play(stage)
        })
        .collect();
    let drive_settings = DriveSettings {
        target: settings.target.clone(),
        pace,
        warm_up: settings.warm_up,
        connections: settings.connections,
        timeout: settings.timeout,
        history: settings.history.clone(),
    };
    let driven = drive(&drive_settings, &users, scenarios, stop, watch)?;
    let mut checks = checks::of_findings(&driven);
    checks.extend(checks::of_stock(&world, &organizers, &driven)?);
    if world.own && !settings.keep_events {
        world.call_off(&organizers)?;
    }
    Ok(Report::new(settings, &drive_settings.pace, &driven, checks))
}

fn check(name: &'static str, value: usize, max: usize) -> Result<(), LoadError> {
    if (1..=max).contains(&value) {
        Ok(())
    } else {
        Err(LoadError::Setting {
            name,
            value: value.to_string(),
            expected: format!("1 to {max}"),
        })
    }
}
