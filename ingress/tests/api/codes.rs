//! `/shows/{id}/codes`

mod export;
mod lacking;
mod uses;
mod wrong;

use http::Method;
use onsale_schemas::code::{CodeTerms, Discount, EndedCodes};
use onsale_schemas::offer::Scope;
use onsale_schemas::{Command, Outcome, OutcomeRecord};
use serde_json::{Value, json};

use crate::accounts::config;
use crate::support::{Call, FLOOR, SHOW, STALLS, Script, ScriptedLog, World};

/// A world that keeps texts.
async fn world() -> World {
    World::with(|all| all.accounts = config()).await
}

fn path(rest: &str) -> String {
    format!("/api/v1/shows/{SHOW}/codes{rest}")
}

fn call<'a>(world: &'a World, method: Method, rest: &str) -> Call<'a> {
    world.call(method, &path(rest)).by_role("organizer")
}

fn create<'a>(world: &'a World, body: &Value) -> Call<'a> {
    call(world, Method::POST, "").json(body)
}

/// Projects what the log said to the command that was handed in last.
async fn project(world: &World, from: u64, outcome: Outcome) {
    let mut record: OutcomeRecord = ScriptedLog::record(from, outcome);
    record.request_id = world.log.last().request_id;
    record.previous = from.checked_sub(1);
    world.project(from, vec![record]).await;
}

/// Creates codes and projects them as the outcome at `from`; what was answered.
async fn created(world: &World, from: u64, body: &Value) -> Value {
    let answer = create(world, body).send().await.data(201);
    let Command::CreateCodes(command) = world.log.last().command else {
        panic!("no codes are created")
    };
    let outcome = Outcome::CodesCreated {
        show: SHOW,
        group: command.group,
        created: u32::try_from(command.codes.len()).unwrap(),
        known: 0,
    };
    project(world, from, outcome).await;
    answer
}

fn group_of(answer: &Value) -> String {
    format!("/{}", answer["group"]["group_id"])
}

#[tokio::test]
async fn terms_reach_the_log_and_come_back() {
    let world = world().await;
    let body = json!({
        "code": "Early-Bird", "name": "Early birds", "kind": "discount", "percent": 12.5,
        "uses_max": 1, "uses_per_user_max": 2, "places_max": 3, "opens": true,
        "from": "2030-01-01T00:00:00Z", "until": "2030-02-01T00:00:00Z",
        "zones": [FLOOR, STALLS],
    });
    let answer = created(&world, 0, &body).await;
    let Command::CreateCodes(command) = world.log.last().command else {
        panic!("no codes are created")
    };
    let terms = CodeTerms {
        discount: Some(Discount::OffBp(1_250)),
        presale: false,
        opens: true,
        uses_max: 1,
        uses_per_user_max: 2,
        places_max: 3,
        from_ms: 1_893_456_000_000,
        until_ms: 1_896_134_400_000,
        scope: Scope {
            zones: vec![0, 1],
            types: 0,
        },
    };
    assert_eq!((command.show, &command.terms), (SHOW, &terms));
    let id = command.codes[0];
    assert_eq!(
        answer["codes"],
        json!([
            {"code_id": id, "code": "Early-Bird", "uses": 0, "ended_at": null},
        ])
    );
    assert_eq!(
        (&answer["created"], &answer["known"]),
        (&json!(1), &json!(0))
    );
    let group = &answer["group"];
    for (field, value) in [
        ("name", json!("Early birds")),
        ("kind", json!("discount")),
        ("percent", json!("12.5")),
        ("amount", json!(null)),
        ("presale", json!(false)),
        ("opens", json!(true)),
        ("uses_max", json!(1)),
        ("uses_per_user_max", json!(2)),
        ("places_max", json!(3)),
        ("from", json!("2030-01-01T00:00:00.000Z")),
        ("until", json!("2030-02-01T00:00:00.000Z")),
        ("zones", json!([STALLS, FLOOR])),
        ("ticket_types", json!([])),
        ("count", json!(1)),
        ("uses", json!(0)),
        ("ended_at", json!(null)),
    ] {
        assert_eq!(group[field], value, "{field}");
    }
    let listed = call(&world, Method::GET, "").send().await;
    assert_eq!(listed.data(200), json!([group]));
    assert_eq!(listed.json()["meta"]["total"], 1);
    let one = call(&world, Method::GET, &group_of(&answer)).send().await;
    let expected = json!({"group": group, "codes": answer["codes"]});
    assert_eq!(one.data(200), expected);
}

