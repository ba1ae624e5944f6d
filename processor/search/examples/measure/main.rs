//! Measures an index of 100,000 events, or as many as told: how long it takes to build, how large it
//! is, and how long searches, suggestions and changes take at a rate that does not wait for answers.
//!
//!     cargo run --release -p onsale-search --example measure -- [EVENTS] [PER_SECOND] [SECONDS]

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a program for people who measure"
)]

mod catalog;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use onsale_fuzz::Random;
use onsale_search::{Filter, Index, Query, Sort};
use rustix::time::ClockId;

/// Threads that search, as many as the bar has cores.
const THREADS: u64 = 2;
/// Changes of the catalog in each second.
const CHANGES_PER_SECOND: u64 = 20;
/// One request in so many is a suggestion, as somebody types.
const SUGGESTIONS: u64 = 2;
/// Different texts to search for.
const TEXTS: usize = 3_000;
/// Much of everything that costs, within what is allowed.
const HOSTILE: &[&str] = &[
    "s t a b c d m n o p",
    "stsdrtanx musicqq liveqqqq nightqqq worldqqq summerqq goldenqq riverqqq silentqq gardenqq",
    "ดนตรีคืนฤดูร้อนแม่น้ำความฝันแสงจันทร์เสียงหัวใจรักทะเลภูเขาดาวเพลงqqqq",
    "concert concert concerts live night world tour music stage best zzzzzz",
    "aaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbb cccccccccccccccccccccccc dddddddddddddddd",
];

type Kind = fn(&Index, &str);

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse().unwrap());
    let events: u64 = numbers.next().unwrap_or(100_000);
    let per_second: u64 = numbers.next().unwrap_or(1_000);
    let seconds: u64 = numbers.next().unwrap_or(20);
    let documents: Vec<_> = (0..events as usize)
        .map(|number| catalog::document(number, 1))
        .collect();
    let before = resident_kib();
    let start = thread_cpu();
    let index = Index::build(documents.iter().cloned()).unwrap();
    let took = thread_cpu() - start;
    let size = index.size();
    println!(
        "built {} events in {} ms of processor time: {} terms, {} phrases, {:.1} MB by its own account, {:.1} MB resident",
        size.documents,
        took.as_millis(),
        size.terms,
        size.phrases,
        size.heap_bytes as f64 / 1e6,
        (resident_kib() - before) as f64 * 1024.0 / 1e6,
    );
    drop(documents);
    let mut index = index;
    let mut changes = Histogram::<u64>::new(3).unwrap();
    for number in 0..TEXTS {
        let document = catalog::document(number * 31 % events as usize, 2);
        let start = thread_cpu();
        index.upsert(&document).unwrap();
        let took = thread_cpu() - start;
        changes.record(took.as_micros() as u64).unwrap();
    }
    println!("processor time of one:");
    report("change", &changes);
    alone(&index, events as usize);
    at_rate(index, events as usize, per_second, seconds);
}

/// One after the other, by kind, in processor time: what others do on the machine is not in it.
fn alone(index: &Index, events: usize) {
    let mut random = Random::new(7);
    let typed: Vec<String> = (0..TEXTS)
        .map(|_| catalog::typed(&mut random, events))
        .collect();
    let beginnings: Vec<String> = (0..TEXTS)
        .map(|_| catalog::beginning(&mut random, events))
        .collect();
    let common = vec!["live music night show tickets ".to_owned()];
    let hostile: Vec<String> = HOSTILE.iter().map(|text| (*text).to_owned()).collect();
    let kinds: [(&str, &[String], Kind); 6] = [
        ("search", &typed, search),
        ("search, filters", &typed, search_filtered),
        ("no text, a filter", &typed, browse),
        ("suggest", &beginnings, suggest),
        ("common words", &common, search),
        ("hostile", &hostile, search),
    ];
    for (name, texts, kind) in kinds {
        let mut times = Histogram::<u64>::new(3).unwrap();
        for text in texts.iter().cycle().take(TEXTS) {
            let start = thread_cpu();
            kind(index, text);
            times
                .record((thread_cpu() - start).as_micros() as u64)
                .unwrap();
        }
        report(name, &times);
    }
}

