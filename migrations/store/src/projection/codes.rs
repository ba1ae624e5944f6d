//! Writes what became of the codes of a show, in an open transaction.

use onsale_schemas::{CodeGroup, RequestId, ShowId};
use uuid::Uuid;

use super::plan::{CodesSaid, CodesStep};
use crate::code::{CodesChange, GroupTerms, write_terms};
use crate::database::{Transaction, Value, integer};
use crate::error::StoreError;

/// Takes over what the request was to change. Of one that never wrote it down, as before the catalog was
/// lost, nothing is known but what the log decides by; it is noted which groups that is so of.
pub(super) async fn step(
    transaction: &mut Transaction,
    step: &CodesStep,
) -> Result<(), StoreError> {
    let Some(request) = step.request else {
        return lack(transaction, step).await;
    };
    let Some((tenant, change)) = proposed(transaction, step.show, request).await? else {
        return lack(transaction, step).await;
    };
    let show = Value::from(step.show.0);
    let at_ms = integer("log_time_ms", step.at_ms)?;
    match change {
        CodesChange::Create(said) => {
            create(transaction, (step, request), tenant, &said).await?;
            // With other terms than it has the log would have refused them.
            lacks_no_more(transaction, step.show, said.group).await?;
        }
        CodesChange::Amend(said) => {
            let terms = write_terms(&said.terms)?;
            transaction
                .execute(
                    "UPDATE code_groups SET name = $3, kind = $4, terms = $5, changed_offset = $6 \
                     WHERE show_id = $1 AND code_group = $2",
                    &[
                        show,
                        said.group.into(),
                        Value::from(&said.name),
                        said.kind.as_str().into(),
                        Value::from(&terms),
                        integer("offset", step.offset)?.into(),
                    ],
                )
                .await?;
            lacks_no_more(transaction, step.show, said.group).await?;
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
            lacks_no_more(transaction, step.show, group).await?;
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
    settle(transaction, request).await
}

/// What a request was to change of the codes of a show, and whose they are.
async fn proposed(
    transaction: &mut Transaction,
    show: ShowId,
    request: RequestId,
) -> Result<Option<(Uuid, CodesChange)>, StoreError> {
    let found = transaction
        .fetch_optional(
            "SELECT tenant_id, change FROM code_changes WHERE request_id = $1 AND show_id = $2",
            &[request.0.into(), show.0.into()],
        )
        .await?;
    let Some(row) = found else {
        return Ok(None);
    };
    let change = serde_json::from_str(&row.text("change")?).map_err(|error| {
        StoreError::Corrupt(format!("code_changes.change of request {request}: {error}"))
    })?;
    Ok(Some((row.uuid("tenant_id")?, change)))
}

/// Notes that the log has decided about codes what is not here. Where some ended it may be those of any group.
async fn lack(transaction: &mut Transaction, step: &CodesStep) -> Result<(), StoreError> {
    tracing::error!(
        show = %step.show, offset = step.offset, said = ?step.said,
        "codes were changed in a way that is not in the database; `onsale reconcile` brings it from the machine"
    );
    match step.said {
        CodesSaid::Created(group) | CodesSaid::Amended(group) => {
            // Where the projector begins again, the terms may be those of a later record.
            transaction
                .execute(
                    "INSERT INTO lacking_codes (show_id, code_group, noted_offset) \
                     SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM code_groups \
                     WHERE show_id = $1 AND code_group = $2 AND changed_offset >= $3) \
                     ON CONFLICT (show_id, code_group) \
                     DO UPDATE SET noted_offset = excluded.noted_offset",
                    &[
                        step.show.0.into(),
                        group.into(),
                        integer("offset", step.offset)?.into(),
                    ],
                )
                .await?;
        }
        CodesSaid::Ended => {
            // And what ended just then is what it says.
            transaction
                .execute(
                    "INSERT INTO lacking_codes (show_id, code_group, noted_offset) \
                     SELECT g.show_id, g.code_group, $2 FROM code_groups AS g \
                     WHERE g.show_id = $1 AND g.ended_at_ms IS NULL \
                     AND (g.changed_offset IS NULL OR g.changed_offset < $2) \
                     AND NOT EXISTS (SELECT 1 FROM code_groups AS e \
                     WHERE e.show_id = $1 AND e.ended_at_ms = $3) \
                     AND NOT EXISTS (SELECT 1 FROM codes AS c \
                     WHERE c.show_id = $1 AND c.ended_at_ms = $3) \
                     ON CONFLICT (show_id, code_group) \
                     DO UPDATE SET noted_offset = excluded.noted_offset",
                    &[
                        step.show.0.into(),
                        integer("offset", step.offset)?.into(),
                        integer("log_time_ms", step.at_ms)?.into(),
                    ],
                )
                .await?;
        }
    }
    Ok(())
}

/// The terms of a group are again those of the log.
async fn lacks_no_more(
    transaction: &mut Transaction,
    show: ShowId,
    group: CodeGroup,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "DELETE FROM lacking_codes WHERE show_id = $1 AND code_group = $2",
            &[show.0.into(), group.into()],
        )
        .await
        .map(drop)
}

/// A group that ended begins anew, and so does a code: as in the log.
async fn create(
    transaction: &mut Transaction,
    (step, request): (&CodesStep, RequestId),
    tenant: Uuid,
    said: &GroupTerms,
) -> Result<(), StoreError> {
    let terms = write_terms(&said.terms)?;
    transaction
        .execute(
            "INSERT INTO code_groups (show_id, code_group, tenant_id, name, kind, terms, \
             created_at_ms, changed_offset) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (show_id, code_group) DO UPDATE SET tenant_id = excluded.tenant_id, \
             name = excluded.name, kind = excluded.kind, terms = excluded.terms, \
             changed_offset = excluded.changed_offset, \
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
                integer("offset", step.offset)?.into(),
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
                request.0.into(),
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
