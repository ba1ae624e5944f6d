//! Categories of events. An event has the name of its category; what organizers write for one is looked up here.

use std::collections::HashMap;

use uuid::Uuid;

use super::Store;
use super::events::fold;
use crate::audit::{Audit, Unaudited};
use crate::catalog::{CategoryNames, CategoryRow};
use crate::database::{Durability, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;

/// How many categories there may be.
pub const CATEGORIES_MAX: usize = 200;

/// A category with one of its names in each row.
const SELECT: &str = "SELECT c.category_id, c.slug, c.name, c.place, c.created_at_ms, \
     n.name AS also FROM categories AS c \
     LEFT JOIN category_names AS n ON n.category_id = c.category_id \
     ORDER BY c.place, c.name, c.category_id, n.name_folded";

impl Store {
    /// All categories, in the order in which they are listed.
    ///
    /// # Errors
    /// As every read.
    pub async fn categories(&self) -> Result<Vec<CategoryRow>, StoreError> {
        let mut found: Vec<CategoryRow> = Vec::new();
        for row in self.database.fetch(SELECT, &[]).await? {
            let id = row.uuid("category_id")?;
            if found.last().is_none_or(|last| last.category_id != id) {
                found.push(CategoryRow {
                    category_id: id,
                    slug: row.text("slug")?,
                    name: row.text("name")?,
                    aliases: Vec::new(),
                    place: row.number("place")?,
                    created_at_ms: row.number("created_at_ms")?,
                });
            }
            if let Some(category) = found.last_mut()
                && let Some(also) = row.text_or_null("also")?
                && fold(&also) != fold(&category.name)
                && fold(&also) != fold(&category.slug)
            {
                category.aliases.push(also);
            }
        }
        Ok(found)
    }

    /// The name of the category that a text is taken for; `None` where it is none's.
    ///
    /// # Errors
    /// As every read.
    pub async fn category_called(&self, text: &str) -> Result<Option<String>, StoreError> {
        self.database
            .fetch_optional(
                "SELECT c.name FROM category_names AS n \
                 JOIN categories AS c ON c.category_id = n.category_id WHERE n.name_folded = $1",
                &[Value::from(&fold(text))],
            )
            .await?
            .map(|row| row.text("name"))
            .transpose()
    }

    /// As [`Store::category_called`], for all texts at once: categories are few, and lists are filtered by them often.
    ///
    /// # Errors
    /// As every read.
    pub async fn category_names(&self) -> Result<CategoryNames, StoreError> {
        let rows = self
            .database
            .fetch(
                "SELECT n.name_folded, c.name FROM category_names AS n \
                 JOIN categories AS c ON c.category_id = n.category_id",
                &[],
            )
            .await?;
        let mut by_folded = HashMap::with_capacity(rows.len());
        for row in &rows {
            by_folded.insert(row.text("name_folded")?, row.text("name")?);
        }
        Ok(CategoryNames { by_folded })
    }

    /// Adds a category, and gives its name to the events whose category is written otherwise.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when one of its names is taken for another category, [`StoreError::Quota`] when there
    /// are [`CATEGORIES_MAX`]; as every write.
    pub async fn add_category(
        &self,
        category: &CategoryRow,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let (row, audit) = (category.clone(), audit.into());
        let added = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                check_room(&mut transaction).await?;
                insert(&mut transaction, &row).await?;
                transaction.commit(audit).await
            })
            .await;
        taken(added)
    }

    /// Adds the categories of a new installation: of one that has neither categories nor events. False where it has.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when another node does the same; as every write.
    pub async fn add_first_categories(
        &self,
        categories: &[CategoryRow],
    ) -> Result<bool, StoreError> {
        let rows = categories.to_vec();
        let added = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                let used = transaction
                    .fetch_optional(
                        "SELECT (SELECT COUNT(*) FROM categories) + \
                         (SELECT COUNT(*) FROM (SELECT event_id FROM events LIMIT 1) AS first_event) \
                         AS used",
                        &[],
                    )
                    .await?;
                if used.map_or(Ok(0), |row| row.signed("used"))? > 0 {
                    return Ok(false);
                }
                for row in &rows {
                    insert(&mut transaction, row).await?;
                }
                transaction.commit(Unaudited::Automatic).await?;
                Ok(true)
            })
            .await;
        taken(added)
    }

    /// Replaces a category but for its id and when it was created; false when there is none. Events that have its
    /// name before, or are written otherwise, get its new one, and the name before goes on being taken for it.
    ///
    /// # Errors
    /// As [`Store::add_category`].
    pub async fn replace_category(
        &self,
        category: &CategoryRow,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let (mut row, audit) = (category.clone(), audit.into());
        let replaced = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                let before = transaction
                    .fetch_optional(
                        "SELECT name FROM categories WHERE category_id = $1",
                        &[row.category_id.into()],
                    )
                    .await?;
                let Some(before) = before else {
                    return Ok(false);
                };
                let before = before.text("name")?;
                if fold(&before) != fold(&row.name) {
                    row.aliases.push(before);
                }
                transaction
                    .execute(
                        "UPDATE categories SET slug = $2, name = $3, place = $4 \
                         WHERE category_id = $1",
                        &[
                            row.category_id.into(),
                            Value::from(&row.slug),
                            Value::from(&row.name),
                            row.place.into(),
                        ],
                    )
                    .await?;
                transaction
                    .execute(
                        "DELETE FROM category_names WHERE category_id = $1",
                        &[row.category_id.into()],
                    )
                    .await?;
                name(&mut transaction, &row).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await;
        taken(replaced)
    }

    /// Removes a category; false when there is none. Events keep its name as a text.
    ///
    /// # Errors
    /// As every write.
    pub async fn remove_category(
        &self,
        id: Uuid,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let removed = transaction
                    .execute(
                        "DELETE FROM categories WHERE category_id = $1",
                        &[id.into()],
                    )
                    .await?;
                if removed == 0 {
                    return Ok(false);
                }
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }
}

