//! Searches and suggestions over a large catalog, both at once, while events change.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use onsale_load::{
    Draft, DriveSettings, Driven, Method, Op, Pace, Random, Scenario, Schedule, Stop, Users, Who,
};
use onsale_store::Store;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{EventChange, EventRow, Quotas};
use serde_json::json;
use uuid::Uuid;

use super::{Bench, Target};
use crate::side::onsale::Onsale;
use crate::side::say;

/// Connections of each of the two loads.
const CONNECTIONS: usize = 64;
/// How long the index may take.
const READY_PATIENCE: Duration = Duration::from_secs(600);
/// Connections to the database of whoever fills and changes it.
const STORE_CONNECTIONS: u32 = 2;
/// How long a change of the catalog may take.
const CHANGE_PATIENCE: Duration = Duration::from_secs(30);

const FIRST: &[&str] = &[
    "Amber",
    "Silent",
    "Golden",
    "Winter",
    "Northern",
    "Electric",
    "Paper",
    "Crimson",
    "Midnight",
    "Velvet",
    "Hollow",
    "Summer",
    "Distant",
    "Broken",
    "Marble",
    "ราตรี",
    "สายลม",
    "เมือง",
    "ดวงดาว",
    "ทะเล",
];
const SECOND: &[&str] = &[
    "Symphony",
    "Orchestra",
    "Festival",
    "Quartet",
    "Lanterns",
    "Comedy",
    "Ballet",
    "Gala",
    "Choir",
    "Carnival",
    "Serenade",
    "Derby",
    "Opera",
    "Marathon",
    "Jazz",
    "ดนตรี",
    "เทศกาล",
    "คอนเสิร์ต",
    "ละคร",
    "มวยไทย",
];
const CITIES: &[&str] = &[
    "Bangkok",
    "Chiang Mai",
    "Zürich",
    "Lyon",
    "Kraków",
    "Oslo",
    "Porto",
    "Leeds",
    "เชียงใหม่",
    "ภูเก็ต",
];
const VENUES: &[&str] = &["Hall", "Arena", "Theatre", "Club", "Garden", "หอประชุม"];
const CATEGORIES: &[&str] = &["concert", "sport", "theater", "festival", "comedy"];

#[derive(Args)]
pub(super) struct SearchArgs {
    /// Events of the catalog.
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// Requests per second, half of them suggestions.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// Events that change per second meanwhile.
    #[arg(long, default_value_t = 20)]
    changes: u64,
    /// Seconds of the run.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

pub(super) fn run(bench: &Bench, args: &SearchArgs) -> anyhow::Result<()> {
    let data = bench.folder.path().join("search");
    // Makes the database.
    let empty = bench.server_on(&data, &[])?;
    let resident_empty = empty.process.resident_bytes()?;
    empty.process.end()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    say::progress(format_args!("adding {} events", args.events));
    let store = runtime.block_on(fill(&data, args.events))?;
    let server = bench.server_on(&data, &[])?;
    let started = Instant::now();
    while server.metric("search_index_ready")? < 1.0 {
        ensure!(started.elapsed() < READY_PATIENCE, "there is no index yet");
        std::thread::sleep(Duration::from_millis(50));
    }
    let ready = started.elapsed();
    let resident = server.process.resident_bytes()?;
    say::progress("searching");
    let cpu = server.process.cpu_seconds()?;
    let (changing, stop_changing) = {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        (
            runtime.spawn(change(store, args.events, args.changes, stopped)),
            stop,
        )
    };
    let rate = (args.rate / 2).max(1);
    let (searches, suggestions) = std::thread::scope(|scope| {
        let suggesting = scope.spawn(|| drive(&server, rate, args.seconds, Asking::new(true)));
        let searched = drive(&server, rate, args.seconds, Asking::new(false));
        (searched, suggesting.join())
    });
    let searches = searches?;
    let suggestions =
        suggestions.map_err(|_| anyhow::anyhow!("the load of suggestions panicked"))??;
    drop(stop_changing);
    let slowest = runtime.block_on(changing)??;
    let cpu = server.process.cpu_seconds()? - cpu;
    let grown = server.process.resident_bytes()?;
    server.process.end()?;
    let failed = searches.tally.not_granted() + suggestions.tally.not_granted();
    let seen = |what: &str, measured: f64, unit: &'static str| Target {
        what: what.to_owned(),
        measured,
        unit,
        wanted: "-".to_owned(),
        met: true,
    };
    bench.print(
        &[
            Target::below("search, p99", searches.tally.latency_ms(99.0), "ms", 20.0),
            seen("search, p50", searches.tally.latency_ms(50.0), "ms"),
            Target::below(
                "suggestions, p99",
                suggestions.tally.latency_ms(99.0),
                "ms",
                10.0,
            ),
            seen("suggestions, p50", suggestions.tally.latency_ms(50.0), "ms"),
            Target::exactly("failed", failed as f64, "requests", 0.0),
            seen(
                "slowest change of the catalog",
                slowest.as_secs_f64() * 1e3,
                "ms",
            ),
            seen("index made after the start", ready.as_secs_f64(), "s"),
            seen(
                "index and its events in memory",
                resident.saturating_sub(resident_empty) as f64 / 1e6,
                "MB",
            ),
            seen("resident, ready", resident as f64 / 1e6, "MB"),
            seen("resident, after the run", grown as f64 / 1e6, "MB"),
            seen("server", cpu / args.seconds.max(1) as f64, "cores"),
        ],
        None,
    )
}

