//! Any body is answered, and never with a server error.

use http::Method;
use onsale_fuzz::Run;
use onsale_schemas::{BookingId, PartitionId};
use serde_json::json;

use crate::support::{FLOOR, SHOW, STALLS, World};

const RUN: Run = Run {
    inputs: 1_500,
    size_max_bytes: 8_192,
};

/// Bodies as clients send them, from which the others are made.
fn corpus() -> Vec<Vec<u8>> {
    let price = json!({"amount": 250_000, "currency": "THB"});
    [
        json!({"show_id": SHOW, "zone_id": STALLS, "seats": ["A-1", "A-2"], "unit_price": price}),
        json!({"show_id": SHOW, "zone_id": FLOOR, "quantity": 2, "together": false}),
        json!({"show_id": SHOW, "code": "EARLY", "expected_total": 1, "items": [
            {"zone_id": STALLS, "seats": ["A-1"], "ticket_types": {"Standard": 1}},
            {"zone_id": FLOOR, "quantity": 2, "ticket_type": "Standard"},
            {"zone_id": STALLS, "quantity": 1, "together": true, "kind": "accessible"},
        ]}),
        json!({"seats": ["A-1"], "quantity": 1, "line": 0, "reason": "ill"}),
        json!({"payment_reference": "pay-1"}),
        json!({"seconds": 60}),
        json!({"booking_id": BookingId::new(PartitionId(0), 5).as_uuid(), "method": "sim_card"}),
        json!({"seats": ["A-1"], "reason": "ill"}),
        json!({"name": "n\u{fc}", "description": null, "starts_at": "2030-01-01T00:00:00.5+07:00"}),
        json!({"starts_at": "2030-01-01T00:00:00Z", "hold_seconds": 600, "zones": [
            {"name": "S", "admission": "seated", "price": price,
             "rows": [{"name": "A", "seats": 20}, {"name": "B", "seats": ["L", "M"]}]},
            {"name": "F", "admission": "general", "price": price, "capacity": 100},
        ]}),
        json!({"ticket_types": [{"name": "Adult", "max": 4, "seat_kinds": ["ordinary"],
            "prices": [{"zone_id": STALLS, "price": price}]}],
            "phases": [{"name": "Early", "percent_off": 12.5, "places": 3}],
            "bundles": [{"name": "Three", "places": 3, "percent_off": "10"}],
            "fees": {"per_order": price}, "zones": [{"zone": "Stalls", "code_only": true}]}),
        json!({"name": "N", "starts_at": "2030-05-01T19:00:00", "time_zone": "Asia/Bangkok", "slug": "n-1",
            "description": "# A\n\n[b](https://c.example) **d** <i>", "performers": ["E", "F"], "venue_id": null}),
        json!({"prices": [{"zone_id": STALLS, "price": price}], "max_tickets_per_user": 0}),
        json!({"zone_id": FLOOR, "quantity": 1}),
        json!({"count": 3, "prefix": "A", "kind": "discount", "percent": 12.5, "zones": [FLOOR]}),
        json!({"code": "EARLY", "kind": "access", "opens": true, "until": "2030-01-01T00:00:00Z"}),
        json!({"to": "b", "partition": 0}),
        json!({"challenge": "ost_x", "code": "123456"}),
        json!({"email": "a@b.example", "password": "a long and winding road"}),
        json!({"token": "ost_x", "password": null}),
        json!({"colors": {"background": "#ffffff", "text": "#000000", "accent": "#8b0000",
            "accent_text": "#ffffff"}, "contact": {"email": "a@b.example"}, "terms": "None."}),
        json!({"ceremony": "AAAA", "credential": {"id": "AAAA", "response": {"signature": "AA"}}}),
        json!({"name": "V", "country": "TH", "position": {"latitude": 13.7, "longitude": 100.5},
            "time_zone": "Asia/Bangkok", "website": "https://v.example"}),
        json!({"shape": "club", "standing": 50, "tables": 1, "chairs_per_table": 2}),
        json!({"starts_at": "2030-01-01T00:00:00Z", "map_id": SHOW, "map_version": 1,
            "prices": {"a": price}, "not_for_sale": ["b"]}),
        json!({"differences": [{"kind": "x"}], "deep": [[[[{"a": 1.0e-3}]]]]}),
    ]
    .iter()
    .map(|body| body.to_string().into_bytes())
    .collect()
}

