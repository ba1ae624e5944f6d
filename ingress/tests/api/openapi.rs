//! The generated document.

use crate::support::World;

/// Checked for drift: a change of the interface shows in the diff.
#[tokio::test]
async fn the_document_is_the_reviewed_one() {
    let world = World::new().await;
    let document = world.get("/api/v1/openapi.json").send().await.json();
    assert_eq!(document["openapi"], "3.1.0");
    insta::assert_json_snapshot!(document);
}

#[tokio::test]
async fn every_documented_path_is_served() {
    let world = World::new().await;
    let document = world.get("/api/v1/openapi.json").send().await.json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let concrete = path.replace("{id}", "x");
            let method = http::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let reply = world.call(method.clone(), &concrete).send().await;
            assert_ne!(reply.status, 405, "{method} {path}");
            if reply.status == 404 {
                assert_ne!(
                    reply.json()["detail"],
                    "There is nothing here; see /docs for the endpoints.",
                    "{method} {path}"
                );
            }
        }
    }
}

/// Generators of clients make a function of every id, and show what is answered.
#[tokio::test]
async fn every_operation_has_a_name_of_its_own_and_says_what_it_answers() {
    let world = World::new().await;
    let document = world.get("/api/v1/openapi.json").send().await.json();
    let mut names = std::collections::HashSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{method} {path}: {name}");
            // A line of a list; what else there is to say is in the description.
            let summary = operation["summary"].as_str().unwrap();
            let has_one_sentence = !summary.contains('\n') && !summary.contains(". ");
            assert!(has_one_sentence, "{method} {path}: {summary:?}");
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let said = answer["description"].as_str().unwrap();
                assert!(!said.is_empty(), "{method} {path}: {status}");
            }
        }
    }
}

/// What the document shows as an example is taken as it is.
#[tokio::test]
async fn the_examples_create_an_event_and_its_show() {
    let world = World::new().await;
    let document = world.get("/api/v1/openapi.json").send().await.json();
    let example = |name: &str| document["components"]["schemas"][name]["example"].clone();
    let create = async |path: &str, body: &serde_json::Value| {
        let call = world.post(path).by_role("organizer").json(body);
        call.send().await.data(201)
    };
    let event = create("/api/v1/events", &example("EventRequest")).await;
    let path = format!(
        "/api/v1/events/{}/shows",
        event["event_id"].as_str().unwrap()
    );
    let show = create(&path, &example("ShowRequest")).await;
    assert_eq!(show["zones"].as_array().unwrap().len(), 2);
}
