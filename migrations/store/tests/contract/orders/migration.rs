//! On SQLite the migration that knows orders makes the table of bookings anew.

use onsale_store::Store;

use crate::harness::Bench;

#[tokio::test]
async fn bookings_outlive_the_migration_that_makes_their_table_anew() {
    const BOOKINGS: &str = "INSERT INTO bookings (partition, booking_offset, booking_id, request_id, \
        event_id, show_id, user_id, zone, seats, quantity, unit_price, currency, status, \
        reserved_at_ms, expires_at_ms, confirmed_at_ms, ended_at_ms, payment_reference, updated_offset) \
        VALUES (0, 1, zeroblob(16), randomblob(16), randomblob(16), randomblob(16), randomblob(16), 2, \
            '[7,4]', 2, 5, 'THB', 'cancelled', 10, 20, 30, 40, 'paid', 9), \
        (1, 3, zeroblob(16), NULL, randomblob(16), randomblob(16), randomblob(16), 1, \
            '[]', 3, 6, 'JPY', 'reserved', 11, 21, NULL, NULL, NULL, 3)";
    /// Every column that there was, in words.
    const TOLD: &str = "SELECT concat_ws(' ', partition, booking_offset, hex(booking_id), \
        hex(request_id), hex(event_id), hex(show_id), hex(user_id), zone, seats, quantity, unit_price, \
        currency, status, reserved_at_ms, expires_at_ms, confirmed_at_ms, ended_at_ms, \
        payment_reference, updated_offset) FROM bookings ORDER BY partition";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("before.db");
    let url = format!("sqlite://{}", file.display());
    let store = Store::connect(&url, 2).await.unwrap();
    assert!(!store.has_schema().await.unwrap());
    let bench = Bench::of_url(store, url);
    for version in 1..28 {
        if let Some(text) = bench.store.migration_text(version) {
            bench.tamper(text).await;
        }
    }
    bench.tamper(BOOKINGS).await;
    let before = bench.texts(TOLD).await;
    assert_eq!(before.len(), 2);
    bench.tamper(bench.store.migration_text(28).unwrap()).await;
    assert_eq!(bench.texts(TOLD).await, before);
    let orders = "SELECT payment_reference FROM bookings WHERE order_lines IS NOT NULL";
    assert_eq!(bench.texts(orders).await, [""; 0]);
    let both = "UPDATE bookings SET quantity = 3 WHERE partition = 0";
    assert!(bench.try_tamper(both).await.is_err(), "it is plain");
}
