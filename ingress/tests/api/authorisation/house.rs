//! The world that the matrix is asked in.

use onsale_accounts::SecondFactorRule;
use onsale_schemas::outcome::Reserved;
use onsale_schemas::{Outcome, OutcomeRecord, PartitionId, SeatList};
use onsale_store::account::TenantRow;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{DetailsChange, EventEdit, EventRow, EventStatus};

use super::{DRAFT, REQUEST, TENANT};
use crate::accounts::config;
use crate::explanations::explained;
use crate::support::{BUYER, EVENT, NOW_MS, SHOW, ScriptedLog, World, event};

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
    world.project(0, vec![booking()]).await;
    let explained = explained(0, REQUEST, booking().outcome);
    let at = (PartitionId(0), 0);
    world.operations.explained.lock().insert(at, explained);
    world
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
