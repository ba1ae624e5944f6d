//! A category as clients read it, and what is checked of one.

use axum::response::Response;
use http::StatusCode;
use onsale_store::StoreError;
use onsale_store::catalog::CategoryRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::{Right, Role};
use crate::context::RequestContext;
use crate::envelope;
use crate::error::{ApiError, Code};
use crate::routes::events::body::check_line;
use crate::slug::{SLUG_EXPECTED, is_slug};
use crate::state::AppState;
use crate::values::Instant;
use crate::versions::{self, IfMatch};

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
    /// For `If-Match`: another one after each change.
    etag: String,
}

impl CategoryBody {
    /// As it is now.
    ///
    /// # Errors
    /// Of this program alone.
    pub(super) fn of(row: CategoryRow) -> Result<Self, ApiError> {
        Ok(Self {
            etag: tag(&row)?,
            category_id: row.category_id,
            slug: row.slug,
            name: row.name,
            aliases: row.aliases,
            place: row.place,
            created_at: Instant(row.created_at_ms),
        })
    }

    /// The answer that is about this category alone.
    ///
    /// # Errors
    /// Of this program alone.
    pub(super) fn answer(
        &self,
        context: &RequestContext,
        status: StatusCode,
    ) -> Result<Response, ApiError> {
        let mut response = envelope::success(context, status, self)?;
        versions::set_tag(response.headers_mut(), &self.etag)?;
        Ok(response)
    }
}

/// The tag of a category as it is.
fn tag(row: &CategoryRow) -> Result<String, ApiError> {
    versions::digest(&(
        row.category_id,
        &row.slug,
        &row.name,
        &row.aliases,
        row.place,
    ))
}

/// Refuses a change of a category that is not as the client read it. Operators are few: two changes at the same moment
/// are not told apart.
pub(super) fn check_is_as_read(row: &CategoryRow, if_match: &IfMatch) -> Result<(), ApiError> {
    let present = tag(row)?;
    if if_match.is_for(&present) {
        return Ok(());
    }
    Err(versions::changed_to(&present))
}

/// The category of an id.
pub(super) async fn find(state: &AppState, id: Uuid) -> Result<CategoryRow, ApiError> {
    let rows = state.store.categories().await?;
    let found = rows.into_iter().find(|row| row.category_id == id);
    found.ok_or_else(|| ApiError::not_found("category"))
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
