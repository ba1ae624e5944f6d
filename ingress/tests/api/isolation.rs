//! Another tenant finds nothing and changes nothing, at any endpoint that there is. The requests come from the
//! endpoints' declarations, with ids of the tenant in paths, queries and bodies; a new endpoint is among them by
//! itself. On PostgreSQL the second layer holds as well, and what it alone does is tested at the store.

use http::Method;
use onsale_schemas::{BookingId, Command, EventId, MemberRole, ShowId, UserId};
use onsale_store::account::{Membership, TenantRow};
use onsale_store::audit::{AuditFilter, Unaudited};
use onsale_store::catalog::{EventRow, EventStatus, ShowRow};
use onsale_store::venue::MapId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::payments::{paid, requested};
use crate::support::{
    Claims, Declared, EVENT, NOW_MS, Reply, SHOW, STALLS, World, declared, event, show,
};
use crate::tenants::{person, world};
use crate::venues::{stored_hall, venue_row};

/// The tenant that everything belongs to, and the one that looks for it.
const TENANT: Uuid = Uuid::from_u128(7);
const ELSEWHERE: Uuid = Uuid::from_u128(8);
/// Stands in every text of the tenant that is not public.
const MARK: &str = "antares";
const DRAFT: EventId = EventId::from_bytes([0xd7; 16]);
const DRAFT_SHOW: ShowId = ShowId::from_bytes([0xd8; 16]);
/// Zones of the draft's show.
const DRAFT_ZONES: u128 = 0x100;
/// A venue that no public show takes place in, and its map.
const VENUE: Uuid = Uuid::from_u128(0xd9);
const MAP: Uuid = Uuid::from_u128(0xda);
/// What was paid for the booking, and what is wanted back of that.
const PAYMENT: Uuid = Uuid::from_u128(0xdb);
const REFUND: Uuid = Uuid::from_u128(0xdc);
const STRANGER: UserId = UserId::from_bytes([0x5e; 16]);
/// More than there is of anything.
const LIMIT: u32 = 1_000;

/// What the tenant has.
struct House {
    booking: BookingId,
    member: Uuid,
    session: Uuid,
    invitation: Uuid,
    key: Uuid,
}

/// Somebody who is not of the tenant.
struct Stranger {
    name: &'static str,
    token: String,
    /// A buyer may buy from every tenant; no right of the staff goes with that.
    is_buyer: bool,
}

fn owner_of(tenant: Uuid) -> String {
    let mut claims = Claims::new(STRANGER, "organizer");
    claims.tenant = tenant;
    claims.member = Some("owner".to_owned());
    claims.token()
}

/// Does something as the owner of a tenant.
async fn as_owner(world: &World, tenant: Uuid, path: &str, body: Value) -> Value {
    let path = format!("/api/v1/tenants/{tenant}/{path}");
    let call = world.post(&path).token(&owner_of(tenant)).json(&body);
    let reply = call.send().await;
    assert!(reply.status.is_success(), "{path}: {}", reply.json());
    reply.json()["data"].clone()
}

async fn furnished() -> (World, House) {
    let world = world(true).await;
    for (tenant_id, name, slug) in [
        (TENANT, "Antares House", "antares-house"),
        (ELSEWHERE, "Elsewhere", "elsewhere"),
    ] {
        let tenant = TenantRow {
            tenant_id,
            slug: slug.to_owned(),
            name: name.to_owned(),
            created_at_ms: NOW_MS,
            closed_at_ms: None,
        };
        let added = world.store.add_tenant(&tenant, None, Unaudited::Unattended);
        added.await.unwrap();
    }
    let signed_in = person(&world, "member@antares.test").await;
    let member: Uuid = signed_in["user"]["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let membership = Membership {
        tenant_id: TENANT,
        user_id: member,
        role: MemberRole::Owner,
        created_at_ms: NOW_MS,
    };
    let joined = world
        .store
        .set_member(&membership, NOW_MS, Unaudited::Unattended);
    joined.await.unwrap();
    let invitation = json!({ "email": "invited@antares.test", "role": "scanner" });
    as_owner(&world, TENANT, "members", invitation).await;
    let key = json!({ "name": "antares import", "scopes": ["read_sales"] });
    let key = as_owner(&world, TENANT, "api-keys", key).await;
    let by = Unaudited::Unattended;
    let venue = venue_row(VENUE, TENANT, "Antares Hall");
    world.store.add_venue(&venue, by).await.unwrap();
    let of_venue = MapId {
        venue_id: VENUE,
        map_id: MAP,
    };
    let hall = stored_hall("Antares Hall");
    let added = world.store.add_map(of_venue, &hall, NOW_MS, by).await;
    assert!(added.unwrap().is_some());
    let draft = EventRow {
        event_id: DRAFT,
        name: "Antares rises".to_owned(),
        status: EventStatus::Draft,
        ..event()
    };
    // A show is added to what is published.
    let published = EventRow {
        status: EventStatus::Published,
        ..draft.clone()
    };
    world.store.add_event(&published).await.unwrap();
    let mut of_draft = ShowRow {
        show_id: DRAFT_SHOW,
        event_id: DRAFT,
        name: Some("Antares by night".to_owned()),
        ..show()
    };
    for zone in &mut of_draft.zones {
        zone.zone_id = Uuid::from_u128(DRAFT_ZONES + u128::from(zone.index));
    }
    world.store.add_show(&of_draft).await.unwrap();
    let hidden = world.store.update_event(&draft, Unaudited::Unattended);
    assert!(hidden.await.unwrap());
    let sessions = world.store.kept_sessions_of(member, LIMIT).await.unwrap();
    let invitations = world.store.invitations_of(TENANT, NOW_MS).await.unwrap();
    let house = House {
        booking: world.booked(0).await,
        member,
        session: sessions[0].session_id,
        invitation: invitations[0].invitation_id,
        key: key["key_id"].as_str().unwrap().parse().unwrap(),
    };
    paid(&world, PAYMENT, house.booking).await;
    requested(&world, REFUND, PAYMENT).await;
    (world, house)
}

