//! Faults of Redis while everything is sold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use onsale_processor::reconcile::Projections;
use onsale_store::audit::Actor;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::server::Server;
use crate::stack::{Stack, token};

/// Buyers at the same time.
const BUYERS: u32 = 60;
/// Tickets that each of them wants of a show that has enough for all.
const TICKETS_EACH: u32 = 25;
/// Places of a show that has not enough.
const PLACES: u32 = 400;
const LIMIT: u32 = 10;
/// Tries of each buyer for that one.
const TRIES: u32 = 25;
/// How long a fault stays before the next one.
const FAULT: Duration = Duration::from_millis(20);
/// How long Redis may take to be right again after the last fault.
const RECOVERY_PATIENCE: Duration = Duration::from_secs(60);

/// Sells two shows out while `fault` is done to Redis over and over, and compares everything.
async fn sell_under(after: After, fault: impl FnMut(&mut Server, u64) + Send + 'static) {
    let Some(redis) = Server::start() else {
        return;
    };
    let stack = Arc::new(Stack::start(&redis, true).await);
    let stop = StopAtDrop(Arc::new(AtomicBool::new(false)));
    let rounds = Arc::new(AtomicU64::new(0));
    let faults = tokio::task::spawn_blocking({
        let (stop, rounds) = (stop.0.clone(), rounds.clone());
        let (mut redis, mut fault) = (redis, fault);
        move || {
            while !stop.load(Ordering::Relaxed) {
                fault(&mut redis, rounds.fetch_add(1, Ordering::Relaxed));
            }
            redis
        }
    });

    // Places for all, and the limit allows what each one wants: every refusal would be a lost sale.
    let (_, show) = stack.open_show(BUYERS * TICKETS_EACH, TICKETS_EACH).await;
    let mut buyers = JoinSet::new();
    for buyer in 0..BUYERS {
        let stack = stack.clone();
        buyers.spawn(async move {
            let token = token("buyer", buyer.into());
            for ticket in 0..TICKETS_EACH {
                let (status, body) = reserve(&stack, buyer + ticket, &token, show, 1).await;
                assert_eq!(status, 201, "a sale was lost: {body}");
            }
        });
    }
    while let Some(done) = buyers.join_next().await {
        done.unwrap();
    }

    // Too few places: who gets one keeps it, and nobody gets one too many.
    let (_, show) = stack.open_show(PLACES, LIMIT).await;
    let mut buyers = JoinSet::new();
    for buyer in 0..BUYERS {
        let stack = stack.clone();
        buyers.spawn(async move { (buyer, scramble(&stack, buyer, show).await) });
    }
    let mut held = BTreeMap::new();
    while let Some(done) = buyers.join_next().await {
        let (buyer, tickets) = done.unwrap();
        held.insert(buyer, tickets);
    }
    assert!(held.values().all(|tickets| *tickets <= LIMIT), "{held:?}");
    assert!(held.values().sum::<u32>() <= PLACES, "{held:?}");

    drop(stop);
    let mut redis = faults.await.unwrap();
    assert!(rounds.load(Ordering::Relaxed) > 3, "there were faults");
    assert!(stack.asked() > 0, "Redis was asked");
    // Whatever is free still can be had, also that which Redis may have called gone.
    let left = PLACES - held.values().sum::<u32>();
    for place in 0..left {
        let token = token("buyer", 10_000 + u128::from(place));
        let (status, body) = reserve(&stack, place, &token, show, 1).await;
        assert_eq!(status, 201, "a place was lost: {body}");
    }
    let token = token("buyer", 20_000);
    let (status, body) = reserve(&stack, 0, &token, show, 1).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (409, &json!("INSUFFICIENT_STOCK"))
    );
    redis.make_well();
    compare(&stack, after).await;
    let stack = Arc::into_inner(stack).unwrap();
    stack.stop().await;
}

/// Ends the faults, also when the test has failed.
struct StopAtDrop(Arc<AtomicBool>);

impl Drop for StopAtDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Server {
    /// After a fault that did not end by itself.
    fn make_well(&mut self) {
        self.go_on();
    }
}

