//! Tenants as they are listed.

use onsale_schemas::MemberRole;

use super::tenants::tenant_row;
use crate::Store;
use crate::database::{Database, Row, Value};
use crate::error::StoreError;
use crate::listed::{ListedTenant, TenantFilter};

/// A page of open tenants. The position of a text in another has a name of its own in each database; it is used
/// instead of `LIKE` because a `%` or `_` that is searched for is just that. What is searched for may also stand as
/// it was written, for letters that the database does not fold.
macro_rules! select {
    ($of:literal, $role:literal, $position:literal) => {
        concat!(
            "SELECT t.tenant_id, t.slug, t.name, t.created_at_ms, t.closed_at_ms, ",
            $role,
            " AS role FROM ",
            $of,
            " WHERE t.closed_at_ms IS NULL AND t.slug > $1 AND ($2 IS NULL OR ",
            $position,
            "(t.slug, $2) > 0 OR ",
            $position,
            "(lower(t.name), $2) > 0 OR ",
            $position,
            "(t.name, $3) > 0)"
        )
    };
}

/// All of them.
macro_rules! all {
    ($position:literal) => {
        concat!(
            select!("tenants t", "NULL", $position),
            " ORDER BY t.slug LIMIT $4"
        )
    };
}

/// Those of one account.
macro_rules! of_member {
    ($position:literal) => {
        concat!(
            select!(
                "memberships m JOIN tenants t ON t.tenant_id = m.tenant_id",
                "m.role",
                $position
            ),
            " AND m.user_id = $5 ORDER BY t.slug LIMIT $4"
        )
    };
}

impl Store {
    /// Tenants that are open, by slug.
    ///
    /// # Errors
    /// As every read.
    pub async fn listed_tenants(
        &self,
        filter: &TenantFilter,
    ) -> Result<Vec<ListedTenant>, StoreError> {
        let asked = filter.search.as_deref().filter(|text| !text.is_empty());
        let folded = asked.map(str::to_lowercase);
        let values = [
            Value::from(filter.after.as_deref().unwrap_or_default()),
            Value::from(&folded),
            Value::Text(asked),
            filter.limit.into(),
            filter.member.into(),
        ];
        let is_postgres = matches!(self.database, Database::Postgres(_));
        let (select, values) = match (filter.member, is_postgres) {
            (Some(_), true) => (of_member!("strpos"), &values[..]),
            (Some(_), false) => (of_member!("instr"), &values[..]),
            // Without the value that nothing refers to.
            (None, true) => (all!("strpos"), &values[..4]),
            (None, false) => (all!("instr"), &values[..4]),
        };
        let rows = self.database.fetch(select, values).await?;
        rows.iter().map(listed_row).collect()
    }
}

fn listed_row(row: &Row) -> Result<ListedTenant, StoreError> {
    let role = row.text_or_null("role")?.map(|name| {
        MemberRole::parse(&name).ok_or_else(|| StoreError::Corrupt(format!("role is {name:?}")))
    });
    Ok(ListedTenant {
        tenant: tenant_row(row)?,
        role: role.transpose()?,
    })
}
