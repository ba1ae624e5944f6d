//! Accounts as admins look after them, which tenants there are, and which ones are one's own.

use http::Method;
use onsale_schemas::UserId;
use onsale_store::account::UserRole;
use onsale_store::audit::{AuditFilter, AuditRow, Unaudited};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{PASSWORD, mailed, post};
use crate::factors::with_app;
use crate::payments;
use crate::support::{Claims, NOW_MS, Reply, World};
use crate::tenants::{call, login, open, person, world};

const ADMIN: &str = "admin@example.test";
const OWNER: &str = "owner@example.test";
const BUYER: &str = "buyer@example.test";

fn id(signed_in: &Value) -> &str {
    signed_in["user"]["user_id"].as_str().unwrap()
}

fn uuid(signed_in: &Value) -> Uuid {
    id(signed_in).parse().unwrap()
}

/// A session of an admin with this address.
async fn admin(world: &World, email: &str) -> Value {
    let signed_in = person(world, email).await;
    let raised = world.store.set_user_role(
        uuid(&signed_in),
        UserRole::Admin,
        NOW_MS,
        Unaudited::Unattended,
    );
    raised.await.unwrap().unwrap();
    oneself(world, email).await
}

/// A session for oneself.
async fn oneself(world: &World, email: &str) -> Value {
    login(world, email, &json!(Uuid::nil())).await
}

async fn get(world: &World, by: &Value, path: &str) -> Reply {
    call(world, by, Method::GET, path, Value::Null).await
}

async fn act(world: &World, by: &Value, of: &Value, what: &str) -> Reply {
    let path = format!("users/{}/{what}", id(of));
    call(world, by, Method::POST, &path, Value::Null).await
}

async fn set_role(world: &World, by: &Value, of: &Value, role: &str) -> Reply {
    let path = format!("users/{}/role", id(of));
    call(world, by, Method::PUT, &path, json!({ "role": role })).await
}

/// Entries with one of these actions, newest first.
async fn entries(world: &World, actions: &[&str]) -> Vec<AuditRow> {
    let filter = AuditFilter {
        limit: 200,
        ..AuditFilter::default()
    };
    let mut rows = world.store.audit(&filter).await.unwrap();
    assert!(!format!("{rows:?}").contains("example.test"), "{rows:?}");
    rows.retain(|row| actions.contains(&row.action.as_str()));
    rows
}

