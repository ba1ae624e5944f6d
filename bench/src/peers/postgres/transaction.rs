//! Statements shared by the variants with transactions.

use sqlx::PgConnection;

use super::super::ingress::Ask;

/// Adds to the user's tickets; `false` when they have as many as allowed.
pub(super) async fn count_user(connection: &mut PgConnection, ask: &Ask) -> sqlx::Result<bool> {
    let counted = sqlx::query(
        "INSERT INTO user_tickets AS t VALUES ($1, $2, $3)
         ON CONFLICT (show_id, user_id) DO UPDATE SET tickets = t.tickets + $3
         WHERE t.tickets + $3 <= $4",
    )
    .bind(ask.show)
    .bind(ask.user)
    .bind(ask.quantity)
    .bind(ask.limit)
    .execute(connection)
    .await?;
    Ok(counted.rows_affected() == 1)
}

/// Writes the booking.
pub(super) async fn book(connection: &mut PgConnection, ask: &Ask) -> anyhow::Result<()> {
    sqlx::query(
        "INSERT INTO bookings (booking_id, show_id, zone_id, user_id, quantity, expires_at)
         VALUES ($1, $2, $3, $4, $5, to_timestamp($6 / 1000.0))",
    )
    .bind(ask.booking)
    .bind(ask.show)
    .bind(ask.zone)
    .bind(ask.user)
    .bind(ask.quantity)
    .bind(i64::try_from(ask.expires_at_ms)?)
    .execute(connection)
    .await?;
    Ok(())
}