/// Requests begin when they are due, whether or not those before them are done, and the time counts
/// from then; meanwhile events change.
fn at_rate(index: Index, events: usize, per_second: u64, seconds: u64) {
    let mut random = Random::new(8);
    let typed: Vec<String> = (0..TEXTS)
        .map(|_| catalog::typed(&mut random, events))
        .collect();
    let beginnings: Vec<String> = (0..TEXTS)
        .map(|_| catalog::beginning(&mut random, events))
        .collect();
    let index = RwLock::new(index);
    let next = AtomicU64::new(0);
    let total = per_second * seconds;
    let searches = Mutex::new(Histogram::<u64>::new(3).unwrap());
    let suggestions = Mutex::new(Histogram::<u64>::new(3).unwrap());
    let changes = Mutex::new(Histogram::<u64>::new(3).unwrap());
    let services = Mutex::new(Vec::new());
    let cpu = time_of(ClockId::ProcessCPUTime);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= total {
                        break;
                    }
                    let due = start + Duration::from_nanos(number * 1_000_000_000 / per_second);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let at = number as usize % TEXTS;
                    let index = index.read().unwrap();
                    let begin = thread_cpu();
                    let is_suggestion = number.is_multiple_of(SUGGESTIONS);
                    if is_suggestion {
                        suggest(&index, &beginnings[at]);
                    } else if number % 8 == 1 {
                        search_filtered(&index, &typed[at]);
                    } else if number % 8 == 3 {
                        browse(&index, &typed[at]);
                    } else {
                        search(&index, &typed[at]);
                    }
                    let service = thread_cpu() - begin;
                    drop(index);
                    services
                        .lock()
                        .unwrap()
                        .push((number, is_suggestion, service));
                    let took = due.elapsed().as_micros() as u64;
                    let times = if is_suggestion {
                        &suggestions
                    } else {
                        &searches
                    };
                    times.lock().unwrap().record(took).unwrap();
                }
            });
        }
        scope.spawn(|| {
            for number in 0..seconds * CHANGES_PER_SECOND {
                let due = start + Duration::from_millis(number * 1_000 / CHANGES_PER_SECOND);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let document = catalog::document(number as usize * 31 % events, 2 + number);
                let begin = Instant::now();
                index.write().unwrap().upsert(&document).unwrap();
                let took = begin.elapsed().as_micros() as u64;
                changes.lock().unwrap().record(took).unwrap();
            }
        });
    });
    println!(
        "{per_second}/s for {seconds} s on {THREADS} threads, {CHANGES_PER_SECOND} changes/s, {:.0} % of one core",
        (time_of(ClockId::ProcessCPUTime) - cpu).as_secs_f64() / seconds as f64 * 100.0
    );
    report("search", &searches.into_inner().unwrap());
    report("suggest", &suggestions.into_inner().unwrap());
    report("change, with the lock", &changes.into_inner().unwrap());
    println!(
        "the same requests on {THREADS} cores that do nothing else, from their processor times:"
    );
    queued(services.into_inner().unwrap(), per_second);
}

/// What the same requests would have taken on cores of their own: each begins when it is due and a core
/// is free, and takes its processor time.
fn queued(mut services: Vec<(u64, bool, Duration)>, per_second: u64) {
    services.sort_unstable();
    let mut free_at = [Duration::ZERO; THREADS as usize];
    let mut searches = Histogram::<u64>::new(3).unwrap();
    let mut suggestions = Histogram::<u64>::new(3).unwrap();
    for (number, is_suggestion, service) in services {
        let due = Duration::from_nanos(number * 1_000_000_000 / per_second);
        free_at.sort_unstable();
        free_at[0] = free_at[0].max(due) + service;
        let took = (free_at[0] - due).as_micros() as u64;
        let times = if is_suggestion {
            &mut suggestions
        } else {
            &mut searches
        };
        times.record(took).unwrap();
    }
    report("search", &searches);
    report("suggest", &suggestions);
}

fn query(search: &str) -> Query<'_> {
    Query {
        search,
        limit: 20,
        now_ms: catalog::NOW_MS,
        ..Query::default()
    }
}

fn search(index: &Index, text: &str) {
    index.search(&query(text)).unwrap();
}

fn search_filtered(index: &Index, text: &str) {
    let mut query = query(text);
    query.filter = Filter {
        city: Some("bangkok"),
        from_ms: Some(catalog::NOW_MS),
        price_max: Some(3_000),
        available: Some(true),
        ..Filter::default()
    };
    query.sort = Sort::Date;
    index.search(&query).unwrap();
}

fn browse(index: &Index, _: &str) {
    let mut query = query("");
    query.filter = Filter {
        category: Some("concert"),
        from_ms: Some(catalog::NOW_MS),
        ..Filter::default()
    };
    query.sort = Sort::Date;
    index.search(&query).unwrap();
}

fn suggest(index: &Index, text: &str) {
    index.suggest(text, 10).unwrap();
}

fn report(name: &str, times: &Histogram<u64>) {
    let ms = |quantile: f64| times.value_at_quantile(quantile) as f64 / 1_000.0;
    println!(
        "{name:>22}: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms, mean {:.2} ms ({})",
        ms(0.5),
        ms(0.99),
        ms(0.999),
        times.max() as f64 / 1_000.0,
        times.mean() / 1_000.0,
        times.len()
    );
}

/// Resident memory of this process.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .expect("a size")
}

/// Processor time of this thread so far.
fn thread_cpu() -> Duration {
    time_of(ClockId::ThreadCPUTime)
}

fn time_of(clock: ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
