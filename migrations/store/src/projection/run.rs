//! Writes a plan in an open transaction.

use onsale_schemas::{PartitionId, ShowId, ZoneIndex};

use super::bulk::{self, OnKnown};
use super::plan::{CatalogStep, Phase, Plan};
use super::{changes, codes, documents, events, growth, retired, shows, sweep, trail};
use crate::booking::{BookingRow, ExpectedProjection, Version2, Watermark};
use crate::database::{Row, Transaction, integer};
use crate::error::StoreError;

/// Reads a partition's watermark and keeps it from other projectors until the transaction ends. A
/// partition that was never projected stands at its beginning.
pub(crate) async fn lock_watermark(
    transaction: &mut Transaction,
    partition: PartitionId,
) -> Result<Watermark, StoreError> {
    // SQLite has one writer at a time, and this transaction is it.
    let select = match transaction {
        Transaction::Postgres(_) => {
            "SELECT partition, next_offset, last_outcome, log_time_ms FROM projector_watermarks \
             WHERE partition = $1 FOR UPDATE"
        }
        Transaction::Sqlite(_) => {
            "SELECT partition, next_offset, last_outcome, log_time_ms FROM projector_watermarks \
             WHERE partition = $1"
        }
    };
    let key = [partition.0.into()];
    if let Some(row) = transaction.fetch_optional(select, &key).await? {
        return watermark_row(&row);
    }
    // A row that is not there cannot be locked: two first projectors meet at this insertion.
    transaction
        .execute(
            "INSERT INTO projector_watermarks (partition, next_offset, last_outcome, log_time_ms) \
             VALUES ($1, 0, NULL, 0) ON CONFLICT (partition) DO NOTHING",
            &key,
        )
        .await?;
    match transaction.fetch_optional(select, &key).await? {
        Some(row) => watermark_row(&row),
        None => Err(StoreError::Corrupt(format!(
            "the watermark of partition {partition} cannot be created"
        ))),
    }
}

/// Refuses to go on where the projection is not where it is expected; projectors wait until the transaction
/// ends, or are kept away by another one.
pub(crate) async fn expect(
    transaction: &mut Transaction,
    expected: &ExpectedProjection,
) -> Result<(), StoreError> {
    for &(partition, offset) in &expected.offsets {
        let found = if expected.is_held {
            let key = [partition.0.into()];
            let row = transaction
                .fetch_optional(
                    "SELECT next_offset FROM projector_watermarks WHERE partition = $1",
                    &key,
                )
                .await?;
            row.map_or(Ok(0), |row| row.number("next_offset"))?
        } else {
            lock_watermark(transaction, partition).await?.next_offset
        };
        if found != offset {
            return Err(StoreError::ProjectionMoved {
                partition,
                expected: offset,
                found,
            });
        }
    }
    Ok(())
}

/// Writes the rows of a plan and its watermark.
pub(crate) async fn apply(transaction: &mut Transaction, plan: &Plan) -> Result<(), StoreError> {
    for phase in &plan.phases {
        write(transaction, plan, phase).await?;
    }
    write_watermark(transaction, &plan.watermark).await?;
    if let Some(version_2) = &plan.version_2 {
        write_version_2(transaction, plan.partition, version_2).await?;
    }
    // Behind everything: it locks the ends of chains, and says which tenant a show belongs to by now.
    trail::write(transaction, plan).await
}

