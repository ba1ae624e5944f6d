//! What shows have for sale: numbers for names, accepted by the log, taken over by the projector.

use std::collections::BTreeSet;

use onsale_schemas::offer::{Offer, TicketType, TypePrice};
use onsale_schemas::{Outcome, Rejection, RequestId};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{OfferNames, OfferRow, ShowRow, ShowStatus, TypeName};
use onsale_store::document::{Document, Versioned};

use crate::build::{Chain, event, event_id, id, show, show_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    a_show_keeps_the_offer_that_it_opens_with,
    a_number_is_given_once_and_for_good,
    numbers_given_at_the_same_time_are_different,
    an_accepted_offer_is_put_in_force_in_the_order_of_the_log,
    rates_of_tax_are_known_when_the_offer_is_another_one,
    an_offer_that_the_log_did_not_accept_never_counts,
    a_lost_catalog_gets_offer_and_names_back,
    a_document_takes_no_name_away_and_no_later_offer_back,
);

fn names(types: &[&str]) -> OfferNames {
    OfferNames {
        types: types.iter().map(|&name| name.to_owned()).collect(),
        phases: vec!["Early".to_owned()],
        bundles: Vec::new(),
    }
}

/// One ticket type of this number and name at a price in zone 1.
fn selling(ticket_type: u8, name: &str, price: i64) -> OfferRow {
    OfferRow {
        offer: Offer {
            types: vec![TicketType {
                id: ticket_type,
                min: 0,
                max: 4,
                from_ms: 0,
                until_ms: u64::MAX,
                code_only: false,
                kinds: 0,
            }],
            prices: vec![TypePrice {
                zone: 1,
                ticket_type,
                price,
            }],
            tax_bp: 700,
            ..Offer::default()
        },
        types: vec![TypeName {
            id: ticket_type,
            name: name.to_owned(),
            description: Some("Ünder 12 \"years\"".to_owned()),
            is_hidden: true,
        }],
        ..OfferRow::default()
    }
}

async fn found(bench: &Bench) -> ShowRow {
    bench.store.show(show_id(1)).await.unwrap().unwrap()
}

async fn offer(bench: &Bench) -> OfferRow {
    found(bench).await.offer.unwrap()
}

/// Gives numbers to names of ticket types, as the show then has them.
async fn named(bench: &Bench, types: &[&str]) -> OfferRow {
    let names = names(types);
    let given = bench.store.name_offer(show_id(1), &names).await;
    given.unwrap().unwrap()
}

/// Writes an offer down and pushes the outcome that accepts it.
async fn accepted(bench: &Bench, chain: &mut Chain, offer: &OfferRow) {
    let show = show_id(1);
    chain.push(Outcome::OfferSet { show });
    let request = chain.outcomes.last().unwrap().request_id.unwrap();
    let proposed = bench
        .store
        .propose_offer(request, show, offer, 1, Unaudited::Unattended);
    assert!(proposed.await.unwrap().is_there());
}

async fn a_show_keeps_the_offer_that_it_opens_with(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    let opening = ShowRow {
        companions_per_accessible: 2,
        offer: Some(selling(3, "Child", 60)),
        ..show(1, 1)
    };
    store.add_show(&opening).await.unwrap();
    assert_eq!(found(&bench).await, opening);
    let of_status = store.shows_with_status(ShowStatus::Opening).await.unwrap();
    assert_eq!(of_status, [opening]);
    // It may be large, and a list has no use for it.
    let listed = store.list_shows(event_id(1), 1, 10).await.unwrap();
    assert_eq!(listed.rows[0].show.offer, None);
    assert_eq!(listed.rows[0].show.companions_per_accessible, 2);
}

async fn a_number_is_given_once_and_for_good(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let given = named(&bench, &["Adult", "Standard"]).await;
    assert_eq!(given.type_by_name("Adult"), Some(1));
    assert_eq!(given.type_by_name("Standard"), Some(0));
    assert!(given.offer.is_empty(), "nothing is for sale by that");
    assert_eq!(offer(&bench).await, given);
    let again = named(&bench, &["Child", "Adult"]).await;
    assert_eq!(again.type_by_name("Adult"), Some(1));
    assert_eq!(again.type_by_name("Child"), Some(2));
    assert_eq!(offer(&bench).await, again);
    let names = names(&["Adult"]);
    let nowhere = store.name_offer(show_id(77), &names).await;
    assert_eq!(nowhere.unwrap(), None);
}

