//! Keeping the audit trail: months ahead of time, entries of older versions linked, and what is years old
//! deleted.

use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use super::entry_row;
use crate::Store;
use crate::audit::chain::{ChainKey, INSTALLATION, Lane, Member, owner};
use crate::audit::{Actor, Unaudited};
use crate::database::trail::chain;
use crate::database::{Database, Durability, Transaction, Value, integer};
use crate::error::StoreError;

/// Months that have a part of the table from the present one on.
const MONTHS_AHEAD: u32 = 4;
/// How old an entry without a chain has to be before it is linked, in milliseconds: whoever wrote an
/// earlier number has committed it by then, or never will.
const LINKED_AFTER_MS: i64 = 3_600_000;
/// Entries that one transaction links.
const LINKED_AT_ONCE: u32 = 2_000;
/// Days that entries are kept where nothing says how many, as the triggers of migration 0015 have it.
const KEPT_DAYS_DEFAULT: u64 = 1_098;
const DAY_MS: u64 = 86_400_000;
/// Chains from whose beginning one call deletes links.
const CHAINS_AT_ONCE: u32 = 20;
/// How often one call looks for more of such chains.
const ROUNDS_MAX: u32 = 50;

/// The month of a time. One beyond those that are there ahead of time is a clock's that went ahead.
const MAKE_MONTH_OF: &str = "SELECT audit_make_months($1, 1) AS made FROM database_clock \
     WHERE to_timestamp($1 / 1000.0) AT TIME ZONE 'UTC' \
     < date_trunc('month', to_timestamp(now_ms / 1000.0) AT TIME ZONE 'UTC') \
     + make_interval(months => CAST($2 AS integer))";

impl Store {
    /// Creates the parts of the audit trail for this month and the next ones where they are missing;
    /// returns how many that were. Without them entries go into a part for everything else, and none is
    /// refused. SQLite has no parts.
    ///
    /// # Errors
    /// As every write.
    pub async fn make_audit_months(&self) -> Result<u64, StoreError> {
        if let Database::Sqlite(_) = self.database {
            return Ok(0);
        }
        self.database
            .write(Durability::Durable, |mut transaction| async move {
                let made = transaction
                    .fetch_optional(
                        "SELECT audit_make_months(now_ms, CAST($1 AS integer)) AS made \
                         FROM database_clock",
                        &[MONTHS_AHEAD.into()],
                    )
                    .await?
                    .map_or(Ok(0), |row| row.number("made"))?;
                transaction.commit(Unaudited::Automatic).await?;
                Ok(made)
            })
            .await
    }

