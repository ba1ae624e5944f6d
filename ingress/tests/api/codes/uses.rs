//! Uses of codes, decided by the machine itself; and who guesses.

use http::Method;
use onsale_ingress::Rate;
use onsale_schemas::command::{Admission, OpenShow, OpenShowV2, ZoneLayout};
use onsale_schemas::rejection::CodeRefusal;
use onsale_schemas::{Actor, Command, Outcome, Rejection, TenantId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{call, create, created, group_of};
use crate::support::{Call, EVENT, FLOOR, NOW_MS, Reply, SHOW, Script, World};

const HOLD_MS: u32 = 600_000;

fn buyer(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

/// A world in which the show is on sale, and the machine decides.
async fn world() -> World {
    let world = World::deciding().await;
    let zone = |admission| ZoneLayout {
        unit_price: 250_000,
        currency: "THB".parse().unwrap(),
        admission,
    };
    let open = OpenShowV2 {
        show: OpenShow {
            show: SHOW,
            event: EVENT,
            max_tickets_per_user: 0,
            sale_opens_at_ms: NOW_MS - 1_000,
            sale_closes_at_ms: NOW_MS + 82_800_000,
            hold_ms: HOLD_MS,
            zones: vec![
                zone(Admission::Seated { rows: vec![20, 3] }),
                zone(Admission::General { capacity: 100 }),
                zone(Admission::Seated { rows: vec![5] }),
            ],
        },
        tenant: TenantId(Uuid::from_u128(7)),
        cooldown_ms: 0,
    };
    let opened = world
        .log
        .machine(|machine| machine.tell(Command::OpenShowV2(open)));
    assert!(matches!(opened, Outcome::ShowOpened { .. }), "{opened:?}");
    world
}

fn order<'a>(world: &'a World, user: UserId, code: &str) -> Call<'a> {
    world
        .post("/api/v1/bookings/reserve")
        .by_user(user, "buyer")
        .json(&json!({"show_id": SHOW, "zone_id": FLOOR, "quantity": 1, "code": code}))
}

async fn create_code(world: &World, more: &Value) -> Value {
    let mut body = json!({"code": "EARLY-BIRD", "kind": "discount", "percent": 10});
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    create(world, &body).send().await.data(201)
}

fn refused(reply: &Reply) -> Value {
    reply.error(409, "CODE_REFUSED")["reason"].clone()
}

#[tokio::test]
async fn the_last_use_is_granted_once_among_fifty_and_comes_back() {
    let world = world().await;
    let group = group_of(&create_code(&world, &json!({"uses_max": 1})).await);
    let asked = (1..=50).map(|number| order(&world, buyer(number), "early bird").send());
    let replies = futures::future::join_all(asked).await;
    let (granted, others): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 201);
    assert_eq!((granted.len(), others.len()), (1, 49));
    assert!(others.iter().all(|reply| refused(reply) == "used_up"));
    let data = granted[0].data(201);
    assert_eq!(data["total_price"]["amount"], 225_000);
    world.catch_up().await;
    let one = call(&world, Method::GET, &group).send().await.data(200);
    assert_eq!(
        (&one["group"]["uses"], &one["codes"][0]["uses"]),
        (&json!(1), &json!(1))
    );

    // Given back by its buyer.
    let booking = data["position"]["offset"].as_u64().unwrap();
    let release = Command::Release {
        booking,
        by: Actor::Staff,
    };
    let released = world.log.machine(|machine| machine.tell(release));
    assert!(matches!(released, Outcome::ReleasedV2(_)), "{released:?}");
    let taken = order(&world, buyer(51), "EARLYBIRD").send().await;
    taken.data(201);
    assert_eq!(
        refused(&order(&world, buyer(52), "EARLYBIRD").send().await),
        "used_up"
    );
    // And by the end of the hold.
    world.log.machine(|machine| machine.advance(HOLD_MS.into()));
    order(&world, buyer(52), "EARLYBIRD").send().await.data(201);
    world.catch_up().await;
    let one = call(&world, Method::GET, &group).send().await.data(200);
    assert_eq!(one["group"]["uses"], 1);
}

#[tokio::test]
async fn a_buyer_uses_a_code_as_often_as_one_may() {
    let world = world().await;
    create_code(&world, &json!({"uses_per_user_max": 1})).await;
    order(&world, buyer(1), "early-bird").send().await.data(201);
    let again = order(&world, buyer(1), "early-bird").send().await;
    assert_eq!(refused(&again), "used_up_by_user");
    order(&world, buyer(2), "early-bird").send().await.data(201);
}