impl House {
    /// Ids that nobody of another tenant learns.
    fn private(&self) -> Vec<String> {
        [
            DRAFT.0,
            DRAFT_SHOW.0,
            VENUE,
            MAP,
            self.booking.as_uuid(),
            PAYMENT,
            REFUND,
            self.member,
            self.session,
            self.invitation,
            self.key,
        ]
        .map(|id| id.to_string())
        .to_vec()
    }

    /// What may stand behind a noun of a path: of nouns that are not known here, anything.
    fn behind(&self, noun: &str) -> Vec<String> {
        let ids = match noun {
            "tenants" => vec![TENANT],
            "events" => vec![DRAFT.0, EVENT.0],
            "shows" => vec![DRAFT_SHOW.0, SHOW.0],
            "zones" => vec![Uuid::from_u128(DRAFT_ZONES), STALLS],
            "venues" => vec![VENUE],
            "maps" => vec![MAP],
            "bookings" => vec![self.booking.as_uuid()],
            "payments" => vec![PAYMENT],
            "refunds" => vec![REFUND],
            "sessions" => vec![self.session],
            "members" => vec![self.member],
            "api-keys" => vec![self.key],
            _ => {
                let mut all = self.private();
                all.push(TENANT.to_string());
                return all;
            }
        };
        ids.into_iter().map(|id| id.to_string()).collect()
    }

    /// What stands where a field or parameter asks for an id.
    fn named(&self, name: &str) -> Value {
        let id = match name {
            _ if name.contains("tenant") => TENANT,
            _ if name.contains("event") => DRAFT.0,
            _ if name.contains("show") => DRAFT_SHOW.0,
            _ if name.contains("venue") => VENUE,
            _ if name.contains("map") => MAP,
            _ if name.contains("zone") => Uuid::from_u128(DRAFT_ZONES),
            _ if name.contains("booking") => self.booking.as_uuid(),
            _ if name.contains("key") => self.key,
            _ if name.contains("invitation") => self.invitation,
            _ => self.member,
        };
        json!(id)
    }

    /// Everything that the tenant has, as text.
    async fn state(&self, world: &World) -> String {
        let store = &world.store;
        let filter = AuditFilter {
            tenant_id: Some(TENANT),
            limit: LIMIT,
            ..AuditFilter::default()
        };
        [
            format!("{:?}", store.tenant(TENANT).await.unwrap()),
            format!("{:?}", store.members_of(TENANT, LIMIT).await.unwrap()),
            format!("{:?}", store.invitations_of(TENANT, NOW_MS).await.unwrap()),
            format!(
                "{:?}",
                store.api_keys_of(TENANT, NOW_MS, LIMIT).await.unwrap()
            ),
            format!("{:?}", store.event(EVENT).await.unwrap()),
            format!("{:?}", store.event(DRAFT).await.unwrap()),
            format!("{:?}", store.show(SHOW).await.unwrap()),
            format!("{:?}", store.show(DRAFT_SHOW).await.unwrap()),
            format!("{:?}", store.venue(VENUE).await.unwrap()),
            format!("{:?}", store.maps_of_venue(VENUE).await.unwrap()),
            format!("{:?}", store.booking(self.booking).await.unwrap()),
            format!("{:?}", store.payment(PAYMENT).await.unwrap()),
            format!("{:?}", store.refund(REFUND).await.unwrap()),
            format!("{:?}", store.refunds_of_payment(PAYMENT).await.unwrap()),
            format!(
                "{:?}",
                store.kept_sessions_of(self.member, LIMIT).await.unwrap()
            ),
            format!("{:?}", store.audit(&filter).await.unwrap()),
        ]
        .join("\n")
    }
}

