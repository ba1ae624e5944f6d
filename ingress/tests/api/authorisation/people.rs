//! The same matrix for callers whose credentials this server gives out: a guest, an admin who has to set a second
//! factor up first, and programs of the tenant, with a key for each scope.

use onsale_accounts::API_KEY_SCOPES;
use onsale_store::account::UserRole;
use onsale_store::audit::Unaudited;
use serde_json::json;
use uuid::Uuid;

use super::{Gets, MATRIX, Row, SOMEONE_ELSE, TENANT, call, compare, world};
use crate::accounts::{PASSWORD, login, post, register};
use crate::support::{Claims, NOW_MS, World};

/// Columns of a row.
const NOBODY: usize = 0;
const ANOTHER_BUYER: usize = 2;
const SERVICE: usize = 7;
/// A column of its members: who may check tickets in, and nothing else.
const SCANNER: usize = 4;

/// What a guest's token opens; elsewhere a guest is nobody.
const FOR_GUESTS: [(&str, &str); 18] = [
    ("POST", "/api/v1/auth/logout"),
    ("GET", "/api/v1/auth/me"),
    ("DELETE", "/api/v1/auth/me"),
    ("GET", "/api/v1/auth/me/export"),
    ("POST", "/api/v1/bookings/reserve"),
    ("POST", "/api/v1/bookings/{id}/confirm"),
    ("POST", "/api/v1/bookings/{id}/cancel"),
    ("GET", "/api/v1/bookings"),
    ("GET", "/api/v1/bookings/pending"),
    ("GET", "/api/v1/bookings/{id}"),
    ("GET", "/api/v1/bookings/{id}/receipt"),
    ("GET", "/api/v1/requests/{id}"),
    ("GET", "/api/v1/requests/{id}/explanation"),
    ("POST", "/api/v1/payments"),
    ("GET", "/api/v1/payments/{id}"),
    ("POST", "/api/v1/payments/{id}/cancel"),
    ("POST", "/api/v1/payments/{id}/refund"),
    ("GET", "/api/v1/payments/{id}/refunds"),
];

fn of_guest(row: &Row) -> Gets {
    if FOR_GUESTS.contains(&(row.method, row.route)) {
        return row.gets[ANOTHER_BUYER];
    }
    match row.gets[NOBODY] {
        // Open to everybody but for this query.
        Gets::Unknown if row.route == "/api/v1/events?mine=true" => Gets::Unknown,
        Gets::Unknown => Gets::Forbidden,
        gets => gets,
    }
}

/// The scope that a row takes of a program.
fn scope(row: &Row) -> Option<&'static str> {
    let path = row.route.strip_prefix("/api/v1/")?;
    Some(match (row.method, path) {
        ("GET", "events/{id}/orders" | "events/{id}/orders/export") => "read_bookings",
        ("GET", "events?mine=true") => "read_sales",
        ("GET", path) if path.starts_with("events/{draft}") => "read_sales",
        ("POST", "events" | "events/{id}/shows" | "events/{id}/copy") => "manage_events",
        ("PUT", "events/{id}" | "shows/{id}/offer" | "events/{id}/picture") => "manage_events",
        ("PATCH" | "DELETE", "shows/{id}" | "events/{id}") => "manage_events",
        ("DELETE", "events/{id}/picture") => "manage_events",
        ("GET", path) if path == "venues" || path.starts_with("venues/") => "read_sales",
        (_, path) if path == "venues" || path.starts_with("venues/") => "manage_events",
        (_, path) if path.starts_with("shows/{id}/codes") => "manage_events",
        ("POST" | "DELETE", path) if path.starts_with("shows/{id}/zones") => "manage_events",
        ("POST", path) if path.starts_with("shows/{id}/") => "manage_sales",
        ("POST", "bookings/{id}/cancel" | "bookings/{id}/return") => "serve_buyers",
        ("GET", "bookings/{id}" | "bookings/{id}/receipt") => "read_bookings",
        ("POST", "payments") => "serve_buyers",
        ("GET", path) if path.starts_with("payments") || path.starts_with("refunds") => {
            "read_payments"
        }
        ("POST", "payments/{id}/refund" | "refunds/{id}/approve" | "refunds/{id}/refuse") => {
            "approve_refunds"
        }
        ("GET", "audit" | "audit/export") => "read_audit",
        _ => return None,
    })
}

