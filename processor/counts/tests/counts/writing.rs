//! Versions, and what is read back.

use onsale_counts::Written;

use crate::build::{ANY_VERSION, EVENT, SHOW, USER, check, counts, key_of, user, write, zone};
use crate::server::Server;

#[tokio::test]
async fn a_late_write_leaves_a_newer_value_alone() {
    let Some(server) = Server::start() else {
        return;
    };
    let counts = counts(&server, "a");
    let kept = Written {
        written: 0,
        newer: 1,
    };
    write(&counts, zone(10, 0)).await;
    let late = counts.write_zones(&[zone(9, 20)], ANY_VERSION).await;
    assert_eq!(late.unwrap(), kept);
    assert!(counts.check(&check()).await.is_some(), "still sold out");
    let again = counts.write_zones(&[zone(10, 20)], ANY_VERSION).await;
    assert_eq!(again.unwrap().written, 1, "the same version once more");
    assert_eq!(counts.check(&check()).await, None);
    let users = counts.write_users(&[user(10, 4)], ANY_VERSION).await;
    assert_eq!(users.unwrap().written, 1);
    let late = counts.write_users(&[user(9, 0)], ANY_VERSION).await;
    assert_eq!(late.unwrap(), kept);
    assert!(counts.check(&check()).await.is_some(), "still four tickets");
}

#[tokio::test]
async fn an_impossible_version_is_overwritten() {
    let Some(server) = Server::start() else {
        return;
    };
    let counts = counts(&server, "a");
    write(&counts, zone(5_000, 0)).await;
    let newer = counts.write_zones(&[zone(10, 20)], 5_000).await.unwrap();
    assert_eq!(newer.newer, 1);
    let written = counts.write_zones(&[zone(10, 20)], 4_999).await.unwrap();
    assert_eq!(written.written, 1);
    let found = counts.read_zones(&[(EVENT, SHOW, 1)]).await.unwrap();
    assert_eq!(found, [Some(Ok(zone(10, 20).places))]);
}

#[tokio::test]
async fn foreign_values_are_overwritten_and_reported_when_read() {
    let Some(server) = Server::start() else {
        return;
    };
    let counts = counts(&server, "a");
    write(&counts, zone(10, 20)).await;
    counts
        .write_users(&[user(10, 1)], ANY_VERSION)
        .await
        .unwrap();
    let (zone_key, user_key) = (key_of(&server, "zone"), key_of(&server, "user"));
    for nonsense in [
        &["SET", "-3 lies"][..],
        &["SET", "99999999999999999999999 0 20 0 ff"],
        &["RPUSH", "list"],
        &["HSET", "field", "value"],
        &["SADD", "member"],
    ] {
        for key in [&zone_key, &user_key] {
            server.command(&["DEL", key]);
            let words = [&[nonsense[0], key.as_str()], &nonsense[1..]].concat();
            server.command(&words);
        }
        assert_eq!(counts.check(&check()).await, None, "{nonsense:?}");
        let zones = counts.read_zones(&[(EVENT, SHOW, 1)]).await.unwrap();
        assert!(
            matches!(zones[..], [Some(Err(_))]),
            "{nonsense:?}: {zones:?}"
        );
        let users = counts.read_users(&[(EVENT, USER)]).await.unwrap();
        assert!(
            matches!(users[..], [Some(Err(_))]),
            "{nonsense:?}: {users:?}"
        );
        write(&counts, zone(10, 20)).await;
        counts
            .write_users(&[user(10, 1)], ANY_VERSION)
            .await
            .unwrap();
        let zones = counts.read_zones(&[(EVENT, SHOW, 1)]).await.unwrap();
        assert_eq!(zones, [Some(Ok(zone(10, 20).places))], "{nonsense:?}");
        let users = counts.read_users(&[(EVENT, USER)]).await.unwrap();
        assert_eq!(users, [Some(Ok(user(10, 1).tickets))], "{nonsense:?}");
    }
    let nothing = counts.read_zones(&[(EVENT, SHOW, 7)]).await.unwrap();
    assert_eq!(nothing, [None]);
}

#[tokio::test]
async fn places_do_not_outlive_their_projector_for_long() {
    let Some(server) = Server::start() else {
        return;
    };
    let counts = counts(&server, "a");
    write(&counts, zone(10, 0)).await;
    let key = key_of(&server, "zone");
    let redis::Value::Int(left_ms) = server.command(&["PTTL", &key]) else {
        panic!("no time to live");
    };
    assert!((1..=12_000).contains(&left_ms), "{left_ms}");
}

#[tokio::test]
async fn the_generation_tells_when_redis_was_emptied() {
    let Some(server) = Server::start() else {
        return;
    };
    let counts = counts(&server, "a");
    assert_eq!(counts.generation("one").await.unwrap(), "one");
    assert_eq!(counts.generation("two").await.unwrap(), "one");
    server.command(&["FLUSHALL"]);
    assert_eq!(counts.generation("three").await.unwrap(), "three");
    server.command(&["DEL", "test:generation"]);
    server.command(&["RPUSH", "test:generation", "list"]);
    assert_eq!(counts.generation("four").await.unwrap(), "four");
}
