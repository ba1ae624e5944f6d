//! What is shown by a right, after it was withdrawn; and changes of address that rights make useless.

use http::Method;
use onsale_accounts::SecondFactorRule;
use onsale_store::account::UserRole;
use onsale_store::audit::{AuditFilter, Unaudited};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{GUEST, OWNER, THIRD, house, id, member, uuid};
use crate::accounts::{PASSWORD, config, mailed, post};
use crate::factors::{pass, with_app};
use crate::support::{NOW_MS, Reply, World};
use crate::tenants::{call, login, person, world};

const NEW: &str = "moved@example.test";

async fn set_role(world: &World, of: &Value, role: UserRole) {
    let set = world
        .store
        .set_user_role(uuid(of), role, NOW_MS, Unaudited::Unattended);
    set.await.unwrap().unwrap();
}

/// A session of an admin.
async fn admin(world: &World, email: &str) -> Value {
    let someone = person(world, email).await;
    set_role(world, &someone, UserRole::Admin).await;
    login(world, email, &json!(Uuid::nil())).await
}

async fn get(world: &World, by: &Value, path: &str) -> Reply {
    call(world, by, Method::GET, path, Value::Null).await
}

async fn send(world: &World, by: &Value, method: Method, path: &str, body: Value) -> Reply {
    call(world, by, method, path, body).await
}

/// Entries of the audit trail with this action.
async fn entries(world: &World, action: &str) -> Vec<Value> {
    let filter = AuditFilter {
        action: Some(action.to_owned()),
        limit: 100,
        ..AuditFilter::default()
    };
    let rows = world.store.audit(&filter).await.unwrap();
    rows.into_iter().map(|row| row.detail).collect()
}

#[tokio::test]
async fn who_is_no_admin_any_more_reads_nobody() {
    let world = world(true).await;
    // There has to be one.
    admin(&world, THIRD).await;
    let buyer = person(&world, GUEST).await;
    let one = format!("users/{}", id(&buyer));
    let paths = ["users", one.as_str(), "tenants", "audit"];
    for how in ["demoted", "disabled", "signed out"] {
        let email = format!("admin{}@example.test", how.len());
        let admin = admin(&world, &email).await;
        for path in paths {
            get(&world, &admin, path).await.data(200);
        }
        match how {
            "demoted" => set_role(&world, &admin, UserRole::Buyer).await,
            "disabled" => {
                let by = Unaudited::Unattended;
                let set = world
                    .store
                    .set_user_disabled(uuid(&admin), true, NOW_MS, by);
                set.await.unwrap().unwrap();
            }
            _ => {
                let path = "auth/logout-all";
                let ended = send(&world, &admin, Method::POST, path, Value::Null).await;
                ended.data(200);
            }
        }
        let read = entries(&world, "account.list").await.len();
        for path in paths.into_iter().chain(["audit/export"]) {
            let refused = get(&world, &admin, path).await;
            refused.error(401, "UNAUTHORIZED");
        }
        let after = entries(&world, "account.list").await.len();
        assert_eq!(after, read, "{how}: nothing was read");
    }
}

#[tokio::test]
async fn who_belongs_to_a_tenant_no_more_reads_nothing_of_it() {
    let world = world(true).await;
    let (owner, path) = house(&world).await;
    let guest = member(&world, &owner, &path, GUEST, "owner").await;
    let of_tenant = [
        format!("{path}/members"),
        format!("{path}/invitations"),
        format!("{path}/api-keys"),
        "audit".to_owned(),
    ];
    for path in &of_tenant {
        get(&world, &guest, path).await.data(200);
    }
    let of_guest = format!("{path}/members/{}", id(&guest));
    let removed = send(&world, &owner, Method::DELETE, &of_guest, Value::Null).await;
    removed.data(200);
    for path in &of_tenant {
        let refused = get(&world, &guest, path).await;
        refused.error(401, "UNAUTHORIZED");
    }
    // Its sessions have ended, so its own data are shown in the next one.
    let own = ["auth/me/export", "auth/sessions"];
    for path in own {
        let refused = get(&world, &guest, path).await;
        refused.error(401, "UNAUTHORIZED");
    }
    let guest = login(&world, GUEST, &json!(Uuid::nil())).await;
    for path in own {
        get(&world, &guest, path).await.data(200);
    }
}

