//! Changes of codes, written down before the log has them.

use onsale_private::Sealed;
use onsale_schemas::{RequestId, ShowId};
use uuid::Uuid;

use super::group_row;
use crate::audit::Audit;
use crate::catalog::Noted;
use crate::code::{CodesChange, CodesProposal, GroupTerms, NewCode};
use crate::database::{Durability, Transaction, Value, integer};
use crate::error::StoreError;
use crate::store::changes::WAITS_WITHIN_MS;
use crate::store::{Store, offers, usage};

/// How often a change is written down that the projector takes over at the same moment. It does so once.
const WRITE_DOWN_ATTEMPTS_MAX: u32 = 8;

/// What has to be so for a change of codes to be written down.
#[derive(Clone)]
enum CodesCondition {
    /// Whatever there is.
    None,
    /// The organizer of the show has at most so many codes then.
    Quota(u64),
    /// The group is just this.
    Terms(Box<GroupTerms>),
}

/// A code as JSON for either database: its hash and its sealed text, both in hexadecimal.
type Written = (String, Option<String>);

pub(in crate::store) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for digit in [byte >> 4, byte & 0x0f] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
    text
}

fn written(codes: &[NewCode]) -> Result<String, StoreError> {
    let rows: Vec<Written> = codes
        .iter()
        .map(|new| {
            let sealed = new.sealed.as_ref().map(Sealed::as_bytes);
            (hex(new.code.as_bytes()), sealed.map(hex))
        })
        .collect();
    serde_json::to_string(&rows).map_err(|error| StoreError::Invalid(format!("codes: {error}")))
}

