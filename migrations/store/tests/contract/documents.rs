//! What the log keeps of the catalog, on its way there and back.

mod rebuild;
mod replayed;

use onsale_schemas::command::{Describe, Subject};
use onsale_schemas::{Outcome, PartitionId};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{EventRow, RowSeats, ShowRow, ShowStatus, ZoneAdmission};
use onsale_store::document::{CatalogCursor, Document, Versioned};
use onsale_store::store::LogMark;

use crate::build::{Chain, event, event_id, show, show_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    what_is_described_is_not_described_again,
    a_change_is_described_again,
    a_document_has_its_place_in_the_log,
    what_is_undescribed_is_walked_through,
    what_is_damaged_holds_up_nothing_behind_it,
    a_document_that_cannot_be_read_stops_nothing,
    a_database_knows_its_log,
);

const LOSE: &str = "DELETE FROM zones; DELETE FROM shows; DELETE FROM events";

async fn open_show(bench: &Bench, chain: &mut Chain) {
    let show = with_show(&bench.store).await;
    chain.push(Outcome::ShowOpened {
        show: show.show_id,
        event: show.event_id,
    });
    bench.store.project(&chain.all()).await.unwrap();
}

/// Everything that the log does not have, handed in and projected.
async fn describe_all(bench: &Bench, chain: &mut Chain) -> Vec<Document> {
    let documents = bench
        .store
        .undescribed(16, &[], CatalogCursor::default(), 100)
        .await
        .unwrap();
    let from = chain.next_offset;
    for document in &documents {
        chain.push(Outcome::Described(Describe {
            subject: document.subject(),
            document: document.encode().unwrap(),
        }));
    }
    bench
        .store
        .project(&chain.batch(from, chain.next_offset))
        .await
        .unwrap();
    documents
}

async fn what_is_described_is_not_described_again(bench: Bench) {
    let mut chain = Chain::default();
    with_show(&bench.store).await;
    let subjects: Vec<Subject> = bench
        .store
        .undescribed(16, &[], CatalogCursor::default(), 100)
        .await
        .unwrap()
        .iter()
        .map(Document::subject)
        .collect();
    assert_eq!(
        subjects,
        [Subject::Event(event_id(1))],
        "the show is not open yet"
    );
    let show = show(1, 1);
    chain.push(Outcome::ShowOpened {
        show: show.show_id,
        event: show.event_id,
    });
    bench.store.project(&chain.all()).await.unwrap();
    assert_eq!(describe_all(&bench, &mut chain).await.len(), 2);
    assert_eq!(describe_all(&bench, &mut chain).await, []);
    assert_eq!(
        bench
            .store
            .undescribed(16, &[], CatalogCursor::default(), 0)
            .await
            .unwrap(),
        []
    );
}

async fn a_change_is_described_again(bench: Bench) {
    let mut chain = Chain::default();
    open_show(&bench, &mut chain).await;
    describe_all(&bench, &mut chain).await;
    let mut changed = event(1);
    changed.name = "Later".to_owned();
    bench
        .store
        .update_event(&changed, Unaudited::Unattended)
        .await
        .unwrap();
    let again = describe_all(&bench, &mut chain).await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].event.row, changed);
    let mut dearer = show(1, 1);
    dearer.zones[1].unit_price = 7;
    bench
        .store
        .update_show(&dearer, Unaudited::Unattended)
        .await
        .unwrap();
    let again = describe_all(&bench, &mut chain).await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].show.as_ref().unwrap().row.zones[1].unit_price, 7);
    // What only the document's readers see of it counts as well.
    let statements = [
        "UPDATE shows SET closes_by_default = 1 - closes_by_default",
        "UPDATE shows SET cooldown_ms = cooldown_ms + 1",
        "UPDATE shows SET companions_per_accessible = 1",
        "UPDATE shows SET offer = '{\"offer\":{\"types\":[],\"prices\":[],\"phases\":[],\"bundles\":[],\
         \"fees\":{\"place\":0,\"place_bp\":0,\"order\":0,\"tax_bp\":0},\"tax_bp\":7,\"zones\":[]}}'",
    ];
    for sql in statements {
        bench.tamper(sql).await;
        assert_eq!(describe_all(&bench, &mut chain).await.len(), 1, "{sql}");
    }
    assert_eq!(describe_all(&bench, &mut chain).await, []);
}

async fn a_document_that_cannot_be_read_stops_nothing(bench: Bench) {
    let mut chain = Chain::default();
    open_show(&bench, &mut chain).await;
    let from = chain.next_offset;
    for document in [vec![1, 2, 3], vec![], vec![9], event_document()] {
        chain.push(Outcome::Described(Describe {
            subject: Subject::Event(event_id(77)),
            document,
        }));
    }
    bench
        .store
        .project(&chain.batch(from, chain.next_offset))
        .await
        .unwrap();
    assert!(bench.store.event(event_id(77)).await.unwrap().is_none());
}

fn of_event(version: u64, row: EventRow) -> Document {
    Document {
        event: Versioned { version, row },
        show: None,
        as_of: None,
    }
}

