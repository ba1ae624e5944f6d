//! A transaction that the database has ended by itself takes its connection with it, and nothing
//! else: the next calls work. (How SQLite does it without room is tested beside the code, because
//! the limit that stands for a full disk belongs to the connection.)

use onsale_schemas::PartitionId;
use onsale_store::StoreError;

use crate::build::{event, show};
use crate::harness::{Bench, contract, on_postgres};

/// More than the pool has connections: each of them is lost once.
const ROUNDS: u64 = 6;

/// Ends every connection of the store's.
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE datname = current_database() AND application_name = 'onsale'";
/// Refuses shows when their transaction is committed.
const REFUSE_AT_COMMIT: &str = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
     $$ BEGIN RAISE EXCEPTION 'refused at the end'; END $$; \
     CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON shows DEFERRABLE INITIALLY DEFERRED \
     FOR EACH ROW EXECUTE FUNCTION refuse()";

contract!(a_refused_row_leaves_the_connection);

async fn a_refused_row_leaves_the_connection(bench: Bench) {
    bench.store.add_event(&event(1)).await.unwrap();
    bench.store.add_show(&show(1, 1)).await.unwrap();
    for round in 0..ROUNDS {
        let error = bench.store.add_show(&show(1, 1)).await.unwrap_err();
        assert!(matches!(error, StoreError::Exists("show")), "{error}");
        bench.store.add_show(&show(2 + round, 1)).await.unwrap();
    }
}

#[tokio::test]
async fn postgres_that_ends_a_connection_in_a_transaction() {
    on_postgres(|bench| async move {
        for round in 1..=ROUNDS {
            let (still, _) = bench.store.stand_still(&[PartitionId(0)]).await.unwrap();
            bench.tamper(TERMINATE).await;
            let error = still.release().await.unwrap_err();
            assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
            bench.store.add_event(&event(round)).await.unwrap();
            bench.store.add_show(&show(round, round)).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn postgres_that_refuses_at_the_commit() {
    on_postgres(|bench| async move {
        bench.store.add_event(&event(1)).await.unwrap();
        bench.tamper(REFUSE_AT_COMMIT).await;
        for _ in 0..ROUNDS {
            let error = bench.store.add_show(&show(1, 1)).await.unwrap_err();
            assert!(error.to_string().contains("refused at the end"), "{error}");
        }
        bench.tamper("DROP TRIGGER refuse ON shows").await;
        bench.store.add_show(&show(1, 1)).await.unwrap();
        assert_eq!(
            bench
                .store
                .shows_of_event(event(1).event_id)
                .await
                .unwrap()
                .len(),
            1
        );
    })
    .await;
}
