//! What reconciliation compares of codes, and how it repairs them. Names of groups and texts of codes are in no log.

use onsale_schemas::{CodeHash, ShowId};
use uuid::Uuid;

use super::Store;
use super::codes::hex;
use crate::audit::Audit;
use crate::code::{CodeKind, CodesRepair, LiveCode, LiveGroup, read_terms, write_terms};
use crate::database::{Durability, Transaction, Value, integer};
use crate::error::StoreError;

/// Codes of one statement.
const REPAIR_CHUNK_CODES: usize = 10_000;

impl Store {
    /// The groups of codes of a show that count, ascending.
    ///
    /// # Errors
    /// As every read.
    pub async fn live_code_groups(&self, show: ShowId) -> Result<Vec<LiveGroup>, StoreError> {
        self.database
            .fetch(
                "SELECT code_group, terms FROM code_groups WHERE show_id = $1 \
                 AND ended_at_ms IS NULL ORDER BY code_group",
                &[show.0.into()],
            )
            .await?
            .iter()
            .map(|row| {
                Ok(LiveGroup {
                    group: row.number("code_group")?,
                    terms: read_terms(&row.text("terms")?).ok(),
                })
            })
            .collect()
    }

    /// Codes of a show that count, by their hash from behind `after` on.
    ///
    /// # Errors
    /// As every read.
    pub async fn live_codes_after(
        &self,
        show: ShowId,
        after: Option<CodeHash>,
        limit: u32,
    ) -> Result<Vec<LiveCode>, StoreError> {
        let after = after.map_or(Uuid::nil(), |code| code.0);
        self.database
            .fetch(
                "SELECT code_hash, code_group, created_offset FROM codes WHERE show_id = $1 \
                 AND code_hash > $2 AND ended_at_ms IS NULL ORDER BY code_hash LIMIT $3",
                &[show.0.into(), after.into(), limit.into()],
            )
            .await?
            .iter()
            .map(|row| {
                Ok(LiveCode {
                    code: CodeHash(row.uuid("code_hash")?),
                    group: row.number("code_group")?,
                    created: row.number("created_offset")?,
                })
            })
            .collect()
    }

    /// Gives a show the codes that the log has. What is known here of a group or a code besides stays; where nothing is,
    /// it has no name and no text.
    ///
    /// # Errors
    /// As every write.
    pub async fn repair_codes(
        &self,
        repair: &CodesRepair,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let (repair, audit) = (repair.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                end_groups(&mut transaction, &repair).await?;
                put_groups(&mut transaction, &repair).await?;
                for codes in repair.ended.chunks(REPAIR_CHUNK_CODES) {
                    end_codes(&mut transaction, &repair, codes).await?;
                }
                for codes in repair.added.chunks(REPAIR_CHUNK_CODES) {
                    put_codes(&mut transaction, &repair, codes).await?;
                }
                transaction
                    .execute(
                        "DELETE FROM lacking_codes WHERE show_id = $1",
                        &[repair.show.0.into()],
                    )
                    .await?;
                transaction.commit(audit).await
            })
            .await
    }
}

fn json(rows: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|error| StoreError::Invalid(format!("codes: {error}")))
}

/// Ends the groups that the log does not have.
async fn end_groups(transaction: &mut Transaction, repair: &CodesRepair) -> Result<(), StoreError> {
    let groups: Vec<u32> = repair.groups.iter().map(|(group, _)| *group).collect();
    let groups = json(&groups)?;
    let end = match transaction {
        Transaction::Postgres(_) => {
            "UPDATE code_groups SET ended_at_ms = $2 WHERE show_id = $1 AND ended_at_ms IS NULL \
             AND code_group NOT IN \
             (SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST($3 AS json)))"
        }
        Transaction::Sqlite(_) => {
            "UPDATE code_groups SET ended_at_ms = $2 WHERE show_id = $1 AND ended_at_ms IS NULL \
             AND code_group NOT IN (SELECT value FROM json_each($3))"
        }
    };
    let values = [
        repair.show.0.into(),
        integer("at_ms", repair.at_ms)?.into(),
        Value::from(&groups),
    ];
    transaction.execute(end, &values).await.map(drop)
}