#[tokio::test]
async fn a_code_that_ended_and_was_made_again_is_a_new_one() {
    let world = world().await;
    let first = create_code(&world, &json!({"uses_max": 1})).await;
    world.catch_up().await;
    order(&world, buyer(1), "early-bird").send().await.data(201);
    let end = format!("{}/early-bird", group_of(&first));
    let ended = call(&world, Method::DELETE, &end).send().await.data(200);
    assert_eq!(ended["ended"], 1);
    let gone = order(&world, buyer(2), "early-bird").send().await;
    assert_eq!(refused(&gone), "unknown");
    let again = create_code(&world, &json!({"uses_max": 1})).await;
    assert_ne!(again["group"]["group_id"], first["group"]["group_id"]);
    world.catch_up().await;
    let quote = || {
        let basket = json!({"zone_id": FLOOR, "quantity": 1, "code": "early-bird"});
        world
            .post(&format!("/api/v1/shows/{SHOW}/quote"))
            .json(&basket)
    };
    let quoted = quote().send().await.data(200);
    assert_eq!(quoted["total_price"]["amount"], 225_000, "as it is granted");
    order(&world, buyer(2), "early-bird").send().await.data(201);
    world.catch_up().await;
    let one = call(&world, Method::GET, &group_of(&again));
    assert_eq!(
        one.send().await.data(200)["group"]["uses"],
        1,
        "the new one's"
    );
    assert_eq!(refused(&quote().send().await), "used_up");
    // A code is of one group at a time.
    let body = json!({"code": "Early Bird", "kind": "access", "opens": true});
    let exists = create(&world, &body).send().await.error(409, "CODE_EXISTS");
    assert_eq!(exists["group"], again["group"]["group_id"]);
}

/// A world in which guesses are limited, and the next orders with a code are wrong.
async fn guessing(wrong: usize) -> World {
    let world = World::with(|all| {
        all.rate_limit.enabled = true;
        let often = Rate {
            per_minute: 60_000,
            burst: 10_000,
        };
        (all.rate_limit.reserve, all.rate_limit.other) = (often, often);
    })
    .await;
    for _ in 0..wrong {
        world.log.next(Script::reject(Rejection::CodeRefused {
            why: CodeRefusal::Unknown,
        }));
    }
    world
}

fn without(world: &World, user: UserId) -> Call<'_> {
    world
        .post("/api/v1/bookings/reserve")
        .by_user(user, "buyer")
        .json(&json!({"show_id": SHOW, "zone_id": FLOOR, "quantity": 1}))
}

#[tokio::test]
async fn an_account_that_guesses_is_stopped_and_others_are_not() {
    let world = guessing(11).await;
    for number in 0..10 {
        let reply = order(&world, buyer(1), &format!("guess-{number}"))
            .send()
            .await;
        assert_eq!(refused(&reply), "unknown");
    }
    let handed_in = world.log.seen().len();
    let reply = order(&world, buyer(1), "guess-10").send().await;
    let details = reply.error(429, "RATE_LIMITED");
    assert_eq!(details["limit"], "codes.wrong_by_account");
    assert_eq!(reply.header("retry-after"), "60");
    assert_eq!(
        world.log.seen().len(),
        handed_in,
        "it never reached the log"
    );
    // Another account is answered.
    let other = order(&world, buyer(2), "guess-11").send().await;
    assert_eq!(refused(&other), "unknown");
    without(&world, buyer(1)).send().await.data(201);
}

#[tokio::test]
async fn guesses_that_come_at_once_are_no_more() {
    let world = guessing(60).await;
    let guesses: Vec<String> = (0..60).map(|number| format!("guess-{number}")).collect();
    let asked = guesses
        .iter()
        .map(|guess| order(&world, buyer(1), guess).send());
    let replies = futures::future::join_all(asked).await;
    let mut answered = 0;
    for reply in &replies {
        if reply.status == 409 {
            assert_eq!(refused(reply), "unknown");
            answered += 1;
        } else {
            reply.error(429, "RATE_LIMITED");
        }
    }
    assert_eq!(answered, 10);
    assert_eq!(world.log.seen().len(), 10, "no other reached the log");
}

#[tokio::test]
async fn right_codes_are_no_guesses() {
    let world = guessing(9).await;
    for number in 0..9 {
        let reply = order(&world, buyer(1), &format!("guess-{number}"));
        assert_eq!(refused(&reply.send().await), "unknown");
    }
    for why in [CodeRefusal::UsedUp, CodeRefusal::Over] {
        world
            .log
            .next(Script::reject(Rejection::CodeRefused { why }));
        refused(&order(&world, buyer(1), "early-bird").send().await);
    }
    for _ in 0..3 {
        order(&world, buyer(1), "early-bird").send().await.data(201);
    }
}

#[tokio::test]
async fn a_network_that_guesses_is_stopped_with_every_account() {
    let world = guessing(60).await;
    for number in 0..60 {
        let user = buyer(1 + number / 10);
        let reply = order(&world, user, &format!("guess-{number}")).send().await;
        assert_eq!(refused(&reply), "unknown", "{number}");
    }
    let reply = order(&world, buyer(99), "guess-60").send().await;
    let details = reply.error(429, "RATE_LIMITED");
    assert_eq!(details["limit"], "codes.wrong_by_network");
    without(&world, buyer(99)).send().await.data(201);
}

/// Of one place with a code; nobody who has signed in, where there is no user.
fn quote<'a>(world: &'a World, user: Option<UserId>, code: &str) -> Call<'a> {
    let call = world
        .post(&format!("/api/v1/shows/{SHOW}/quote"))
        .json(&json!({"zone_id": FLOOR, "quantity": 1, "code": code}));
    match user {
        Some(user) => call.by_user(user, "buyer"),
        None => call,
    }
}

