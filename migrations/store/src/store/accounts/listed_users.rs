//! Accounts as they are listed.

use std::collections::HashMap;

use onsale_schemas::MemberRole;
use uuid::Uuid;

use super::users::{columns, user_row};
use crate::Store;
use crate::account::{UserRole, UserRow};
use crate::database::{Database, Row, Value};
use crate::error::StoreError;
use crate::listed::{
    LISTED_MEMBERSHIPS_MAX, LISTED_USERS_MAX, ListedUser, TenantOfUser, UserFilter,
};

/// Accounts with what is known of them elsewhere, each by an index of its own.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", CASE WHEN EXISTS (SELECT 1 FROM totp_factors f WHERE f.user_id = u.user_id \
             AND f.confirmed_at_ms IS NOT NULL) \
             OR EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = u.user_id) \
             THEN 1 ELSE 0 END AS has_second_factor, \
             (SELECT MAX(s.created_at_ms) FROM sessions s WHERE s.user_id = u.user_id) \
             AS last_sign_in_at_ms FROM users u WHERE ",
            $which
        )
    };
}

/// A page of them, newest first.
macro_rules! page {
    ($which:literal) => {
        concat!(
            select!($which),
            " AND u.erased_at_ms IS NULL AND (u.created_at_ms, u.user_id) < ($1, $2) \
             ORDER BY u.created_at_ms DESC, u.user_id DESC LIMIT $3"
        )
    };
}

const ALL: &str = page!("1 = 1");
/// Buyers are nearly all accounts, so the index of all accounts is as good.
const BUYERS: &str = page!("u.role = 'buyer'");
/// Admins are a handful, and have an index of their own.
const ADMINS: &str = page!("u.role = 'admin' AND u.role <> 'buyer'");
const BY_ADDRESS: &str = select!("u.email_hash = $1 AND u.erased_at_ms IS NULL");
const BY_ID: &str = select!("u.user_id = $1");

/// The tenants of these accounts, whose ids are a JSON array of hexadecimal texts.
macro_rules! tenants_of {
    ($ids:literal) => {
        concat!(
            "SELECT m.user_id, t.tenant_id, t.slug, t.name, m.role FROM memberships m \
             JOIN tenants t ON t.tenant_id = m.tenant_id WHERE m.user_id IN (",
            $ids,
            ") AND t.closed_at_ms IS NULL ORDER BY m.user_id, t.slug LIMIT $2"
        )
    };
}

impl Store {
    /// Accounts that are not erased, newest first, with their tenants.
    ///
    /// # Errors
    /// As every read.
    pub async fn listed_users(&self, filter: &UserFilter) -> Result<Vec<ListedUser>, StoreError> {
        if let Some(email) = &filter.email {
            let rows = self
                .database
                .fetch(BY_ADDRESS, &[Value::from(email)])
                .await?;
            let mut users = self.with_tenants(&rows).await?;
            users.retain(|listed| filter.role.is_none_or(|role| role == listed.user.role));
            return Ok(users);
        }
        let select = match filter.role {
            None => ALL,
            Some(UserRole::Buyer) => BUYERS,
            Some(UserRole::Admin) => ADMINS,
        };
        // Beyond what a column holds, everything is before it.
        let (created_at_ms, user_id) = filter.after.map_or((i64::MAX, Uuid::max()), |place| {
            let created_at_ms = i64::try_from(place.created_at_ms).unwrap_or(i64::MAX);
            (created_at_ms, place.user_id)
        });
        let limit = filter.limit.min(LISTED_USERS_MAX.saturating_add(1));
        let values = [created_at_ms.into(), user_id.into(), limit.into()];
        let rows = self.database.fetch(select, &values).await?;
        self.with_tenants(&rows).await
    }