fn of_key(row: &Row, held: &str) -> Gets {
    match scope(row) {
        _ if held == "payments" => row.gets[SERVICE],
        Some(scope) if scope == held => Gets::Ok,
        _ => row.members[SCANNER],
    }
}

struct House {
    world: World,
    /// The token of an admin who has no second factor, where admins have to have one.
    admin: String,
    /// A key for each scope.
    keys: Vec<(&'static str, String)>,
}

impl House {
    async fn new() -> Self {
        let world = world().await;
        let registered = register(&world).await;
        let user: Uuid = registered["user"]["user_id"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let raised =
            world
                .store
                .set_user_role(user, UserRole::Admin, NOW_MS, Unaudited::Unattended);
        raised.await.unwrap().unwrap();
        let mut owner = Claims::new(SOMEONE_ELSE, "organizer");
        owner.tenant = TENANT;
        owner.member = Some("owner".to_owned());
        let mut keys = Vec::new();
        for scope in API_KEY_SCOPES {
            let body = json!({ "name": scope, "scopes": [scope] });
            let path = format!("/api/v1/tenants/{TENANT}/api-keys");
            let created = world.post(&path).token(&owner.token()).json(&body);
            let created = created.send().await.data(201);
            keys.push((*scope, created["key"].as_str().unwrap().to_owned()));
        }
        let admin = signed_in(&world).await;
        Self { world, admin, keys }
    }

    /// Everyone with the token that is sent, whether it is of a session, and what a row gives it.
    async fn asked(&self, row: &Row) -> Vec<(String, String, bool, Gets)> {
        let guest = json!({ "email": "guest@example.test" });
        let guest = post(&self.world, "guest", guest).await.data(201);
        let guest = guest["access_token"].as_str().unwrap().to_owned();
        let admin = "an admin without the second factor".to_owned();
        let mut all = vec![
            ("a guest".to_owned(), guest, false, of_guest(row)),
            (admin, self.admin.clone(), true, row.gets[ANOTHER_BUYER]),
        ];
        for (scope, key) in &self.keys {
            let name = format!("a key with {scope}");
            all.push((name, key.clone(), false, of_key(row, scope)));
        }
        all
    }
}

/// Signs the admin in, whose rights wait for its second factor.
async fn signed_in(world: &World) -> String {
    let signed_in = login(world, PASSWORD).await.data(200);
    assert_eq!(signed_in["user"]["second_factor_required"], true);
    signed_in["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn guests_programs_and_who_lacks_a_factor_get_what_the_matrix_says() {
    let mut house = House::new().await;
    for row in MATRIX {
        for (name, token, has_session, gets) in house.asked(row).await {
            let what = format!("{} {} by {name}", row.method, row.route);
            let handed_in = house.world.log.seen().len();
            let response = call(&house.world, row, Some(&token)).open().await;
            compare(row, &what, gets, has_session, response).await;
            if matches!(gets, Gets::Unknown | Gets::Forbidden) {
                let seen = house.world.log.seen().len();
                assert_eq!(seen, handed_in, "{what} reached the log");
            }
        }
        if row.route.contains("logout") {
            house.admin = signed_in(&house.world).await;
        }
        // Reads of later rows would wait for what this one handed to the log.
        if !house.world.log.seen().is_empty() {
            house = House::new().await;
        }
    }
}

/// What is written above of guests and of scopes is about routes that there are.
#[test]
fn every_exception_is_a_row() {
    for (method, route) in FOR_GUESTS {
        let mut rows = MATRIX.iter();
        let is_there = rows.any(|row| (row.method, row.route) == (method, route));
        assert!(is_there, "{method} {route}");
    }
    // Scopes without an endpoint yet, and that of payment services, whose column is a service's.
    let without = ["payments", "check_in"];
    for held in API_KEY_SCOPES {
        let is_used = MATRIX.iter().any(|row| scope(row) == Some(*held));
        assert_eq!(is_used, !without.contains(held), "{held}");
    }
}