async fn write(
    transaction: &mut Transaction,
    plan: &Plan,
    phase: &Phase,
) -> Result<(), StoreError> {
    if let Some(swept) = &phase.swept {
        sweep::write(transaction, plan.partition, swept).await?;
    }
    for step in &phase.catalog {
        match step {
            CatalogStep::Show(step) => shows::step(transaction, step).await?,
            CatalogStep::PlacesTaken(change, offset) => {
                growth::take(transaction, change, *offset).await?;
            }
            CatalogStep::EventAmended(step) => events::amend(transaction, step).await?,
            CatalogStep::EventChangedBefore(request) => {
                changes::OF_EVENTS.settle(transaction, *request).await?;
            }
            CatalogStep::Codes(step) => codes::step(transaction, step).await?,
            CatalogStep::CodesChangedBefore(request) => {
                codes::settle(transaction, *request).await?;
            }
            CatalogStep::Described(describe) => documents::describe(transaction, describe).await?,
        }
    }
    bulk::free_seats(transaction, &phase.freed).await?;
    let changed = bulk::change_bookings(transaction, plan.partition, &phase.changed).await?;
    let expected = u64::try_from(phase.changed.len()).unwrap_or(u64::MAX);
    if changed != expected
        && changed + retired::gone(transaction, plan.partition, &phase.changed).await? != expected
    {
        return Err(StoreError::Corrupt(format!(
            "records up to {} of partition {} change {} bookings, of which only {changed} are \
             projected",
            plan.watermark.next_offset,
            plan.partition,
            phase.changed.len(),
        )));
    }
    let inserted: Vec<&BookingRow> = phase.inserted.iter().collect();
    bulk::insert_bookings(transaction, &inserted, OnKnown::Refuse).await?;
    bulk::take_seats(transaction, &phase.taken).await?;
    bulk::unblock_seats(transaction, &phase.unblocked).await?;
    bulk::block_seats(transaction, &phase.blocked).await?;
    for (show, zone, delta) in &phase.blocked_quantities {
        add_blocked_quantity(transaction, *show, *zone, *delta).await?;
    }
    Ok(())
}

/// Changes how many places of a general-admission zone are blocked.
pub(crate) async fn add_blocked_quantity(
    transaction: &mut Transaction,
    show: ShowId,
    zone: ZoneIndex,
    delta: i64,
) -> Result<(), StoreError> {
    // In two steps, because a check constraint looks at the row proposed before the conflict does.
    transaction
        .execute(
            "INSERT INTO blocked_quantities (show_id, zone, quantity) VALUES ($1, $2, 0) \
             ON CONFLICT (show_id, zone) DO NOTHING",
            &[show.0.into(), zone.into()],
        )
        .await?;
    transaction
        .execute(
            "UPDATE blocked_quantities SET quantity = quantity + $3 \
             WHERE show_id = $1 AND zone = $2",
            &[show.0.into(), zone.into(), delta.into()],
        )
        .await
        .map(drop)
}

pub(crate) async fn write_watermark(
    transaction: &mut Transaction,
    watermark: &Watermark,
) -> Result<(), StoreError> {
    let last_outcome = watermark
        .last_outcome
        .map(|offset| integer("last_outcome", offset))
        .transpose()?;
    transaction
        .execute(
            "INSERT INTO projector_watermarks (partition, next_offset, last_outcome, log_time_ms) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (partition) DO UPDATE SET \
             next_offset = excluded.next_offset, last_outcome = excluded.last_outcome, \
             log_time_ms = excluded.log_time_ms",
            &[
                watermark.partition.0.into(),
                integer("next_offset", watermark.next_offset)?.into(),
                last_outcome.into(),
                integer("log_time_ms", watermark.log_time_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

/// From when on the machine is of version 2. It is raised once.
pub(crate) async fn write_version_2(
    transaction: &mut Transaction,
    partition: PartitionId,
    version_2: &Version2,
) -> Result<(), StoreError> {
    let offset = version_2
        .since_offset
        .map(|offset| integer("offset", offset))
        .transpose()?;
    transaction
        .execute(
            "UPDATE projector_watermarks SET version_2_since_ms = $2, version_2_since_offset = $3 \
             WHERE partition = $1 AND version_2_since_ms IS NULL",
            &[
                partition.0.into(),
                integer("log_time_ms", version_2.since_ms)?.into(),
                offset.into(),
            ],
        )
        .await
        .map(drop)
}

pub(crate) fn watermark_row(row: &Row) -> Result<Watermark, StoreError> {
    Ok(Watermark {
        partition: PartitionId(row.number("partition")?),
        next_offset: row.number("next_offset")?,
        last_outcome: row.number_or_null("last_outcome")?,
        log_time_ms: row.number("log_time_ms")?,
    })
}
