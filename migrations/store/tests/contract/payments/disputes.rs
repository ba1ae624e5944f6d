//! What buyers have their banks take back.

use onsale_schemas::command::Currency;
use onsale_store::StoreError;
use onsale_store::payment::{Account, Dispute, DisputeState, MoneyPlace, Payment, Posting};

use super::{AMOUNT, OPENED_MS, paid};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    a_dispute_is_written_down_and_decided,
    disputes_are_listed_a_page_at_a_time,
);

fn dispute(number: u64, of: &Payment) -> Dispute {
    Dispute {
        gateway: "stripe".to_owned(),
        object: format!("dp_{number}"),
        payment: of.id,
        tenant: of.tenant,
        amount: AMOUNT,
        currency: Currency(*b"THB"),
        state: DisputeState::Open,
        reason: "fraudulent".to_owned(),
        due_at_ms: Some(OPENED_MS + 9_000),
        opened_at_ms: OPENED_MS + number,
        updated_at_ms: OPENED_MS + number,
    }
}

async fn a_dispute_is_written_down_and_decided(bench: Bench) {
    let store = &bench.store;
    let of = paid(store, 1, 5).await;
    let open = dispute(1, &of);
    let taken = Posting::new("dispute:dp_1", Account::Disputes, Account::Gateway, AMOUNT);
    let put = async |dispute: &Dispute| store.put_dispute(dispute, Some(&taken)).await.unwrap();
    assert!(put(&open).await);
    assert!(!put(&open).await, "known");
    let known = async || store.disputes_of_payment(of.id).await.unwrap();
    assert_eq!(known().await, std::slice::from_ref(&open));
    let lost = Dispute {
        state: DisputeState::Lost,
        due_at_ms: None,
        updated_at_ms: OPENED_MS + 99,
        ..open.clone()
    };
    assert!(put(&lost).await);
    // What was read before it was decided is written late.
    assert!(!put(&open).await);
    assert_eq!(known().await, std::slice::from_ref(&lost));
    let posted = store.postings_of_payment(of.id).await.unwrap();
    let posted = posted.iter().filter(|entry| entry.posting == taken);
    assert_eq!(posted.count(), 1);
    for elsewhere in [
        Dispute {
            payment: id(77),
            ..lost.clone()
        },
        Dispute {
            tenant: id(2),
            ..lost
        },
    ] {
        let refused = store.put_dispute(&elsewhere, None).await.unwrap_err();
        assert!(matches!(refused, StoreError::NotThere(_)), "{refused}");
    }
}

async fn disputes_are_listed_a_page_at_a_time(bench: Bench) {
    let store = &bench.store;
    for number in 1..4 {
        let of = paid(store, number, number).await;
        let put = store.put_dispute(&dispute(number, &of), None).await;
        assert!(put.unwrap());
    }
    let open = Some(DisputeState::Open);
    let page = async |after| {
        store
            .disputes_of_tenant(id(1), open, after, 2)
            .await
            .unwrap()
    };
    let first = page(None).await;
    let objects = |page: &[Dispute]| -> Vec<String> {
        page.iter().map(|dispute| dispute.object.clone()).collect()
    };
    assert_eq!(objects(&first), ["dp_3", "dp_2"]);
    let after = MoneyPlace {
        created_at_ms: first[1].opened_at_ms,
        id: first[1].payment,
    };
    assert_eq!(objects(&page(Some(after)).await), ["dp_1"]);
    let won = Some(DisputeState::Won);
    let none = store.disputes_of_tenant(id(1), won, None, 9).await;
    assert_eq!(none.unwrap(), []);
}