/// An owner, a buyer and two programs of the other tenant, and buyers whose tokens name this one and none.
async fn strangers(world: &World) -> Vec<Stranger> {
    let mut strangers = vec![Stranger {
        name: "an owner",
        token: owner_of(ELSEWHERE),
        is_buyer: false,
    }];
    for (name, tenant) in [
        ("a buyer", ELSEWHERE),
        ("a buyer with the tenant in its token", TENANT),
        ("a buyer of no tenant", Uuid::nil()),
    ] {
        let mut buyer = Claims::new(STRANGER, "buyer");
        buyer.tenant = tenant;
        strangers.push(Stranger {
            name,
            token: buyer.token(),
            is_buyer: true,
        });
    }
    let organizer = json!([
        "manage_events",
        "manage_sales",
        "read_sales",
        "read_bookings",
        "serve_buyers",
    ]);
    for (name, scopes) in [
        ("a program", organizer),
        ("a payment service", json!(["payments"])),
    ] {
        let body = json!({ "name": name, "scopes": scopes });
        let key = as_owner(world, ELSEWHERE, "api-keys", body).await;
        strangers.push(Stranger {
            name,
            token: key["key"].as_str().unwrap().to_owned(),
            is_buyer: false,
        });
    }
    strangers
}

/// Every choice of one of each.
fn choices(each: &[Vec<String>]) -> Vec<Vec<String>> {
    each.iter().fold(vec![Vec::new()], |before, ids| {
        before
            .iter()
            .flat_map(|chosen| {
                ids.iter().map(move |id| {
                    let mut chosen = chosen.clone();
                    chosen.push(id.clone());
                    chosen
                })
            })
            .collect()
    })
}

/// The requests to one endpoint: path with query, and body.
fn requests(house: &House, endpoint: &Declared) -> Vec<(String, Option<Value>)> {
    let nouns = endpoint.nouns();
    let ids: Vec<Vec<String>> = nouns.iter().map(|noun| house.behind(noun)).collect();
    let mut bodies: Vec<Option<Value>> = endpoint.bodies.iter().cloned().map(Some).collect();
    if let Some(Value::Object(fields)) = endpoint.bodies.first() {
        let mut named = fields.clone();
        named.insert("tenant_id".to_owned(), json!(TENANT));
        bodies.push(Some(Value::Object(named)));
    }
    if bodies.is_empty() {
        bodies.push(None);
    }
    let queries = [
        String::new(),
        format!("?{}", endpoint.whole_query()),
        format!("?tenant_id={TENANT}"),
    ];
    let mut requests = Vec::new();
    for chosen in choices(&ids) {
        let path = endpoint.concrete(&chosen);
        for query in &queries {
            for body in &bodies {
                requests.push((format!("{path}{query}"), body.clone()));
            }
        }
    }
    requests
}

#[tokio::test]
async fn another_tenant_finds_nothing_and_changes_nothing_at_any_endpoint() {
    let (world, house) = furnished().await;
    let strangers = strangers(&world).await;
    let endpoints = declared(&world, |name| house.named(name)).await;
    assert!(endpoints.len() > 60, "{} endpoints", endpoints.len());
    let before = house.state(&world).await;
    for endpoint in &endpoints {
        for stranger in &strangers {
            for (path, body) in requests(&house, endpoint) {
                let handed_in = world.log.seen().len();
                let what = format!("{} {path} by {}", endpoint.method, stranger.name);
                let mut call = world
                    .call(endpoint.method.clone(), &path)
                    .token(&stranger.token);
                if let Some(body) = &body {
                    call = call.json(body);
                }
                let response = call.open().await;
                let status = response.status();
                assert_ne!(status.as_u16(), 500, "{what}");
                let names_public = [EVENT.0, SHOW.0].map(|id| path.contains(&id.to_string()));
                let reads_public = endpoint.method == Method::GET && names_public.contains(&true);
                if !endpoint.nouns().is_empty() && !reads_public {
                    assert!(!status.is_success(), "{what}: {status}");
                }
                let headers = response.headers().clone();
                let is_stream = headers
                    .get("content-type")
                    .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
                if !is_stream {
                    let text = Reply::read(response).await.bytes;
                    let text = String::from_utf8_lossy(&text).to_lowercase();
                    let sent = format!("{path} {body:?}");
                    says_nothing(&house, &what, &sent, &text);
                }
                for envelope in world.log.seen().split_off(handed_in) {
                    let is_own = matches!(envelope.command, Command::Describe(_));
                    let buys = stranger.is_buyer && envelope.by.is_none();
                    assert!(is_own || buys, "{what} reached the log: {envelope:?}");
                }
            }
        }
        let after = house.state(&world).await;
        assert_eq!(after, before, "{} {}", endpoint.method, endpoint.path);
    }
}