/// The first show as of a version.
fn of_show(version: u64, change: impl FnOnce(&mut ShowRow)) -> Document {
    let mut row = show(1, 1);
    row.status = ShowStatus::Open;
    change(&mut row);
    Document {
        show: Some(Versioned { version, row }),
        ..of_event(1, event(1))
    }
}

fn described(chain: &mut Chain, document: &Document) {
    chain.push(Outcome::Described(Describe {
        subject: document.subject(),
        document: document.encode().unwrap(),
    }));
}

async fn a_document_has_its_place_in_the_log(bench: Bench) {
    let mut chain = Chain::default();
    described(&mut chain, &of_show(2, |_| {}));
    chain.push(Outcome::ShowClosed { show: show_id(1) });
    let closed = |row: &mut ShowRow| row.status = ShowStatus::Closed;
    described(&mut chain, &of_show(3, closed));
    let from = chain.next_offset;
    bench.store.project(&chain.all()).await.unwrap();
    described(
        &mut chain,
        &of_show(4, |row| {
            closed(row);
            row.name = Some("Second night".to_owned());
        }),
    );
    let second = chain.batch(from, chain.next_offset);
    bench.store.project(&second).await.unwrap();
    let row = bench.store.show(show_id(1)).await.unwrap().unwrap();
    assert_eq!(row.name.as_deref(), Some("Second night"));
    assert_eq!(row.status, ShowStatus::Closed);
}

async fn what_is_undescribed_is_walked_through(bench: Bench) {
    for number in 1..=3 {
        bench.store.add_event(&event(number)).await.unwrap();
    }
    let mut cursor = CatalogCursor::default();
    for number in 1..=3 {
        let documents = bench.store.undescribed(16, &[], cursor, 1).await.unwrap();
        let mut expected = of_event(1, event(number));
        expected.as_of = Some(0);
        assert_eq!(documents, [expected]);
        cursor.event = event_id(number).0;
    }
    assert_eq!(
        bench.store.undescribed(16, &[], cursor, 1).await.unwrap(),
        []
    );
}

async fn what_is_damaged_holds_up_nothing_behind_it(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    for number in 1..=3 {
        if number > 1 {
            store.add_show(&show(number, 1)).await.unwrap();
        }
        chain.push(Outcome::ShowOpened {
            show: show_id(number),
            event: event_id(1),
        });
    }
    store.project(&chain.all()).await.unwrap();
    bench
        .tamper(if bench.url.starts_with("sqlite") {
            "DELETE FROM zones WHERE show_id <> (SELECT MAX(show_id) FROM shows)"
        } else {
            "DELETE FROM zones WHERE show_id <> (SELECT show_id FROM shows ORDER BY show_id DESC LIMIT 1)"
        })
        .await;
    let mut cursor = CatalogCursor {
        event: event_id(1).0,
        ..CatalogCursor::default()
    };
    let mut found = Vec::new();
    for number in 1..=3 {
        let (documents, end) = store.next_undescribed(16, &[], cursor, 1).await.unwrap();
        assert_eq!(end.show, show_id(number).0);
        found.extend(documents.iter().map(Document::subject));
        cursor.show = end.show;
    }
    let last = Subject::Show {
        show: show_id(3),
        event: event_id(1),
    };
    assert_eq!(found, [last]);
    let (documents, end) = store.next_undescribed(16, &[], cursor, 1).await.unwrap();
    assert_eq!((documents, end), (Vec::new(), CatalogCursor::default()));
}

/// Of another event than it is handed in for.
fn event_document() -> Vec<u8> {
    Document {
        event: onsale_store::document::Versioned {
            version: 1,
            row: event(78),
        },
        show: None,
        as_of: None,
    }
    .encode()
    .unwrap()
}

async fn a_database_knows_its_log(bench: Bench) {
    assert_eq!(bench.store.log_identity().await.unwrap(), None);
    let mark = |offset| LogMark {
        partition: PartitionId(3),
        offset,
        checksum: u64::MAX - offset,
    };
    for offset in [5, 9] {
        bench
            .store
            .set_log_identity([7; 16], &[mark(offset)])
            .await
            .unwrap();
    }
    assert_eq!(bench.store.log_identity().await.unwrap(), Some([7; 16]));
    assert_eq!(bench.store.log_marks().await.unwrap(), [mark(9)]);
}

#[test]
fn labels_of_a_large_house_fit_into_a_document() {
    let mut large = show(1, 1);
    let labels = |row: usize| (0..500).map(|seat| format!("{row}-{seat}")).collect();
    large.zones[0].admission = ZoneAdmission::Seated {
        rows: (0..500)
            .map(|row| onsale_store::catalog::ChartRow {
                name: format!("Row {row}"),
                seats: RowSeats::Labels(labels(row)),
                plan: onsale_schemas::seating::RowPlan::default(),
            })
            .collect(),
    };
    let document = Document {
        event: onsale_store::document::Versioned {
            version: 1,
            row: event(1),
        },
        show: Some(onsale_store::document::Versioned {
            version: 3,
            row: large,
        }),
        as_of: None,
    };
    let bytes = document.encode().unwrap();
    println!("250,000 labels: {} bytes", bytes.len());
    assert_eq!(Document::decode(&bytes).unwrap(), document);
}