/// Gives the groups of the log their terms.
async fn put_groups(transaction: &mut Transaction, repair: &CodesRepair) -> Result<(), StoreError> {
    for (group, terms) in &repair.groups {
        // A group that takes something off is of that kind, and no other may.
        let kind = match terms.discount {
            Some(_) => CodeKind::Discount,
            None => CodeKind::Access,
        };
        let terms = write_terms(terms)?;
        transaction
            .execute(
                "INSERT INTO code_groups (show_id, code_group, tenant_id, kind, terms, \
                 created_at_ms, changed_offset) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                 ON CONFLICT (show_id, code_group) DO UPDATE SET kind = excluded.kind, \
                 terms = excluded.terms, changed_offset = excluded.changed_offset, \
                 ended_at_ms = NULL",
                &[
                    repair.show.0.into(),
                    (*group).into(),
                    repair.tenant.into(),
                    kind.as_str().into(),
                    Value::from(&terms),
                    integer("at_ms", repair.at_ms)?.into(),
                    integer("as_of", repair.as_of)?.into(),
                ],
            )
            .await?;
    }
    Ok(())
}

async fn end_codes(
    transaction: &mut Transaction,
    repair: &CodesRepair,
    codes: &[CodeHash],
) -> Result<(), StoreError> {
    let hashes: Vec<String> = codes.iter().map(|code| hex(code.as_bytes())).collect();
    let hashes = json(&hashes)?;
    let end = match transaction {
        Transaction::Postgres(_) => {
            "UPDATE codes SET ended_at_ms = $2 WHERE show_id = $1 AND ended_at_ms IS NULL \
             AND code_hash IN \
             (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($3 AS json)))"
        }
        Transaction::Sqlite(_) => {
            "UPDATE codes SET ended_at_ms = $2 WHERE show_id = $1 AND ended_at_ms IS NULL \
             AND code_hash IN (SELECT unhex(value) FROM json_each($3))"
        }
    };
    let values = [
        repair.show.0.into(),
        integer("at_ms", repair.at_ms)?.into(),
        Value::from(&hashes),
    ];
    transaction.execute(end, &values).await.map(drop)
}

async fn put_codes(
    transaction: &mut Transaction,
    repair: &CodesRepair,
    codes: &[LiveCode],
) -> Result<(), StoreError> {
    let rows: Vec<(String, u32, u64)> = codes
        .iter()
        .map(|code| (hex(code.code.as_bytes()), code.group, code.created))
        .collect();
    let rows = json(&rows)?;
    // The WHERE keeps SQLite from taking ON CONFLICT for the condition of a join.
    let put = match transaction {
        Transaction::Postgres(_) => {
            "INSERT INTO codes (code_hash, show_id, code_group, tenant_id, created_offset) \
             SELECT (n.code ->> 0)::uuid, $1, (n.code ->> 1)::bigint, $2, (n.code ->> 2)::bigint \
             FROM jsonb_array_elements($3::text::jsonb) AS n (code) WHERE true \
             ON CONFLICT (code_hash) DO UPDATE SET code_group = excluded.code_group, \
             created_offset = excluded.created_offset, ended_at_ms = NULL \
             WHERE codes.show_id = excluded.show_id"
        }
        Transaction::Sqlite(_) => {
            "INSERT INTO codes (code_hash, show_id, code_group, tenant_id, created_offset) \
             SELECT unhex(n.value ->> 0), $1, n.value ->> 1, $2, n.value ->> 2 \
             FROM json_each($3) AS n WHERE true \
             ON CONFLICT (code_hash) DO UPDATE SET code_group = excluded.code_group, \
             created_offset = excluded.created_offset, ended_at_ms = NULL \
             WHERE codes.show_id = excluded.show_id"
        }
    };
    let values = [
        repair.show.0.into(),
        repair.tenant.into(),
        Value::from(&rows),
    ];
    transaction.execute(put, &values).await.map(drop)
}