impl Store {
    /// Writes down what `request` changes of the codes of a show once the log accepts it. To write down the
    /// same again changes nothing and leaves no further entry.
    ///
    /// # Errors
    /// As every write.
    pub async fn propose_codes(
        &self,
        request: RequestId,
        proposal: &CodesProposal,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<Noted, StoreError> {
        self.propose_codes_if(request, proposal, CodesCondition::None, now_ms, audit)
            .await
    }

    /// As [`Store::propose_codes`] for other terms of a group, which has to be `before` still, with no other change of
    /// it waiting for the log: what is left out of a change is as it was read.
    ///
    /// # Errors
    /// [`StoreError::VersionChanged`] where it is not; as every write.
    pub async fn propose_terms(
        &self,
        request: RequestId,
        proposal: &CodesProposal,
        before: GroupTerms,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<Noted, StoreError> {
        let condition = CodesCondition::Terms(Box::new(before));
        self.propose_codes_if(request, proposal, condition, now_ms, audit)
            .await
    }

    /// As [`Store::propose_codes`], where the organizer of the show may have `quota` codes in all: those that ended
    /// and are kept still, and those that wait for the log, included.
    ///
    /// # Errors
    /// [`StoreError::Quota`]; as every write.
    pub async fn propose_new_codes(
        &self,
        request: RequestId,
        proposal: &CodesProposal,
        quota: u64,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<Noted, StoreError> {
        let condition = if quota < u64::MAX {
            CodesCondition::Quota(quota)
        } else {
            CodesCondition::None
        };
        self.propose_codes_if(request, proposal, condition, now_ms, audit)
            .await
    }

    async fn propose_codes_if(
        &self,
        request: RequestId,
        proposal: &CodesProposal,
        condition: CodesCondition,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<Noted, StoreError> {
        let added_codes = u64::try_from(proposal.codes.len()).unwrap_or(u64::MAX);
        let (show, tenant) = (proposal.show, proposal.tenant);
        let text = serde_json::to_string(&proposal.change)
            .map_err(|error| StoreError::Invalid(format!("change: {error}")))?;
        let rows = written(&proposal.codes)?;
        let now_ms = integer("now_ms", now_ms)?;
        let audit = audit.into();
        for _ in 0..WRITE_DOWN_ATTEMPTS_MAX {
            let (change, rows, audit) = (text.clone(), rows.clone(), audit.clone());
            let condition = condition.clone();
            let is_new = self
                .database
                .write(Durability::Durable, move |mut transaction| async move {
                    if let CodesCondition::Terms(before) = &condition {
                        // Nobody else writes one down for the show until the transaction ends.
                        offers::lock(&mut transaction, show).await?;
                        if is_amended(&mut transaction, (show, request), before, now_ms).await? {
                            return Err(StoreError::VersionChanged { found: 0 });
                        }
                    }
                    let added = transaction
                        .execute(
                            "INSERT INTO code_changes (request_id, show_id, tenant_id, change, \
                             created_at_ms) VALUES ($1, $2, $3, $4, $5) \
                             ON CONFLICT (request_id) DO NOTHING",
                            &[
                                request.0.into(),
                                show.0.into(),
                                tenant.into(),
                                Value::from(&change),
                                now_ms.into(),
                            ],
                        )
                        .await?;
                    if added == 0 {
                        return Ok(false);
                    }
                    if let CodesCondition::Quota(quota) = condition {
                        let has = kept(&mut transaction, show, request).await?;
                        let has = has.saturating_add(added_codes);
                        usage::check("codes_per_organizer_max", added_codes, has, quota)?;
                    }
                    propose(&mut transaction, request, tenant, &rows, now_ms).await?;
                    transaction.commit(audit).await?;
                    Ok(true)
                })
                .await?;
            if is_new {
                return Ok(Noted::New);
            }
            let known = self
                .database
                .fetch_optional(
                    "SELECT show_id, change FROM code_changes WHERE request_id = $1",
                    &[request.0.into()],
                )
                .await?;
            // When there is none, the projector took it over between the two statements.
            if let Some(row) = known {
                let is_same = row.uuid("show_id")? == show.0 && row.text("change")? == text;
                return Ok(Noted::known(is_same));
            }
        }
        // It is another tenant's, which this caller may not even see.
        Ok(Noted::Other)
    }

    /// Forgets changes of codes that were written down before `before_ms`, which the log refused or never
    /// saw; returns how many.
    ///
    /// # Errors
    /// As every write.
    pub(in crate::store) async fn forget_code_changes(
        &self,
        before_ms: u64,
    ) -> Result<u64, StoreError> {
        self.forget_in_steps(
            "DELETE FROM proposed_codes WHERE (request_id, code_hash) IN \
             (SELECT request_id, code_hash FROM proposed_codes WHERE created_at_ms < $1 \
             ORDER BY created_at_ms LIMIT $2)",
            before_ms,
        )
        .await?;
        self.forget_in_steps(
            "DELETE FROM code_changes WHERE request_id IN (SELECT request_id FROM code_changes \
             WHERE created_at_ms < $1 ORDER BY created_at_ms LIMIT $2)",
            before_ms,
        )
        .await
    }
}

/// Whether a group is another than `before`, or becomes one by what someone else has proposed.
async fn is_amended(
    transaction: &mut Transaction,
    (show, request): (ShowId, RequestId),
    before: &GroupTerms,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let waiting = transaction
        .fetch(
            "SELECT change FROM code_changes WHERE show_id = $1 AND request_id <> $2 \
             AND created_at_ms > $3 AND change LIKE '{\"amend\":%'",
            &[
                show.0.into(),
                request.0.into(),
                now_ms.saturating_sub(WAITS_WITHIN_MS).into(),
            ],
        )
        .await?;
    for row in waiting {
        let change: CodesChange = serde_json::from_str(&row.text("change")?)
            .map_err(|error| StoreError::Corrupt(format!("code_changes.change: {error}")))?;
        if matches!(change, CodesChange::Amend(said) if said.group == before.group) {
            return Ok(true);
        }
    }
    let present = transaction
        .fetch_optional(
            groups!("WHERE g.show_id = $1 AND g.code_group = $2"),
            &[show.0.into(), before.group.into()],
        )
        .await?;
    let present = present.map(|row| group_row(&row)).transpose()?;
    Ok(present.is_none_or(|present| present.said != *before))
}

/// Codes of all shows of the organizer of a show: those that are kept, and those that others than `request` have
/// proposed. Nobody adds to them until the transaction ends.
async fn kept(
    transaction: &mut Transaction,
    show: ShowId,
    request: RequestId,
) -> Result<u64, StoreError> {
    let owner = transaction
        .fetch_optional(
            "SELECT e.tenant_id, e.organizer_id FROM shows AS s \
             JOIN events AS e ON e.event_id = s.event_id WHERE s.show_id = $1",
            &[show.0.into()],
        )
        .await?;
    let Some(owner) = owner else {
        return Ok(0);
    };
    let (tenant, organizer) = (owner.uuid("tenant_id")?, owner.uuid("organizer_id")?);
    // SQLite has one writer at a time, and this transaction is it.
    if let Transaction::Postgres(_) = transaction {
        transaction
            .fetch_optional(
                "SELECT events FROM organizer_usage WHERE tenant_id = $1 AND organizer_id = $2 \
                 FOR UPDATE",
                &[tenant.into(), organizer.into()],
            )
            .await?;
    }
    // Show by show, so that whose each is has to be looked at no more often.
    let counted = transaction
        .fetch_optional(
            "SELECT CAST(COALESCE(SUM((SELECT COUNT(*) FROM codes AS c \
             WHERE c.show_id = s.show_id)), 0) AS bigint) AS kept, \
             CAST(COALESCE(SUM((SELECT COUNT(*) FROM code_changes AS w JOIN proposed_codes AS p \
             ON p.request_id = w.request_id WHERE w.show_id = s.show_id \
             AND w.request_id <> $3)), 0) AS bigint) AS proposed \
             FROM events AS e JOIN shows AS s ON s.event_id = e.event_id \
             WHERE e.tenant_id = $1 AND e.organizer_id = $2",
            &[tenant.into(), organizer.into(), request.0.into()],
        )
        .await?;
    let Some(counted) = counted else {
        return Ok(0);
    };
    let (kept, proposed): (u64, u64) = (counted.number("kept")?, counted.number("proposed")?);
    Ok(kept.saturating_add(proposed))
}

/// Writes codes down for a request, as [`written`] has them.
async fn propose(
    transaction: &mut Transaction,
    request: RequestId,
    tenant: Uuid,
    rows: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let insert = match transaction {
        Transaction::Postgres(_) => {
            "INSERT INTO proposed_codes (request_id, tenant_id, created_at_ms, code_hash, \
             text_sealed) SELECT $1, $2, $3, (n.code ->> 0)::uuid, decode(n.code ->> 1, 'hex') \
             FROM jsonb_array_elements($4::text::jsonb) AS n (code)"
        }
        Transaction::Sqlite(_) => {
            "INSERT INTO proposed_codes (request_id, tenant_id, created_at_ms, code_hash, \
             text_sealed) SELECT $1, $2, $3, unhex(n.value ->> 0), unhex(n.value ->> 1) \
             FROM json_each($4) AS n"
        }
    };
    let values = [
        request.0.into(),
        tenant.into(),
        now_ms.into(),
        Value::from(rows),
    ];
    transaction.execute(insert, &values).await.map(drop)
}

#[cfg(test)]
mod tests {
    use onsale_schemas::CodeHash;

    use super::*;

    #[test]
    fn codes_are_written_as_both_databases_read_them() {
        let codes = [
            NewCode {
                code: CodeHash::from_bytes([0xa5; 16]),
                sealed: Some(Sealed::from_stored(vec![1, 255])),
            },
            NewCode {
                code: CodeHash::from_bytes([0; 16]),
                sealed: None,
            },
        ];
        let expected = format!(
            r#"[["{}","01ff"],["{}",null]]"#,
            "a5".repeat(16),
            "0".repeat(32)
        );
        assert_eq!(written(&codes).unwrap(), expected);
    }
}
