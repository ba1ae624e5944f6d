//! Tenants as they are listed.

use onsale_schemas::MemberRole;
use uuid::Uuid;

use super::tenants::tenant_row;
use crate::Store;
use crate::database::{Row, Value};
use crate::error::StoreError;
use crate::listed::{ListedTenant, TenantFilter};

/// Tenants that a search reads at once.
const SEARCHED_AT_ONCE: u32 = 1_000;

/// A page of open tenants.
macro_rules! select {
    ($of:literal, $role:literal, $more:literal) => {
        concat!(
            "SELECT t.tenant_id, t.slug, t.name, t.created_at_ms, t.closed_at_ms, ",
            $role,
            " AS role FROM ",
            $of,
            " WHERE t.closed_at_ms IS NULL AND t.slug > $1",
            $more,
            " ORDER BY t.slug LIMIT $2"
        )
    };
}

const ALL: &str = select!("tenants t", "NULL", "");
/// Those of one account.
const OF_MEMBER: &str = select!(
    "memberships m JOIN tenants t ON t.tenant_id = m.tenant_id",
    "m.role",
    " AND m.user_id = $3"
);

impl Store {
    /// Tenants that are open, by slug.
    ///
    /// # Errors
    /// As every read.
    pub async fn listed_tenants(
        &self,
        filter: &TenantFilter,
    ) -> Result<Vec<ListedTenant>, StoreError> {
        let mut after = filter.after.clone().unwrap_or_default();
        let asked = filter.search.as_deref().map(folded).unwrap_or_default();
        if asked.is_empty() {
            return self
                .tenants_behind(filter.member, &after, filter.limit)
                .await;
        }
        // Databases fold other letters each, PostgreSQL by the locale that it was created with: so they are compared
        // here.
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        loop {
            let read = self
                .tenants_behind(filter.member, &after, SEARCHED_AT_ONCE)
                .await?;
            let is_last = u32::try_from(read.len()).is_ok_and(|count| count < SEARCHED_AT_ONCE);
            if let Some(last) = read.last() {
                after.clone_from(&last.tenant.slug);
            }
            let left = limit.saturating_sub(found.len());
            let matching = read.into_iter().filter(|listed| has(listed, &asked));
            found.extend(matching.take(left));
            if is_last || found.len() >= limit {
                return Ok(found);
            }
        }
    }

    async fn tenants_behind(
        &self,
        member: Option<Uuid>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<ListedTenant>, StoreError> {
        let (after, limit) = (Value::from(after), Value::from(limit));
        let rows = match member {
            Some(member) => {
                let values = [after, limit, member.into()];
                self.database.fetch(OF_MEMBER, &values).await?
            }
            None => self.database.fetch(ALL, &[after, limit]).await?,
        };
        rows.iter().map(listed_row).collect()
    }
}

/// Whether slug or name has a folded text in it.
fn has(listed: &ListedTenant, asked: &str) -> bool {
    folded(&listed.tenant.slug).contains(asked) || folded(&listed.tenant.name).contains(asked)
}

/// Capital letters as small ones, each by itself: what a letter becomes does not depend on those beside it, of which
/// a part of a name has others.
fn folded(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .map(|letter| match letter {
            // At the end of a word it is written otherwise.
            'ς' => 'σ',
            letter => letter,
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capital_letters_are_the_same_as_small_ones_in_every_alphabet() {
        for (name, asked) in [
            ("École ÜBER", "école"),
            ("École ÜBER", "ÉCOLE"),
            ("École ÜBER", "über"),
            ("Большой ТЕАТР", "театр"),
            ("ΘΕΑΤΡΟΣ", "θεατρος"),
            ("ΘΕΑΤΡΟΣ", "Ος"),
            ("İstanbul", "İSTANBUL"),
        ] {
            assert!(folded(name).contains(&folded(asked)), "{asked} in {name}");
        }
        assert!(
            !folded("École").contains(&folded("ecole")),
            "another letter"
        );
    }
}
