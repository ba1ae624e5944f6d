//! Passwords: changed, forgotten, hashed anew, never repeated.

use http::Method;
use onsale_accounts::{NewPerson, Office};
use onsale_private::Private;
use onsale_store::account::UserRole;
use onsale_store::audit::Actor;
use serde_json::json;
use uuid::Uuid;

use super::{
    EMAIL, OTHER_PASSWORD, PASSWORD, audited, call, config, login, mailed, post, refresh, register,
    world,
};
use crate::support::NOW_MS;

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    let world = world().await;
    let one = register(&world).await;
    let other = login(&world, PASSWORD).await.data(200);
    let change =
        |current: &str, new: &str| json!({ "current_password": current, "new_password": new });
    let path = "change-password";
    let body = change(OTHER_PASSWORD, "quiet morning harbour");
    let wrong = call(&world, &one, Method::POST, path, body).await;
    wrong.error(401, "INVALID_CREDENTIALS");
    let weak = call(
        &world,
        &one,
        Method::POST,
        path,
        change(PASSWORD, "password"),
    )
    .await;
    let weak = weak.error(400, "VALIDATION_ERROR");
    assert_eq!(weak["field"], "new_password");
    let body = change(PASSWORD, OTHER_PASSWORD);
    call(&world, &one, Method::POST, path, body).await.data(200);
    refresh(&world, &other).await.error(401, "UNAUTHORIZED");
    refresh(&world, &one).await.data(200);
    login(&world, PASSWORD)
        .await
        .error(401, "INVALID_CREDENTIALS");
    login(&world, OTHER_PASSWORD).await.data(200);
}

#[tokio::test]
async fn a_forgotten_password_is_set_by_a_link() {
    let world = world().await;
    let signed_in = register(&world).await;
    mailed(&world).await;
    let forgot = async |email: &str| {
        let reply = post(&world, "forgot-password", json!({ "email": email })).await;
        world.ingress.settled().await;
        reply.data(202)
    };
    let unknown = forgot("somebody@example.test").await;
    assert_eq!(forgot(EMAIL).await, unknown);
    let token = mailed(&world).await;
    let reset = |password: &str| {
        post(
            &world,
            "reset-password",
            json!({ "token": token, "password": password }),
        )
    };
    reset("password").await.error(400, "VALIDATION_ERROR");
    reset(OTHER_PASSWORD).await.data(200);
    reset("quiet morning harbour")
        .await
        .error(410, "LINK_EXPIRED");
    refresh(&world, &signed_in).await.error(401, "UNAUTHORIZED");
    login(&world, PASSWORD)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let signed_in = login(&world, OTHER_PASSWORD).await.data(200);
    assert_eq!(
        signed_in["user"]["email_verified"], true,
        "who reads the mail has it"
    );
}

#[tokio::test]
async fn a_password_that_opens_nothing_is_written_down() {
    let world = world().await;
    let signed_in = register(&world).await;
    let body = json!({ "email": EMAIL, "password": PASSWORD, "tenant_id": Uuid::from_u128(8) });
    post(&world, "login", body).await.error(404, "NOT_FOUND");
    let body =
        json!({ "current_password": OTHER_PASSWORD, "new_password": "quiet morning harbour" });
    call(&world, &signed_in, Method::POST, "change-password", body)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let body = json!({ "password": OTHER_PASSWORD });
    call(&world, &signed_in, Method::DELETE, "me", body)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let refused = |action: &&String| *action == "session.refuse";
    assert_eq!(audited(&world).await.iter().filter(refused).count(), 3);
}

#[tokio::test]
async fn a_password_is_hashed_anew_when_the_cost_has_changed() {
    let world = world().await;
    let ring = config().ring().unwrap().unwrap();
    let office = Office::open(world.store.clone(), ring, 5, NOW_MS).await;
    let office = office.unwrap();
    let person = NewPerson {
        user_id: None,
        email: Private::new(EMAIL),
        password: Private::new(PASSWORD),
        name: None,
        role: UserRole::Buyer,
    };
    let by = Actor::command_line();
    let user = office.create(person, &by, NOW_MS).await.unwrap().user_id;
    let kept = async || {
        let row = world.store.user(user).await.unwrap().unwrap();
        row.password.unwrap().expose().to_owned()
    };
    login(&world, OTHER_PASSWORD)
        .await
        .error(401, "INVALID_CREDENTIALS");
    assert!(kept().await.contains("$05$"));
    let signed_in = login(&world, PASSWORD).await.data(200);
    assert!(kept().await.contains("$04$"));
    refresh(&world, &signed_in).await.data(200);
    login(&world, PASSWORD).await.data(200);
}

#[tokio::test]
async fn a_password_under_a_wrong_name_is_not_repeated() {
    let world = world().await;
    for body in [
        json!({ "email": EMAIL, "passwort": PASSWORD }),
        json!({ "email": EMAIL, "password": { "is": PASSWORD } }),
        json!({ "email": EMAIL, "password": [PASSWORD] }),
        json!({ "email": { "is": EMAIL }, "password": PASSWORD }),
    ] {
        let reply = post(&world, "login", body.clone()).await;
        reply.error(400, "VALIDATION_ERROR");
        let said = reply.json().to_string();
        assert!(!said.contains(PASSWORD) && !said.contains(EMAIL), "{said}");
        let reply = post(&world, "register", body).await;
        reply.error(400, "VALIDATION_ERROR");
        assert!(!reply.json().to_string().contains(PASSWORD));
    }
}