    /// As [`Store::make_audit_months`], for the months of these times, in milliseconds since 1970: a projection
    /// that begins anew writes entries of years ago. None is created for a time that is further ahead than
    /// [`Store::make_audit_months`] goes.
    ///
    /// # Errors
    /// As every write.
    pub async fn make_audit_months_of(&self, times_ms: &[u64]) -> Result<u64, StoreError> {
        if let Database::Sqlite(_) = self.database {
            return Ok(0);
        }
        let times = times_ms.iter().map(|time_ms| integer("time_ms", *time_ms));
        let times: Vec<i64> = times.collect::<Result<_, _>>()?;
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let mut made: u64 = 0;
                for time in times {
                    let month = transaction
                        .fetch_optional(MAKE_MONTH_OF, &[time.into(), MONTHS_AHEAD.into()])
                        .await?;
                    made += month.map_or(Ok(0), |row| row.number::<u64>("made"))?;
                }
                transaction.commit(Unaudited::Automatic).await?;
                Ok(made)
            })
            .await
    }

    /// Links entries of a version without chains, those of before an hour ago and at most so many as one
    /// transaction takes; returns how many. None are left when it returns 0.
    ///
    /// # Errors
    /// As every write.
    pub async fn link_older_audit(&self) -> Result<u64, StoreError> {
        self.database
            .write(Durability::Durable, |mut transaction| async move {
                let linked = link_older(&mut transaction).await?;
                transaction.commit(Unaudited::Automatic).await?;
                Ok(linked)
            })
            .await
    }

    /// How many entries no link names yet, of a version without chains.
    ///
    /// # Errors
    /// As every read.
    pub(super) async fn count_unlinked_audit(&self) -> Result<u64, StoreError> {
        self.database
            .fetch_optional(
                "SELECT COUNT(*) AS entries FROM audit WHERE lane IS NULL AND audit_id > \
                 (SELECT COALESCE(MAX(last_audit_id), 0) FROM audit_chains WHERE lane = -1)",
                &[],
            )
            .await?
            .map_or(Ok(0), |row| row.number("entries"))
    }

    /// How many entries are from before a time.
    ///
    /// # Errors
    /// As every read.
    pub async fn count_audit_before(&self, before_ms: u64) -> Result<u64, StoreError> {
        let values = [integer("before_ms", before_ms)?.into()];
        let sql = "SELECT COUNT(*) AS entries FROM audit WHERE at_ms < $1";
        if let Database::Sqlite(_) = self.database {
            return self
                .database
                .fetch_optional(sql, &values)
                .await?
                .map_or(Ok(0), |row| row.number("entries"));
        }
        // A month is more than a statement has time for otherwise.
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                transaction.raise_statement_timeout().await?;
                let before = integer("before_ms", before_ms)?;
                let counted = transaction.fetch_optional(sql, &[before.into()]).await?;
                let counted = counted.map_or(Ok(0), |row| row.number("entries"))?;
                transaction.commit(Unaudited::Automatic).await?;
                Ok(counted)
            })
            .await
    }

    /// For how many days the database keeps entries at least, whatever a caller asks for.
    ///
    /// # Errors
    /// As every read.
    pub async fn audit_kept_days(&self) -> Result<u64, StoreError> {
        self.database
            .fetch_optional("SELECT kept_days FROM audit_retention WHERE one = 1", &[])
            .await?
            .map_or(Ok(KEPT_DAYS_DEFAULT), |row| row.number("kept_days"))
    }

    /// Writes down for how many days entries are kept at least, 31 to 36,600; false where the role that this
    /// connects as may not, because another one owns the tables. An entry says what was changed.
    ///
    /// # Errors
    /// As every write.
    pub async fn keep_audit_days(&self, days: u64, actor: &Actor) -> Result<bool, StoreError> {
        let before = self.audit_kept_days().await?;
        if before == days {
            return Ok(true);
        }
        if let Database::Postgres(_) = self.database {
            let row = self
                .database
                .fetch_optional(
                    "SELECT CAST(has_table_privilege('audit_retention', 'UPDATE') AS integer) \
                     AS may",
                    &[],
                )
                .await?;
            if row.map_or(Ok(0), |row| row.signed("may"))? == 0 {
                return Ok(false);
            }
        }
        let entry = actor
            .did("audit.keep", "audit", "retention")
            .with(json!({ "days": { "before": before, "after": days } }));
        let days = integer("kept_days", days)?;
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                transaction
                    .execute(
                        "INSERT INTO audit_retention (one, kept_days) VALUES (1, $1) \
                         ON CONFLICT (one) DO UPDATE SET kept_days = excluded.kept_days",
                        &[days.into()],
                    )
                    .await?;
                transaction.commit(entry).await?;
                Ok(true)
            })
            .await
    }

    /// What is from before this moment is old enough to be deleted, in milliseconds since 1970.
    ///
    /// # Errors
    /// As every read.
    pub(crate) async fn audit_old_enough_ms(&self) -> Result<u64, StoreError> {
        let kept_ms = self.audit_kept_days().await?.saturating_mul(DAY_MS);
        Ok(self.clock_ms().await?.saturating_sub(kept_ms))
    }

    /// Deletes entries from before a time, about `limit` of them at most, and the links of the chains that
    /// named them; the chains keep the hash of the last link that was deleted, so what is left can be
    /// verified. Returns how many entries were deleted; 0 when there is nothing more to do. On PostgreSQL a
    /// whole month is dropped at once, whatever `limit` says, and none of it before all of it is from
    /// before that time.
    ///
    /// # Errors
    /// As every write; the database refuses a time within the days that it keeps entries for, see
    /// [`Store::audit_kept_days`].
    pub async fn drop_audit_before(&self, before_ms: u64, limit: u32) -> Result<u64, StoreError> {
        let before = integer("before_ms", before_ms)?;
        self.move_audit_horizon(before).await?;
        // First, because entries without a link are taken for deleted ones, and links without entries for
        // broken ones where not all of them are old.
        for _round in 0..ROUNDS_MAX {
            let chains = self.chains_with_old_links(before).await?;
            if chains.is_empty() {
                break;
            }
            for key in chains {
                self.drop_old_links(key, before, limit).await?;
            }
        }
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let dropped = drop_entries(&mut transaction, before, limit).await?;
                transaction.commit(Unaudited::Automatic).await?;
                Ok(dropped)
            })
            .await
    }

    /// Says up to when entries may be deleted.
    async fn move_audit_horizon(&self, before: i64) -> Result<(), StoreError> {
        self.database
            .execute_unaudited(
                Durability::Durable,
                "INSERT INTO audit_horizon (one, dropped_before_ms) VALUES (1, $1) \
                 ON CONFLICT (one) DO UPDATE SET dropped_before_ms = excluded.dropped_before_ms \
                 WHERE audit_horizon.dropped_before_ms < excluded.dropped_before_ms",
                &[before.into()],
            )
            .await
            .map(drop)
    }

    async fn chains_with_old_links(&self, before: i64) -> Result<Vec<ChainKey>, StoreError> {
        self.database
            .fetch(
                "SELECT c.tenant_id, c.lane FROM audit_chains AS c JOIN audit_links AS l \
                 ON l.tenant_id = c.tenant_id AND l.lane = c.lane \
                 AND l.link = c.dropped_links + 1 \
                 WHERE l.last_ms < $1 ORDER BY c.tenant_id, c.lane LIMIT $2",
                &[before.into(), CHAINS_AT_ONCE.into()],
            )
            .await?
            .iter()
            .map(|row| {
                Ok(ChainKey {
                    tenant: row.uuid("tenant_id")?,
                    lane: Lane(row.number("lane")?),
                })
            })
            .collect()
    }

    /// Deletes links from the beginning of a chain on, up to the first one that is not old enough.
    async fn drop_old_links(
        &self,
        key: ChainKey,
        before: i64,
        limit: u32,
    ) -> Result<(), StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                chain::lock(&mut transaction, key).await?;
                let tenant = Value::from(key.tenant);
                let lane = Value::from(i64::from(key.lane.0));
                let rows = transaction
                    .fetch(
                        "SELECT link, last_ms, hash, length(members) / 24 AS entries \
                         FROM audit_links WHERE tenant_id = $1 AND lane = $2 ORDER BY link LIMIT $3",
                        &[tenant, lane, limit.into()],
                    )
                    .await?;
                let (mut last, mut entries) = (None, 0);
                for row in &rows {
                    if row.signed("last_ms")? >= before {
                        break;
                    }
                    entries += row.signed("entries")?;
                    last = Some((row.signed("link")?, row.exactly::<32>("hash")?));
                }
                let Some((link, hash)) = last else {
                    return Ok(());
                };
                transaction
                    .execute(
                        "UPDATE audit_chains SET dropped_links = $3, dropped_hash = $4, \
                         dropped_entries = dropped_entries + $5 \
                         WHERE tenant_id = $1 AND lane = $2",
                        &[tenant, lane, link.into(), Value::Bytes(&hash), entries.into()],
                    )
                    .await?;
                transaction
                    .execute(
                        "DELETE FROM audit_links WHERE tenant_id = $1 AND lane = $2 AND link <= $3",
                        &[tenant, lane, link.into()],
                    )
                    .await?;
                transaction.commit(Unaudited::Automatic).await
            })
            .await
    }
}

