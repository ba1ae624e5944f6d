//! Writing entries in the transaction of the rows that they are about, each once.

use std::collections::BTreeMap;
use std::ops::Range;

use onsale_schemas::{Offset, PartitionId};

use super::super::bulk;
use super::super::plan::Plan;
use super::Decided;
use super::row::DecidedRow;
use super::tenants::Tenants;
use crate::audit::chain::{ChainKey, Lane, owner};
use crate::database::trail::{chain, new_numbers};
use crate::database::{Transaction, integer};
use crate::error::StoreError;

/// Writes the entries of a plan that are not there yet.
pub(crate) async fn write(transaction: &mut Transaction, plan: &Plan) -> Result<(), StoreError> {
    if plan.decided.is_empty() {
        return Ok(());
    }
    let next = plan.watermark.next_offset;
    write_decided(transaction, plan.partition, &plan.decided, next).await
}

/// Writes the entries of records before `next` that are not there yet. The transaction has locked the watermark.
pub(crate) async fn write_decided(
    transaction: &mut Transaction,
    partition: PartitionId,
    decided: &[Decided],
    next: Offset,
) -> Result<(), StoreError> {
    let written = written_up_to(transaction, partition).await?;
    if next <= written {
        return Ok(());
    }
    let due: Vec<&Decided> = decided
        .iter()
        .filter(|decided| decided.offset >= written)
        .collect();
    if !due.is_empty() {
        insert(transaction, partition, due).await?;
    }
    set_written(transaction, partition, next).await
}

/// Notes that a repair sets the watermark from `from` to `next`: the projector comes to nothing before that any
/// more. The records before it that have no entries.
pub(crate) async fn pass_over(
    transaction: &mut Transaction,
    partition: PartitionId,
    from: Offset,
    next: Offset,
) -> Result<Option<Range<Offset>>, StoreError> {
    let written = written_up_to(transaction, partition).await?;
    // One that was ahead of the log says nothing of what was projected.
    let begin = if from > next {
        written
    } else {
        written.max(from)
    };
    // Also set back: a log that has lost its end has other records there.
    set_written(transaction, partition, next).await?;
    Ok((begin < next).then_some(begin..next))
}

async fn insert(
    transaction: &mut Transaction,
    partition: PartitionId,
    due: Vec<&Decided>,
) -> Result<(), StoreError> {
    let tenants = Tenants::of(transaction, &due).await?;
    let lane = Lane::of_log(partition);
    let mut chains = BTreeMap::new();
    for decided in &due {
        let tenant = owner(tenants.of_place(decided.place));
        chains.entry(tenant).or_insert(None);
    }
    for (tenant, head) in &mut chains {
        let key = ChainKey {
            tenant: *tenant,
            lane,
        };
        *head = Some((chain::lock(transaction, key).await?, Vec::new()));
    }
    // Numbers are given out behind the locks, so that they grow along each chain.
    let ids = new_numbers(transaction, due.len()).await?;
    let mut rows = Vec::with_capacity(due.len());
    for (decided, audit_id) in due.into_iter().zip(ids) {
        let tenant_id = tenants.of_place(decided.place);
        let row = DecidedRow {
            audit_id,
            at_ms: integer("log_time_ms", decided.at_ms)?,
            actor_id: decided.actor.id,
            actor_role: decided.actor.role,
            actor_tenant_id: decided.actor.tenant,
            request_id: decided.request_id.map(|id| id.to_string()),
            action: decided.action,
            subject_kind: decided.subject_kind,
            subject_id: decided.subject_id.clone(),
            tenant_id,
            detail: decided.detail.clone(),
        };
        if let Some(Some((_, members))) = chains.get_mut(&owner(tenant_id)) {
            members.push(row.member());
        }
        rows.push(row);
    }
    bulk::insert_decided(transaction, &rows, lane).await?;
    for (head, members) in chains.into_values().flatten() {
        head.append(transaction, &members).await?;
    }
    Ok(())
}

async fn set_written(
    transaction: &mut Transaction,
    partition: PartitionId,
    next: Offset,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "INSERT INTO audit_projected (partition, next_offset) VALUES ($1, $2) \
             ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset",
            &[partition.0.into(), integer("next_offset", next)?.into()],
        )
        .await
        .map(drop)
}

/// The record from which on entries are missing. Only who has locked the partition's watermark writes it: its
/// projector, or a repair.
async fn written_up_to(
    transaction: &mut Transaction,
    partition: PartitionId,
) -> Result<Offset, StoreError> {
    transaction
        .fetch_optional(
            "SELECT next_offset FROM audit_projected WHERE partition = $1",
            &[partition.0.into()],
        )
        .await?
        .map_or(Ok(0), |row| row.number("next_offset"))
}