/// Adds the events while no server runs.
async fn fill(data: &Path, events: u64) -> anyhow::Result<Store> {
    let url = format!("sqlite://{}", data.join("onsale.sqlite").display());
    let store = Store::connect(&url, STORE_CONNECTIONS).await?;
    let store = store.for_installation();
    for number in 0..events {
        store
            .add_event_within(&event(number)?, &Quotas::UNLIMITED, Unaudited::Automatic)
            .await
            .with_context(|| format!("event {number}"))?;
    }
    Ok(store)
}

/// The words of an event, the same whenever it is asked for.
fn words(number: u64) -> [&'static str; 5] {
    let mut random = Random::new(number);
    [FIRST, SECOND, CITIES, VENUES, CATEGORIES].map(|words| {
        let all = u64::try_from(words.len()).unwrap_or(1);
        let at = usize::try_from(random.below(all)).unwrap_or(0);
        words.get(at).copied().unwrap_or_default()
    })
}

/// By way of its document, which leaves out what this measurement does not need.
fn event(number: u64) -> anyhow::Result<EventRow> {
    let [first, second, city, venue, category] = words(number);
    let row = json!({
        "event_id": id(number),
        "tenant_id": Uuid::from_u128(1),
        "organizer_id": Uuid::from_u128(2),
        "name": format!("{first} {second} {number}"),
        "description": format!("{second} in {city}: an evening at the {venue} with the {first}"),
        "venue": format!("{city} {venue}"),
        "city": city,
        "category": category,
        "starts_at_ms": 4_000_000_000_000_u64 + number * 60_000,
        "max_tickets_per_user": 4,
        "minimum_age": null,
        "status": "published",
        "created_at_ms": 1,
    });
    serde_json::from_value(row).context("an event")
}

fn id(number: u64) -> Uuid {
    Uuid::from_u128(0xbe << 64 | u128::from(number))
}

/// Renames events until it is told to stop; the slowest of these changes.
async fn change(
    store: Store,
    events: u64,
    per_second: u64,
    mut stopped: tokio::sync::oneshot::Receiver<()>,
) -> anyhow::Result<Duration> {
    let pause = Duration::from_secs(1) / u32::try_from(per_second.max(1))?;
    let mut ticks = tokio::time::interval(pause);
    let mut random = Random::new(7);
    let mut slowest = Duration::ZERO;
    loop {
        tokio::select! {
            // The sender is dropped to say so.
            _ = &mut stopped => return Ok(slowest),
            _ = ticks.tick(), if per_second > 0 => {}
        }
        let row = event(random.below(events))?;
        let change = EventChange {
            name: format!("{} renamed", row.name),
            description: row.description,
            venue: row.venue,
            city: row.city,
            category: row.category,
            starts_at_ms: row.starts_at_ms,
            minimum_age: row.minimum_age,
            publish: false,
        };
        let began = Instant::now();
        let changing = store.change_event(row.event_id, &change, Unaudited::Automatic);
        tokio::time::timeout(CHANGE_PATIENCE, changing).await??;
        slowest = slowest.max(began.elapsed());
    }
}

fn drive(server: &Onsale, rate: u64, seconds: u64, asking: Asking) -> anyhow::Result<Driven> {
    let settings = DriveSettings {
        target: server.target.clone(),
        pace: Pace::Open(Schedule::constant(rate, Duration::from_secs(seconds))),
        warm_up: Duration::from_secs(2.min(seconds / 2)),
        connections: CONNECTIONS,
        timeout: Duration::from_secs(30),
        history: None,
    };
    let users = Users::mint(&Onsale::minter(), 1, 3_600)?;
    let scenarios: Vec<Box<dyn Scenario>> = vec![Box::new(asking)];
    let stop = Stop::default();
    Ok(onsale_load::drive(
        &settings,
        &users,
        scenarios,
        &stop,
        &mut |_| {},
    )?)
}

/// What people ask for: two words, one in three with a typo, half of them with filters; or the letters that
/// they have typed so far.
struct Asking {
    suggests: bool,
    random: Random,
}

impl Asking {
    fn new(suggests: bool) -> Self {
        Self {
            suggests,
            random: Random::new(u64::from(suggests)),
        }
    }

    /// A word with two letters exchanged, where that may be.
    fn typed(&mut self, word: &str) -> String {
        let mut letters: Vec<char> = word.chars().collect();
        if self.random.below(3) == 0 && letters.len() > 4 {
            letters.swap(2, 3);
        }
        letters.into_iter().collect()
    }
}

impl Scenario for Asking {
    fn next(&mut self, draft: &mut Draft) {
        draft.begin(Op::Read, Method::Get, Who::Nobody);
        let [first, second, city, ..] = words(self.random.next_u64());
        if self.suggests {
            let letters = 1 + usize::try_from(self.random.below(8)).unwrap_or(0);
            let so_far: String = first.chars().take(letters).collect();
            draft.path = format!("/api/v1/events/suggest?q={}", encoded(&so_far));
            return;
        }
        let text = format!("{} {second}", self.typed(first));
        draft.path = format!("/api/v1/events?limit=20&search={}", encoded(&text));
        if self.random.below(2) == 0 {
            draft.path.push_str(&format!(
                "&city={}&from=2030-01-01T00:00:00Z&facets=true",
                encoded(city)
            ));
        }
    }
}

/// A text as it stands in a query.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
