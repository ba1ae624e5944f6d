//! Verdicts.

use onsale_counts::{Check, RateBucket, Refusal, UserTickets, UserWrite, ZonePlaces, ZoneWrite};

use crate::build::{NOW_MS, check, counts, key_of, user, write, write_user, zone};
use crate::server::Server;

#[tokio::test]
async fn what_is_not_known_is_the_logs_to_decide() {
    let Some(server) = Server::start() else {
        return;
    };
    let counts = counts(&server, "a");
    assert_eq!(counts.check(&check()).await, None);
    // Tickets alone are not vouched for.
    write_user(&counts, user(10, 9)).await;
    assert_eq!(counts.check(&check()).await, None);
}

#[tokio::test]
async fn too_few_places_are_refused_with_their_position() {
    let Some(server) = Server::start() else {
        return;
    };
    let counts = counts(&server, "a");
    write(&counts, zone(10, 2)).await;
    let ask = |places, quantity| Check {
        places,
        quantity,
        limit: None,
        ..check()
    };
    assert_eq!(counts.check(&ask(2, 2)).await, None);
    let refused = Some(Refusal::NoPlaces {
        available: 2,
        as_of: 10,
    });
    assert_eq!(counts.check(&ask(3, 3)).await, refused);
    // Three named seats: which of them are taken only the log can say.
    assert_eq!(counts.check(&ask(1, 3)).await, None);
    write(&counts, zone(11, 0)).await;
    assert!(counts.check(&ask(1, 3)).await.is_some());
}

#[tokio::test]
async fn a_buyer_over_the_limit_is_refused() {
    let Some(server) = Server::start() else {
        return;
    };
    let counts = counts(&server, "a");
    write(&counts, zone(10, 20)).await;
    write_user(&counts, user(7, 3)).await;
    let ask = |quantity, limit| Check {
        quantity,
        places: quantity,
        limit,
        ..check()
    };
    assert_eq!(counts.check(&ask(1, Some(4))).await, None);
    let refused = Some(Refusal::OverLimit {
        tickets: 3,
        as_of: 10,
    });
    assert_eq!(counts.check(&ask(2, Some(4))).await, refused);
    assert_eq!(counts.check(&ask(2, Some(0))).await, None, "no limit");
    assert_eq!(counts.check(&ask(2, None)).await, None, "limit not known");
    // By now the projector does not vouch for tickets of version 7.
    let lost = ZonePlaces {
        users_from: 8,
        ..zone(11, 20).places
    };
    write(
        &counts,
        ZoneWrite {
            places: lost,
            ..zone(11, 20)
        },
    )
    .await;
    assert_eq!(counts.check(&ask(2, Some(4))).await, None);
}

#[tokio::test]
async fn a_hold_about_to_run_out_does_not_count() {
    let Some(server) = Server::start() else {
        return;
    };
    let counts = counts(&server, "a");
    write(&counts, zone(10, 20)).await;
    let tickets = UserTickets {
        until_ms: Some(NOW_MS + 5_001),
        ..user(7, 4).tickets
    };
    write_user(
        &counts,
        UserWrite {
            tickets,
            ..user(7, 4)
        },
    )
    .await;
    assert!(counts.check(&check()).await.is_some());
    let later = Check {
        now_ms: NOW_MS + 1,
        ..check()
    };
    assert_eq!(counts.check(&later).await, None);
}

#[tokio::test]
async fn evidence_has_to_fit_what_the_ingress_knows_itself() {
    let Some(server) = Server::start() else {
        return;
    };
    let counts = counts(&server, "a");
    write(&counts, zone(10, 0)).await;
    let asks: [(&str, Check, bool); 5] = [
        ("as it is", check(), true),
        (
            "just answered by a release",
            Check {
                version_min: 11,
                ..check()
            },
            false,
        ),
        (
            "at that position",
            Check {
                version_min: 10,
                ..check()
            },
            true,
        ),
        (
            "from the future",
            Check {
                version_max: 9,
                ..check()
            },
            false,
        ),
        (
            "another layout",
            Check {
                total: 21,
                ..check()
            },
            false,
        ),
    ];
    for (name, ask, refused) in asks {
        assert_eq!(counts.check(&ask).await.is_some(), refused, "{name}");
    }
}

#[tokio::test]
async fn requests_in_flight_of_all_nodes_are_bounded_and_a_dead_node_leaves_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = (counts(&server, "a"), counts(&server, "b"));
    write(&one, zone(10, 1)).await;
    let ask = |in_flight| Check {
        in_flight,
        ..check()
    };
    assert_eq!(one.check(&ask(60)).await, None);
    // One place: 2 plus 100 may be in flight.
    assert_eq!(
        other.check(&ask(43)).await,
        Some(Refusal::Busy { as_of: 10 })
    );
    // Its own number replaces the one before and counts once.
    assert_eq!(other.check(&ask(42)).await, None);
    assert_eq!(one.check(&ask(5)).await, None);
    assert_eq!(other.check(&ask(97)).await, None);
    // A report of long ago expires by itself.
    let key = key_of(&server, "in-flight");
    server.command(&["HSET", &key, "a", "5000 1"]);
    assert_eq!(other.check(&ask(97)).await, None);
    assert_eq!(
        server.command(&["HEXISTS", &key, "a"]),
        redis::Value::Int(0)
    );
    // Nonsense and other types do not count either.
    server.command(&["HSET", &key, "c", "many"]);
    assert_eq!(other.check(&ask(97)).await, None);
    server.command(&["DEL", &key]);
    server.command(&["SET", &key, "5000"]);
    assert_eq!(other.check(&ask(97)).await, None);
}

#[tokio::test]
async fn a_buyer_may_ask_so_often_over_all_nodes() {
    let Some(server) = Server::start() else {
        return;
    };
    let (one, other) = (counts(&server, "a"), counts(&server, "b"));
    let ask = Check {
        rate: Some(RateBucket {
            per_minute: 1,
            burst: 3,
        }),
        ..check()
    };
    for _ in 0..2 {
        assert_eq!(one.check(&ask).await, None);
    }
    assert_eq!(other.check(&ask).await, None);
    let refused = one.check(&ask).await;
    let Some(Refusal::TooFast { retry_after_ms }) = refused else {
        panic!("{refused:?}");
    };
    assert!((1..=60_000).contains(&retry_after_ms), "{retry_after_ms}");
    let elsewhere = Check {
        user: onsale_schemas::UserId::from_bytes([9; 16]),
        ..ask.clone()
    };
    assert_eq!(other.check(&elsewhere).await, None, "another buyer");
    // An impossible bucket counts as a new one.
    let key = format!("test:{{{}}}:bucket:{}", ask.event, ask.user);
    for nonsense in [
        "99999999999999999999",
        "-5",
        "nan",
        "inf",
        "0x10",
        "",
        "soon",
    ] {
        server.command(&["SET", &key, nonsense]);
        assert_eq!(other.check(&ask).await, None, "{nonsense:?}");
    }
}
