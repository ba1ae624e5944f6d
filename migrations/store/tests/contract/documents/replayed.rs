//! Shows that grew and were changed, in a database that is built from the log again: what organizers said last
//! is what stands there, whatever was added before without its names.

use onsale_schemas::offer::Offer;
use onsale_schemas::{Offset, Outcome};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{Addition, OfferRow, ShowChange, ShowRow, ZoneAdmission};
use onsale_store::document::{CatalogCursor, Document};

use super::{LOSE, describe_all, described, open_show};
use crate::build::{Chain, event_id, id, show_id};
use crate::growing::{add, added_rows, take};
use crate::harness::{Bench, contract};
use crate::offers::{accepted, selling};

contract!(
    an_offer_after_zones_comes_back,
    a_name_and_a_beginning_after_zones_come_back,
    an_offer_after_rows_and_seats_in_turns_comes_back,
    changes_after_a_backup_come_back,
    what_was_described_too_early_is_described_again,
);

async fn found(bench: &Bench) -> ShowRow {
    bench.store.show(show_id(1)).await.unwrap().unwrap()
}

async fn version(bench: &Bench) -> u64 {
    let versions = bench.store.catalog_versions(event_id(1), Some(show_id(1)));
    versions.await.unwrap().1.unwrap()
}

async fn undescribed(bench: &Bench) -> Vec<Document> {
    let store = &bench.store;
    let documents = store.undescribed(16, &[], CatalogCursor::default(), 100);
    documents.await.unwrap()
}

async fn project(bench: &Bench, chain: &Chain) {
    bench.store.project(&chain.all()).await.unwrap();
}

fn adult(price: i64) -> OfferRow {
    selling(1, "Adult", price)
}

/// What a row has for sale; which rates of tax it had before does not matter here.
fn for_sale(show: &ShowRow) -> Option<&Offer> {
    show.offer.as_ref().map(|row| &row.offer)
}

/// A show of which the log has everything, with a first offer.
async fn selling_show(bench: &Bench) -> Chain {
    let mut chain = Chain::default();
    open_show(bench, &mut chain).await;
    offer(bench, &mut chain, 100).await;
    describe_all(bench, &mut chain).await;
    chain
}

async fn offer(bench: &Bench, chain: &mut Chain, price: i64) {
    accepted(bench, chain, &adult(price)).await;
    project(bench, chain).await;
}

/// Zones behind those that the show was opened with, one record after the other.
async fn add_zones(bench: &Bench, chain: &mut Chain, count: u16) {
    for number in 0..count {
        let zone = Addition::Zone {
            zone_id: id(0x90 + u64::from(number)),
            name: format!("New {number}"),
            unit_price: 5,
            currency: "THB".to_owned(),
            places: ZoneAdmission::General { capacity: 3 },
        };
        add(bench, chain, Some(&zone), (3 + number, 0, 3)).await;
        project(bench, chain).await;
    }
}

/// As `PATCH` does it.
async fn rename(bench: &Bench, chain: &mut Chain) {
    let show = show_id(1);
    chain.push(Outcome::ShowAmended { show });
    let request = chain.outcomes.last().unwrap().request_id.unwrap();
    let change = ShowChange {
        name: Some("New name".to_owned()),
        starts_at_ms: Some(1_900_000_000_000),
        prices: vec![(0, 4_444)],
        ..ShowChange::default()
    };
    let store = &bench.store;
    let proposed = store.propose_change(request, show, &change, 1, Unaudited::Unattended);
    assert!(proposed.await.unwrap().is_there());
    project(bench, chain).await;
}

/// Whether a database that has lost everything has the show as it is now once it is built from the log, and
/// another one after it.
async fn comes_back(bench: &Bench, chain: &Chain) {
    let (before, of_version) = (found(bench).await, version(bench).await);
    for _ in 0..2 {
        bench.tamper(LOSE).await;
        bench.tamper("DELETE FROM projector_watermarks").await;
        replay(bench, chain, 0).await;
        assert_eq!(found(bench).await, before);
        assert_eq!(version(bench).await, of_version);
        assert_eq!(undescribed(bench).await, []);
    }
}

/// Projects the log from an offset on, record by record.
async fn replay(bench: &Bench, chain: &Chain, from: Offset) {
    for offset in from..chain.next_offset {
        let record = chain.batch(offset, offset + 1);
        bench.store.project(&record).await.unwrap();
    }
}

