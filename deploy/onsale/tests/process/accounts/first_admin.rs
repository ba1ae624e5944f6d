//! The first admin, by the link that a start prints.

use serde_json::json;

use super::{EMAIL, printed_tokens, settings, tokens_in, verb};
use crate::postgres::Database;
use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_admin_is_made_by_the_link_that_a_start_prints() {
    first_admin(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_admin_is_made_by_such_a_link_on_postgresql() {
    let database = Database::create();
    first_admin(Some(&database.url())).await;
}

async fn first_admin(database: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start_with(&data, &settings(database)).await;
    let earlier = printed_tokens(&server, 1).await.remove(0);
    server.kill();
    server.restart().await;
    let token = printed_tokens(&server, 2).await.remove(1);
    let become_admin = async |token: &str, password: &str| {
        let body = json!({ "token": token, "email": EMAIL, "password": password });
        server.post("", "/auth/first-admin", &body).await
    };
    let (status, _) = become_admin("ost_guessed", "a long and winding road").await;
    assert_eq!(status, 410);
    // A mistake does not use it up.
    let (status, _) = become_admin(&token, "password").await;
    assert_eq!(status, 400);
    let (status, admin) = become_admin(&token, "a long and winding road").await;
    assert_eq!(status, 201, "{admin}");
    assert_eq!(admin["data"]["user"]["role"], "admin");
    let access = admin["data"]["access_token"].as_str().unwrap();
    assert_eq!(server.get(access, "/admin/snapshots").await.0, 200);
    // Neither the same nor that of another start.
    for token in [&token, &earlier] {
        let (status, _) = become_admin(token, "a long and winding road").await;
        assert_eq!(status, 410);
    }
    server.kill();
    server.restart().await;
    let entries = verb(&server, &["audit", "list", "--limit", "100"]);
    assert!(
        entries.to_string().contains("account.first_admin"),
        "{entries}"
    );
    assert_eq!(
        tokens_in(&server.log()).len(),
        2,
        "no link while there is an admin"
    );
    assert_eq!(server.stop(), Some(0));
}
