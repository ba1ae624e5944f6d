//! A PostgreSQL that falls silent without closing a connection: every call ends all the same, and once
//! it is back everything works. Without limits on this side nothing here would ever end.

use std::time::Duration;

use onsale_schemas::PartitionId;
use onsale_store::{Store, StoreError};
use sqlx::Connection as _;

use crate::build::{Chain, event, event_id, with_show};
use crate::harness::on_postgres;
use crate::proxy::Proxy;

const CONNECTIONS: u32 = 4;
/// Several times what anything here takes.
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(20);

/// How many statements of the store wait for a lock.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
     AND datname = current_database() AND application_name = 'onsale'";

fn assert_unreachable<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
}

/// Waits until all connections can be lent at once.
async fn until_all_connections_work(store: &Store) {
    let [a, b, c, d] = &[0, 1, 2, 3].map(|partition| [PartitionId(partition)]);
    loop {
        let held = tokio::join!(
            store.stand_still(a),
            store.stand_still(b),
            store.stand_still(c),
            store.stand_still(d),
        );
        if let (Ok(_), Ok(_), Ok(_), Ok(_)) = held {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[tokio::test]
async fn calls_end_while_it_is_silent_and_work_once_it_is_back() {
    on_postgres(|bench| async move {
        with_show(&bench.store).await;
        let proxy = Proxy::to(&bench.url);
        let store = Store::connect(proxy.url(), CONNECTIONS).await.unwrap();
        let store = store.for_installation();
        let mut other = sqlx::PgConnection::connect(&bench.url).await.unwrap();
        sqlx::raw_sql("BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
            .execute(&mut other)
            .await
            .unwrap();
        let read = || {
            let store = store.clone();
            tokio::spawn(async move { store.event(event_id(1)).await })
        };
        let (dropped, kept) = ([read(), read()], read());
        let written = tokio::spawn({
            let store = store.clone();
            async move { store.add_event(&event(2)).await }
        });
        // Beside the transaction, which would see the same activity all the time.
        let mut watching = sqlx::PgConnection::connect(&bench.url).await.unwrap();
        loop {
            let waiting = sqlx::query_scalar::<_, i64>(WAITING).fetch_one(&mut watching);
            if waiting.await.unwrap() == 4 {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        proxy.fall_silent();
        for read in dropped {
            read.abort();
        }
        other.close().await.unwrap();

        let rest = async {
            assert_unreachable(kept.await.unwrap());
            assert_unreachable(written.await.unwrap());
            let mut chain = Chain::default();
            chain.reserve(1, 1, &[3]);
            assert_unreachable(store.project(&chain.all()).await);
            assert_unreachable(store.watermarks().await);
            proxy.come_back();
            until_all_connections_work(&store).await;
            store.project(&chain.all()).await.unwrap();
            store.close().await;
        };
        tokio::time::timeout(PATIENCE, rest).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_store_is_closed_while_it_is_silent() {
    on_postgres(|bench| async move {
        let proxy = Proxy::to(&bench.url);
        let store = Store::connect(proxy.url(), CONNECTIONS).await.unwrap();
        let store = store.for_installation();
        let (still, _) = store.stand_still(&[PartitionId(0)]).await.unwrap();
        store.watermarks().await.unwrap();
        proxy.fall_silent();
        // Its rollback gets no answer.
        drop(still);
        tokio::time::timeout(PATIENCE, store.close()).await.unwrap();
    })
    .await;
}
