//! Bookings of shows that were over long ago. All of a show go together: of a show without any, nothing is
//! expected to be there. A guest goes with its last booking, and the payments and codes of a show with the last of its bookings.

use onsale_schemas::ShowId;
use serde_json::json;
use uuid::Uuid;

use super::{ROWS_PER_STEP_MAX, Step, nothing_due};
use crate::audit::AuditEntry;
use crate::database::{Database, Row, Transaction, Value, integer};
use crate::error::StoreError;
use crate::retention::{Due, Kind};
use crate::store::payments;

/// Shows of one report; further ones are in the next.
const SHOWS_PER_REPORT_MAX: usize = 10_000;
/// Shows read at once.
const SHOWS_PER_PAGE: u32 = 500;

/// Whether a booking is too old, so that 0 says yes: it is no hold, and nothing happened to it since.
macro_rules! is_kept {
    ($before:literal) => {
        concat!(
            "CASE WHEN status <> 'reserved' AND reserved_at_ms < ",
            $before,
            " AND expires_at_ms < ",
            $before,
            " AND COALESCE(confirmed_at_ms, 0) < ",
            $before,
            " AND COALESCE(ended_at_ms, 0) < ",
            $before,
            " THEN 0 ELSE 1 END"
        )
    };
}

/// How many bookings a show has, how many of them, and of their payments, are not too old, and from when the oldest is.
/// A payment or a refund that is not over is not too old.
const COUNTED: &str = concat!(
    "SELECT count(*) AS bookings, min(reserved_at_ms) AS oldest_ms, COALESCE(CAST(SUM(",
    is_kept!("$2"),
    ") AS bigint), 0) + (SELECT count(*) FROM payments AS p WHERE p.show_id = $1 \
     AND (p.updated_at_ms >= $2 OR p.state NOT IN ('succeeded', 'failed', 'timed_out', 'refunded') \
     OR EXISTS (SELECT 1 FROM refunds AS r WHERE r.payment_id = p.payment_id \
     AND (r.updated_at_ms >= $2 OR r.state NOT IN ('done', 'refused'))))) AS kept \
     FROM bookings WHERE show_id = $1"
);

struct Counted {
    bookings: u64,
    kept: u64,
    oldest_ms: Option<u64>,
}

impl Counted {
    fn of(row: Option<&Row>) -> Result<Self, StoreError> {
        let Some(row) = row else {
            return Ok(Self {
                bookings: 0,
                kept: 0,
                oldest_ms: None,
            });
        };
        Ok(Self {
            bookings: row.number("bookings")?,
            kept: row.number("kept")?,
            oldest_ms: row.number_or_null("oldest_ms")?,
        })
    }

    fn is_due(&self) -> bool {
        self.bookings > 0 && self.kept == 0
    }
}

