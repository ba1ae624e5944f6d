//! Changes of a group of codes as it was read.

use http::Method;
use onsale_schemas::code::EndedCodes;
use onsale_schemas::{Command, Outcome};
use serde_json::json;

use super::{call, created, group_of, project, world};
use crate::support::{SHOW, Script, World};

async fn tag_of(world: &World, group: &str) -> String {
    let read = call(world, Method::GET, group).send().await;
    read.data(200);
    read.header("etag").to_owned()
}

#[tokio::test]
async fn a_group_is_changed_and_ended_only_as_it_was_read() {
    let world = world().await;
    let body = json!({"code": "EARLY", "kind": "discount", "percent": 10});
    let answer = created(&world, 0, &body).await;
    let group = group_of(&answer);
    let one = format!("{group}/early");
    let first = tag_of(&world, &group).await;
    assert!(first.starts_with("W/\""), "{first}");
    let other_page = tag_of(&world, &format!("{group}?limit=1")).await;
    assert_eq!(other_page, first);
    let amend = |tag: &str, uses_max: u32| {
        call(&world, Method::PATCH, &group)
            .header("if-match", tag)
            .header("idempotency-key", &format!("uses-{uses_max}"))
            .json(&json!({ "uses_max": uses_max }))
    };
    let end = |tag: &str, which: &str| call(&world, Method::DELETE, which).header("if-match", tag);

    let handed_in = world.log.seen().len();
    for wrong in ["\"nonsense\"", "\"1\"", "\"a\", \"b\""] {
        for refused in [amend(wrong, 7), end(wrong, &group), end(wrong, &one)] {
            let refused = refused.send().await.error(412, "PRECONDITION_FAILED");
            assert_eq!(refused["etag"], first, "{wrong}");
        }
    }
    assert_eq!(world.log.seen().len(), handed_in, "nothing reached the log");
    let unknown = end("\"1\"", "/1").send().await;
    unknown.error(404, "NOT_FOUND");

    // A proxy may have taken the mark of a weak tag away.
    let strong = first.trim_start_matches("W/");
    amend(strong, 7).send().await.data(200);
    let Command::AmendCodes(command) = world.log.last().command else {
        panic!("not an amendment")
    };
    assert_eq!(command.terms.uses_max, 7);
    let amended = || Outcome::CodesAmended {
        show: SHOW,
        group: command.group,
    };
    project(&world, 1, amended()).await;
    let second = tag_of(&world, &group).await;
    assert_ne!(second, first);
    let late = amend(&first, 8).send().await;
    let late = late.error(412, "PRECONDITION_FAILED");
    assert_eq!(late["etag"], second);
    end("*", &one).send().await.data(200);
    end(&second, &one).send().await.data(200);
    end(&second, &group).send().await.data(200);
    let Command::EndCodes { which, .. } = world.log.last().command else {
        panic!("no group ends")
    };
    assert_eq!(which, EndedCodes::Group(command.group));

    // The very same call as before is answered by the log, whatever the terms are now.
    world.log.next(Script::Replay(amended()));
    let again = amend(&first, 7).send().await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    again.data(200);
}

/// What one has read is not what will be there once the log has decided of the other.
#[tokio::test]
async fn a_group_does_not_end_while_its_terms_are_being_changed() {
    let world = world().await;
    let body = json!({"code": "EARLY", "kind": "discount", "percent": 10});
    let group = group_of(&created(&world, 0, &body).await);
    let tag = tag_of(&world, &group).await;
    let amend = call(&world, Method::PATCH, &group).json(&json!({"uses_max": 7}));
    amend.send().await.data(200);
    let end = || call(&world, Method::DELETE, &group).header("if-match", &tag);
    end().send().await.error(412, "PRECONDITION_FAILED");
    assert!(matches!(world.log.last().command, Command::AmendCodes(_)));
    // Who has read nothing ends it, whatever its terms.
    let ended = call(&world, Method::DELETE, &group).send().await;
    ended.data(200);
}
