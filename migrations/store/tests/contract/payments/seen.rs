//! Who sees payments, and that nobody but the installation writes: the policies are PostgreSQL's.

use onsale_store::payment::{NewNotice, PaymentFilter, RefundOf};
use onsale_store::{Scope, Store, StoreError};

use super::refunds::{new_refund, refund_of};
use super::{OPENED_MS, moved, new_payment, paid};
use crate::build::{booking_id, id, user_id};
use crate::harness::on_postgres;

fn notice() -> NewNotice {
    NewNotice {
        event_id: "evt_1".to_owned(),
        kind: "payment_intent.succeeded".to_owned(),
        object: None,
        payment: None,
        refund: None,
        dispute: None,
        created_at_ms: OPENED_MS,
    }
}

fn assert_refused<T: std::fmt::Debug>(call: &str, result: Result<T, StoreError>) {
    let text = result.expect_err(call).to_string();
    assert!(text.contains("row-level security"), "{call}: {text}");
}

#[tokio::test]
async fn payments_are_seen_by_who_pays_and_who_sells() {
    on_postgres(|bench| async move {
        let payment = paid(&bench.store, 1, 5).await;
        let refund = refund_of(&bench, &new_refund(1, &payment, 5)).await;
        let put = bench.store.put_notice("stripe", &notice()).await;
        assert!(put.unwrap());
        let of = |tenant: Option<u64>, user: u64| {
            bench.store.within(Scope::Caller {
                tenant: tenant.map(id),
                user: Some(user_id(user).0),
            })
        };
        let (buyer, seller) = (of(None, 7), of(Some(1), 900));
        let (other, elsewhere) = (of(None, 8), of(Some(2), 8));
        let nobody = bench.store.within(Scope::PUBLIC);
        // The store, whether it sees the payment, and whether it sees its history and its books.
        let stores: [(&Store, bool, bool); 5] = [
            (&buyer, true, false),
            (&seller, true, true),
            (&other, false, false),
            (&elsewhere, false, false),
            (&nobody, false, false),
        ];
        for (number, (store, sees, sells)) in stores.into_iter().enumerate() {
            let found = store.payment(payment.id).await.unwrap();
            assert_eq!(found.is_some(), sees, "{number}");
            let found = store.payments_of_booking(booking_id(5)).await.unwrap();
            assert_eq!(found.len(), usize::from(sees), "{number}");
            let filter = PaymentFilter::default();
            let found = store.payments_of_tenant(id(1), &filter, None, 9).await;
            assert_eq!(found.unwrap().len(), usize::from(sees), "{number}");
            let found = store.refund(refund.id).await.unwrap();
            assert_eq!(found.is_some(), sees, "{number}");
            let found = store.moves_of_payment(payment.id).await.unwrap();
            assert_eq!(!found.is_empty(), sells, "{number}");
            let found = store.moves_of_refund(refund.id).await.unwrap();
            assert_eq!(!found.is_empty(), sells, "{number}");
            let found = store.postings_of_payment(payment.id).await.unwrap();
            assert_eq!(!found.is_empty(), sells, "{number}");
            let found = store.balances(None).await.unwrap();
            assert_eq!(!found.is_empty(), sells, "{number}");
            assert_eq!(store.notice("stripe", "evt_1").await.unwrap(), None);
            // Nobody of them changes anything.
            let opened = store.open_payment(&new_payment(9, 9), OPENED_MS).await;
            assert_refused("open_payment", opened);
            let made = store
                .move_payment(&payment, &payment, &moved(None), None)
                .await;
            assert!(!made.unwrap(), "{number}");
            let new = onsale_store::payment::NewRefund {
                of: RefundOf::Booking,
                ..new_refund(2, &payment, 5)
            };
            let refused = store.open_refund(&new, OPENED_MS).await.unwrap_err();
            assert!(matches!(refused, StoreError::NotThere(_)), "{refused}");
            let put = store.put_notice("simulated", &notice()).await;
            assert_refused("put_notice", put);
        }
        let after = bench.store.payment(payment.id).await.unwrap();
        assert_eq!(after, Some(payment));
    })
    .await;
}
