//! The audit trail: reading it, and writing down what changed nothing.

use serde_json::Value as Json;
use uuid::Uuid;

use super::Store;
use crate::audit::chain::Stored;
use crate::audit::{Actor, AuditEntry, AuditFilter, AuditRow};
use crate::database::{Database, Durability, Row, Value};
use crate::error::StoreError;

macro_rules! columns {
    () => {
        "audit_id, at_ms, actor_id, actor_role, actor_tenant_id, request_id, action, \
         subject_kind, subject_id, tenant_id, detail, origin"
    };
}

// Behind the macro that they use.
mod keep;
mod roles;
mod verify;

/// What the index of one column finds is looked through for the rest. (`$at` is the column of the time, or
/// on SQLite an expression of it: there its index would be taken to be the best for the whole range.)
macro_rules! select {
    ($found_by:literal, $at:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM audit WHERE ",
            $found_by,
            " AND ($1 IS NULL OR subject_kind = $1) AND ($2 IS NULL OR subject_id = $2) \
             AND ($3 IS NULL OR tenant_id = $3) AND ($4 IS NULL OR actor_id = $4) \
             AND ($7 IS NULL OR action = $7) AND ",
            $at,
            " >= $8 AND ",
            $at,
            " < $9 AND audit_id < $5 ORDER BY audit_id DESC LIMIT $6"
        )
    };
}

/// A statement for each database.
macro_rules! found_by {
    ($database:expr, $found_by:literal) => {
        match $database {
            Database::Postgres(_) => select!($found_by, "at_ms"),
            Database::Sqlite(_) => select!($found_by, "+at_ms"),
        }
    };
}

/// What nearly all entries are about. Those have no index by kind: one is soon met without.
const BOOKING: &str = "booking";

/// The statement whose index leaves the least to look through.
fn statement(database: &Database, filter: &AuditFilter) -> &'static str {
    let is_of_few = |kind: &str| kind != BOOKING;
    if filter.subject_id.is_some() {
        found_by!(database, "subject_id = $2")
    } else if filter.actor_id.is_some() {
        found_by!(database, "actor_id = $4")
    } else if filter.subject_kind.as_deref().is_some_and(is_of_few) {
        found_by!(database, "subject_kind = $1 AND subject_kind <> 'booking'")
    } else if filter.tenant_id.is_some() {
        found_by!(database, "tenant_id = $3")
    } else {
        found_by!(database, "1 = 1")
    }
}

impl Store {
    /// Writes down what changed nothing else, as an attempt that was refused.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an entry without room; otherwise as every write.
    pub async fn append_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.database
            .write(Durability::Durable, move |transaction| async move {
                transaction.commit(entry).await
            })
            .await
    }

    /// Entries of the audit trail, newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        let before = filter
            .before
            .map_or(i64::MAX, |number| i64::try_from(number).unwrap_or(i64::MAX));
        let ms =
            |ms: Option<u64>, or: i64| ms.map_or(or, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
        self.database
            .fetch(
                statement(&self.database, filter),
                &[
                    Value::from(&filter.subject_kind),
                    Value::from(&filter.subject_id),
                    filter.tenant_id.into(),
                    filter.actor_id.into(),
                    before.into(),
                    filter.limit.into(),
                    Value::from(&filter.action),
                    ms(filter.from_ms, 0).into(),
                    ms(filter.until_ms, i64::MAX).into(),
                ],
            )
            .await?
            .iter()
            .map(|row| entry_row(row)?.into_row())
            .collect()
    }

    /// One entry of the audit trail by its number.
    ///
    /// # Errors
    /// As every read.
    pub async fn audit_entry(&self, number: u64) -> Result<Option<AuditRow>, StoreError> {
        let Ok(number) = i64::try_from(number) else {
            return Ok(None);
        };
        self.database
            .fetch_optional(
                concat!("SELECT ", columns!(), " FROM audit WHERE audit_id = $1"),
                &[number.into()],
            )
            .await?
            .map(|row| entry_row(&row)?.into_row())
            .transpose()
    }
}

/// An entry as it stands in the table.
struct EntryRow {
    audit_id: i64,
    at_ms: i64,
    actor_id: Option<Uuid>,
    actor_role: String,
    actor_tenant_id: Option<Uuid>,
    request_id: Option<String>,
    action: String,
    subject_kind: String,
    subject_id: String,
    tenant_id: Option<Uuid>,
    detail: Option<String>,
    origin: Option<String>,
}

