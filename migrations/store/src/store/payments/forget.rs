//! What goes of payments: what people have said when these are erased, and all of it with the bookings of a show that
//! was over long ago. The books stay; they name nobody.

use onsale_schemas::ShowId;
use serde_json::json;
use uuid::Uuid;

use crate::database::{Transaction, Value, integer};
use crate::error::StoreError;

/// What a person has said when it asked for refunds goes with it.
pub(in crate::store) async fn forget_reasons(
    transaction: &mut Transaction,
    person: Uuid,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE refunds SET reason = NULL WHERE asked_by = $1 AND reason IS NOT NULL",
            &[person.into()],
        )
        .await
        .map(drop)
}

/// Deletes payments of a show that has no bookings any more and was retired, with all that belongs to them but the
/// books; whether there may be more of them.
pub(in crate::store) async fn forget_with_bookings(
    transaction: &mut Transaction,
    show: ShowId,
    before_ms: u64,
    most: u32,
) -> Result<bool, StoreError> {
    let deleted = transaction
        .fetch(
            "DELETE FROM payments WHERE payment_id IN \
             (SELECT payment_id FROM payments WHERE show_id = $1 AND updated_at_ms < $2 LIMIT $3) \
             AND NOT EXISTS (SELECT 1 FROM bookings WHERE show_id = $1) RETURNING payment_id",
            &[
                show.0.into(),
                integer("before_ms", before_ms)?.into(),
                most.into(),
            ],
        )
        .await?;
    if deleted.is_empty() {
        return Ok(false);
    }
    let mut gone = Vec::with_capacity(deleted.len());
    for row in &deleted {
        // Both databases read hexadecimal digits without hyphens.
        gone.push(row.uuid("payment_id")?.simple().to_string());
    }
    let gone = json!(gone).to_string();
    for delete in match transaction {
        Transaction::Postgres(_) => OF_GONE_ON_POSTGRES,
        Transaction::Sqlite(_) => OF_GONE_ON_SQLITE,
    } {
        transaction.execute(delete, &[Value::from(&gone)]).await?;
    }
    Ok(deleted.len() >= usize::try_from(most).unwrap_or(usize::MAX))
}

macro_rules! of_gone {
    ($gone:literal) => {
        [
            concat!("DELETE FROM payment_moves WHERE payment_id IN ", $gone),
            concat!("DELETE FROM refund_moves WHERE payment_id IN ", $gone),
            concat!("DELETE FROM refunds WHERE payment_id IN ", $gone),
            concat!("DELETE FROM disputes WHERE payment_id IN ", $gone),
            concat!("DELETE FROM gateway_notices WHERE payment_id IN ", $gone),
        ]
    };
}
const OF_GONE_ON_POSTGRES: [&str; 5] =
    of_gone!("(SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json)))");
const OF_GONE_ON_SQLITE: [&str; 5] = of_gone!("(SELECT unhex(value) FROM json_each($1))");