impl CategoryNames {
    /// The name of the category that a text is taken for; `None` where it is none's.
    pub fn called(&self, text: &str) -> Option<&str> {
        self.by_folded.get(&fold(text)).map(String::as_str)
    }
}

async fn insert(transaction: &mut Transaction, row: &CategoryRow) -> Result<(), StoreError> {
    transaction
        .execute(
            "INSERT INTO categories (category_id, slug, name, place, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5)",
            &[
                row.category_id.into(),
                Value::from(&row.slug),
                Value::from(&row.name),
                row.place.into(),
                integer("created_at_ms", row.created_at_ms)?.into(),
            ],
        )
        .await?;
    name(transaction, row).await
}

async fn check_room(transaction: &mut Transaction) -> Result<(), StoreError> {
    let counted = transaction
        .fetch_optional("SELECT COUNT(*) AS total FROM categories", &[])
        .await?;
    let has: u64 = counted.map_or(Ok(0), |row| row.number("total"))?;
    let max = u64::try_from(CATEGORIES_MAX).unwrap_or(u64::MAX);
    if has < max {
        return Ok(());
    }
    Err(StoreError::Quota {
        name: "categories",
        max,
        has,
        asked: 1,
    })
}

/// Notes what is taken for a category, and gives its name to the events that have one of those.
async fn name(transaction: &mut Transaction, row: &CategoryRow) -> Result<(), StoreError> {
    let mut folded: Vec<(String, &String)> = Vec::new();
    for name in row.names() {
        let key = fold(name);
        if folded.iter().all(|(known, _)| *known != key) {
            folded.push((key, name));
        }
    }
    let own = fold(&row.name);
    for (key, name) in &folded {
        transaction
            .execute(
                "INSERT INTO category_names (name_folded, name, category_id) VALUES ($1, $2, $3)",
                &[Value::from(key), Value::from(*name), row.category_id.into()],
            )
            .await?;
        transaction
            .execute(
                "UPDATE events SET category = $2, category_folded = $3 \
                 WHERE category_folded = $1 AND category <> $2",
                &[Value::from(key), Value::from(&row.name), Value::from(&own)],
            )
            .await?;
    }
    Ok(())
}

fn taken<T>(result: Result<T, StoreError>) -> Result<T, StoreError> {
    match result {
        Err(error) if is_unique_violation(&error) => Err(StoreError::Exists("category")),
        other => other,
    }
}
