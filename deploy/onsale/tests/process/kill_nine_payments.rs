//! `kill -9` while buyers pay: the real binary, with its worker, against a gateway over HTTP that
//! keeps state, forgets calls and answers, and loses, repeats and reorders notices. Once everything has come to rest,
//! the gateway's books, ours, the bookings and the ledger say the same.
//!
//! Faults that the gateway remembers with a key (500) are left out: a real one does so for a day, and a payment that
//! met one rests only then.
//!
//! `ONSALE_TEST_PAYMENTS_SECONDS` makes it longer, `ONSALE_TEST_SEED` another one.

mod buyer;
mod check;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use onsale_load::Random;
use onsale_payments::gateway::counterpart::{Counterpart, KEY, Options, WEBHOOK_SECRET};
use onsale_payments::gateway::simulated::Faults;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use self::buyer::Buyer;
use crate::support::Server;

const ORGANIZER: &str = "00000000-0000-4000-8000-00000000aaaa";
/// How long buyers come, in seconds, unless told otherwise.
const SECONDS: u64 = 3;
/// How many buyers come in a second.
const BUYERS_A_SECOND: u64 = 200;
/// How many may be under way; who comes beyond that goes away. A server that is down answers nobody.
const UNDER_WAY_MAX: usize = 400;
/// One kill in so many milliseconds, at a random moment within them.
const KILL_EVERY_MS: u64 = 1_000;
/// Far more than a payment takes to come to rest, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(250);
/// How many accounts the buyers have between them.
const BUYERS: u64 = 64;
/// Of a ticket, in satang.
const PRICE: i64 = 25_000;
const CAPACITY: u32 = 1_000_000;

/// Who sells, and who takes the money.
struct House {
    server: Server,
    gateway: Counterpart,
    organizer: String,
    operator: String,
    show: String,
    _folder: tempfile::TempDir,
}

impl House {
    async fn open(seed: u64) -> Self {
        // Each has to know where the other one is.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let env = [
            ("ONSALE_PAYMENTS__GATEWAY", "stripe"),
            ("ONSALE_PAYMENTS__STRIPE_URL", at.as_str()),
            ("ONSALE_PAYMENTS__STRIPE_KEY", KEY),
            ("ONSALE_PAYMENTS__STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
            // What is lost is looked for soon, so that the test need not wait long.
            ("ONSALE_PAYMENTS__POLL_SECONDS", "5"),
            ("ONSALE_PAYMENTS__BACKOFF_MIN_MS", "50"),
            ("ONSALE_PAYMENTS__BACKOFF_MAX_MS", "1000"),
        ];
        let server = Server::start_with(folder.path(), &env).await;
        let options = Options {
            faults: Faults {
                seed,
                lost_calls: 20,
                lost_answers: 20,
                rate_limits: 10,
                notices_twice: 100,
                notices_late: 100,
                notices_lost: 100,
                ..Faults::default()
            },
            webhook_url: Some(server.url("/webhooks/stripe").parse().unwrap()),
            buyers_pay_after_ms: Some(50),
            buyers_decline: 50,
            ..Options::default()
        };
        let gateway = Counterpart::start(listener, options).unwrap();
        let organizer = server.token("organizer", ORGANIZER);
        let price = json!({ "amount": PRICE, "currency": "THB" });
        let zones = json!([
            { "name": "Floor", "price": price, "admission": "general", "capacity": CAPACITY },
        ]);
        let show = server.open_show(&organizer, 0, 3_600, zones).await;
        Self {
            operator: server.token("operator", ORGANIZER),
            server,
            gateway,
            organizer,
            show,
            _folder: folder,
        }
    }