/// The answer that is final.
async fn reserve(stack: &Stack, node: u32, token: &str, show: Uuid, quantity: u32) -> (u16, Value) {
    let body = json!({ "show_id": show, "quantity": quantity });
    let node = usize::try_from(node).unwrap();
    loop {
        let (status, body) = stack.post(node, token, "/bookings/reserve", &body).await;
        if status != 503 {
            return (status, body);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Reserves, and gives back now and then; returns how many tickets are left.
async fn scramble(stack: &Stack, buyer: u32, show: Uuid) -> u32 {
    let token = token("buyer", buyer.into());
    // One node for all: it knows what it answered.
    let node = usize::try_from(buyer).unwrap();
    let mut bookings: Vec<(String, u32)> = Vec::new();
    for round in 0..TRIES {
        let quantity = 1 + (buyer + round) % 3;
        let (status, body) = reserve(stack, buyer, &token, show, quantity).await;
        match (status, body["error"]["code"].as_str()) {
            (201, _) => {
                let id = body["data"]["booking_id"].as_str().unwrap().to_owned();
                bookings.push((id, quantity));
            }
            (409, Some("INSUFFICIENT_STOCK")) => {}
            (409, Some("MAX_PER_USER_EXCEEDED")) => {
                let known = body["error"]["details"]["current"].as_u64().unwrap();
                let held: u32 = bookings.iter().map(|(_, quantity)| quantity).sum();
                assert!(
                    held + quantity > LIMIT,
                    "refused with {held} tickets: {body}"
                );
                assert!(known <= u64::from(held), "{body}");
            }
            _ => panic!("{status}: {body}"),
        }
        if round % 4 == 3
            && let Some((id, _)) = bookings.pop()
        {
            let path = format!("/bookings/{id}/cancel");
            let (status, body) = stack.post(node, &token, &path, &json!({})).await;
            assert_eq!(status, 200, "{body}");
        }
    }
    bookings.iter().map(|(_, quantity)| quantity).sum()
}

/// What makes Redis right again.
#[derive(Clone, Copy, PartialEq)]
enum After {
    /// The feed by itself.
    Feed,
    /// A reconciliation: tickets that were tampered with are not written again before they change.
    Repair,
}

/// Engine, database and, once it had the time to be, Redis say the same.
async fn compare(stack: &Stack, after: After) {
    let projections = Projections {
        store: &stack.store,
        counts: Some(&stack.counts),
        projector: onsale_processor::reconcile::Projector::StandsStill,
    };
    let last = tokio::time::timeout(RECOVERY_PATIENCE, async {
        loop {
            let held = stack.embedded.hold().await.unwrap();
            let report = stack.embedded.compare(&held, projections).await.unwrap();
            let in_redis = |kind: &str| kind.starts_with("redis");
            let of_database: Vec<_> = report
                .differences
                .iter()
                .filter(|difference| !in_redis(difference.finding.kind()))
                .collect();
            assert!(of_database.is_empty(), "{of_database:?}");
            assert_eq!(report.projection_behind, None);
            if report.differences.is_empty() && report.redis_unreachable.is_none() {
                return;
            }
            if after == After::Repair {
                stack
                    .embedded
                    .apply(&report, &held, projections, &Actor::command_line())
                    .await
                    .unwrap();
            }
            drop(held);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    last.await.expect("Redis was never right again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_again_and_again() {
    sell_under(After::Feed, |redis, _| {
        redis.kill();
        std::thread::sleep(FAULT);
        redis.restart();
        std::thread::sleep(FAULT);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn emptied_and_robbed_of_its_scripts() {
    sell_under(After::Feed, |redis, round| {
        let what: &[&str] = if round % 2 == 0 {
            &["FLUSHALL"]
        } else {
            &["SCRIPT", "FLUSH", "SYNC"]
        };
        redis.command(what);
        std::thread::sleep(FAULT / 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stopped_and_slow() {
    sell_under(After::Feed, |redis, round| {
        if round % 2 == 0 {
            redis.pause();
            std::thread::sleep(FAULT);
            redis.go_on();
        } else {
            redis.command(&["CLIENT", "PAUSE", "8", "ALL"]);
            std::thread::sleep(FAULT);
        }
        std::thread::sleep(FAULT);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lying() {
    sell_under(After::Repair, |redis, round| {
        let keys = redis.keys();
        let (zones, others): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.contains(":zone:"));
        // One of the many others, and the few that most depends on again and again.
        let one = others.get(usize::try_from(round).unwrap() % others.len().max(1));
        for key in zones.into_iter().chain(one.copied()) {
            tell(redis, key, keys.first().unwrap(), 0);
            tell(redis, key, keys.first().unwrap(), round);
        }
        std::thread::sleep(FAULT / 20);
    })
    .await;
}

/// Puts something else where a value stands.
fn tell(redis: &Server, key: &str, other: &str, lie: u64) {
    let set = |value: &str| drop(redis.command(&["SET", key, value]));
    match lie % 10 {
        // Sold out, by the value that stands there with its second number changed.
        0 => {
            if let Ok(redis::Value::BulkString(bytes)) = redis.try_command(&["GET", key]) {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let mut words: Vec<&str> = text.split(' ').collect();
                if words.len() == 5 {
                    words[1] = "0";
                    set(&words.join(" "));
                }
            }
        }
        1 => set("900000000000000 0 1500 0 0123456789abcdef"),
        // More tickets than anybody has.
        2 => set("1 4000000000 9007199254740991 0123456789abcdef"),
        3 => set("-1 -1 -1 -1 -1"),
        4 => set("99999999999999999999999999999999 1e309 nan 0x7f ff"),
        5 => set(&"9".repeat(100_000)),
        6 => {
            redis.command(&["DEL", key]);
            // Unless the feed was faster.
            let _ = redis.try_command(&["RPUSH", key, "0", "0", "0"]);
        }
        7 => {
            redis.command(&["DEL", key]);
            let many = "4000000000 9007199254740991";
            let _ = redis.try_command(&["HSET", key, "ingress-9", many]);
        }
        // A true value, of something else.
        8 if key != other => {
            redis.command(&["COPY", other, key, "REPLACE"]);
        }
        _ => set("\u{0}\u{1}\r\n*3\r\n$3\r\nSET"),
    }
}
