//! Passwords: changed, forgotten, hashed anew, never repeated.

use http::Method;
use onsale_accounts::{NewPerson, Office};
use onsale_private::Private;
use onsale_store::account::UserRole;
use onsale_store::audit::Actor;
use onsale_store::job::JobFilter;
use onsale_store::notice::Notice;
use onsale_store::reset;
use serde_json::json;
use uuid::Uuid;

use super::{
    EMAIL, OTHER_PASSWORD, PASSWORD, answer_resets, audited, call, config, login, mailed, post,
    refresh, register, register_verified, world,
};
use crate::factors::told;
use crate::support::{NOW_MS, World};

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
    let same = call(&world, &one, Method::POST, path, change(PASSWORD, PASSWORD)).await;
    let same = same.error(400, "VALIDATION_ERROR");
    assert_eq!(same["field"], "new_password");
    assert_eq!(same["expected"], "another password than the account has");
    // Who does not know the password does not learn what it is not.
    let guessed = change(OTHER_PASSWORD, OTHER_PASSWORD);
    call(&world, &one, Method::POST, path, guessed)
        .await
        .error(401, "INVALID_CREDENTIALS");
    assert_eq!(told(&world).await, [], "nothing was changed");
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
        reply.data(202)
    };
    for none in ["", "nobody", "a@b@", "a b@example.test"] {
        let refused = post(&world, "forgot-password", json!({ "email": none })).await;
        let details = refused.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], "email", "{none}");
        assert_eq!(details["value"], json!(null), "{none}");
    }
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

/// Keys and lengths of the jobs of a kind, the newest first.
async fn jobs(world: &World, kind: &str) -> Vec<(String, usize)> {
    let filter = JobFilter {
        kind: Some(kind.to_owned()),
        limit: 100,
        ..JobFilter::default()
    };
    let mut found = Vec::new();
    for row in world.store.jobs(&filter).await.unwrap() {
        let (row, payload) = world.store.job(row.job_id).await.unwrap().unwrap();
        found.push((row.key, payload.len()));
    }
    found
}

/// Not how long it takes is compared, but what is done: the time follows from it.
#[tokio::test]
async fn asking_for_a_link_does_the_same_for_every_address() {
    let world = world().await;
    let signed_in = register(&world).await;
    let id: Uuid = signed_in["user"]["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let links = async || {
        let row = world.store.user(id).await.unwrap().unwrap();
        world.store.links_of_person(&row, 100).await.unwrap().len()
    };
    let (mails, entries, had) = (
        jobs(&world, onsale_store::mail::KIND).await.len(),
        audited(&world).await.len(),
        links().await,
    );
    let mut lengths = Vec::new();
    for (number, email) in [EMAIL, "nobody@example.tesu"].into_iter().enumerate() {
        let reply = post(&world, "forgot-password", json!({ "email": email })).await;
        reply.data(202);
        let asked = jobs(&world, reset::KIND).await;
        assert_eq!(asked.len(), number + 1, "one row");
        lengths.push(asked[0].1);
        // Nothing else is written before a worker looks for the account.
        let written = jobs(&world, onsale_store::mail::KIND).await.len();
        assert_eq!(written, mails, "{email}");
        assert_eq!(audited(&world).await.len(), entries, "{email}");
        assert_eq!(links().await, had, "{email}");
    }
    assert_eq!(lengths[0], lengths[1]);

    answer_resets(&world).await;
    let written = jobs(&world, onsale_store::mail::KIND).await.len();
    assert_eq!(written, mails + 1, "one of them has an account");
    assert_eq!(links().await, had + 1);
    let actions = audited(&world).await;
    let forgotten = |action: &&String| *action == "account.forgot_password";
    assert_eq!(actions.iter().filter(forgotten).count(), 2);
}

#[tokio::test]
async fn a_person_is_told_of_another_password() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let change = json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD });
    let path = "change-password";
    let changed = call(&world, &signed_in, Method::POST, path, change.clone()).await;
    changed.data(200);
    assert_eq!(told(&world).await, [Notice::PasswordChanged]);
    // What is refused changes nothing, and nobody is told of it.
    let wrong = call(&world, &signed_in, Method::POST, path, change).await;
    wrong.error(401, "INVALID_CREDENTIALS");
    assert_eq!(told(&world).await, []);
    let forgot = json!({ "email": EMAIL });
    post(&world, "forgot-password", forgot).await.data(202);
    let reset = json!({ "token": mailed(&world).await, "password": PASSWORD });
    assert_eq!(told(&world).await, [], "nothing has changed yet");
    post(&world, "reset-password", reset.clone())
        .await
        .data(200);
    assert_eq!(told(&world).await, [Notice::PasswordReset]);
    let again = post(&world, "reset-password", reset).await;
    again.error(410, "LINK_EXPIRED");
    assert_eq!(told(&world).await, []);
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
