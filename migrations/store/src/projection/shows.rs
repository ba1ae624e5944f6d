//! Writes what became of a show, in an open transaction.

use super::plan::{ShowEvent, ShowStep};
use super::{changes, growth};
use crate::catalog::ShowChange;
use crate::database::{Transaction, Value, integer};
use crate::error::StoreError;
use crate::store::offers;
use crate::store::shows::{SHOW_ALONE, show_row};

pub(super) async fn step(transaction: &mut Transaction, step: &ShowStep) -> Result<(), StoreError> {
    match step.event {
        ShowEvent::Opened => transaction
            .execute(
                "UPDATE shows SET status = 'open' WHERE show_id = $1 AND status = 'opening'",
                &[step.show.0.into()],
            )
            .await
            .map(drop),
        ShowEvent::Amended(request) => {
            let id = step.show.0;
            if let Some(change) = changes::OF_SHOWS.proposed(transaction, request, id).await? {
                amend(transaction, step, &change).await?;
                changes::OF_SHOWS.settle(transaction, request).await?;
            }
            Ok(())
        }
        ShowEvent::Offered(request) => {
            let id = step.show.0;
            let proposed = changes::OF_SHOWS.proposed(transaction, request, id);
            if let Some(offered) = proposed.await? {
                offers::put_in_force(transaction, step.show, &offered, step.offset).await?;
                changes::OF_SHOWS.settle(transaction, request).await?;
            }
            Ok(())
        }
        ShowEvent::AmendedBefore(request) => changes::OF_SHOWS.settle(transaction, request).await,
        ShowEvent::Closed => close(transaction, step).await,
        ShowEvent::Grown(grown) => growth::add(transaction, step, &grown).await,
        ShowEvent::GrownBefore(grown) => growth::add_lacking(transaction, step, &grown).await,
    }
}

/// The engine does the same to the end of the sale. It was said now, so it stays where it is when the
/// beginning moves.
async fn close(transaction: &mut Transaction, step: &ShowStep) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE shows SET status = 'closed', closes_by_default = 0, sale_closes_at_ms = \
             CASE WHEN sale_closes_at_ms < $2 THEN sale_closes_at_ms ELSE $2 END, \
             closed_offset = $3 WHERE show_id = $1 AND status IN ('opening', 'open', 'closed')",
            &[
                step.show.0.into(),
                integer("log_time_ms", step.at_ms)?.into(),
                integer("offset", step.offset)?.into(),
            ],
        )
        .await
        .map(drop)
}

async fn amend(
    transaction: &mut Transaction,
    step: &ShowStep,
    change: &ShowChange,
) -> Result<(), StoreError> {
    let id = step.show.0;
    let Some(row) = transaction.fetch_optional(SHOW_ALONE, &[id.into()]).await? else {
        return Ok(());
    };
    let offset = integer("offset", step.offset)?;
    let mut show = show_row(&row)?;
    change.apply_to(&mut show, step.at_ms);
    transaction
        .execute(
            "UPDATE shows SET name = $2, starts_at_ms = $3, sale_opens_at_ms = $4, \
             sale_closes_at_ms = $5, hold_ms = $6, status = $7, closes_by_default = $8, \
             amended_offset = $9 WHERE show_id = $1",
            &[
                id.into(),
                Value::from(&show.name),
                integer("starts_at_ms", show.starts_at_ms)?.into(),
                integer("sale_opens_at_ms", show.sale_opens_at_ms)?.into(),
                integer("sale_closes_at_ms", show.sale_closes_at_ms)?.into(),
                show.hold_ms.into(),
                show.status.as_str().into(),
                i64::from(show.closes_by_default).into(),
                offset.into(),
            ],
        )
        .await?;
    for (zone, price) in &change.prices {
        transaction
            .execute(
                "UPDATE zones SET unit_price = $3 WHERE show_id = $1 AND zone = $2",
                &[id.into(), (*zone).into(), (*price).into()],
            )
            .await?;
    }
    if let Some(limit) = change.max_tickets_per_user {
        transaction
            .execute(
                "UPDATE events SET max_tickets_per_user = $2, amended_offset = $3 \
                 WHERE event_id = $1",
                &[show.event_id.0.into(), limit.into(), offset.into()],
            )
            .await?;
    }
    Ok(())
}
