//! Which account is signed in to, and accounts elsewhere that are linked to it.

use http::Method;
use onsale_accounts::{Preset, ProviderConfig};
use onsale_store::notice::Notice;
use serde_json::{Value, json};
use uuid::Uuid;

use super::house::House;
use super::{
    EMAIL, begun, call, code, come_back, entries, exchange, identities, land, landed, pass,
    provider, refused_as, register, register_verified, sign_in, sign_in_as, world, world_with,
};
use crate::accounts::{PASSWORD, mailed, post};
use crate::factors::told;
use crate::support::World;

#[tokio::test]
async fn an_account_is_linked_by_its_address_only_where_both_sides_have_verified_it() {
    let house = House::open().await;
    let world = world(&house).await;
    let registered = register(&world).await;
    let unvouched = |all: &mut Value| all["email_verified"] = json!(false);
    assert_eq!(
        refused_as(&world, &house, unvouched).await,
        "account_exists"
    );
    // Whoever registered it need not be the one who has the address.
    assert_eq!(
        refused_as(&world, &house, |_| {}).await,
        "account_not_verified"
    );
    assert_eq!(
        identities(&world, &registered).await["identities"],
        json!([])
    );
    let link = json!({ "token": mailed(&world).await, "password": PASSWORD });
    post(&world, "verify-email", link).await.data(200);
    assert_eq!(
        refused_as(&world, &house, unvouched).await,
        "account_exists"
    );
    let signed_in = sign_in(&world, &house).await;
    assert_eq!(signed_in["user"]["user_id"], registered["user"]["user_id"]);
    let linked = entries(&world, "identity.link").await;
    assert_eq!(linked, [json!({ "provider": "house", "by": "address" })]);
    // An address in another form is the same one.
    let other = sign_in_as(&world, &house, |all| {
        all["sub"] = json!("person 2");
        all["email"] = json!("NoBody@Example.test");
    })
    .await;
    assert_eq!(other["user"]["user_id"], registered["user"]["user_id"]);
}