/// What is due, and the shows with how many bookings each has.
pub(super) async fn due(
    database: &Database,
    before_ms: u64,
) -> Result<(Due, Vec<(ShowId, u64)>), StoreError> {
    let before = integer("before_ms", before_ms)?;
    let mut due = nothing_due(Kind::Bookings, before_ms);
    let mut shows = Vec::new();
    let mut after = Uuid::nil();
    loop {
        let page = database
            .fetch(
                "SELECT show_id FROM shows WHERE starts_at_ms < $1 AND sale_closes_at_ms < $1 \
                 AND show_id > $2 ORDER BY show_id LIMIT $3",
                &[before.into(), after.into(), SHOWS_PER_PAGE.into()],
            )
            .await?;
        let Some(last) = page.last() else { break };
        after = last.uuid("show_id")?;
        for row in &page {
            let show = row.uuid("show_id")?;
            let row = database
                .fetch_optional(COUNTED, &[show.into(), before.into()])
                .await?;
            let counted = Counted::of(row.as_ref())?;
            if !counted.is_due() {
                continue;
            }
            if shows.len() == SHOWS_PER_REPORT_MAX {
                due.note = Some(format!(
                    "of {SHOWS_PER_REPORT_MAX} shows; the next report has further ones"
                ));
                return Ok((due, shows));
            }
            shows.push((ShowId(show), counted.bookings));
            due.count += counted.bookings;
            due.oldest_ms = match (due.oldest_ms, counted.oldest_ms) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
    }
    Ok((due, shows))
}

/// Deletes bookings of the next show of the report.
pub(super) async fn delete(
    transaction: &mut Transaction,
    due: &mut Due,
    step: &Step<'_>,
) -> Result<Vec<AuditEntry>, StoreError> {
    let next = transaction
        .fetch_optional(
            "SELECT show_id, bookings, deleted FROM retention_shows \
             WHERE report_id = $1 AND done_at_ms IS NULL ORDER BY show_id LIMIT 1",
            &[step.report_id.into()],
        )
        .await?;
    let Some(next) = next else {
        due.is_done = true;
        return Ok(Vec::new());
    };
    let show = ShowId(next.uuid("show_id")?);
    let (bookings, before): (u64, u64) = (next.number("bookings")?, next.number("deleted")?);
    let mut entries = Vec::new();
    if before == 0 {
        let Some(tenant) = still_due(transaction, show, due.before_ms).await? else {
            // Something happened to it since: it is kept for as long again.
            due.left += bookings;
            done(transaction, show, step).await?;
            return Ok(entries);
        };
        retire(transaction, show, due.before_ms, step).await?;
        let detail = json!({
            "report": step.report_id,
            "bookings": bookings,
            "before_ms": due.before_ms,
        });
        let entry = step.actor.did("retention.bookings", "show", show);
        entries.push(entry.with(detail).of_tenant(tenant));
    }
    let most = u32::try_from(bookings.saturating_sub(before))
        .map_or(ROWS_PER_STEP_MAX, |rest| rest.min(ROWS_PER_STEP_MAX));
    let deleted = delete_rows(transaction, show, due.before_ms, most).await?;
    // With them, so that a report that is withdrawn behind this step leaves no seat without its booking.
    free_seats(transaction, show).await?;
    due.deleted += deleted;
    let of_show = before + deleted;
    // Payments and codes are deleted as many at a time as bookings; the next step goes on with the rest.
    let has_more = of_show >= bookings
        && (payments::forget_with_bookings(transaction, show, due.before_ms, ROWS_PER_STEP_MAX)
            .await?
            || forget_codes(transaction, show).await?);
    if (deleted == 0 || of_show >= bookings) && !has_more {
        due.left += bookings.saturating_sub(of_show);
        done(transaction, show, step).await?;
    } else {
        transaction
            .execute(
                "UPDATE retention_shows SET deleted = $3 WHERE report_id = $1 AND show_id = $2",
                &[
                    step.report_id.into(),
                    show.0.into(),
                    integer("deleted", of_show)?.into(),
                ],
            )
            .await?;
    }
    Ok(entries)
}

/// The tenant of a show of which everything is too old still.
async fn still_due(
    transaction: &mut Transaction,
    show: ShowId,
    before_ms: u64,
) -> Result<Option<Uuid>, StoreError> {
    let before = integer("before_ms", before_ms)?;
    let row = transaction
        .fetch_optional(
            "SELECT e.tenant_id FROM shows AS s JOIN events AS e ON e.event_id = s.event_id \
             WHERE s.show_id = $1 AND s.starts_at_ms < $2 AND s.sale_closes_at_ms < $2",
            &[show.0.into(), before.into()],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let counted = transaction
        .fetch_optional(COUNTED, &[show.0.into(), before.into()])
        .await?;
    if Counted::of(counted.as_ref())?.is_due() {
        row.uuid("tenant_id").map(Some)
    } else {
        Ok(None)
    }
}

/// From now on nobody expects the bookings that are deleted.
async fn retire(
    transaction: &mut Transaction,
    show: ShowId,
    before_ms: u64,
    step: &Step<'_>,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "INSERT INTO retired_shows (show_id, before_ms, report_id, retired_at_ms) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (show_id) DO UPDATE SET \
             before_ms = excluded.before_ms, report_id = excluded.report_id, \
             retired_at_ms = excluded.retired_at_ms",
            &[
                show.0.into(),
                integer("before_ms", before_ms)?.into(),
                step.report_id.into(),
                integer("retired_at_ms", step.now_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

async fn delete_rows(
    transaction: &mut Transaction,
    show: ShowId,
    before_ms: u64,
    most: u32,
) -> Result<u64, StoreError> {
    const DELETE: &str = concat!(
        "DELETE FROM bookings WHERE (partition, booking_offset) IN \
         (SELECT partition, booking_offset FROM bookings WHERE show_id = $1 AND ",
        is_kept!("$2"),
        " = 0 LIMIT $3) RETURNING user_id"
    );
    let deleted = transaction
        .fetch(
            DELETE,
            &[
                show.0.into(),
                integer("before_ms", before_ms)?.into(),
                most.into(),
            ],
        )
        .await?;
    let mut buyers = Vec::with_capacity(deleted.len());
    for row in &deleted {
        buyers.push(row.uuid("user_id")?);
    }
    buyers.sort_unstable();
    buyers.dedup();
    forget_guests(transaction, &buyers).await?;
    Ok(u64::try_from(deleted.len()).unwrap_or(u64::MAX))
}

/// Deletes those of these buyers that are guests without a booking: nothing refers to them any more.
async fn forget_guests(transaction: &mut Transaction, buyers: &[Uuid]) -> Result<(), StoreError> {
    if buyers.is_empty() {
        return Ok(());
    }
    let delete = match transaction {
        Transaction::Postgres(_) => {
            "DELETE FROM guests WHERE guest_id IN \
             (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json))) \
             AND (SELECT b.user_id FROM bookings AS b WHERE b.user_id = guests.guest_id LIMIT 1) IS NULL"
        }
        Transaction::Sqlite(_) => {
            "DELETE FROM guests WHERE guest_id IN (SELECT unhex(value) FROM json_each($1)) \
             AND (SELECT b.user_id FROM bookings AS b WHERE b.user_id = guests.guest_id LIMIT 1) IS NULL"
        }
    };
    // Both databases read hexadecimal digits without hyphens.
    let buyers: Vec<String> = buyers.iter().map(|id| id.simple().to_string()).collect();
    let buyers = json!(buyers).to_string();
    transaction
        .execute(delete, &[Value::from(&buyers)])
        .await
        .map(drop)
}

/// Deletes codes of a show that is over, where it has no bookings any more, and at last their groups; whether there
/// may be more of them.
async fn forget_codes(transaction: &mut Transaction, show: ShowId) -> Result<bool, StoreError> {
    let deleted = transaction
        .execute(
            "DELETE FROM codes WHERE code_hash IN \
             (SELECT code_hash FROM codes WHERE show_id = $1 LIMIT $2) \
             AND NOT EXISTS (SELECT 1 FROM bookings WHERE show_id = $1)",
            &[show.0.into(), ROWS_PER_STEP_MAX.into()],
        )
        .await?;
    if deleted >= u64::from(ROWS_PER_STEP_MAX) {
        return Ok(true);
    }
    for delete in [
        "DELETE FROM code_groups WHERE show_id = $1 \
         AND NOT EXISTS (SELECT 1 FROM bookings WHERE show_id = $1)",
        "DELETE FROM lacking_codes WHERE show_id = $1 \
         AND NOT EXISTS (SELECT 1 FROM bookings WHERE show_id = $1)",
    ] {
        transaction.execute(delete, &[show.0.into()]).await?;
    }
    Ok(false)
}

/// Removes the seats of a show whose bookings are gone. There are as many as those bookings had.
async fn free_seats(transaction: &mut Transaction, show: ShowId) -> Result<(), StoreError> {
    transaction
        .execute(
            "DELETE FROM booking_seats WHERE (show_id, seat) IN \
             (SELECT s.show_id, s.seat FROM booking_seats AS s LEFT JOIN bookings AS b \
             ON b.partition = s.partition AND b.booking_offset = s.booking_offset \
             WHERE s.show_id = $1 AND b.booking_id IS NULL)",
            &[show.0.into()],
        )
        .await
        .map(drop)
}

async fn done(
    transaction: &mut Transaction,
    show: ShowId,
    step: &Step<'_>,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE retention_shows SET done_at_ms = $3 WHERE report_id = $1 AND show_id = $2",
            &[
                step.report_id.into(),
                show.0.into(),
                integer("done_at_ms", step.now_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}
