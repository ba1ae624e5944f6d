//! Redis that has forgotten its scripts, is gone, or is slow.

use std::time::{Duration, Instant};

use onsale_counts::Counts;

use crate::build::{check, counts, impatient_counts, write, zone};
use crate::server::Server;

/// Far more than a breaker stays open; without it a broken one would hang the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until the circuit breaker is in this state.
async fn ask_until_open_is(counts: &Counts, open: bool) {
    let deadline = Instant::now() + PATIENCE;
    while counts.is_circuit_open() != open {
        assert!(Instant::now() < deadline, "the breaker never got there");
        counts.check(&check()).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn forgotten_scripts_are_loaded_again() {
    let Some(server) = Server::start() else {
        return;
    };
    let counts = counts(&server, "a");
    counts.preload().await.unwrap();
    write(&counts, zone(10, 0)).await;
    server.command(&["SCRIPT", "FLUSH", "SYNC"]);
    assert!(counts.check(&check()).await.is_some());
    server.command(&["SCRIPT", "FLUSH", "SYNC"]);
    write(&counts, zone(11, 20)).await;
    assert_eq!(counts.check(&check()).await, None);
}

#[tokio::test]
async fn a_killed_redis_is_left_alone_until_it_is_back() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let counts = impatient_counts(&server);
    write(&counts, zone(10, 0)).await;
    server.kill();
    ask_until_open_is(&counts, true).await;
    assert_eq!(counts.check(&check()).await, None);
    assert!(counts.write_zones(&[zone(11, 0)], 1_000).await.is_err());
    server.restart();
    ask_until_open_is(&counts, false).await;
    assert_eq!(counts.check(&check()).await, None, "it is empty");
    write(&counts, zone(12, 0)).await;
    while counts.check(&check()).await.is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_slow_redis_is_not_waited_for() {
    let Some(server) = Server::start() else {
        return;
    };
    let counts = impatient_counts(&server);
    write(&counts, zone(10, 0)).await;
    server.pause();
    // No answer comes, and every check ends nevertheless.
    ask_until_open_is(&counts, true).await;
    assert_eq!(counts.check(&check()).await, None);
    server.go_on();
    ask_until_open_is(&counts, false).await;
    // This one accepts commands, answers them too late, and then recovers by itself.
    server.command(&["CLIENT", "PAUSE", "1500", "ALL"]);
    ask_until_open_is(&counts, true).await;
    ask_until_open_is(&counts, false).await;
}