#[tokio::test]
async fn a_code_is_the_same_however_it_is_typed() {
    let world = world().await;
    let mut hashes = Vec::new();
    for typed in ["Early-Bird", "EARLY BIRD", "ｅａｒｌｙｂｉｒｄ"] {
        let body = json!({"code": typed, "kind": "access", "opens": true});
        create(&world, &body).send().await.data(201);
        let Command::CreateCodes(command) = world.log.last().command else {
            panic!("no codes are created")
        };
        hashes.extend(command.codes);
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 1);
}

#[tokio::test]
async fn generated_codes_are_of_their_form_and_are_told_where_they_are_few() {
    let world = world().await;
    let body = json!({
        "count": 100, "prefix": "friends", "length": 16, "kind": "access", "presale": true,
    });
    let answer = created(&world, 0, &body).await;
    let codes = answer["codes"].as_array().unwrap();
    assert_eq!(codes.len(), 100);
    for code in codes {
        let text = code["code"].as_str().unwrap();
        let (prefix, rest) = text.split_once('-').unwrap();
        assert_eq!((prefix, rest.len()), ("FRIENDS", 16 + 3), "{text}");
    }
    let body = json!({"count": 101, "kind": "access", "presale": true});
    let answer = created(&world, 1, &body).await;
    assert_eq!(
        (&answer["codes"], &answer["created"]),
        (&json!(null), &json!(101))
    );
    let page = |query: &str| format!("{}?limit=60{query}", group_of(&answer));
    let first = call(&world, Method::GET, &page("")).send().await;
    let cursor = first.json()["meta"]["next_cursor"].clone();
    let query = format!("&cursor={}", cursor.as_str().unwrap());
    let second = call(&world, Method::GET, &page(&query)).send().await;
    assert_eq!(second.json()["meta"]["next_cursor"], json!(null));
    let mut all: Vec<Value> = Vec::new();
    for page in [first, second] {
        let codes = page.data(200)["codes"].as_array().unwrap().clone();
        all.extend(codes.iter().map(|code| code["code"].clone()));
    }
    all.sort_by_key(ToString::to_string);
    all.dedup();
    assert_eq!(all.len(), 101, "each has another text");
}

#[tokio::test]
async fn a_repeated_request_generates_the_same_codes() {
    let world = world().await;
    let body = json!({"count": 3, "kind": "access", "presale": true});
    let ask = || create(&world, &body).header("idempotency-key", "k");
    let first = ask().send().await.data(201);
    let Command::CreateCodes(before) = world.log.last().command else {
        panic!("no codes are created")
    };
    let group = before.group;
    world.log.next(Script::Replay(Outcome::CodesCreated {
        show: SHOW,
        group,
        created: 3,
        known: 0,
    }));
    let again = ask().send().await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.data(201)["codes"], first["codes"]);
    let Command::CreateCodes(after) = world.log.last().command else {
        panic!("no codes are created")
    };
    assert_eq!(after, before);
    // Without a key it is another request.
    let other = create(&world, &body).send().await.data(201);
    assert_ne!(other["codes"], first["codes"]);
    assert_ne!(other["group"]["group_id"], first["group"]["group_id"]);
}

#[tokio::test]
async fn terms_are_amended_field_by_field() {
    let world = world().await;
    let amount = json!({"amount": 500, "currency": "THB"});
    let body = json!({"code": "EARLY", "kind": "discount", "percent": 10, "uses_max": 5});
    let group = group_of(&created(&world, 0, &body).await);
    let amend = |body: &Value| call(&world, Method::PATCH, &group).json(body);
    amend(&json!({"amount": amount, "zones": [FLOOR], "name": "Birds"}))
        .send()
        .await
        .data(200);
    let Command::AmendCodes(command) = world.log.last().command else {
        panic!("not an amendment")
    };
    let thb = "THB".parse().unwrap();
    assert_eq!(command.terms.discount, Some(Discount::Amount(500, thb)));
    assert_eq!(command.terms.uses_max, 5, "it was left out");
    assert_eq!(command.terms.scope.zones, [1]);
    let amended = Outcome::CodesAmended {
        show: SHOW,
        group: command.group,
    };
    project(&world, 1, amended).await;
    let shown = amend(&json!({"uses_max": 0, "zones": []})).send().await;
    let Command::AmendCodes(command) = world.log.last().command else {
        panic!("not an amendment")
    };
    assert_eq!(
        (command.terms.uses_max, command.terms.scope.zones),
        (0, vec![])
    );
    assert_eq!(shown.data(200)["name"], "Birds");
    let one = call(&world, Method::GET, &group).send().await.data(200);
    assert_eq!(one["group"]["amount"], amount);
    assert_eq!(one["group"]["percent"], json!(null));
}

