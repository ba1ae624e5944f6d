//! Which operations take a key, as the document says.

use crate::support::World;

/// What changes something and takes no key, and why.
const WITHOUT: &[(&str, &str)] = &[
    // The answer is nothing but tokens, which are not kept: to sign in a second time harms nobody.
    ("login", "only tokens"),
    ("cookie_login", "only tokens"),
    (
        "login_second_factor",
        "only tokens, and a code is good once",
    ),
    (
        "cookie_second_factor",
        "only tokens, and a code is good once",
    ),
    (
        "passkey_sign_in",
        "only tokens, and a ceremony is good once",
    ),
    ("cookie_passkey", "only tokens, and a ceremony is good once"),
    ("finish_sign_in", "only tokens, and a code is good once"),
    (
        "cookie_finish_sign_in",
        "only tokens, and a code is good once",
    ),
    (
        "refresh",
        "only tokens; within seconds the same one gives the same answer",
    ),
    (
        "cookie_refresh",
        "only tokens; within seconds the same one gives the same answer",
    ),
    (
        "step_up",
        "an old answer would say that a factor was shown just now",
    ),
    // Nothing is written by the first half of a ceremony, and an old one would be over.
    ("begin_passkey", "the client keeps what it begins"),
    ("begin_passkey_sign_in", "the client keeps what it begins"),
    ("link_identity", "the browser keeps what it begins"),
    ("quote", "holds and changes nothing"),
    (
        "gateway_notice",
        "the gateway's id of the event is the key of what is written down",
    ),
    // For operators, who look at how things stand.
    ("reset_clock", "the second finds the clock accepted"),
    ("failover", "is about where partitions are now"),
    ("reconcile", "changes nothing"),
    (
        "apply_reconciliation",
        "looks at each difference again, and refuses an old report",
    ),
    ("create_snapshots", "another snapshot harms nothing"),
];

#[tokio::test]
async fn whatever_changes_something_takes_a_key_or_says_why_not() {
    let world = World::new().await;
    let document = world.get("/api/v1/openapi.json").send().await.json();
    let mut without = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if !["put", "post", "delete", "patch"].contains(&method.as_str()) {
                continue;
            }
            let name = operation["operationId"].as_str().unwrap();
            let parameters = operation["parameters"].as_array();
            let keys = parameters.into_iter().flatten().filter(|parameter| {
                parameter["name"] == "Idempotency-Key" && parameter["in"] == "header"
            });
            match keys.count() {
                0 => without.push(name.to_owned()),
                1 => {
                    let answers = &operation["responses"];
                    assert!(answers["422"].is_object(), "{method} {path}");
                    assert!(answers["400"].is_object(), "{method} {path}");
                }
                more => panic!("{method} {path} takes {more} keys"),
            }
        }
    }
    without.sort();
    let mut listed: Vec<_> = WITHOUT.iter().map(|(name, _why)| *name).collect();
    listed.sort_unstable();
    assert_eq!(without, listed);
}