/// A field of each thing of a list.
fn each(list: &Value, field: &str) -> Vec<String> {
    let things = list.as_array().unwrap().iter();
    things
        .map(|thing| thing[field].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_person_sees_the_tenants_that_it_belongs_to_and_an_admin_all() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    for slug in ["opera", "circus"] {
        open(&world, &owner, slug).await;
    }
    let admin = admin(&world, ADMIN).await;
    open(&world, &admin, "arena").await;
    let buyer = person(&world, BUYER).await;

    let own = get(&world, &owner, "tenants").await.data(200);
    assert_eq!(each(&own, "slug"), ["circus", "opera"]);
    assert_eq!(each(&own, "role"), ["owner", "owner"]);
    // Whichever of them the token is for.
    let in_opera = login(&world, OWNER, &own[1]["tenant_id"]).await;
    assert_eq!(get(&world, &in_opera, "tenants").await.data(200), own);
    let none = get(&world, &buyer, "tenants").await.data(200);
    assert_eq!(none, json!([]));
    let all = get(&world, &admin, "tenants").await.data(200);
    assert_eq!(each(&all, "slug"), ["arena", "circus", "opera"]);
    assert_eq!(all[0]["role"], Value::Null);

    let first = get(&world, &admin, "tenants?limit=2").await;
    assert_eq!(each(&first.data(200), "slug"), ["arena", "circus"]);
    let cursor = first.json()["meta"]["next_cursor"].clone();
    let next = format!("tenants?limit=2&cursor={}", cursor.as_str().unwrap());
    let next = get(&world, &admin, &next).await;
    assert_eq!(each(&next.data(200), "slug"), ["opera"]);
    assert_eq!(next.json()["meta"]["next_cursor"], Value::Null);
    for (by, search, slugs) in [
        (&admin, "ARE", &["arena"][..]),
        // Of their name, Opera House.
        (&admin, "house", &["arena", "circus", "opera"][..]),
        (&owner, "are", &[][..]),
        (&owner, "circ", &["circus"][..]),
    ] {
        let found = get(&world, by, &format!("tenants?search={search}")).await;
        assert_eq!(each(&found.data(200), "slug"), slugs, "{search}");
    }
    for wrong in [
        "limit=0",
        "limit=101",
        "cursor=Opera%20House",
        "cursor=",
        // A slug is no cursor.
        "cursor=zzz",
        "cursor=circus",
        "search=%00",
        "tenant=opera",
    ] {
        let refused = get(&world, &owner, &format!("tenants?{wrong}")).await;
        refused.error(400, "VALIDATION_ERROR");
    }

    let me = get(&world, &owner, "auth/me").await.data(200);
    let memberships = &me["memberships"];
    assert_eq!(each(memberships, "slug"), ["circus", "opera"]);
    assert_eq!(each(memberships, "role"), ["owner", "owner"]);
    assert_eq!(each(memberships, "name"), ["Opera House", "Opera House"]);
    assert_eq!(memberships[0]["tenant_id"], own[0]["tenant_id"]);
    let me = get(&world, &buyer, "auth/me").await.data(200);
    assert_eq!(me["memberships"], json!([]));
    let guest = json!({ "email": "guest@example.test" });
    let guest = post(&world, "guest", guest).await.data(201);
    let me = get(&world, &guest, "auth/me").await.data(200);
    assert_eq!(me["memberships"], json!([]));
}

#[expect(
    clippy::too_many_lines,
    reason = "a page of each kind, and what the trail says of it"
)]
#[tokio::test]
async fn an_admin_lists_accounts_and_the_trail_says_whose_were_read() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    let tenant = open(&world, &owner, "opera").await;
    let admin = admin(&world, ADMIN).await;
    // Nobody has followed its link.
    let body = json!({ "email": BUYER, "password": PASSWORD });
    let buyer = post(&world, "register", body).await.data(201);

    let path = format!("users/{}", id(&owner));
    let one = get(&world, &admin, &path).await.data(200);
    assert_eq!(one["email"], OWNER);
    assert_eq!(one["role"], "buyer");
    assert_eq!(one["email_verified"], true);
    assert_eq!(one["address_owned"], true);
    assert_eq!(one["second_factor"], false);
    for never in ["disabled_at", "erased_at"] {
        assert_eq!(one[never], Value::Null, "{never}");
    }
    assert!(one["last_sign_in_at"].is_string(), "{one}");
    let membership = json!([{
        "tenant_id": tenant["tenant_id"], "name": "Opera House", "slug": "opera", "role": "owner",
    }]);
    assert_eq!(one["memberships"], membership);
    let read = entries(&world, &["account.read"]).await;
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].subject_id, id(&owner));
    assert_eq!(read[0].actor.id, Some(uuid(&admin)));

    let all = get(&world, &admin, "users").await.data(200);
    let mut emails = each(&all, "email");
    emails.sort_unstable();
    assert_eq!(emails, [ADMIN, BUYER, OWNER]);
    let listed = entries(&world, &["account.list"]).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].detail["users"].as_array().unwrap().len(), 3);
    // A page at a time there are the same ones in the same order.
    let mut paged = Vec::new();
    let mut query = "users?limit=1".to_owned();
    loop {
        let page = get(&world, &admin, &query).await;
        paged.extend(page.data(200).as_array().unwrap().clone());
        match page.json()["meta"]["next_cursor"].as_str() {
            Some(cursor) => query = format!("users?limit=1&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(Value::from(paged), all);
    let admins = get(&world, &admin, "users?role=admin").await.data(200);
    assert_eq!(each(&admins, "email"), [ADMIN]);

    let found = get(&world, &admin, "users?email=Buyer@Example.test").await;
    let found = found.data(200);
    assert_eq!(each(&found, "user_id"), [id(&buyer)]);
    assert_eq!(found[0]["email_verified"], false);
    assert_eq!(found[0]["address_owned"], false);
    let read = entries(&world, &["account.read"]).await;
    assert_eq!(read[0].subject_id, id(&buyer));
    // Whoever reads the mail follows the link without a session, and two facts are told apart.
    let link = json!({ "token": mailed(&world).await });
    post(&world, "verify-email", link).await.data(200);
    let path = format!("users/{}", id(&buyer));
    let one = get(&world, &admin, &path).await.data(200);
    assert_eq!(one["email_verified"], true);
    assert_eq!(one["address_owned"], false);
    let me = get(&world, &buyer, "auth/me").await.data(200);
    assert_eq!(
        (&me["email_verified"], &me["address_owned"]),
        (&json!(true), &json!(false))
    );
    let raised = format!("{path}/role");
    let raised = call(
        &world,
        &admin,
        Method::PUT,
        &raised,
        json!({ "role": "admin" }),
    )
    .await;
    raised.error(403, "CONFIRMATION_REQUIRED");
    for nobody in [
        "users?email=nobody@example.test",
        "users?email=buyer@example.test&role=admin",
    ] {
        let found = get(&world, &admin, nobody).await.data(200);
        assert_eq!(found, json!([]), "{nobody}");
    }
    for wrong in [
        "email=buyer",
        "email=",
        "role=operator",
        "cursor=1",
        "cursor=x_y",
        "limit=101",
        "name=x",
    ] {
        let refused = get(&world, &admin, &format!("users?{wrong}")).await;
        refused.error(400, "VALIDATION_ERROR");
    }
    let nobody = format!("users/{}", Uuid::from_u128(1));
    get(&world, &admin, &nobody).await.error(404, "NOT_FOUND");
    // Others read nothing, and leave no entry.
    let before = entries(&world, &["account.read", "account.list"]).await;
    for path in ["users", path.as_str(), "users?email=buyer@example.test"] {
        for other in [&owner, &buyer] {
            let refused = get(&world, other, path).await;
            refused.error(403, "FORBIDDEN");
        }
    }
    let after = entries(&world, &["account.read", "account.list"]).await;
    assert_eq!(after, before);
}

/// As after a restored row, or a key that was taken out too early: it is nobody else's loss.
#[tokio::test]
async fn an_address_that_does_not_open_keeps_nobody_from_the_rest() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    let tenant = open(&world, &owner, "opera").await;
    let owner = login(&world, OWNER, &tenant["tenant_id"]).await;
    let admin = admin(&world, ADMIN).await;
    let members = format!("tenants/{}/members", tenant["tenant_id"].as_str().unwrap());
    let invitation = json!({ "email": BUYER, "role": "scanner" });
    call(&world, &owner, Method::POST, &members, invitation)
        .await
        .data(202);
    let listed = |list: &Value| -> Vec<(Value, Value)> {
        let accounts = list.as_array().unwrap().iter();
        let mut listed: Vec<(Value, Value)> = accounts
            .map(|one| (one["email"].clone(), one["unreadable"].clone()))
            .collect();
        listed.sort_by_key(|(email, _)| email.to_string());
        listed
    };
    let all = get(&world, &admin, "users").await.data(200);
    assert_eq!(
        listed(&all),
        [(json!(ADMIN), json!(false)), (json!(OWNER), json!(false))]
    );
    // What is sealed for another place opens nowhere else.
    for damage in [
        "UPDATE users SET email_sealed = (SELECT key_sealed FROM lookup_keys) WHERE role = 'buyer'",
        "UPDATE one_time_tokens SET address_sealed = (SELECT key_sealed FROM lookup_keys) \
         WHERE address_sealed IS NOT NULL",
        "UPDATE sessions SET address_sealed = (SELECT key_sealed FROM lookup_keys)",
    ] {
        world.store.by_hand(damage).await.unwrap();
    }
    let all = get(&world, &admin, "users").await.data(200);
    assert_eq!(
        listed(&all),
        [(json!(ADMIN), json!(false)), (Value::Null, json!(true))]
    );
    let one = get(&world, &admin, &format!("users/{}", id(&owner))).await;
    let one = one.data(200);
    assert_eq!(
        (&one["email"], &one["unreadable"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(one["memberships"][0]["slug"], "opera");
    let team = get(&world, &owner, &members).await.data(200);
    assert_eq!(listed(&team), [(Value::Null, json!(true))]);
    let invited = format!(
        "tenants/{}/invitations",
        tenant["tenant_id"].as_str().unwrap()
    );
    let invited = get(&world, &owner, &invited).await.data(200);
    assert_eq!(each(&invited, "role"), ["scanner"]);
    assert_eq!(invited[0]["email"], Value::Null);
    let me = get(&world, &owner, "auth/me").await.data(200);
    assert_eq!(
        (&me["email"], &me["unreadable"]),
        (&Value::Null, &json!(true))
    );
    let sessions = get(&world, &owner, "auth/sessions").await.data(200);
    assert!(!sessions.as_array().unwrap().is_empty());
    for session in sessions.as_array().unwrap() {
        assert_eq!(session["address"], Value::Null);
        assert_eq!(session["unreadable"], true, "{session}");
    }
    let export = get(&world, &owner, "auth/me/export").await.data(200);
    assert_eq!(export["account"]["unreadable"], true);
    assert_eq!(export["account"]["user_id"], id(&owner));
    assert_eq!(export["memberships"][0]["role"], "owner");
    assert_eq!(export["sessions"][0]["unreadable"], true);
    // It can be helped, and found by the whole address still.
    let found = get(&world, &admin, &format!("users?email={OWNER}")).await;
    assert_eq!(each(&found.data(200), "user_id"), [id(&owner)]);
    act(&world, &admin, &owner, "disable").await.data(200);
}

#[tokio::test]
async fn an_admin_disables_enables_and_ends_sessions() {
    let world = world(true).await;
    let admin = admin(&world, ADMIN).await;
    person(&world, BUYER).await;
    let buyer = oneself(&world, BUYER).await;
    let refresh = async |signed_in: &Value| {
        let body = json!({ "refresh_token": signed_in["refresh_token"] });
        post(&world, "refresh", body).await
    };
    let ended = act(&world, &admin, &buyer, "end-sessions").await.data(200);
    let ended = ended["sessions_ended"].as_u64();
    assert!(ended.is_some_and(|ended| ended > 0), "{ended:?}");
    refresh(&buyer).await.error(401, "UNAUTHORIZED");
    let buyer = oneself(&world, BUYER).await;

    act(&world, &admin, &buyer, "disable").await.data(200);
    refresh(&buyer).await.error(401, "UNAUTHORIZED");
    let body = json!({ "email": BUYER, "password": PASSWORD });
    let refused = post(&world, "login", body).await;
    refused.error(403, "FORBIDDEN");
    let path = format!("users/{}", id(&buyer));
    let shown = get(&world, &admin, &path).await.data(200);
    assert!(shown["disabled_at"].is_string(), "{shown}");
    // What it is already leaves no entry.
    act(&world, &admin, &buyer, "disable").await.data(200);
    act(&world, &admin, &buyer, "enable").await.data(200);
    act(&world, &admin, &buyer, "enable").await.data(200);
    oneself(&world, BUYER).await;
    let written = entries(
        &world,
        &["account.disable", "account.enable", "session.end"],
    )
    .await;
    let actions: Vec<&str> = written.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(
        actions,
        ["account.enable", "account.disable", "session.end"]
    );
    for row in &written {
        assert_eq!(row.subject_id, id(&buyer), "{row:?}");
        assert_eq!(row.actor.id, Some(uuid(&admin)), "{row:?}");
        assert_eq!(row.actor.role, "operator", "{row:?}");
    }
    let nobody = json!({ "user": { "user_id": Uuid::from_u128(1) } });
    for what in ["disable", "enable", "end-sessions"] {
        let missing = act(&world, &admin, &nobody, what).await;
        missing.error(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn an_admin_makes_admins_and_the_last_one_stays() {
    let world = world(true).await;
    let admin = admin(&world, ADMIN).await;
    // Its own account is no exception.
    for refused in [
        act(&world, &admin, &admin, "disable").await,
        set_role(&world, &admin, &admin, "buyer").await,
    ] {
        refused.error(409, "LAST_ADMIN");
    }
    let body = json!({ "email": BUYER, "password": PASSWORD });
    let unverified = post(&world, "register", body).await.data(201);
    let refused = set_role(&world, &admin, &unverified, "admin").await;
    refused.error(403, "CONFIRMATION_REQUIRED");
    let wrong = set_role(&world, &admin, &unverified, "owner").await;
    wrong.error(400, "VALIDATION_ERROR");

    person(&world, OWNER).await;
    let owner = oneself(&world, OWNER).await;
    set_role(&world, &admin, &owner, "admin").await.data(200);
    // Its tokens said the old role.
    let body = json!({ "refresh_token": owner["refresh_token"] });
    let refused = post(&world, "refresh", body).await;
    refused.error(401, "UNAUTHORIZED");
    let second = oneself(&world, OWNER).await;
    assert_eq!(second["user"]["role"], "admin");
    set_role(&world, &second, &second, "admin").await.data(200);
    let roles = entries(&world, &["account.role"]).await;
    assert_eq!(roles.len(), 1, "the role that it has leaves no entry");
    assert_eq!(
        roles[0].detail,
        json!({ "before": "buyer", "after": "admin" })
    );
    set_role(&world, &second, &admin, "buyer").await.data(200);
    // The token of the first one still says that it is an admin.
    for refused in [
        set_role(&world, &admin, &second, "buyer").await,
        act(&world, &admin, &second, "disable").await,
        act(&world, &admin, &second, "end-sessions").await,
    ] {
        refused.error(401, "UNAUTHORIZED");
    }
    let last = act(&world, &second, &second, "disable").await;
    last.error(409, "LAST_ADMIN");
}

#[tokio::test]
async fn an_admin_with_a_second_factor_shows_it_first() {
    let world = world(true).await;
    let admin = admin(&world, ADMIN).await;
    let buyer = person(&world, BUYER).await;
    with_app(&world, &admin).await;
    let path = format!("users/{}", id(&admin));
    let shown = get(&world, &admin, &path).await.data(200);
    assert_eq!(shown["second_factor"], true);
    // Setting it up has shown it, for 15 minutes; the token lasts as long.
    act(&world, &admin, &buyer, "end-sessions").await.data(200);
    crate::factors::pass(&world, 15 * 60 * 1_000);
    let refresh = json!({ "refresh_token": admin["refresh_token"] });
    let admin = post(&world, "refresh", refresh).await.data(200);
    for refused in [
        act(&world, &admin, &buyer, "disable").await,
        act(&world, &admin, &buyer, "enable").await,
        act(&world, &admin, &buyer, "end-sessions").await,
        set_role(&world, &admin, &buyer, "admin").await,
    ] {
        let details = refused.error(401, "SECOND_FACTOR_REQUIRED");
        assert_eq!(details["step_up"], true);
    }
    // Reading takes none.
    get(&world, &admin, "users").await.data(200);
}

#[tokio::test]
async fn the_admin_of_a_tenant_is_no_admin_of_the_installation() {
    let world = world(true).await;
    let buyer = person(&world, BUYER).await;
    for role in ["admin", "organizer", "service", "platform", "buyer"] {
        let token = Claims::new(onsale_schemas::UserId(Uuid::from_u128(9)), role).token();
        let other = json!({ "access_token": token });
        let refused = get(&world, &other, "users").await;
        refused.error(403, "FORBIDDEN");
        let refused = act(&world, &other, &buyer, "disable").await;
        refused.error(403, "FORBIDDEN");
        let tenants = get(&world, &other, "tenants").await.data(200);
        assert_eq!(tenants, json!([]), "{role}");
    }
    let row = world.store.user(uuid(&buyer)).await.unwrap().unwrap();
    assert!(row.is_active());
}

#[tokio::test]
async fn an_export_has_what_was_paid_and_what_went_back() {
    let world = world(true).await;
    let buyer = person(&world, BUYER).await;
    let other = person(&world, OWNER).await;
    let user = UserId(uuid(&buyer));
    let (paid, failed) = (Uuid::from_u128(0x9a1), Uuid::from_u128(0x9a2));
    payments::paid_by(&world, paid, user, 1).await;
    payments::opened_by(&world, failed, user, 2).await;
    payments::requested(&world, Uuid::from_u128(0xbe1), paid).await;

    let export = get(&world, &buyer, "auth/me/export").await.data(200);
    let ids = each(&export["payments"], "payment_id");
    assert_eq!(ids.len(), 2, "{export}");
    for id in [paid, failed] {
        assert!(ids.contains(&id.to_string()), "{export}");
    }
    assert_eq!(each(&export["refunds"], "payment_id"), [paid.to_string()]);
    assert_eq!(export["refunds"][0]["status"], "requested");
    assert_eq!(export["complete"], true);
    // Nobody else's.
    let export = get(&world, &other, "auth/me/export").await.data(200);
    assert_eq!(export["payments"], json!([]));
    assert_eq!(export["refunds"], json!([]));
}
