//! A PostgreSQL that takes no writes for a while, as behind an address that leads to a replica during a
//! fail-over: a write fails as one that may be tried again, and works as soon as the server takes it.

use onsale_store::{Store, StoreError};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::build::{event, event_id, with_show};
use crate::harness::on_postgres;

const CONNECTIONS: u32 = 4;

async fn set(admin: &mut sqlx::PgConnection, what: &str) {
    let database = sqlx::query_scalar::<_, String>("SELECT current_database()")
        .fetch_one(&mut *admin)
        .await
        .unwrap();
    // What is connected keeps what it was connected with.
    let statement = format!("ALTER DATABASE \"{database}\" {what} default_transaction_read_only");
    let statement = match what {
        "SET" => format!("{statement} = on"),
        _ => statement,
    };
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(admin)
        .await
        .unwrap();
}

#[tokio::test]
async fn no_connection_to_a_replica_is_kept() {
    on_postgres(|bench| async move {
        with_show(&bench.store).await;
        let mut admin = sqlx::PgConnection::connect(&bench.url).await.unwrap();
        set(&mut admin, "SET").await;
        let store = Store::connect(&bench.url, CONNECTIONS).await.unwrap();
        // Reads are answered, and leave connections that take no writes.
        let read = || store.event(event_id(1));
        let (a, b, c, d) = tokio::join!(read(), read(), read(), read());
        for found in [a, b, c, d] {
            assert!(found.unwrap().is_some());
        }
        let refused = store.add_event(&event(2)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unreachable(_)), "{refused}");
        let read_again = read().await;
        assert!(read_again.unwrap().is_some());
        set(&mut admin, "RESET").await;
        for number in 3..9 {
            store.add_event(&event(number)).await.unwrap();
        }
        admin.close().await.unwrap();
        store.close().await;
    })
    .await;
}
