//! The world that the matrix is asked in.

use onsale_accounts::SecondFactorRule;
use onsale_schemas::code::CodeTerms;
use onsale_schemas::offer::Scope;
use onsale_schemas::outcome::Reserved;
use onsale_schemas::{
    BookingId, CodeHash, Outcome, OutcomeRecord, PartitionId, RequestId, SeatList,
};
use onsale_store::account::TenantRow;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{DetailsChange, EventEdit, EventRow, EventStatus, Quotas, ShowRow};
use onsale_store::code::{CodeKind, CodesChange, CodesProposal, GroupTerms, NewCode};
use onsale_store::venue::{MapId, ShowMap};
use uuid::Uuid;

use super::{DRAFT, EMPTY_VENUE, GROUP, MAP, PAYMENT, REFUND, REQUEST, TENANT, VENUE};
use crate::accounts::config;
use crate::explanations::explained;
use crate::payments::{paid, requested};
use crate::support::{BUYER, EVENT, NOW_MS, SHOW, ScriptedLog, World, event, show};
use crate::venues::{stored_chart, stored_hall, venue_row};

/// Zones of the show that was made from a map.
const ZONES_OF_MAP: u128 = 0x200;

/// The address of the chart of the show that was made from a map.
pub(super) fn chart() -> String {
    onsale_halls::Address(stored_chart().address).to_string()
}

/// A venue with a map and a public show, and one without.
async fn add_venues(world: &World) {
    let by = Unaudited::Unattended;
    for (id, name) in [(VENUE, "Lyric"), (EMPTY_VENUE, "Empty")] {
        let venue = venue_row(id, TENANT, name);
        world.store.add_venue(&venue, by).await.unwrap();
    }
    let id = MapId {
        venue_id: VENUE,
        map_id: MAP,
    };
    let hall = stored_hall("Cellar");
    let added = world.store.add_map(id, &hall, NOW_MS, by).await;
    assert!(added.unwrap().is_some());
    let chart = stored_chart();
    let mut of_map = ShowRow {
        show_id: onsale_schemas::ShowId::from_bytes([0x51; 16]),
        map: Some(ShowMap {
            venue_id: VENUE,
            map_id: MAP,
            version: 1,
            chart: chart.address,
        }),
        ..show()
    };
    for zone in &mut of_map.zones {
        zone.zone_id = Uuid::from_u128(ZONES_OF_MAP + u128::from(zone.index));
    }
    let quotas = Quotas::UNLIMITED;
    let added = world.store.add_show_of_map(&of_map, &chart, &quotas, by);
    added.await.unwrap();
}

/// A world with accounts, a tenant, a booking of the buyer and a draft of the organizer.
pub(super) async fn world() -> World {
    let world = World::with(|all| {
        all.accounts = config();
        all.accounts.pages_url = Some("https://tickets.example.test".to_owned());
        all.accounts.require_second_factor = SecondFactorRule::Operators;
    })
    .await;
    let tenant = TenantRow {
        tenant_id: TENANT,
        slug: "theatre".to_owned(),
        name: "Theatre".to_owned(),
        created_at_ms: NOW_MS,
        closed_at_ms: None,
    };
    let added = world.store.add_tenant(&tenant, None, Unaudited::Unattended);
    added.await.unwrap();
    let draft = EventRow {
        event_id: DRAFT,
        status: EventStatus::Draft,
        ..event()
    };
    world.store.add_event(&draft).await.unwrap();
    let named = EventEdit {
        details: DetailsChange {
            slug: Some("theatre".to_owned()),
            ..DetailsChange::default()
        },
        ..EventEdit::default()
    };
    let edited = world.store.edit_event(EVENT, &named, Unaudited::Unattended);
    assert!(edited.await.unwrap().is_some());
    add_venues(&world).await;
    let created = codes(&world).await;
    world.project(0, vec![booking(), created]).await;
    let booking_id = BookingId::new(PartitionId(0), 0);
    paid(&world, PAYMENT, booking_id).await;
    requested(&world, REFUND, PAYMENT).await;
    let explained = explained(0, REQUEST, booking().outcome);
    let at = (PartitionId(0), 0);
    world.operations.explained.lock().insert(at, explained);
    world
}

/// A group of codes, written down and accepted.
async fn codes(world: &World) -> OutcomeRecord {
    let said = GroupTerms {
        group: GROUP,
        name: None,
        kind: CodeKind::Access,
        terms: CodeTerms {
            discount: None,
            presale: true,
            opens: false,
            uses_max: 0,
            uses_per_user_max: 0,
            places_max: 0,
            from_ms: 0,
            until_ms: u64::MAX,
            scope: Scope::default(),
        },
    };
    let proposal = CodesProposal {
        show: SHOW,
        tenant: TENANT,
        change: CodesChange::Create(said),
        codes: vec![NewCode {
            code: CodeHash::from_bytes([0xc0; 16]),
            sealed: None,
        }],
    };
    let request = RequestId::from_bytes([0x9c; 16]);
    let by = Unaudited::Unattended;
    let proposed = world.store.propose_codes(request, &proposal, NOW_MS, by);
    assert!(proposed.await.unwrap().is_there());
    let created = Outcome::CodesCreated {
        show: SHOW,
        group: GROUP,
        created: 1,
        known: 0,
    };
    let mut record = ScriptedLog::record(1, created);
    record.request_id = Some(request);
    record.previous = Some(0);
    record
}

fn booking() -> OutcomeRecord {
    let mut record = ScriptedLog::record(
        0,
        Outcome::Reserved(Reserved {
            booking: 0,
            show: SHOW,
            event: EVENT,
            user: BUYER,
            zone: 0,
            seats: SeatList::from_iter([0]),
            quantity: 1,
            unit_price: 250_000,
            currency: "THB".parse().unwrap(),
            expires_at_ms: NOW_MS + 90_000,
        }),
    );
    record.request_id = Some(REQUEST);
    record
}