async fn an_offer_after_zones_comes_back(bench: Bench) {
    let mut chain = selling_show(&bench).await;
    add_zones(&bench, &mut chain, 3).await;
    offer(&bench, &mut chain, 300).await;
    describe_all(&bench, &mut chain).await;
    let show = found(&bench).await;
    assert_eq!(for_sale(&show), Some(&adult(300).offer));
    assert_eq!(show.zones.len(), 6);
    comes_back(&bench, &chain).await;
}

async fn a_name_and_a_beginning_after_zones_come_back(bench: Bench) {
    let mut chain = selling_show(&bench).await;
    add_zones(&bench, &mut chain, 6).await;
    rename(&bench, &mut chain).await;
    describe_all(&bench, &mut chain).await;
    let show = found(&bench).await;
    assert_eq!(show.name.as_deref(), Some("New name"));
    assert_eq!(show.starts_at_ms, 1_900_000_000_000);
    assert_eq!(show.zones[0].unit_price, 4_444);
    comes_back(&bench, &chain).await;
}

async fn an_offer_after_rows_and_seats_in_turns_comes_back(bench: Bench) {
    let mut chain = selling_show(&bench).await;
    for turn in 0..5u32 {
        let name = format!("R{turn}");
        let names = added_rows(&[(name.as_str(), 2)]);
        add(&bench, &mut chain, Some(&names), (0, 35 + 2 * turn, 2)).await;
        project(&bench, &chain).await;
        // Made now, and written once the log has gone on.
        let late = undescribed(&bench).await;
        assert_eq!(late.len(), 1);
        take(&mut chain, 2, &[30 + turn], 1);
        described(&mut chain, &late[0]);
        project(&bench, &chain).await;
    }
    offer(&bench, &mut chain, 300).await;
    describe_all(&bench, &mut chain).await;
    let show = found(&bench).await;
    assert_eq!(for_sale(&show), Some(&adult(300).offer));
    assert_eq!((show.zones[0].places(), show.zones[2].places()), (40, 0));
    comes_back(&bench, &chain).await;
}

async fn changes_after_a_backup_come_back(bench: Bench) {
    const TABLES: [&str; 4] = ["events", "shows", "zones", "projector_watermarks"];
    let mut chain = selling_show(&bench).await;
    for table in TABLES {
        let sql = format!("CREATE TABLE backup_{table} AS SELECT * FROM {table}");
        bench.tamper(&sql).await;
    }
    let kept = chain.next_offset;
    add_zones(&bench, &mut chain, 3).await;
    offer(&bench, &mut chain, 300).await;
    describe_all(&bench, &mut chain).await;
    rename(&bench, &mut chain).await;
    describe_all(&bench, &mut chain).await;
    let (before, of_version) = (found(&bench).await, version(&bench).await);

    bench.tamper(LOSE).await;
    bench.tamper("DELETE FROM projector_watermarks").await;
    for table in TABLES {
        let sql = format!("INSERT INTO {table} SELECT * FROM backup_{table}");
        bench.tamper(&sql).await;
    }
    let set_back = found(&bench).await;
    assert_eq!(for_sale(&set_back), Some(&adult(100).offer));
    replay(&bench, &chain, kept).await;
    assert_eq!(found(&bench).await, before);
    assert_eq!(version(&bench).await, of_version);
    assert_eq!(undescribed(&bench).await, []);
    comes_back(&bench, &chain).await;
}

async fn what_was_described_too_early_is_described_again(bench: Bench) {
    let mut chain = selling_show(&bench).await;
    take(&mut chain, 0, &[3], 1);
    offer(&bench, &mut chain, 300).await;
    let last = chain.next_offset;
    describe_all(&bench, &mut chain).await;
    let before = found(&bench).await;

    // Somebody describes the show while a database that was lost is on its way to the last document.
    bench.tamper(LOSE).await;
    bench.tamper("DELETE FROM projector_watermarks").await;
    bench.store.project(&chain.batch(0, last)).await.unwrap();
    let early = undescribed(&bench).await;
    assert_eq!(early.len(), 1);
    let row = &early[0].show.as_ref().unwrap().row;
    assert_eq!(for_sale(row), Some(&adult(100).offer));
    described(&mut chain, &early[0]);
    replay(&bench, &chain, last).await;
    assert_eq!(found(&bench).await, before);

    // The log's last word is the right one again, and needs no other.
    let again = describe_all(&bench, &mut chain).await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].show.as_ref().unwrap().row, before);
    assert_eq!(undescribed(&bench).await, []);
    comes_back(&bench, &chain).await;
}
