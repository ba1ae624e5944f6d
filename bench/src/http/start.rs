//! From the start of the process to the first sale, with a million seats held and a million records
//! of the log after the snapshot.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use onsale_load::{Control, ScenarioKind, Users, Who, World, WorldSize};
use uuid::Uuid;

use super::{Bench, Load, Target};
use crate::side::onsale::{self, Onsale, TOKEN_TTL_S};
use crate::side::say;

/// Seats that one reservation holds: few requests make a large state.
const SEATS_PER_HOLD: u64 = 2;
/// Longest wait for the projection to have everything before the stop.
const SETTLE_PATIENCE: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Args)]
pub(super) struct StartArgs {
    /// Seats that are held before the snapshot.
    #[arg(long, default_value_t = 1_000_000)]
    seats: u64,
    /// Records of the log after the snapshot.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
}

pub(super) fn run(bench: &Bench, args: &StartArgs) -> anyhow::Result<()> {
    let data = bench.folder.path().join("start");
    // No snapshot but the requested one.
    let env = [
        ("ONSALE_SNAPSHOTS__EVERY_RECORDS", "1000000000"),
        ("ONSALE_SNAPSHOTS__EVERY_SECONDS", "86400"),
        // Logs how many records were replayed.
        ("ONSALE_TELEMETRY__FILTER", "warn,onsale_processor=info"),
    ];
    let server = bench.server_on(&data, &env)?;
    say::progress(format_args!("holding {} seats", args.seats));
    let holds = args.seats.div_ceil(SEATS_PER_HOLD);
    load_records(bench, &server, ScenarioKind::Best, holds)?;
    caught_up(&server)?;
    let operator = Onsale::minter().mint(Uuid::new_v4(), "operator", TOKEN_TTL_S)?;
    let operator = Control::new(server.target.clone(), operator);
    operator
        .post("/api/v1/admin/snapshots", &serde_json::json!({}))
        .context("asking for a snapshot")?;
    say::progress(format_args!("writing {} records after it", args.records));
    load_records(bench, &server, ScenarioKind::Spike, args.records)?;
    caught_up(&server)?;
    let organizer = onsale::organizer(&server.target)?;
    let size = WorldSize {
        shows: 1,
        seats: 0,
        row_seats: 1,
        general: 100,
        tickets_per_user: 10,
        hold_s: 600,
        has_offer: false,
    };
    let world = World::make(&[organizer], &size)?;
    // kill -9: an orderly stop would leave a snapshot of everything.
    drop(server);
    say::progress("starting again");
    let begin = Instant::now();
    let server = bench.server_on(&data, &env)?;
    let ready = begin.elapsed();
    first_sale(&server, &world)?;
    let sold = begin.elapsed();
    let resident = server.process.resident_bytes()?;
    let replayed = replayed(&data)?;
    server.process.end()?;
    let seen = |what: &str, measured: f64, unit: &'static str| Target {
        what: what.to_owned(),
        measured,
        unit,
        wanted: "-".to_owned(),
        met: true,
    };
    bench.print(
        &[
            seen("records replayed", replayed as f64, "records"),
            seen("ready after", ready.as_secs_f64(), "s"),
            Target::below("first sale after", sold.as_secs_f64(), "s", 2.0),
            seen("resident then", resident as f64 / 1e6, "MB"),
        ],
        None,
    )
}

/// Runs a scenario in a closed loop until enough has been granted.
fn load_records(
    bench: &Bench,
    server: &Onsale,
    scenario: ScenarioKind,
    records: u64,
) -> anyhow::Result<()> {
    let mut left = records;
    while left > 0 {
        // The minimum duration; what is missing is requested again.
        let seconds = (left / 60_000).clamp(2, 60);
        let report = bench.load(
            &server.target,
            Load {
                scenario,
                per_second: 0,
                duration: Duration::from_secs(seconds),
                warm_up: Duration::ZERO,
                connections: 256,
                users: 10_000,
            },
        )?;
        let granted = report.outcomes.get("granted").copied().unwrap_or(0);
        ensure!(granted > 0, "nothing was granted: {}", report.text());
        left = left.saturating_sub(granted);
    }
    Ok(())
}

fn caught_up(server: &Onsale) -> anyhow::Result<()> {
    let deadline = Instant::now() + SETTLE_PATIENCE;
    while server.metric("onsale_projector_lag_records")? > 0.0 {
        ensure!(
            Instant::now() < deadline,
            "the projection did not catch up within {SETTLE_PATIENCE:?}"
        );
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// What the last start logged about its replay.
fn replayed(data: &Path) -> anyhow::Result<u64> {
    let log = std::fs::read_to_string(data.join("server.log"))?;
    let (_, rest) = log
        .rsplit_once("replayed=")
        .context("the server did not say what it replayed")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Ok(digits.parse()?)
}

fn first_sale(server: &Onsale, world: &World) -> anyhow::Result<()> {
    let users = Users::mint(&Onsale::minter(), 1, TOKEN_TTL_S)?;
    let user = users.id(Who::User(0)).context("no user")?;
    let token = Onsale::minter().mint(user, "buyer", TOKEN_TTL_S)?;
    let show = world.shows.first().context("no show")?;
    let buyer = Control::new(server.target.clone(), token);
    buyer.post(
        "/api/v1/bookings/reserve",
        &serde_json::json!({ "show_id": show.id, "quantity": 1 }),
    )?;
    Ok(())
}