/// An answer holds nothing of the tenant but what was sent to it.
fn says_nothing(house: &House, what: &str, sent: &str, text: &str) {
    assert!(!text.contains(MARK), "{what}: {text}");
    for id in house.private() {
        assert!(sent.contains(&id) || !text.contains(&id), "{what}: {text}");
    }
}

/// What the walk above asks for is there: its own owner finds it.
#[tokio::test]
async fn the_owner_of_the_tenant_finds_what_others_do_not() {
    let (world, house) = furnished().await;
    let found = async |path: String| {
        let reply = world
            .get(&path)
            .token(&owner_of(TENANT))
            .send()
            .await
            .data(200);
        reply.to_string().to_lowercase()
    };
    let tenant = format!("/api/v1/tenants/{TENANT}");
    for path in [
        tenant.clone(),
        format!("{tenant}/members"),
        format!("{tenant}/invitations"),
        format!("{tenant}/api-keys"),
        format!("/api/v1/events/{DRAFT}"),
        format!("/api/v1/events/{DRAFT}/shows"),
        format!("/api/v1/shows/{DRAFT_SHOW}"),
        "/api/v1/events?mine=true".to_owned(),
        "/api/v1/venues".to_owned(),
        format!("/api/v1/venues/{VENUE}"),
        format!("/api/v1/venues/{VENUE}/maps"),
        format!("/api/v1/venues/{VENUE}/maps/{MAP}"),
    ] {
        let text = found(path.clone()).await;
        assert!(text.contains(MARK), "{path}: {text}");
    }
    let booking = format!("/api/v1/bookings/{}", house.booking);
    let text = found(booking).await;
    assert!(text.contains(&house.booking.to_string()), "{text}");
    for path in [
        format!("/api/v1/payments/{PAYMENT}"),
        format!("/api/v1/payments?tenant={TENANT}"),
    ] {
        let text = found(path).await;
        assert!(text.contains(&PAYMENT.to_string()), "{text}");
    }
    let refunds = found(format!("/api/v1/payments/{PAYMENT}/refunds")).await;
    assert!(refunds.contains(&REFUND.to_string()), "{refunds}");
    let audit = found("/api/v1/audit".to_owned()).await;
    assert!(audit.contains("member.invite"), "{audit}");
}

/// Organizers without a membership are of the nil tenant, which the tokens of buyers name.
#[tokio::test]
async fn a_buyer_finds_nothing_of_an_organizer_without_a_tenant() {
    let world = World::new().await;
    let draft = EventRow {
        event_id: DRAFT,
        tenant_id: Uuid::nil(),
        name: "Antares rises".to_owned(),
        status: EventStatus::Draft,
        ..event()
    };
    // A show is added to what is published.
    let published = EventRow {
        status: EventStatus::Published,
        ..draft.clone()
    };
    world.store.add_event(&published).await.unwrap();
    let mut of_draft = ShowRow {
        show_id: DRAFT_SHOW,
        event_id: DRAFT,
        ..show()
    };
    for zone in &mut of_draft.zones {
        zone.zone_id = Uuid::from_u128(DRAFT_ZONES + u128::from(zone.index));
    }
    world.store.add_show(&of_draft).await.unwrap();
    let hidden = world.store.update_event(&draft, Unaudited::Unattended);
    assert!(hidden.await.unwrap());
    let of_nobody = |user, role| {
        let mut claims = Claims::new(user, role);
        claims.tenant = Uuid::nil();
        claims.token()
    };
    for path in [
        format!("/api/v1/events/{DRAFT}"),
        format!("/api/v1/events/{DRAFT}/shows"),
        format!("/api/v1/shows/{DRAFT_SHOW}"),
    ] {
        let own = of_nobody(draft.organizer_id, "organizer");
        world.get(&path).token(&own).send().await.data(200);
        // Nor does the organizer, as the buyer that it may be as well.
        for user in [STRANGER, draft.organizer_id] {
            let buyer = of_nobody(user, "buyer");
            let reply = world.get(&path).token(&buyer).send().await;
            reply.error(404, "NOT_FOUND");
        }
    }
}

#[test]
fn choices_are_all_there_are() {
    let text = |text: &str| text.to_owned();
    let each = [vec![text("a"), text("b")], vec![text("c")]];
    assert_eq!(
        choices(&each),
        [vec![text("a"), text("c")], vec![text("b"), text("c")]]
    );
    assert_eq!(choices(&[]), [Vec::<String>::new()]);
}
