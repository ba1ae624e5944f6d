//! Ours: log, engine, projection and API in one process.

use std::time::{Duration, Instant};

use onsale_load::{Driven, Target, Users, World, WorldSize};

use super::job::{self, Zone};
use super::{Bench, Measured, TICKETS_PER_USER};
use crate::side::onsale::{self, Onsale, TOKEN_TTL_S};

/// How long the counts that clients see may take to follow the last answer.
const SETTLE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) fn hot(bench: &Bench) -> anyhow::Result<Measured> {
    measure(bench, 1)
}

pub(super) fn spread(bench: &Bench) -> anyhow::Result<Measured> {
    measure(bench, job::SPREAD_ZONES)
}

fn measure(bench: &Bench, zones: usize) -> anyhow::Result<Measured> {
    let data = tempfile::tempdir_in(&bench.folder)?;
    let onsale = Onsale::start(&bench.onsale, data.path(), &[])?;
    let batches = || -> anyhow::Result<(f64, f64)> {
        Ok((
            onsale.metric("onsale_journal_batch_records_sum")?,
            onsale.metric("onsale_journal_batch_records_count")?,
        ))
    };
    let before = batches()?;
    let driven = sell(bench, &onsale.target, zones)?;
    let after = batches()?;
    onsale.process.end()?;
    let per_sync = (after.0 - before.0) / (after.1 - before.1).max(1.0);
    Ok(Measured::of(&driven, Some(per_sync)))
}

/// Makes so many shows with a zone each, sells them, and checks what was sold.
pub(super) fn sell(bench: &Bench, target: &Target, zones: usize) -> anyhow::Result<Driven> {
    let organizer = onsale::organizer(target)?;
    let size = WorldSize {
        shows: zones,
        seats: 0,
        row_seats: 1,
        general: job::CAPACITY,
        tickets_per_user: TICKETS_PER_USER,
        hold_s: 86_400,
    };
    let world = World::make(&organizer, &size)?;
    let on_sale: Vec<Zone> = world
        .shows
        .iter()
        .flat_map(|show| {
            show.zones.iter().map(|zone| Zone {
                show: show.id.clone(),
                zone: zone.id.clone(),
            })
        })
        .collect();
    let users = Users::mint(&Onsale::minter(), job::USERS, TOKEN_TTL_S)?;
    let driven = job::ask(bench, target, &users, &on_sale)?;
    let deadline = Instant::now() + SETTLE;
    let mut sold = world.taken(&organizer)?;
    while sold != driven.places_granted() && Instant::now() < deadline {
        std::thread::sleep(LOOK_EVERY);
        sold = world.taken(&organizer)?;
    }
    job::check_sold(sold, &driven)?;
    Ok(driven)
}
