//! Reconciliation finds what is wrong in Redis, says why, and writes it again.

use onsale_counts::{UserTickets, UserWrite, ZonePlaces, ZoneWrite};
use onsale_processor::reconcile::{Finding, Projections, Report};
use onsale_schemas::{EventId, ShowId, UserId};
use onsale_store::audit::Actor;
use serde_json::json;
use uuid::Uuid;

use crate::server::Server;
use crate::stack::{Stack, token};

const ANY_VERSION: u64 = 1 << 50;

fn cause_of(report: &Report, kind: &str) -> String {
    let found: Vec<_> = report
        .differences
        .iter()
        .filter(|difference| difference.finding.kind() == kind)
        .collect();
    assert_eq!(found.len(), 1, "{kind}: {:?}", report.differences);
    found[0].cause.clone()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story from wrong to right")]
async fn wrong_counts_are_found_and_written_again() {
    let Some(mut redis) = Server::start() else {
        return;
    };
    // Without a feed, which would mend them by itself.
    let stack = Stack::start(&redis, false).await;
    let (event, show) = stack.open_show(50, 4).await;
    let (event, show) = (EventId(event), ShowId(show));
    let buyer = UserId(Uuid::from_u128(1));
    let body = json!({ "show_id": show, "quantity": 3 });
    let (status, body) = stack
        .post(0, &token("buyer", 1), "/bookings/reserve", &body)
        .await;
    assert_eq!(status, 201, "{body}");
    let held = stack.embedded.hold().await.unwrap();
    let version = held.machines[0].last_outcome().unwrap() + 1;
    let projections = Projections {
        store: &stack.store,
        counts: Some(&stack.counts),
        projector: onsale_processor::reconcile::Projector::StandsStill,
    };
    let compare = async || stack.embedded.compare(&held, projections).await.unwrap();
    assert!(compare().await.differences.is_empty(), "nothing is there");

    let write = async |version, available, tickets| {
        let zone = ZoneWrite {
            event,
            show,
            zone: 0,
            places: ZonePlaces {
                version,
                available,
                total: 50,
                users_from: 0,
            },
        };
        let user = UserWrite {
            event,
            user: buyer,
            tickets: UserTickets {
                version,
                tickets,
                until_ms: None,
            },
        };
        stack
            .counts
            .write_zones(&[zone], ANY_VERSION)
            .await
            .unwrap();
        stack
            .counts
            .write_users(&[user], ANY_VERSION)
            .await
            .unwrap();
    };
    write(version, 47, 3).await;
    assert!(compare().await.differences.is_empty(), "both are right");

    for (at, why) in [
        (version, "lost an update"),
        (version + 7, "ahead of the log"),
    ] {
        write(at, 0, 4).await;
        let report = compare().await;
        assert!(cause_of(&report, "redis_places_differ").contains(why));
        assert!(cause_of(&report, "redis_tickets_differ").contains(why));
        let kept = serde_json::to_value(&report).unwrap();
        let report: Report = serde_json::from_value(kept).unwrap();
        let applied = stack
            .embedded
            .apply(&report, &held, projections, &Actor::command_line())
            .await
            .unwrap();
        assert_eq!((applied.repaired, applied.left.len()), (2, 0));
        assert!(compare().await.differences.is_empty());
        let again = stack
            .embedded
            .apply(&report, &held, projections, &Actor::command_line())
            .await
            .unwrap();
        assert_eq!(
            (again.repaired, again.gone),
            (0, 2),
            "each is looked at again"
        );
    }

    for key in redis.keys() {
        redis.command(&["SET", &key, "nonsense"]);
    }
    let report = compare().await;
    assert!(cause_of(&report, "redis_places_differ").contains("from outside"));
    let Finding::RedisTicketsDiffer { redis: text, .. } = &report.differences[1].finding else {
        panic!("{:?}", report.differences);
    };
    assert_eq!(text, "\"nonsense\"");

    // Neither is the end of a reconciliation.
    let database_only = stack
        .embedded
        .apply(&report, &held, &stack.store, &Actor::command_line())
        .await;
    assert_eq!(database_only.unwrap().left.len(), 2);
    redis.kill();
    let unreachable = compare().await;
    assert!(unreachable.redis_unreachable.is_some());
    assert!(unreachable.differences.is_empty());
    let applied = stack
        .embedded
        .apply(&report, &held, projections, &Actor::command_line())
        .await
        .unwrap();
    assert_eq!((applied.repaired, applied.left.len()), (0, 2));
    drop(held);
    stack.stop().await;
}