#[tokio::test]
async fn who_cannot_have_an_account_gets_none() {
    let house = House::open().await;
    let closed = world_with(&[("house", provider(&house))], |all| {
        all.registration = false;
    })
    .await;
    assert_eq!(
        refused_as(&closed, &house, |_| {}).await,
        "registration_closed"
    );
    let world = world(&house).await;
    for email in [Value::Null, json!("nobody")] {
        let why = refused_as(&world, &house, |all| all["email"] = email).await;
        assert_eq!(why, "address_missing");
    }
    let signed_in = sign_in(&world, &house).await;
    let id: Uuid = signed_in["user"]["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let (begun, fragment) = land(&world, &house, |nonce| house.sign(&house.claims(nonce))).await;
    let by = onsale_store::audit::Unaudited::Automatic;
    let disabled = world
        .store
        .set_user_disabled(id, true, crate::support::NOW_MS, by);
    disabled.await.unwrap().unwrap();
    exchange(&world, &begun.cookie, code(&fragment))
        .await
        .error(403, "FORBIDDEN");
    assert_eq!(refused_as(&world, &house, |_| {}).await, "disabled");
    let refresh = json!({ "refresh_token": signed_in["refresh_token"] });
    post(&world, "refresh", refresh)
        .await
        .error(401, "UNAUTHORIZED");
}

/// Links in a session; what stands behind `#` then.
async fn link(
    world: &World,
    house: &House,
    signed_in: &Value,
    body: Value,
    subject: &str,
) -> String {
    let is_subject = |claims: &mut Value| claims["sub"] = json!(subject);
    link_as(world, house, signed_in, body, is_subject).await
}

/// As [`link`], with what the house says of the person changed.
async fn link_as(
    world: &World,
    house: &House,
    signed_in: &Value,
    body: Value,
    change: impl FnOnce(&mut Value),
) -> String {
    let reply = call(world, signed_in, Method::POST, "me/identities", body).await;
    let data = reply.data(200);
    let location = data["authorization_url"].as_str().unwrap();
    let begun = begun(location, &reply);
    let mut claims = house.claims(&begun.nonce);
    change(&mut claims);
    house.gives(&house.sign(&claims));
    let query = format!("code=c1&state={}", begun.state);
    landed(&come_back(world, "house", &begun.cookie, &query).await)
}

/// Links what is another person's elsewhere, with another address.
async fn link_stranger(world: &World, house: &House, signed_in: &Value) {
    let is_stranger = |claims: &mut Value| {
        claims["sub"] = json!("a stranger");
        claims["email"] = json!("stranger@example.test");
    };
    let body = asking(Some(PASSWORD));
    let fragment = link_as(world, house, signed_in, body, is_stranger).await;
    assert_eq!(fragment, "linked=house");
}

fn asking(password: Option<&str>) -> Value {
    json!({ "provider": "house", "return_to": "/shows?page=2", "password": password })
}

#[tokio::test]
async fn accounts_elsewhere_are_linked_listed_and_unlinked() {
    let house = House::open().await;
    let world = world(&house).await;
    let signed_in = register(&world).await;
    let ask = |body| call(&world, &signed_in, Method::POST, "me/identities", body);
    let missing = ask(asking(None)).await.error(400, "VALIDATION_ERROR");
    assert_eq!(missing["field"], "password");
    ask(asking(Some("another password")))
        .await
        .error(401, "INVALID_CREDENTIALS");
    let fragment = link(
        &world,
        &house,
        &signed_in,
        asking(Some(PASSWORD)),
        "person 1",
    )
    .await;
    assert_eq!(fragment, "linked=house");
    // Once more is as good as once.
    let fragment = link(
        &world,
        &house,
        &signed_in,
        asking(Some(PASSWORD)),
        "person 1",
    )
    .await;
    assert_eq!(fragment, "linked=house");
    let fragment = link(
        &world,
        &house,
        &signed_in,
        asking(Some(PASSWORD)),
        "person 2",
    )
    .await;
    assert_eq!(fragment, "linked=house");
    let own = identities(&world, &signed_in).await;
    assert_eq!(own["has_password"], true);
    let rows = own["identities"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["title"], "house");
    let by_it = sign_in(&world, &house).await;
    assert_eq!(by_it["user"]["user_id"], signed_in["user"]["user_id"]);

    // Another account cannot have it.
    let body = json!({ "email": "other@example.test", "password": PASSWORD });
    let other = post(&world, "register", body).await.data(201);
    let fragment = link(&world, &house, &other, asking(Some(PASSWORD)), "person 1").await;
    assert_eq!(fragment, "sign_in_error=identity_taken");
    let path = format!("me/identities/{}", rows[0]["identity_id"].as_str().unwrap());
    let body = json!({ "password": PASSWORD });
    call(&world, &other, Method::DELETE, &path, body.clone())
        .await
        .error(404, "NOT_FOUND");
    let unlink = |body| call(&world, &signed_in, Method::DELETE, &path, body);
    unlink(Value::Null).await.error(400, "VALIDATION_ERROR");
    unlink(body.clone()).await.data(200);
    unlink(body).await.error(404, "NOT_FOUND");
    assert_eq!(entries(&world, "identity.unlink").await.len(), 1);
    let export = call(&world, &signed_in, Method::GET, "me/export", Value::Null).await;
    let exported = export.data(200)["identities"].clone();
    assert_eq!(exported.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_link_that_is_asked_for_ends_with_its_session() {
    let house = House::open().await;
    let world = world(&house).await;
    let signed_in = register(&world).await;
    let body = asking(Some(PASSWORD));
    let reply = call(&world, &signed_in, Method::POST, "me/identities", body).await;
    let data = reply.data(200);
    let begun = begun(data["authorization_url"].as_str().unwrap(), &reply);
    call(&world, &signed_in, Method::POST, "logout", Value::Null)
        .await
        .data(200);
    house.gives(&house.sign(&house.claims(&begun.nonce)));
    let query = format!("code=c1&state={}", begun.state);
    let reply = come_back(&world, "house", &begun.cookie, &query).await;
    assert_eq!(landed(&reply), "sign_in_error=session_ended");
    assert_eq!(entries(&world, "identity.link").await.len(), 0);
}

#[tokio::test]
async fn an_account_without_a_password_keeps_its_last_way_in() {
    let house = House::open().await;
    let world = world(&house).await;
    let signed_in = sign_in(&world, &house).await;
    let own = identities(&world, &signed_in).await;
    assert_eq!(own["has_password"], false);
    let id = own["identities"][0]["identity_id"].as_str().unwrap();
    let path = format!("me/identities/{id}");
    let unlink = || call(&world, &signed_in, Method::DELETE, &path, Value::Null);
    unlink().await.error(409, "LAST_WAY_IN");
    let fragment = link(&world, &house, &signed_in, asking(None), "person 2").await;
    assert_eq!(fragment, "linked=house");
    unlink().await.data(200);
    let change = json!({ "current_password": "", "new_password": "vintage otter lantern" });
    call(&world, &signed_in, Method::POST, "change-password", change)
        .await
        .error(409, "NO_PASSWORD");
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    post(&world, "login", login)
        .await
        .error(401, "INVALID_CREDENTIALS");

    // A token that was left open somewhere is not enough.
    pass(&world, 900_000);
    let refresh = json!({ "refresh_token": signed_in["refresh_token"] });
    let old = post(&world, "refresh", refresh).await.data(200);
    let erase = |signed_in: Value| {
        let world = &world;
        async move { call(world, &signed_in, Method::DELETE, "me", Value::Null).await }
    };
    erase(old.clone()).await.error(403, "SIGN_IN_AGAIN");
    call(&world, &old, Method::POST, "me/identities", asking(None))
        .await
        .error(403, "SIGN_IN_AGAIN");
    let again = sign_in_as(&world, &house, |all| {
        all["sub"] = json!("person 2");
        all["iat"] = json!(all["iat"].as_u64().unwrap() + 900);
        all["exp"] = json!(all["exp"].as_u64().unwrap() + 900);
    })
    .await;
    erase(again).await.data(200);
    let erased = entries(&world, "account.erase").await;
    assert_eq!(erased[0]["identities"], 1);
    let user: Uuid = signed_in["user"]["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(world.store.identities_of(user).await.unwrap(), []);
}

#[tokio::test]
async fn a_reset_by_mail_leaves_only_what_the_address_vouches_for() {
    let house = House::open().await;
    let world = world(&house).await;
    // Linked by whoever had the password before the mailbox's owner came.
    let registered = register_verified(&world).await;
    let fragment = link(
        &world,
        &house,
        &registered,
        asking(Some(PASSWORD)),
        "person 1",
    )
    .await;
    assert_eq!(fragment, "linked=house");
    link_stranger(&world, &house, &registered).await;
    let user: Uuid = registered["user"]["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(world.store.identities_of(user).await.unwrap().len(), 2);

    post(&world, "forgot-password", json!({ "email": EMAIL }))
        .await
        .data(202);
    let token = mailed(&world).await;
    let body = json!({ "token": token, "password": "vintage otter lantern" });
    post(&world, "reset-password", body).await.data(200);
    let left = world.store.identities_of(user).await.unwrap();
    assert_eq!(left.len(), 1);
    assert!(left[0].is_vouched);
}

#[tokio::test]
async fn another_password_unlinks_what_someone_else_may_have_linked_and_links_are_told() {
    let house = House::open().await;
    let world = world(&house).await;
    let signed_in = register_verified(&world).await;
    link_stranger(&world, &house, &signed_in).await;
    assert_eq!(told(&world).await, [Notice::IdentityLinked]);
    // That of its own address, by signing in.
    sign_in(&world, &house).await;
    assert_eq!(told(&world).await, [Notice::IdentityLinked]);
    let own = identities(&world, &signed_in).await;
    assert_eq!(own["identities"].as_array().map(Vec::len), Some(2));

    let change = json!({ "current_password": PASSWORD, "new_password": "vintage otter lantern" });
    let changed = call(&world, &signed_in, Method::POST, "change-password", change).await;
    changed.data(200);
    let told_of = told(&world).await;
    assert_eq!(told_of.len(), 2, "{told_of:?}");
    for notice in [Notice::PasswordChanged, Notice::IdentityUnlinked] {
        assert!(told_of.contains(&notice), "{told_of:?}");
    }
    let own = identities(&world, &signed_in).await;
    let left = own["identities"].as_array().unwrap();
    assert_eq!(left.len(), 1);
    let why = refused_as(&world, &house, |all| {
        all["sub"] = json!("a stranger");
        all["email"] = json!(EMAIL);
        all["email_verified"] = json!(false);
    })
    .await;
    assert_eq!(why, "account_exists");
    let path = format!("me/identities/{}", left[0]["identity_id"].as_str().unwrap());
    let body = json!({ "password": "vintage otter lantern" });
    let unlinked = call(&world, &signed_in, Method::DELETE, &path, body).await;
    unlinked.data(200);
    assert_eq!(told(&world).await, [Notice::IdentityUnlinked]);
}

#[tokio::test]
async fn whom_a_provider_vouches_for_gets_the_account_without_what_a_stranger_set_up() {
    let house = House::open().await;
    let world = world(&house).await;
    let stranger = register(&world).await;
    let mail = json!({ "token": mailed(&world).await });
    link_stranger(&world, &house, &stranger).await;
    // The owner of the address follows the link of a mail that it did not ask for.
    post(&world, "verify-email", mail).await.data(200);
    let path = "me/guest-bookings";
    let taken = call(&world, &stranger, Method::POST, path, Value::Null).await;
    taken.error(403, "CONFIRMATION_REQUIRED");

    let owner = sign_in(&world, &house).await;
    assert_eq!(owner["user"]["user_id"], stranger["user"]["user_id"]);
    let linked = entries(&world, "identity.link").await;
    let by_address = json!({ "provider": "house", "by": "address", "ended_ways_in": true });
    assert!(linked.contains(&by_address), "{linked:?}");
    let own = identities(&world, &owner).await;
    assert_eq!(own["has_password"], false);
    assert_eq!(own["identities"].as_array().map(Vec::len), Some(1));
    let refresh = json!({ "refresh_token": stranger["refresh_token"] });
    let refreshed = post(&world, "refresh", refresh).await;
    refreshed.error(401, "UNAUTHORIZED");
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    let login = post(&world, "login", login).await;
    login.error(401, "INVALID_CREDENTIALS");
    let taken = call(&world, &owner, Method::POST, path, Value::Null).await;
    taken.data(200);
}

#[tokio::test]
async fn an_address_counts_as_verified_where_the_provider_vouches_for_it() {
    let house = House::open().await;
    let google = ProviderConfig {
        preset: Some(Preset::Google),
        ..provider(&house)
    };
    let world = world_with(&[("house", google)], |_| {}).await;
    // Verified once, and hosted elsewhere.
    let signed_in = sign_in(&world, &house).await;
    assert_eq!(signed_in["user"]["email_verified"], false);
    let path = "me/guest-bookings";
    let taken = call(&world, &signed_in, Method::POST, path, Value::Null).await;
    taken.error(403, "EMAIL_NOT_VERIFIED");
    let link = json!({ "token": mailed(&world).await });
    let followed = call(&world, &signed_in, Method::POST, "verify-email", link).await;
    followed.data(200);
    let hosted = sign_in_as(&world, &house, |all| {
        all["sub"] = json!("person 2");
        all["email"] = json!("other@corp.example.test");
        all["hd"] = json!("corp.example.test");
    })
    .await;
    assert_eq!(hosted["user"]["email_verified"], true);
}
