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