    /// One account as it is listed, an erased one, too.
    ///
    /// # Errors
    /// As every read.
    pub async fn listed_user(&self, id: Uuid) -> Result<Option<ListedUser>, StoreError> {
        let rows = self.database.fetch(BY_ID, &[id.into()]).await?;
        Ok(self.with_tenants(&rows).await?.pop())
    }

    /// What was read of accounts, with their tenants.
    async fn with_tenants(&self, rows: &[Row]) -> Result<Vec<ListedUser>, StoreError> {
        let mut users: Vec<ListedUser> = rows.iter().map(listed_row).collect::<Result<_, _>>()?;
        if users.is_empty() {
            return Ok(users);
        }
        let rows = self.memberships_on_page(&users).await?;
        let mut tenants: HashMap<Uuid, Vec<TenantOfUser>> = HashMap::new();
        for row in &rows {
            let of_user = tenants.entry(row.uuid("user_id")?).or_default();
            of_user.push(TenantOfUser {
                tenant_id: row.uuid("tenant_id")?,
                slug: row.text("slug")?,
                name: row.text("name")?,
                role: row.word("role", MemberRole::parse)?,
            });
        }
        let max = usize::try_from(LISTED_MEMBERSHIPS_MAX).unwrap_or(usize::MAX);
        for listed in &mut users {
            listed.tenants = tenants.remove(&listed.user.user_id).unwrap_or_default();
            listed.tenants.truncate(max);
        }
        Ok(users)
    }

    /// In one statement for all accounts of a page.
    async fn memberships_on_page(&self, users: &[ListedUser]) -> Result<Vec<Row>, StoreError> {
        let ids: Vec<String> = users
            .iter()
            .map(|listed| listed.user.user_id.simple().to_string())
            .collect();
        let ids = serde_json::Value::from(ids).to_string();
        let count = u32::try_from(users.len()).unwrap_or(u32::MAX);
        let limit = count.saturating_mul(LISTED_MEMBERSHIPS_MAX);
        let select = match &self.database {
            Database::Postgres(_) => {
                tenants_of!("SELECT id::uuid FROM json_array_elements_text($1::json) AS id")
            }
            Database::Sqlite(_) => tenants_of!("SELECT unhex(value) FROM json_each($1)"),
        };
        let values = [Value::from(&ids), limit.into()];
        self.database.fetch(select, &values).await
    }
}

fn listed_row(row: &Row) -> Result<ListedUser, StoreError> {
    let user: UserRow = user_row(row)?;
    Ok(ListedUser {
        user,
        has_second_factor: row.signed("has_second_factor")? != 0,
        last_sign_in_at_ms: row.number_or_null("last_sign_in_at_ms")?,
        tenants: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_list_has_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("x.db").display());
        let store = Store::connect(&url, 2).await.unwrap();
        store.migrate().await.unwrap();
        let place: [Value<'_>; 3] = [1i64.into(), Uuid::nil().into(), 1u32.into()];
        let email: [Value<'_>; 1] = [Value::Bytes(&[0; 32])];
        let id: [Value<'_>; 1] = [Uuid::nil().into()];
        for (select, values, index) in [
            (ALL, &place[..], "users_listed"),
            (BUYERS, &place[..], "users_listed"),
            (ADMINS, &place[..], "users_by_role"),
            (BY_ADDRESS, &email[..], "sqlite_autoindex_users"),
            (BY_ID, &id[..], "sqlite_autoindex_users"),
        ] {
            // Kept until the test ends, as the text of a statement is.
            let explain: &'static str = format!("EXPLAIN QUERY PLAN {select}").leak();
            let plan = store.database.fetch(explain, values).await.unwrap();
            let steps: Vec<String> = plan.iter().map(|row| row.text("detail").unwrap()).collect();
            assert!(steps[0].contains(index), "{select}: {steps:?}");
            let scans = steps.iter().filter(|step| step.contains("SCAN"));
            assert_eq!(scans.count(), 0, "{select}: {steps:?}");
        }
        store.close().await;
    }
}
