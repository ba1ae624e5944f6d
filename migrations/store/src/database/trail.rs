//! Writes entries of the audit trail, and the links of their chains.

pub(crate) mod chain;

use std::collections::BTreeMap;

use uuid::Uuid;

use self::chain::Head;
use super::{Transaction, Value};
use crate::audit::AuditEntry;
use crate::audit::chain::{Lane, Member, Stored, owner};
use crate::error::StoreError;

/// With its number, because what it returned would have to be visible: someone may leave an entry that it
/// may not read.
const INSERT: &str = "INSERT INTO audit (at_ms, actor_id, actor_role, actor_tenant_id, request_id, \
     action, subject_kind, subject_id, tenant_id, detail, origin, lane, audit_id) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/// Adds entries in the transaction of the fact that they are about, in its last moment: a chain of each tenant
/// that they belong to is locked from here to the commit, one that is free, and always in the same order and
/// with nothing to be locked after them, so that where of two commits one waits for the other none does for
/// ever.
pub(super) async fn write(
    transaction: &mut Transaction,
    entries: &[AuditEntry],
) -> Result<(), StoreError> {
    let details = entries.iter().map(AuditEntry::checked_detail);
    let details: Vec<Option<String>> = details.collect::<Result<_, _>>()?;
    let mut chains: BTreeMap<Uuid, (Head, Vec<Member>)> = BTreeMap::new();
    let mut tenants: Vec<Uuid> = entries.iter().map(owner_of).collect();
    tenants.sort_unstable();
    tenants.dedup();
    for tenant in tenants {
        let head = chain::lock_of_people(transaction, tenant).await?;
        chains.insert(tenant, (head, Vec::new()));
    }
    // Behind the locks, so that they grow along each chain.
    let numbers = new_numbers(transaction, entries.len()).await?;
    for ((entry, detail), audit_id) in entries.iter().zip(&details).zip(numbers) {
        if let Some((head, members)) = chains.get_mut(&owner_of(entry)) {
            let stored = stored(audit_id, head.now_ms, entry, detail.as_deref());
            insert(transaction, &stored, head.key.lane).await?;
            members.push(stored.member());
        }
    }
    for (head, members) in chains.into_values() {
        head.append(transaction, &members).await?;
    }
    Ok(())
}

fn owner_of(entry: &AuditEntry) -> Uuid {
    owner(entry.tenant_id)
}

fn stored<'a>(
    audit_id: i64,
    at_ms: i64,
    entry: &'a AuditEntry,
    detail: Option<&'a str>,
) -> Stored<'a> {
    let actor = &entry.actor;
    Stored {
        audit_id,
        at_ms,
        actor_id: actor.id,
        actor_role: &actor.role,
        actor_tenant_id: actor.tenant_id,
        request_id: actor.request_id.as_deref(),
        action: entry.action,
        subject_kind: entry.subject_kind,
        subject_id: &entry.subject_id,
        tenant_id: entry.tenant_id,
        detail,
        origin: actor.origin.as_deref(),
    }
}

async fn insert(
    transaction: &mut Transaction,
    stored: &Stored<'_>,
    lane: Lane,
) -> Result<(), StoreError> {
    let values = [
        stored.at_ms.into(),
        stored.actor_id.into(),
        stored.actor_role.into(),
        stored.actor_tenant_id.into(),
        Value::Text(stored.request_id),
        stored.action.into(),
        stored.subject_kind.into(),
        stored.subject_id.into(),
        stored.tenant_id.into(),
        Value::Text(stored.detail),
        Value::Text(stored.origin),
        i64::from(lane.0).into(),
        stored.audit_id.into(),
    ];
    transaction.execute(INSERT, &values).await.map(drop)
}

/// Numbers for new entries, ascending.
pub(crate) async fn new_numbers(
    transaction: &mut Transaction,
    count: usize,
) -> Result<Vec<i64>, StoreError> {
    let count = i64::try_from(count)
        .map_err(|_| StoreError::Invalid(format!("{count} entries of the audit trail at once")))?;
    match transaction {
        Transaction::Postgres(_) => {
            let rows = transaction
                .fetch(
                    "SELECT nextval('audit_numbers') AS audit_id FROM generate_series(1, $1)",
                    &[count.into()],
                )
                .await?;
            let ids = rows.iter().map(|row| row.signed("audit_id"));
            let mut ids: Vec<i64> = ids.collect::<Result<_, _>>()?;
            ids.sort_unstable();
            Ok(ids)
        }
        // It has one writer at a time, and this transaction is it.
        Transaction::Sqlite(_) => {
            let last = transaction
                .fetch_optional("SELECT seq FROM sqlite_sequence WHERE name = 'audit'", &[])
                .await?
                .map_or(Ok(0), |row| row.signed("seq"))?;
            Ok((last + 1..=last + count).collect())
        }
    }
}