fn entry_row(row: &Row) -> Result<EntryRow, StoreError> {
    Ok(EntryRow {
        audit_id: row.signed("audit_id")?,
        at_ms: row.signed("at_ms")?,
        actor_id: row.uuid_or_null("actor_id")?,
        actor_role: row.text("actor_role")?,
        actor_tenant_id: row.uuid_or_null("actor_tenant_id")?,
        request_id: row.text_or_null("request_id")?,
        action: row.text("action")?,
        subject_kind: row.text("subject_kind")?,
        subject_id: row.text("subject_id")?,
        tenant_id: row.uuid_or_null("tenant_id")?,
        detail: row.text_or_null("detail")?,
        origin: row.text_or_null("origin")?,
    })
}

impl EntryRow {
    /// For its hash.
    fn stored(&self) -> Stored<'_> {
        Stored {
            audit_id: self.audit_id,
            at_ms: self.at_ms,
            actor_id: self.actor_id,
            actor_role: &self.actor_role,
            actor_tenant_id: self.actor_tenant_id,
            request_id: self.request_id.as_deref(),
            action: &self.action,
            subject_kind: &self.subject_kind,
            subject_id: &self.subject_id,
            tenant_id: self.tenant_id,
            detail: self.detail.as_deref(),
            origin: self.origin.as_deref(),
        }
    }

    fn into_row(self) -> Result<AuditRow, StoreError> {
        let detail = self.detail.map_or(Ok(Json::Null), |text| {
            serde_json::from_str(&text)
                .map_err(|error| StoreError::Corrupt(format!("audit.detail: {error}")))
        })?;
        let number = |name: &str, number: i64| {
            u64::try_from(number)
                .map_err(|_| StoreError::Corrupt(format!("audit.{name} is {number}")))
        };
        Ok(AuditRow {
            audit_id: number("audit_id", self.audit_id)?,
            at_ms: number("at_ms", self.at_ms)?,
            actor: Actor {
                id: self.actor_id,
                role: self.actor_role,
                tenant_id: self.actor_tenant_id,
                request_id: self.request_id,
                origin: self.origin,
            },
            action: self.action,
            subject_kind: self.subject_kind,
            subject_id: self.subject_id,
            tenant_id: self.tenant_id,
            detail,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_filter_has_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("x.db").display());
        let store = Store::connect(&url, 2).await.unwrap();
        store.migrate().await.unwrap();
        let none = AuditFilter::default();
        let kind = AuditFilter {
            subject_kind: Some("event".to_owned()),
            ..none.clone()
        };
        let bookings = AuditFilter {
            subject_kind: Some("booking".to_owned()),
            ..none.clone()
        };
        let subject = AuditFilter {
            subject_id: Some("1".to_owned()),
            ..kind.clone()
        };
        let tenant = AuditFilter {
            tenant_id: Some(Uuid::nil()),
            ..none.clone()
        };
        let actor = AuditFilter {
            actor_id: Some(Uuid::nil()),
            ..tenant.clone()
        };
        for (filter, index) in [
            (none.clone(), "PRIMARY KEY"),
            (bookings, "PRIMARY KEY"),
            (kind, "audit_by_kind"),
            (subject, "audit_by_subject"),
            (tenant, "audit_by_tenant"),
            (actor, "audit_by_actor"),
        ] {
            // Kept until the test ends, as the text of a statement is.
            let explain: &'static str =
                format!("EXPLAIN QUERY PLAN {}", statement(&store.database, &filter)).leak();
            let values: [Value<'_>; 9] = [
                Value::Text(None),
                Value::Text(None),
                Value::Uuid(None),
                Value::Uuid(None),
                1i64.into(),
                1u32.into(),
                Value::Text(None),
                0i64.into(),
                1i64.into(),
            ];
            let plan = store.database.fetch(explain, &values).await.unwrap();
            let steps: Vec<String> = plan.iter().map(|row| row.text("detail").unwrap()).collect();
            assert!(
                steps.len() == 1 && steps[0].contains(index),
                "{filter:?}: {steps:?}"
            );
        }
        store.close().await;
    }
}
