//! Writes what became of the codes of a show, in an open transaction.

use onsale_schemas::RequestId;
use uuid::Uuid;

use super::plan::CodesStep;
use crate::code::{CodesChange, GroupTerms, write_terms};
use crate::database::{Transaction, Value, integer};
use crate::error::StoreError;

/// Takes over what the request was to change. Of one that never wrote it down, as before the catalog was
/// lost, nothing is known but what the log decides by.
pub(super) async fn step(
    transaction: &mut Transaction,
    step: &CodesStep,
) -> Result<(), StoreError> {
    let found = transaction
        .fetch_optional(
            "SELECT tenant_id, change FROM code_changes WHERE request_id = $1 AND show_id = $2",
            &[step.request.0.into(), step.show.0.into()],
        )
        .await?;
    let Some(row) = found else {
        return Ok(());
    };
    let tenant = row.uuid("tenant_id")?;
    let change: CodesChange = serde_json::from_str(&row.text("change")?).map_err(|error| {
        let request = step.request;
        StoreError::Corrupt(format!("code_changes.change of request {request}: {error}"))
    })?;
    let show = Value::from(step.show.0);
    let at_ms = integer("log_time_ms", step.at_ms)?;
    match change {
        CodesChange::Create(said) => create(transaction, step, tenant, &said).await?,
        CodesChange::Amend(said) => {
            let terms = write_terms(&said.terms)?;
            transaction
                .execute(
                    "UPDATE code_groups SET name = $3, kind = $4, terms = $5 \
                     WHERE show_id = $1 AND code_group = $2",
                    &[
                        show,
                        said.group.into(),
                        Value::from(&said.name),
                        said.kind.as_str().into(),
                        Value::from(&terms),
                    ],
                )
                .await?;
        }
        CodesChange::EndGroup(group) => {
            let values = [show, group.into(), at_ms.into()];
            for end in [
                "UPDATE code_groups SET ended_at_ms = $3 \
                 WHERE show_id = $1 AND code_group = $2 AND ended_at_ms IS NULL",
                "UPDATE codes SET ended_at_ms = $3 \
                 WHERE show_id = $1 AND code_group = $2 AND ended_at_ms IS NULL",
            ] {
                transaction.execute(end, &values).await?;
            }
        }
        CodesChange::EndCode(code) => {
            transaction
                .execute(
                    "UPDATE codes SET ended_at_ms = $3 \
                     WHERE show_id = $1 AND code_hash = $2 AND ended_at_ms IS NULL",
                    &[show, code.0.into(), at_ms.into()],
                )
                .await?;
        }
    }
    settle(transaction, step.request).await
}

/// A group that ended begins anew, and so does a code: as in the log.
async fn create(
    transaction: &mut Transaction,
    step: &CodesStep,
    tenant: Uuid,
    said: &GroupTerms,
) -> Result<(), StoreError> {
    let terms = write_terms(&said.terms)?;
    transaction
        .execute(
            "INSERT INTO code_groups (show_id, code_group, tenant_id, name, kind, terms, \
             created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (show_id, code_group) DO UPDATE SET tenant_id = excluded.tenant_id, \
             name = excluded.name, kind = excluded.kind, terms = excluded.terms, \
             created_at_ms = CASE WHEN code_groups.ended_at_ms IS NULL \
             THEN code_groups.created_at_ms ELSE excluded.created_at_ms END, \
             ended_at_ms = NULL",
            &[
                step.show.0.into(),
                said.group.into(),
                tenant.into(),
                Value::from(&said.name),
                said.kind.as_str().into(),
                Value::from(&terms),
                integer("log_time_ms", step.at_ms)?.into(),
            ],
        )
        .await?;
    transaction
        .execute(
            "INSERT INTO codes (code_hash, show_id, code_group, tenant_id, text_sealed, \
             created_offset) SELECT code_hash, $2, $3, tenant_id, text_sealed, $4 \
             FROM proposed_codes WHERE request_id = $1 \
             ON CONFLICT (code_hash) DO UPDATE SET code_group = excluded.code_group, \
             tenant_id = excluded.tenant_id, text_sealed = excluded.text_sealed, \
             created_offset = excluded.created_offset, ended_at_ms = NULL \
             WHERE codes.ended_at_ms IS NOT NULL",
            &[
                step.request.0.into(),
                step.show.0.into(),
                said.group.into(),
                integer("offset", step.offset)?.into(),
            ],
        )
        .await
        .map(drop)
}

/// The change has come to its end.
pub(super) async fn settle(
    transaction: &mut Transaction,
    request: RequestId,
) -> Result<(), StoreError> {
    for delete in [
        "DELETE FROM proposed_codes WHERE request_id = $1",
        "DELETE FROM code_changes WHERE request_id = $1",
    ] {
        transaction.execute(delete, &[request.0.into()]).await?;
    }
    Ok(())
}
