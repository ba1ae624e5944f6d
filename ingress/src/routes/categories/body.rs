//! A category as clients read it, and what is checked of one.

use onsale_store::StoreError;
use onsale_store::catalog::CategoryRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::{Right, Role};
use crate::error::{ApiError, Code};
use crate::routes::events::body::check_line;
use crate::slug::{SLUG_EXPECTED, is_slug};
use crate::values::Instant;

pub(super) const NAME_MAX_CHARS: usize = 50;
/// Other names of one category.
pub(super) const ALIASES_MAX: usize = 50;

/// To change the categories, which are those of all tenants.
pub(super) const MANAGE_CATEGORIES: Right = Right::of_roles(
    &[Role::Operator],
    "Categories are those of all tenants: operators change them.",
);

/// A category.
#[derive(Serialize, ToSchema)]
#[schema(as = Category)]
pub(crate) struct CategoryBody {
    category_id: Uuid,
    /// Its name in addresses.
    slug: String,
    /// Its name, which events of it have.
    name: String,
    /// What else is taken for it in an event, as its name in other languages.
    aliases: Vec<String>,
    /// In which order categories are listed, then by name.
    place: u16,
    created_at: Instant,
}

impl From<CategoryRow> for CategoryBody {
    fn from(row: CategoryRow) -> Self {
        Self {
            category_id: row.category_id,
            slug: row.slug,
            name: row.name,
            aliases: row.aliases,
            place: row.place,
            created_at: Instant(row.created_at_ms),
        }
    }
}

/// Refuses what is no category.
pub(super) fn check(row: &CategoryRow) -> Result<(), ApiError> {
    check_line("name", &row.name, NAME_MAX_CHARS)?;
    if !is_slug(&row.slug) {
        return Err(ApiError::invalid("slug", &row.slug, SLUG_EXPECTED));
    }
    if row.aliases.len() > ALIASES_MAX {
        return Err(ApiError::invalid(
            "aliases",
            &row.aliases,
            &format!("at most {ALIASES_MAX} names"),
        ));
    }
    for (place, alias) in row.aliases.iter().enumerate() {
        check_line(&format!("aliases[{place}]"), alias, NAME_MAX_CHARS)?;
    }
    Ok(())
}

/// What the store says of names that are another category's.
pub(super) fn refused(error: StoreError) -> ApiError {
    match error {
        StoreError::Exists(_) => ApiError::new(
            Code::SlugTaken,
            "Another category has one of these names: its slug, its name or one of its aliases. Nothing was changed.",
        ),
        other => other.into(),
    }
}