async fn numbers_given_at_the_same_time_are_different(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let all: Vec<String> = (0..8).map(|n| format!("Type {n}")).collect();
    let calls = all.iter().map(|name| {
        let (store, names) = (store.clone(), names(&[name.as_str()]));
        tokio::spawn(async move { store.name_offer(show_id(1), &names).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap().unwrap();
    }
    let row = offer(&bench).await;
    let ids: BTreeSet<u8> = row.types.iter().map(|known| known.id).collect();
    assert_eq!(ids, (1..=8).collect());
    assert_eq!(row.phases.len(), 1);
}

async fn an_accepted_offer_is_put_in_force_in_the_order_of_the_log(bench: Bench) {
    let store = &bench.store;
    let before = with_show(store).await;
    let mut chain = Chain::default();
    accepted(&bench, &mut chain, &selling(1, "Adult", 100)).await;
    accepted(&bench, &mut chain, &selling(2, "Child", 50)).await;
    assert_eq!(found(&bench).await, before, "the log has not accepted them");
    store.project(&chain.all()).await.unwrap();
    let row = offer(&bench).await;
    assert_eq!(row.offer, selling(2, "Child", 50).offer);
    assert_eq!(row.type_name(1).unwrap().name, "Adult", "bookings show it");
    // The same batch again, as after a crash of its sender; later names stay.
    let given = named(&bench, &["Student"]).await;
    assert_eq!(given.type_by_name("Student"), Some(3));
    let row = offer(&bench).await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(offer(&bench).await, row);
    accepted(&bench, &mut chain, &selling(3, "Student", 70)).await;
    store.project(&chain.all()).await.unwrap();
    assert_eq!(offer(&bench).await.types.len(), 3);
}

async fn rates_of_tax_are_known_when_the_offer_is_another_one(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let mut taxed = selling(1, "Adult", 100);
    for (tax_bp, fee_bp) in [(700, 0), (810, 810), (700, 0)] {
        taxed.offer.tax_bp = tax_bp;
        taxed.offer.fees.tax_bp = fee_bp;
        accepted(&bench, &mut chain, &taxed).await;
    }
    store.project(&chain.all()).await.unwrap();
    let told = |row: &OfferRow| -> Vec<(u16, u16)> {
        row.rates().map(|of| (of.price_bp, of.fee_bp)).collect()
    };
    let row = offer(&bench).await;
    assert_eq!(told(&row), [(700, 0), (810, 810), (0, 0)]);
    // A document brings them back.
    let written = document(9, Some(row.clone()), 99);
    let read = Document::decode(&written.encode().unwrap()).unwrap();
    assert_eq!(read, written);
    // One of before takes none away.
    assert!(restore(&bench, &document(10, Some(selling(1, "Adult", 1)), 99)).await);
    assert_eq!(told(&offer(&bench).await), told(&row));
}

async fn an_offer_that_the_log_did_not_accept_never_counts(bench: Bench) {
    let store = &bench.store;
    let before = with_show(store).await;
    let mut chain = Chain::default();
    accepted(&bench, &mut chain, &selling(1, "Adult", 100)).await;
    chain.outcomes[0].outcome = Outcome::Rejected(Rejection::ShowCancelled);
    let lost = RequestId(id(77));
    let offered = selling(1, "Adult", 1);
    let proposed = store.propose_offer(lost, show_id(1), &offered, 1, Unaudited::Unattended);
    assert!(proposed.await.unwrap().is_there());
    // Of a program that wrote nothing down.
    chain.push(Outcome::OfferSet { show: show_id(1) });
    store.project(&chain.all()).await.unwrap();
    assert_eq!(found(&bench).await, before);
    // Another offer under the same id is left out.
    let other = selling(1, "Adult", 2);
    let proposed = store.propose_offer(lost, show_id(1), &other, 1, Unaudited::Unattended);
    assert!(!proposed.await.unwrap().is_there());
}

fn document(version: u64, offer: Option<OfferRow>, as_of: u64) -> Document {
    let row = ShowRow {
        status: ShowStatus::Open,
        offer,
        ..show(1, 1)
    };
    Document {
        event: Versioned {
            version: 1,
            row: event(1),
        },
        show: Some(Versioned { version, row }),
        as_of: Some(as_of),
    }
}

async fn restore(bench: &Bench, document: &Document) -> bool {
    let restored = bench
        .store
        .restore_document(document, Unaudited::Unattended);
    restored.await.unwrap()
}

async fn a_lost_catalog_gets_offer_and_names_back(bench: Bench) {
    let mut offered = selling(2, "Child", 50);
    offered.types.extend(selling(1, "Adult", 1).types);
    let written = document(4, Some(offered.clone()), 0);
    let read = Document::decode(&written.encode().unwrap()).unwrap();
    assert_eq!(read, written);
    assert!(restore(&bench, &read).await);
    assert_eq!(offer(&bench).await, offered);
}

async fn a_document_takes_no_name_away_and_no_later_offer_back(bench: Bench) {
    let store = &bench.store;
    let mut chain = Chain::default();
    assert!(restore(&bench, &document(2, Some(selling(1, "Adult", 100)), 0)).await);
    let given = named(&bench, &["Child"]).await;
    assert_eq!(given.type_by_name("Child"), Some(2));
    accepted(&bench, &mut chain, &selling(2, "Child", 50)).await;
    store.project(&chain.all()).await.unwrap();
    // It was created before the log accepted that, and comes behind it.
    assert!(restore(&bench, &document(9, Some(selling(1, "Adult", 7)), 0)).await);
    let row = offer(&bench).await;
    assert_eq!(row.offer, selling(2, "Child", 50).offer);
    assert_eq!(row.types.len(), 2);
    // One that knows of it brings what it has, and what it does not know keeps its name.
    assert!(restore(&bench, &document(12, Some(selling(1, "Adult", 8)), 5)).await);
    let row = offer(&bench).await;
    assert_eq!(row.offer, selling(1, "Adult", 8).offer);
    assert_eq!(row.type_name(2).unwrap().name, "Child");
}