    /// All payments, as the staff reads them.
    async fn payments(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let tenant = uuid::Uuid::nil();
            let path = format!("/payments?tenant={tenant}&limit=100{cursor}");
            let (status, body) = self.server.get(&self.operator, &path).await;
            assert_eq!(status, 200, "{path}: {body}");
            all.extend(body["data"].as_array().unwrap().iter().cloned());
            match body["meta"]["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// Waits until nothing more becomes of any payment by itself.
    async fn until_at_rest(&self) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let payments = self.payments().await;
            let waiting: Vec<&Value> = payments
                .iter()
                .filter(|payment| !check::is_at_rest(payment))
                .collect();
            let Some(first) = waiting.first() else {
                return payments;
            };
            assert!(
                Instant::now() < deadline,
                "expected every payment to come to rest within {PATIENCE:?}; {} of {} have not, such as {first}\n{}",
                waiting.len(),
                payments.len(),
                self.server.log()
            );
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_books_of_the_gateway_and_ours_agree_whenever_the_process_is_killed() {
    let seed = number("ONSALE_TEST_SEED", 20_261_201);
    let seconds = number("ONSALE_TEST_PAYMENTS_SECONDS", SECONDS);
    println!("ONSALE_TEST_SEED={seed} ONSALE_TEST_PAYMENTS_SECONDS={seconds}");
    let mut house = House::open(seed).await;
    let repeated = Arc::<AtomicU64>::default();

    // Buyers come whether or not the server answers.
    let come = tokio::spawn(come(
        Buyer::at(&house, Arc::clone(&repeated)),
        seed,
        seconds.saturating_mul(BUYERS_A_SECOND),
        tokens(&house),
    ));
    let mut moments = Random::new(seed ^ 0x6b69_6c6c);
    let kills = (seconds.saturating_mul(1_000) / KILL_EVERY_MS).max(1);
    for _ in 0..kills {
        let after_ms = 200 + moments.below(KILL_EVERY_MS - 200);
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        house.server.kill_and_restart().await;
    }
    let paid = come.await.unwrap();
    let repeats = repeated.load(Ordering::Relaxed);
    println!("{} payments, {repeats} requests repeated", paid.len());
    assert!(
        paid.len() > 100,
        "too little load to mean anything: expected more than 100 payments, found {}",
        paid.len()
    );
    assert!(
        repeats > 0,
        "no kill ever hit a request: expected repeats, found none"
    );

    // Whose card was declined is still at the gateway's page; they give up.
    give_up(&house, &paid, &repeated).await;
    house.until_at_rest().await;

    // Some are paid back, and the process dies in the middle of it.
    let asked = pay_back(&mut house, &mut moments).await;
    house.until_at_rest().await;
    check::everything(&house, &paid, &asked).await;

    // And once more from what is on the disk alone.
    house.server.kill_and_restart().await;
    check::everything(&house, &paid, &asked).await;
    let (code, out, err) = house.server.verb(&["verify"]);
    assert_eq!(code, Some(0), "verify: expected no difference: {out}{err}");
}

/// Tokens of buyers by their number.
fn tokens(house: &House) -> impl Fn(u64) -> String + Send + use<> {
    let tokens: Vec<String> = (0..BUYERS)
        .map(|name| house.server.mint("buyer", 0x1000 + u128::from(name)))
        .collect();
    move |number| {
        let name = usize::try_from(number % BUYERS).unwrap();
        tokens[name].clone()
    }
}

/// Lets so many buyers come, at their rate; what those know who have paid, or tried to.
async fn come(
    buyer: Buyer,
    seed: u64,
    count: u64,
    token: impl Fn(u64) -> String + Send,
) -> Vec<buyer::Known> {
    let room = Arc::new(Semaphore::new(UNDER_WAY_MAX));
    let mut turns = tokio::time::interval(Duration::from_micros(1_000_000 / BUYERS_A_SECOND));
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut random = Random::new(seed);
    let mut under_way = JoinSet::new();
    for number in 0..count {
        turns.tick().await;
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            continue;
        };
        let (buyer, token) = (buyer.clone(), token(number));
        let changes_mind = random.below(16) == 0;
        under_way.spawn(async move {
            let known = buyer.buy(number, token, changes_mind).await;
            drop(permit);
            known
        });
    }
    under_way.join_all().await
}

/// Cancels what is still waiting for its buyer, as the buyer. The bank may have been faster.
async fn give_up(house: &House, known: &[buyer::Known], repeated: &Arc<AtomicU64>) {
    let buyer = Buyer::at(house, Arc::clone(repeated));
    let payments = house.payments().await;
    let waiting: BTreeSet<&str> = payments
        .iter()
        .filter(|payment| payment["status"] == "pending")
        .map(|payment| payment["payment_id"].as_str().unwrap())
        .collect();
    for one in known {
        let id = one.payment.as_str();
        if !waiting.contains(id) {
            continue;
        }
        let path = format!("/payments/{id}/cancel");
        let key = format!("give-up-{id}");
        let (status, body) = buyer
            .post(&one.token, &path, &key, &json!({}), &[503])
            .await;
        let is_paid = status == 409 && body["error"]["code"] == "ALREADY_PAID";
        assert!(
            status == 200 || is_paid,
            "{path}: expected 200, or 409 ALREADY_PAID, found {status} {body}"
        );
    }
}

/// Pays every eighth back, while the process is killed; which ones.
async fn pay_back(house: &mut House, moments: &mut Random) -> Vec<String> {
    let buyer = Buyer::at(house, Arc::default());
    let ids: Vec<String> = house
        .payments()
        .await
        .iter()
        .filter(|payment| payment["status"] == "succeeded")
        .step_by(8)
        .map(|payment| payment["payment_id"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        !ids.is_empty(),
        "expected payments that succeeded, found none"
    );
    let (organizer, asked) = (house.organizer.clone(), ids.clone());
    let asking = tokio::spawn(async move {
        for id in &asked {
            let path = format!("/payments/{id}/refund");
            let key = format!("back-{id}");
            let (status, body) = buyer
                .post(&organizer, &path, &key, &json!({}), &[503])
                .await;
            assert_eq!(status, 202, "{path}: expected 202, found {status} {body}");
        }
    });
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(50 + moments.below(500))).await;
        house.server.kill_and_restart().await;
    }
    asking.await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let payments = house.payments().await;
        let back: Vec<&Value> = payments
            .iter()
            .filter(|payment| {
                let id = payment["payment_id"].as_str().unwrap();
                payment["status"] != "refunded" && ids.iter().any(|asked| asked == id)
            })
            .collect();
        let Some(first) = back.first() else {
            return ids;
        };
        assert!(
            Instant::now() < deadline,
            "expected {} refunds to be done within {PATIENCE:?}; {} are not, such as {first}\n{}",
            ids.len(),
            back.len(),
            house.server.log()
        );
        tokio::time::sleep(PAUSE).await;
    }
}
