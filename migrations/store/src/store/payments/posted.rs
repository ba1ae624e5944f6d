//! Writing into the books.

use uuid::Uuid;

use super::checks;
use crate::database::{Transaction, Value, integer};
use crate::error::StoreError;
use crate::payment::{Account, Payment, Posting};

/// Writes an entry about a payment. Lines of nothing are left out, and an entry of nothing else is none. One that is
/// there already stays as it is.
pub(super) async fn post(
    transaction: &mut Transaction,
    payment: &Payment,
    posting: &Posting,
    at_ms: u64,
) -> Result<(), StoreError> {
    checks::posting(posting)?;
    let lines = posting.lines.iter().copied();
    let lines: Vec<(Account, i64)> = lines.filter(|(_, amount)| *amount != 0).collect();
    if lines.is_empty() {
        return Ok(());
    }
    if let Some(present) = present(transaction, payment.id, &posting.what).await? {
        return if present == lines {
            Ok(())
        } else {
            Err(StoreError::Exists(
                "another entry of the books for the same of this payment",
            ))
        };
    }
    // The lines come first: their entry closes them.
    let insert = match transaction {
        Transaction::Postgres(_) => {
            "INSERT INTO posting_lines (posting_id, line, tenant_id, currency, account, amount) \
             SELECT $1, n.line, $2, $3, n.said ->> 0, CAST(n.said ->> 1 AS bigint) \
             FROM jsonb_array_elements($4::text::jsonb) WITH ORDINALITY AS n (said, line)"
        }
        Transaction::Sqlite(_) => {
            "INSERT INTO posting_lines (posting_id, line, tenant_id, currency, account, amount) \
             SELECT $1, n.key + 1, $2, $3, n.value ->> 0, n.value ->> 1 FROM json_each($4) AS n"
        }
    };
    let written: Vec<(&str, i64)> = lines
        .iter()
        .map(|(account, amount)| (account.as_str(), *amount))
        .collect();
    let written = serde_json::to_string(&written)
        .map_err(|error| StoreError::Invalid(format!("lines: {error}")))?;
    // Of version 7, so that they sort by when they were posted.
    let id = Uuid::now_v7();
    let currency = payment.currency.as_str();
    transaction
        .execute(
            insert,
            &[
                id.into(),
                payment.tenant.into(),
                currency.into(),
                Value::from(&written),
            ],
        )
        .await?;
    transaction
        .execute(
            "INSERT INTO postings (posting_id, tenant_id, payment_id, what, currency, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                id.into(),
                payment.tenant.into(),
                payment.id.into(),
                Value::from(&posting.what),
                currency.into(),
                integer("at_ms", at_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

/// The lines of the entry that the books have for the same.
async fn present(
    transaction: &mut Transaction,
    payment: Uuid,
    what: &str,
) -> Result<Option<Vec<(Account, i64)>>, StoreError> {
    let rows = transaction
        .fetch(
            "SELECT l.account, l.amount FROM postings AS p JOIN posting_lines AS l \
             ON l.posting_id = p.posting_id WHERE p.payment_id = $1 AND p.what = $2 ORDER BY l.line",
            &[payment.into(), what.into()],
        )
        .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let lines = rows
        .iter()
        .map(|row| Ok((row.word("account", Account::parse)?, row.signed("amount")?)));
    lines.collect::<Result<_, StoreError>>().map(Some)
}
