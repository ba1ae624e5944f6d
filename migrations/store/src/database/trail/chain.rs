//! The end of a chain: locked, then moved on.

use uuid::Uuid;

use super::super::{Row, Transaction, Value};
use crate::audit::chain::{ChainKey, LINK_ENTRIES_MAX, Lane, Link, Member, NO_HASH};
use crate::error::StoreError;

macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT lane, links, entries, last_audit_id, hash, \
             (SELECT now_ms FROM database_clock) AS now_ms FROM audit_chains \
             WHERE tenant_id = $1 AND ",
            $which
        )
    };
}

/// The first chain of people whose end nobody has locked.
const FREE_OF_PEOPLE: &str =
    select!("(lane = $2 OR lane BETWEEN $3 AND $4) ORDER BY lane LIMIT 1 FOR UPDATE SKIP LOCKED");
/// A chain of people for who found none free: the first one where there is none, any other that is not there
/// yet, or else any. By chance, so that of many who come at once few meet.
const NEXT_OF_PEOPLE: &str = "SELECT l.lane FROM \
     (SELECT CAST($2 AS integer) AS lane UNION ALL \
     SELECT generate_series(CAST($3 AS integer), CAST($4 AS integer))) AS l \
     LEFT JOIN audit_chains AS c ON c.tenant_id = $1 AND c.lane = l.lane \
     ORDER BY c.lane IS NOT NULL, l.lane <> $2, random() LIMIT 1";

/// Where a chain ends, locked until the transaction ends.
pub(crate) struct Head {
    pub(crate) key: ChainKey,
    links: i64,
    entries: i64,
    /// The number of its last entry.
    pub(crate) last_audit_id: i64,
    hash: [u8; 32],
    /// The database's clock.
    pub(crate) now_ms: i64,
}

/// Locks the end of a chain, which is there from then on. Whoever locks several does so in the order of
/// their keys.
pub(crate) async fn lock(transaction: &mut Transaction, key: ChainKey) -> Result<Head, StoreError> {
    let select = match transaction {
        Transaction::Postgres(_) => select!("lane = $2 FOR UPDATE"),
        // It has one writer at a time, and this transaction is it.
        Transaction::Sqlite(_) => select!("lane = $2"),
    };
    let values = [key.tenant.into(), i64::from(key.lane.0).into()];
    if let Some(row) = transaction.fetch_optional(select, &values).await? {
        return head(key.tenant, &row);
    }
    // A row that is not there cannot be locked: two first writers meet at this insertion.
    transaction
        .execute(
            "INSERT INTO audit_chains (tenant_id, lane, links, entries, last_audit_id, hash) \
             VALUES ($1, $2, 0, 0, 0, $3) ON CONFLICT (tenant_id, lane) DO NOTHING",
            &[values[0], values[1], Value::Bytes(&NO_HASH)],
        )
        .await?;
    match transaction.fetch_optional(select, &values).await? {
        Some(row) => head(key.tenant, &row),
        None => Err(StoreError::Corrupt(format!(
            "the end of the audit chain {} of tenant {} cannot be created",
            key.lane.name(),
            key.tenant
        ))),
    }
}

/// Locks the end of a chain of what people did for a tenant, one that nobody else is at where there is any.
pub(crate) async fn lock_of_people(
    transaction: &mut Transaction,
    tenant: Uuid,
) -> Result<Head, StoreError> {
    let mut key = ChainKey {
        tenant,
        lane: Lane::PEOPLE,
    };
    // It has one writer at a time, who finds each of them free.
    if let Transaction::Sqlite(_) = transaction {
        return lock(transaction, key).await;
    }
    let number = |lane: Lane| Value::from(i64::from(lane.0));
    let values = [
        Value::from(tenant),
        number(Lane::PEOPLE),
        number(Lane::PEOPLE_SECOND),
        number(Lane::PEOPLE_LAST),
    ];
    if let Some(row) = transaction.fetch_optional(FREE_OF_PEOPLE, &values).await? {
        return head(tenant, &row);
    }
    if let Some(row) = transaction.fetch_optional(NEXT_OF_PEOPLE, &values).await? {
        key.lane = Lane(row.number("lane")?);
    }
    lock(transaction, key).await
}

fn head(tenant: Uuid, row: &Row) -> Result<Head, StoreError> {
    Ok(Head {
        key: ChainKey {
            tenant,
            lane: Lane(row.number("lane")?),
        },
        links: row.signed("links")?,
        entries: row.signed("entries")?,
        last_audit_id: row.signed("last_audit_id")?,
        hash: row.exactly("hash")?,
        now_ms: row.signed("now_ms")?,
    })
}

impl Head {
    /// Adds links that cover these entries, in the order of their numbers.
    pub(crate) async fn append(
        mut self,
        transaction: &mut Transaction,
        members: &[Member],
    ) -> Result<(), StoreError> {
        if members.is_empty() {
            return Ok(());
        }
        for of_link in members.chunks(LINK_ENTRIES_MAX) {
            let link = Link::of(self.key, self.links + 1, of_link, self.hash);
            self.links = link.number;
            self.hash = link.hash();
            self.entries += i64::try_from(of_link.len()).unwrap_or_default();
            let ids = || of_link.iter().map(|member| member.audit_id);
            let first = ids().next().unwrap_or_default();
            self.last_audit_id = ids().next_back().unwrap_or_default();
            transaction
                .execute(
                    "INSERT INTO audit_links (tenant_id, lane, link, first_audit_id, \
                     last_audit_id, first_ms, last_ms, members, previous_hash, hash) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                    &[
                        self.key.tenant.into(),
                        i64::from(self.key.lane.0).into(),
                        link.number.into(),
                        first.into(),
                        self.last_audit_id.into(),
                        link.first_ms.into(),
                        link.last_ms.into(),
                        Value::Bytes(&link.members),
                        Value::Bytes(&link.previous_hash),
                        Value::Bytes(&self.hash),
                    ],
                )
                .await?;
        }
        transaction
            .execute(
                "UPDATE audit_chains SET links = $3, entries = $4, last_audit_id = $5, hash = $6 \
                 WHERE tenant_id = $1 AND lane = $2",
                &[
                    self.key.tenant.into(),
                    i64::from(self.key.lane.0).into(),
                    self.links.into(),
                    self.entries.into(),
                    self.last_audit_id.into(),
                    Value::Bytes(&self.hash),
                ],
            )
            .await
            .map(drop)
    }
}