/// The endpoints that get random bodies, and the role that sends them.
const ROUTES: &[(Method, &str, &str)] = &[
    (Method::POST, "bookings/reserve", "buyer"),
    (Method::POST, "bookings/{booking}/confirm", "service"),
    (Method::POST, "bookings/{booking}/extend", "service"),
    (Method::POST, "bookings/{booking}/return", "service"),
    (Method::POST, "payments", "buyer"),
    (Method::POST, "payments/{show}/refund", "buyer"),
    (Method::POST, "refunds/{show}/refuse", "organizer"),
    (Method::POST, "webhooks/stripe", "buyer"),
    (Method::POST, "events", "organizer"),
    (Method::POST, "venues", "organizer"),
    (Method::POST, "venues/{show}/maps/generate", "organizer"),
    (Method::POST, "events/{event}/shows", "organizer"),
    (Method::PATCH, "events/{event}", "organizer"),
    (Method::POST, "events/{event}/copy", "organizer"),
    (Method::POST, "categories", "operator"),
    (Method::PATCH, "shows/{show}", "organizer"),
    (Method::POST, "shows/{show}/block", "organizer"),
    (Method::POST, "shows/{show}/zones", "organizer"),
    (Method::PUT, "shows/{show}/offer", "organizer"),
    (Method::POST, "shows/{show}/quote", "buyer"),
    (Method::POST, "shows/{show}/codes", "organizer"),
    (Method::PATCH, "shows/{show}/codes/7", "organizer"),
    (Method::POST, "admin/reconcile/apply", "operator"),
    (Method::POST, "admin/failover", "operator"),
    (Method::POST, "admin/clock/reset", "operator"),
    (Method::POST, "auth/login/second-factor", "buyer"),
    (Method::POST, "auth/passkeys/sign-in", "buyer"),
    (Method::POST, "auth/step-up", "buyer"),
    (Method::POST, "auth/change-email", "buyer"),
    (Method::POST, "auth/confirm-email", "buyer"),
    (
        Method::PUT,
        "tenants/00000000-0000-0000-0000-000000000007/branding",
        "operator",
    ),
];

fn concrete(path: &str, booking: &str) -> String {
    let path = path
        .replace("{booking}", booking)
        .replace("{show}", &SHOW.to_string())
        .replace("{event}", &crate::support::EVENT.to_string());
    format!("/api/v1/{path}")
}

#[test]
fn http_bodies() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = runtime.block_on(World::new());
    let booking = BookingId::new(PartitionId(0), 5).to_string();
    let routes: Vec<(Method, String, &str)> = ROUTES
        .iter()
        .map(|(method, path, role)| (method.clone(), concrete(path, &booking), *role))
        .collect();
    let corpus = corpus();
    let mut turn = 0usize;
    onsale_fuzz::run("http", RUN, &corpus, |bytes| {
        let (method, path, role) = &routes[turn % routes.len()];
        turn += 1;
        let call = world.call(method.clone(), path).by_role(role);
        let reply = runtime.block_on(call.raw(bytes.to_vec()).send());
        let status = reply.status.as_u16();
        // One node cannot be failed over.
        assert!(status < 500 || status == 501, "{path}: {}", reply.json());
        if status >= 400 {
            let json = reply.json();
            assert_eq!(json["status"], status, "{path}");
            assert!(json["error"]["code"].is_string(), "{path}: {json}");
        }
    });
}