#[tokio::test]
async fn where_staff_needs_a_factor_accounts_are_read_with_a_fresh_one() {
    let world = World::with(|all| {
        all.accounts = config();
        all.accounts.require_second_factor = SecondFactorRule::Operators;
    })
    .await;
    let held = admin(&world, OWNER).await;
    with_app(&world, &held).await;
    let refresh = async |signed_in: &Value| {
        let body = json!({ "refresh_token": signed_in["refresh_token"] });
        post(&world, "refresh", body).await.data(200)
    };
    let admin = refresh(&held).await;
    let one = format!("users/{}", id(&admin));
    for path in ["users", one.as_str()] {
        get(&world, &admin, path).await.data(200);
    }
    pass(&world, 15 * 60 * 1_000);
    let admin = refresh(&admin).await;
    for path in ["users", one.as_str()] {
        let refused = get(&world, &admin, path).await;
        let details = refused.error(401, "SECOND_FACTOR_REQUIRED");
        assert_eq!(details["step_up"], true, "{path}");
    }
}

#[tokio::test]
async fn an_address_that_nobody_has_is_in_the_trail_by_its_hash() {
    let world = world(true).await;
    let admin = admin(&world, OWNER).await;
    for email in [
        "nobody@example.test",
        "NoBody@Example.test",
        "none@example.test",
    ] {
        let found = get(&world, &admin, &format!("users?email={email}")).await;
        assert_eq!(found.data(200), json!([]));
    }
    let details = entries(&world, "account.list").await;
    let hash = |at: usize| details[at]["email_hash"].as_str().unwrap();
    assert_eq!(details.len(), 3);
    assert_eq!(hash(0).len(), 64);
    assert_eq!(hash(1), hash(2), "the same address");
    assert_ne!(hash(0), hash(1));
}

#[tokio::test]
async fn who_becomes_an_admin_asks_for_another_address_anew() {
    let world = world(true).await;
    let admin = admin(&world, OWNER).await;
    let someone = person(&world, GUEST).await;
    let change = json!({ "email": NEW, "password": PASSWORD });
    let path = "auth/change-email";
    let asked = send(&world, &someone, Method::POST, path, change).await;
    asked.data(202);
    let token = mailed(&world).await;
    let role = format!("users/{}/role", id(&someone));
    let role_body = json!({ "role": "admin" });
    let raised = send(&world, &admin, Method::PUT, &role, role_body).await;
    raised.data(200);
    let link = json!({ "token": token, "password": PASSWORD });
    let followed = post(&world, "confirm-email", link).await;
    followed.error(410, "LINK_EXPIRED");
    let row = world.store.user(uuid(&someone)).await.unwrap().unwrap();
    assert!(row.role == UserRole::Admin && row.owns_address());
}

#[tokio::test]
async fn a_change_of_address_is_withdrawn() {
    let world = world(true).await;
    let someone = person(&world, GUEST).await;
    let path = "auth/change-email";
    let withdraw = || send(&world, &someone, Method::DELETE, path, Value::Null);
    // Where none waits there is nothing to do.
    withdraw().await.data(200);
    let ask = async || {
        let change = json!({ "email": NEW, "password": PASSWORD });
        let asked = send(&world, &someone, Method::POST, path, change).await;
        asked.data(202);
        mailed(&world).await
    };
    let token = ask().await;
    withdraw().await.data(200);
    withdraw().await.data(200);
    let follow = async |token: &str| {
        let link = json!({ "token": token, "password": PASSWORD });
        post(&world, "confirm-email", link).await
    };
    follow(&token).await.error(410, "LINK_EXPIRED");
    assert_eq!(entries(&world, "account.withdraw_email").await.len(), 1);
    // The next one is good.
    let token = ask().await;
    follow(&token).await.data(200);
    // That has ended the session that withdraws.
    withdraw().await.error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn the_tenth_wrong_password_spends_a_link() {
    let world = world(true).await;
    let someone = person(&world, GUEST).await;
    let change = json!({ "email": NEW, "password": PASSWORD });
    let path = "auth/change-email";
    let asked = send(&world, &someone, Method::POST, path, change).await;
    asked.data(202);
    let to_change = mailed(&world).await;
    let body = json!({ "email": THIRD, "password": PASSWORD });
    post(&world, "register", body).await.data(201);
    let to_verify = mailed(&world).await;
    for (path, token) in [("confirm-email", to_change), ("verify-email", to_verify)] {
        let follow = async |password: &str| {
            let link = json!({ "token": token, "password": password });
            post(&world, path, link).await
        };
        for _ in 0..10 {
            let wrong = follow("another password than that").await;
            wrong.error(401, "INVALID_CREDENTIALS");
        }
        follow(PASSWORD).await.error(410, "LINK_EXPIRED");
    }
}