async fn link_older(transaction: &mut Transaction) -> Result<u64, StoreError> {
    // Always this one first: one transaction links at a time, each behind what the one before it did.
    let installation = ChainKey {
        tenant: INSTALLATION,
        lane: Lane::OLDER,
    };
    let head = chain::lock(transaction, installation).await?;
    let linked_up_to = transaction
        .fetch_optional(
            "SELECT COALESCE(MAX(last_audit_id), 0) AS last_audit_id FROM audit_chains \
             WHERE lane = -1",
            &[],
        )
        .await?
        .map_or(Ok(0), |row| row.signed("last_audit_id"))?;
    let rows = transaction
        .fetch(
            concat!(
                "SELECT ",
                columns!(),
                " FROM audit WHERE lane IS NULL AND audit_id > $1 ORDER BY audit_id LIMIT $2"
            ),
            &[linked_up_to.into(), LINKED_AT_ONCE.into()],
        )
        .await?;
    let mut by_tenant: BTreeMap<Uuid, Vec<Member>> = BTreeMap::new();
    let mut linked = 0;
    for row in &rows {
        let entry = entry_row(row)?;
        if entry.at_ms > head.now_ms - LINKED_AFTER_MS {
            break;
        }
        let members = by_tenant.entry(owner(entry.tenant_id)).or_default();
        members.push(entry.stored().member());
        linked += 1;
    }
    if let Some(members) = by_tenant.remove(&INSTALLATION) {
        head.append(transaction, &members).await?;
    }
    for (tenant, members) in by_tenant {
        let key = ChainKey {
            tenant,
            lane: Lane::OLDER,
        };
        let head = chain::lock(transaction, key).await?;
        head.append(transaction, &members).await?;
    }
    Ok(linked)
}

async fn drop_entries(
    transaction: &mut Transaction,
    before: i64,
    limit: u32,
) -> Result<u64, StoreError> {
    if let Transaction::Sqlite(_) = transaction {
        return transaction
            .execute(
                "DELETE FROM audit WHERE audit_id IN \
                 (SELECT audit_id FROM audit WHERE at_ms < $1 LIMIT $2)",
                &[before.into(), limit.into()],
            )
            .await;
    }
    // It counts what it drops.
    transaction.raise_statement_timeout().await?;
    let dropped = transaction
        .fetch_optional(
            "SELECT audit_drop_months($1, CAST($2 AS integer)) AS dropped",
            &[before.into(), limit.into()],
        )
        .await?
        .map_or(Ok(0), |row| row.number("dropped"))?;
    // Nothing but the commit follows, for which everyone waits who writes entries.
    Ok(dropped)
}