#[tokio::test]
async fn amendments_at_once_do_not_undo_each_other() {
    let world = world().await;
    let body = json!({"code": "EARLY", "kind": "discount", "percent": 10});
    let group = group_of(&created(&world, 0, &body).await);
    let amend = |body: &Value| call(&world, Method::PATCH, &group).json(body);
    amend(&json!({"uses_max": 7})).send().await.data(200);
    let Command::AmendCodes(first) = world.log.last().command else {
        panic!("not an amendment")
    };
    // The first one is not in the catalog yet, and would be undone by one that is made of what is there.
    let refused = amend(&json!({"percent": 20})).send().await;
    refused.error(409, "REQUEST_IN_PROGRESS");
    let amended = Outcome::CodesAmended {
        show: SHOW,
        group: first.group,
    };
    project(&world, 1, amended).await;
    amend(&json!({"percent": 20})).send().await.data(200);
    let Command::AmendCodes(second) = world.log.last().command else {
        panic!("not an amendment")
    };
    assert_eq!(second.terms.discount, Some(Discount::OffBp(2_000)));
    assert_eq!(second.terms.uses_max, 7);
}

#[tokio::test]
async fn codes_end_by_id_by_text_and_with_their_group() {
    let world = world().await;
    let body = json!({"code": "Early Bird", "kind": "access", "opens": true});
    let answer = created(&world, 0, &body).await;
    let group = group_of(&answer);
    let id = answer["codes"][0]["code_id"].as_str().unwrap();
    let expected = EndedCodes::Code(id.parse().unwrap());
    for named in [id, "early-bird", "EARLY%20BIRD"] {
        let ended = call(&world, Method::DELETE, &format!("{group}/{named}"));
        let ended = ended.send().await.data(200);
        assert_eq!(
            (&ended["code_id"], &ended["ended"]),
            (&json!(id), &json!(1))
        );
        let Command::EndCodes { which, .. } = world.log.last().command else {
            panic!("no code ends")
        };
        assert_eq!(which, expected, "{named}");
    }
    // It is of another group.
    let elsewhere = call(&world, Method::DELETE, &format!("/1/{id}"));
    elsewhere.send().await.error(404, "NOT_FOUND");
    let ended = call(&world, Method::DELETE, &group).send().await.data(200);
    assert_eq!(ended["code_id"], json!(null));
    project(
        &world,
        1,
        Outcome::CodesEnded {
            show: SHOW,
            ended: 1,
        },
    )
    .await;
    let one = call(&world, Method::GET, &group).send().await.data(200);
    assert_eq!(
        (&one["group"]["count"], one["group"]["ended_at"].is_string()),
        (&json!(0), true)
    );
    assert!(one["codes"][0]["ended_at"].is_string());
    let amend = call(&world, Method::PATCH, &group).json(&json!({"uses_max": 1}));
    amend.send().await.error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_text_stands_in_no_entry_of_the_trail() {
    let world = world().await;
    let body = json!({"code": "Antares-Rising", "kind": "access", "opens": true});
    let group = group_of(&created(&world, 0, &body).await);
    let end = call(&world, Method::DELETE, &format!("{group}/antares-rising"));
    end.send().await.data(200);
    let trail = world.get("/api/v1/audit?limit=100").by_role("admin");
    let trail = trail.send().await.data(200);
    let actions: Vec<&str> = trail
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["action"].as_str())
        .collect();
    for action in ["codes.propose", "codes.create"] {
        assert!(actions.contains(&action), "{actions:?}");
    }
    assert!(
        !trail.to_string().to_lowercase().contains("antares"),
        "{trail}"
    );
}
