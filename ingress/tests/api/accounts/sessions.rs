//! Sessions and their refresh tokens.

use http::Method;
use serde_json::{Value, json};

use super::{PASSWORD, audited, call, config, login, post, refresh, register, world};
use crate::factors::pass;
use crate::support::World;

#[tokio::test]
async fn an_access_token_lasts_fifteen_minutes_and_keeps_nobody_from_another_when_it_is_over() {
    let world = World::with(|all| {
        all.accounts = config();
        all.auth.leeway_seconds = 0;
    })
    .await;
    let signed_in = register(&world).await;
    let me = async || call(&world, &signed_in, Method::GET, "me", Value::Null).await;
    pass(&world, 899_000);
    me().await.data(200);
    pass(&world, 1_000);
    me().await.error(401, "UNAUTHORIZED");
    let expired = signed_in["access_token"].as_str().unwrap();
    let body = json!({ "refresh_token": signed_in["refresh_token"] });
    let next = world.post("/api/v1/auth/refresh").token(expired);
    let next = next.json(&body).send().await.data(200);
    call(&world, &next, Method::GET, "me", Value::Null)
        .await
        .data(200);
    me().await.error(401, "UNAUTHORIZED");
    // What is no token at all is as good as one that is over.
    let body = json!({ "refresh_token": next["refresh_token"] });
    let last = world.post("/api/v1/auth/refresh").token("expired");
    last.json(&body).send().await.data(200);
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_session() {
    let world = world().await;
    let first = register(&world).await;
    let second = refresh(&world, &first).await.data(200);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let tab = refresh(&world, &first).await.data(200);
    assert_eq!(
        tab["refresh_token"], second["refresh_token"],
        "two tabs at once"
    );

    world
        .clock
        .0
        .fetch_add(11_000, std::sync::atomic::Ordering::SeqCst);
    refresh(&world, &first).await.error(401, "TOKEN_REUSED");
    refresh(&world, &second).await.error(401, "TOKEN_REUSED");
    assert!(audited(&world).await.contains(&"session.reuse".to_owned()));
    login(&world, PASSWORD).await.data(200);
}

#[tokio::test]
async fn a_session_ends_by_itself_after_a_week() {
    let world = world().await;
    let signed_in = register(&world).await;
    world
        .clock
        .0
        .fetch_add(604_800_000, std::sync::atomic::Ordering::SeqCst);
    refresh(&world, &signed_in)
        .await
        .error(401, "TOKEN_EXPIRED");
    let body = json!({ "refresh_token": "osr_guessed" });
    post(&world, "refresh", body)
        .await
        .error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let world = world().await;
    let one = register(&world).await;
    let other = login(&world, PASSWORD).await.data(200);
    let sessions = call(&world, &one, Method::GET, "sessions", Value::Null)
        .await
        .data(200);
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let current: Vec<&Value> = sessions.iter().map(|session| &session["current"]).collect();
    assert_eq!(current, [&json!(false), &json!(true)]);
    let id = sessions[0]["session_id"].as_str().unwrap();
    let path = format!("sessions/{id}");
    call(&world, &one, Method::DELETE, &path, Value::Null)
        .await
        .data(200);
    call(&world, &one, Method::DELETE, &path, Value::Null)
        .await
        .error(404, "NOT_FOUND");
    refresh(&world, &other).await.error(401, "UNAUTHORIZED");

    call(&world, &one, Method::POST, "logout", Value::Null)
        .await
        .data(200);
    call(&world, &one, Method::POST, "logout", Value::Null)
        .await
        .data(200);
    refresh(&world, &one).await.error(401, "UNAUTHORIZED");
    let third = login(&world, PASSWORD).await.data(200);
    let body = json!({ "refresh_token": third["refresh_token"] });
    post(&world, "logout", body).await.data(200);
    refresh(&world, &third).await.error(401, "UNAUTHORIZED");
    let fourth = login(&world, PASSWORD).await.data(200);
    let ended = call(&world, &fourth, Method::POST, "logout-all", Value::Null)
        .await
        .data(200);
    assert_eq!(ended["sessions_ended"], 1);
    post(&world, "logout", json!({}))
        .await
        .error(401, "UNAUTHORIZED");
}
