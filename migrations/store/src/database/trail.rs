//! Writes entries of the audit trail, and the links of their chains.

pub(crate) mod chain;

use std::collections::BTreeMap;

use uuid::Uuid;

use self::chain::Head;
use super::{Transaction, Value};
use crate::audit::AuditEntry;
use crate::audit::chain::{ChainKey, Lane, Member, Stored, owner};
use crate::error::StoreError;

const INSERT: &str = "INSERT INTO audit (at_ms, actor_id, actor_role, actor_tenant_id, request_id, \
     action, subject_kind, subject_id, tenant_id, detail, origin, lane) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING audit_id";

/// Adds entries in the transaction of the fact that they are about, in its last moment: each chain that
/// they belong to is locked from here to the commit, always in the same order and with nothing to be
/// locked after them, so that of two commits one waits for the other and neither for ever.
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
        let key = ChainKey {
            tenant,
            lane: Lane::PEOPLE,
        };
        let head = chain::lock(transaction, key).await?;
        chains.insert(tenant, (head, Vec::new()));
    }
    for (entry, detail) in entries.iter().zip(&details) {
        if let Some((head, members)) = chains.get_mut(&owner_of(entry)) {
            let written = insert(transaction, head.now_ms, entry, detail.as_deref()).await?;
            members.push(written);
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

async fn insert(
    transaction: &mut Transaction,
    now_ms: i64,
    entry: &AuditEntry,
    detail: Option<&str>,
) -> Result<Member, StoreError> {
    let actor = &entry.actor;
    let values = [
        now_ms.into(),
        actor.id.into(),
        Value::from(&actor.role),
        actor.tenant_id.into(),
        Value::from(&actor.request_id),
        entry.action.into(),
        entry.subject_kind.into(),
        Value::from(&entry.subject_id),
        entry.tenant_id.into(),
        Value::Text(detail),
        Value::from(&actor.origin),
        i64::from(Lane::PEOPLE.0).into(),
    ];
    let rows = transaction.fetch(INSERT, &values).await?;
    let Some(row) = rows.first() else {
        return Err(StoreError::Corrupt(
            "an entry of the audit trail has no number".to_owned(),
        ));
    };
    let stored = Stored {
        audit_id: row.signed("audit_id")?,
        at_ms: now_ms,
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
    };
    Ok(stored.member())
}