#[tokio::test]
async fn an_account_that_guesses_by_quotes_is_stopped_there_and_where_it_orders() {
    let world = guessing(0).await;
    for number in 0..10 {
        let code = format!("guess-{number}");
        let reply = quote(&world, Some(buyer(1)), &code).send().await;
        assert_eq!(refused(&reply), "unknown", "{number}");
    }
    let reply = quote(&world, Some(buyer(1)), "guess-10").send().await;
    let details = reply.error(429, "RATE_LIMITED");
    assert_eq!(details["limit"], "codes.wrong_by_account");
    assert_eq!(reply.header("retry-after"), "60");
    let reply = order(&world, buyer(1), "guess-11").send().await;
    let details = reply.error(429, "RATE_LIMITED");
    assert_eq!(details["limit"], "codes.wrong_by_account");
    assert!(world.log.seen().is_empty(), "it never reached the log");
    // Whoever guesses nothing is answered, and so is another account.
    without(&world, buyer(1)).send().await.data(201);
    let plain = world
        .post(&format!("/api/v1/shows/{SHOW}/quote"))
        .by_user(buyer(1), "buyer")
        .json(&json!({"zone_id": FLOOR, "quantity": 1}));
    plain.send().await.data(200);
    let other = quote(&world, Some(buyer(2)), "guess-12").send().await;
    assert_eq!(refused(&other), "unknown");
}

#[tokio::test]
async fn a_network_that_guesses_by_quotes_without_an_account_is_stopped() {
    let world = guessing(0).await;
    for number in 0..60 {
        let reply = quote(&world, None, &format!("guess-{number}")).send().await;
        assert_eq!(refused(&reply), "unknown", "{number}");
    }
    let reply = quote(&world, None, "guess-60").send().await;
    let details = reply.error(429, "RATE_LIMITED");
    assert_eq!(details["limit"], "codes.wrong_by_network");
    assert_eq!(reply.header("retry-after"), "10");
    // Those who have an account are not kept from using their codes.
    let other = quote(&world, Some(buyer(1)), "guess-61").send().await;
    assert_eq!(refused(&other), "unknown");
}

#[tokio::test]
async fn right_codes_of_quotes_are_no_guesses() {
    let world = guessing(0).await;
    let body = json!({"code": "EARLY-BIRD", "kind": "discount", "percent": 10});
    created(&world, 0, &body).await;
    for user in [Some(buyer(1)), None] {
        let wrong_max = if user.is_some() { 10 } else { 60 };
        for _ in 1..wrong_max {
            let wrong = quote(&world, user, "early-worm").send().await;
            assert_eq!(refused(&wrong), "unknown");
        }
        // One more wrong one would be the last.
        for _ in 0..3 {
            let quoted = quote(&world, user, "early-bird").send().await.data(200);
            assert_eq!(quoted["total_price"]["amount"], 225_000);
        }
        let wrong = quote(&world, user, "early-worm").send().await;
        assert_eq!(refused(&wrong), "unknown");
        let right = quote(&world, user, "early-bird").send().await;
        right.error(429, "RATE_LIMITED");
    }
}

/// Staff learns which group an order's code is of, its buyer that there was one; nobody reads the code there.
#[tokio::test]
async fn an_order_tells_the_group_of_its_code() {
    let world = world().await;
    create_code(&world, &json!({"name": "Friends, of us"})).await;
    let held = order(&world, buyer(1), "early-bird").send().await.data(201);
    let plain = json!({"show_id": SHOW, "zone_id": FLOOR, "quantity": 1});
    let plain = world.reserve(plain).send().await.data(201);
    world.catch_up().await;
    let orders = world
        .get(&format!("/api/v1/events/{EVENT}/orders"))
        .by_role("organizer");
    let orders = orders.send().await.data(200);
    let of = |booking: &Value| {
        let mut orders = orders.as_array().unwrap().iter();
        orders
            .find(|order| order["booking_id"] == *booking)
            .unwrap()
            .clone()
    };
    let with_code = of(&held["booking_id"]);
    assert_eq!(with_code["code_group"]["name"], "Friends, of us");
    assert_eq!(with_code["code_used"], true);
    assert_eq!(with_code["lines"][0]["rule"], "code");
    let without = of(&plain["booking_id"]);
    for name in ["code_group", "code_used"] {
        assert_eq!(without.get(name), None, "{name}");
    }
    let path = format!("/api/v1/bookings/{}", held["booking_id"].as_str().unwrap());
    let own = world.get(&path).by_user(buyer(1), "buyer").send().await;
    assert_eq!(own.data(200)["code_used"], true);
    assert_eq!(own.data(200).get("code_group"), None);
    let table = world
        .get(&format!("/api/v1/events/{EVENT}/orders/export"))
        .by_role("organizer");
    let table = String::from_utf8(table.send().await.bytes).unwrap();
    let row = table.lines().find(|row| row.contains("Friends"));
    assert!(row.unwrap().ends_with(",\"Friends, of us\""), "{table}");
    assert!(!table.to_lowercase().contains("early"), "{table}");
}
