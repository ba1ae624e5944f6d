//! Events.

use onsale_schemas::{EventId, UserId};
use serde_json::json;

use super::Store;
use super::edits::details;
use super::usage::{self, Added};
use super::{pictures, slugs, venues};
use crate::audit::Audit;
use crate::catalog::{
    EventChange, EventDetails, EventPicture, EventRow, EventStatus, FindableVenue, Quotas,
    TenantScope,
};
use crate::database::{Durability, Row, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;

macro_rules! columns {
    () => {
        "event_id, tenant_id, organizer_id, name, description, venue, city, category, \
         starts_at_ms, max_tickets_per_user, minimum_age, status, created_at_ms, \
         requires_verified_account, slug, former_slugs, performers, venue_id, time_zone, \
         deleted_at_ms, ended_at_ms, picture"
    };
}

/// What is read of `events`: its columns, and what its venue is called and in which city it is.
macro_rules! selected {
    () => {
        concat!(
            columns!(),
            ", (SELECT v.name FROM venues AS v WHERE v.venue_id = events.venue_id \
             AND v.tenant_id = events.tenant_id) AS venue_name, \
             (SELECT v.city FROM venues AS v WHERE v.venue_id = events.venue_id \
             AND v.tenant_id = events.tenant_id) AS venue_city"
        )
    };
}

// Behind the columns, which it selects too.
mod list;

/// Stands between the texts that are searched together, so that no match spans two of them.
const FIELD_SEPARATOR: char = '\u{1f}';

const INSERT: &str = concat!(
    "INSERT INTO events (",
    columns!(),
    ", search_text, city_folded, category_folded) VALUES \
     ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
     $20, $21, $22, $23, $24, $25)"
);
const REPLACE: &str = "UPDATE events SET tenant_id = $2, organizer_id = $3, name = $4, \
     description = $5, venue = $6, city = $7, category = $8, starts_at_ms = $9, \
     max_tickets_per_user = $10, minimum_age = $11, status = $12, created_at_ms = $13, \
     requires_verified_account = $14, slug = $15, former_slugs = $16, performers = $17, \
     venue_id = $18, time_zone = $19, deleted_at_ms = $20, ended_at_ms = $21, picture = $22, \
     search_text = $23, city_folded = $24, category_folded = $25 WHERE event_id = $1";
/// An event with the version of its row.
pub(super) const SELECT_WITH_VERSION: &str = concat!(
    "SELECT version, ",
    selected!(),
    " FROM events WHERE event_id = $1"
);

/// Events by id, from behind one on.
pub(super) const SELECT_AFTER: &str = concat!(
    "SELECT ",
    selected!(),
    " FROM events WHERE event_id > $1 ORDER BY event_id LIMIT $2"
);
/// Events of a list of ids, which is a JSON text of hexadecimal digits.
pub(super) const SELECT_LISTED_ON_POSTGRES: &str = concat!(
    "SELECT ",
    selected!(),
    " FROM events WHERE event_id IN \
     (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json))) ORDER BY event_id"
);
/// See [`SELECT_LISTED_ON_POSTGRES`].
pub(super) const SELECT_LISTED_ON_SQLITE: &str = concat!(
    "SELECT ",
    selected!(),
    " FROM events WHERE event_id IN (SELECT unhex(value) FROM json_each($1)) ORDER BY event_id"
);

/// Adds an event in an open transaction, whatever its organizer has, and whether or not its names in
/// addresses are those of another one: then they lead to that one.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    event: &EventRow,
) -> Result<(), StoreError> {
    insert_within(transaction, event, &Quotas::UNLIMITED).await?;
    slugs::keep(transaction, event).await?;
    pictures::keep(transaction, event).await
}

async fn insert_within(
    transaction: &mut Transaction,
    event: &EventRow,
    quotas: &Quotas,
) -> Result<(), StoreError> {
    let folded = Folded::of(event)?;
    let values = values(event, &folded)?;
    transaction.execute(INSERT, &values).await?;
    usage::add(transaction, usage::owner(event), Added::EVENT, quotas).await
}

/// As [`replace`], with the names in addresses and the picture that a document tells of.
pub(crate) async fn restore(
    transaction: &mut Transaction,
    event: &EventRow,
) -> Result<(), StoreError> {
    replace(transaction, event).await?;
    slugs::keep(transaction, event).await?;
    pictures::keep(transaction, event).await
}

/// Replaces an event's row in an open transaction.
pub(crate) async fn replace(
    transaction: &mut Transaction,
    event: &EventRow,
) -> Result<(), StoreError> {
    let folded = Folded::of(event)?;
    let values = values(event, &folded)?;
    transaction.execute(REPLACE, &values).await.map(drop)
}

impl Store {
    /// Adds an event, whatever its organizer has and without an entry: for tests.
    ///
    /// # Errors
    /// As [`Store::add_event_within`].
    #[cfg(feature = "testing")]
    pub async fn add_event(&self, event: &EventRow) -> Result<(), StoreError> {
        let audit = crate::audit::Unaudited::Unattended;
        self.add_event_within(event, &Quotas::UNLIMITED, audit)
            .await
    }

    /// Adds an event, if its organizer may have one more.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the id is taken, or (`slug`) its name in addresses by another event of the
    /// tenant; [`StoreError::Quota`]; [`StoreError::NotThere`] when its venue is none of the tenant.
    pub async fn add_event_within(
        &self,
        event: &EventRow,
        quotas: &Quotas,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let result = self.insert_event(event, quotas, audit.into()).await;
        match result {
            Err(error) if is_unique_violation(&error) => Err(StoreError::Exists("event")),
            other => other,
        }
    }

    async fn insert_event(
        &self,
        event: &EventRow,
        quotas: &Quotas,
        audit: Audit,
    ) -> Result<(), StoreError> {
        let (event, quotas) = (event.clone(), *quotas);
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                insert_within(&mut transaction, &event, &quotas).await?;
                slugs::take(&mut transaction, &event).await?;
                if let Some(venue) = event.details.venue_id {
                    venues::keep_for_event(&mut transaction, event.tenant_id, venue).await?;
                }
                transaction.commit(audit).await
            })
            .await
    }

    /// Changes what people read of an event, and publishes a draft where that is asked for; the row as
    /// it is then, `None` when there is none. What the log decides stays. Where nothing is other than
    /// before, nothing is written and no entry is left; otherwise it names the fields.
    ///
    /// # Errors
    /// As every write.
    pub async fn change_event(
        &self,
        id: EventId,
        change: &EventChange,
        audit: impl Into<Audit>,
    ) -> Result<Option<EventRow>, StoreError> {
        let (change, audit) = (change.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(mut event) = lock_event(&mut transaction, id).await? else {
                    return Ok(None);
                };
                let before = event.clone();
                change.apply_to(&mut event);
                let changes = before.changes(&event);
                if changes.is_empty() {
                    return Ok(Some(event));
                }
                replace(&mut transaction, &event).await?;
                transaction.commit(audit.with_changes(&changes)).await?;
                Ok(Some(event))
            })
            .await
    }

    /// Replaces an event's row as a whole, also what the log decides: for tests. False when there is none.
    ///
    /// # Errors
    /// As every write.
    #[cfg(feature = "testing")]
    pub async fn update_event(
        &self,
        event: &EventRow,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let (event, audit) = (event.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let present = lock_event(&mut transaction, event.event_id).await?;
                if present.is_none() {
                    return Ok(false);
                }
                replace(&mut transaction, &event).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// Makes a published event a draft again; false when it has shows, or is cancelled, or is not
    /// there. No show can be added while this looks.
    ///
    /// # Errors
    /// As every write.
    pub async fn unpublish_event(
        &self,
        id: EventId,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(mut event) = lock_event(&mut transaction, id).await? else {
                    return Ok(false);
                };
                let show = transaction
                    .fetch_optional(
                        "SELECT show_id FROM shows WHERE event_id = $1 LIMIT 1",
                        &[id.0.into()],
                    )
                    .await?;
                if show.is_some() || event.status == EventStatus::Cancelled {
                    return Ok(false);
                }
                event.status = EventStatus::Draft;
                replace(&mut transaction, &event).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// One event.
    ///
    /// # Errors
    /// As every read.
    pub async fn event(&self, id: EventId) -> Result<Option<EventRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!("SELECT ", selected!(), " FROM events WHERE event_id = $1"),
                &[id.0.into()],
            )
            .await?
            .map(|row| event_row(&row))
            .transpose()
    }

    /// One event, where it lies within the scope.
    ///
    /// # Errors
    /// As every read.
    pub async fn event_within(
        &self,
        scope: TenantScope,
        id: EventId,
    ) -> Result<Option<EventRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!(
                    "SELECT ",
                    selected!(),
                    " FROM events WHERE event_id = $1 AND ($2 IS NULL OR tenant_id = $2)"
                ),
                &[id.0.into(), scope.one().into()],
            )
            .await?
            .map(|row| event_row(&row))
            .transpose()
    }
}

/// An event, which nobody else changes until the transaction ends.
pub(crate) async fn lock_event(
    transaction: &mut Transaction,
    id: EventId,
) -> Result<Option<EventRow>, StoreError> {
    // SQLite has one writer at a time, and this transaction is it.
    let select = match transaction {
        Transaction::Postgres(_) => concat!(
            "SELECT ",
            selected!(),
            " FROM events WHERE event_id = $1 FOR UPDATE"
        ),
        Transaction::Sqlite(_) => {
            concat!("SELECT ", selected!(), " FROM events WHERE event_id = $1")
        }
    };
    transaction
        .fetch_optional(select, &[id.0.into()])
        .await?
        .map(|row| event_row(&row))
        .transpose()
}

/// An event's texts as they are looked for.
struct Folded {
    search_text: String,
    city: Option<String>,
    category: Option<String>,
    /// JSON arrays.
    former_slugs: String,
    performers: String,
    /// A JSON object.
    picture: Option<String>,
}

impl Folded {
    fn of(event: &EventRow) -> Result<Self, StoreError> {
        let mut search_text = fold(&event.name);
        let texts = [&event.description, &event.venue].into_iter().flatten();
        for text in texts.chain(&event.details.performers) {
            search_text.push(FIELD_SEPARATOR);
            search_text.push_str(&fold(text));
        }
        let picture = event.details.picture.as_ref();
        Ok(Self {
            search_text,
            city: event.city.as_deref().map(fold),
            category: event.category.as_deref().map(fold),
            former_slugs: json!(event.details.former_slugs).to_string(),
            performers: json!(event.details.performers).to_string(),
            picture: picture.map(EventPicture::text).transpose()?,
        })
    }
}

/// Lower case by Unicode, the same on both databases. The separator is nobody's to look for, and
/// NUL is no text to PostgreSQL.
pub(super) fn fold(text: &str) -> String {
    text.to_lowercase()
        .replace([FIELD_SEPARATOR, '\0'], "")
        .trim()
        .to_owned()
}

fn values<'a>(event: &'a EventRow, folded: &'a Folded) -> Result<[Value<'a>; 25], StoreError> {
    let details = &event.details;
    let time = |name, time: Option<u64>| time.map(|time| integer(name, time)).transpose();
    Ok([
        event.event_id.0.into(),
        event.tenant_id.into(),
        event.organizer_id.0.into(),
        Value::from(&event.name),
        Value::from(&event.description),
        Value::from(&event.venue),
        Value::from(&event.city),
        Value::from(&event.category),
        integer("starts_at_ms", event.starts_at_ms)?.into(),
        event.max_tickets_per_user.into(),
        event.minimum_age.map(i64::from).into(),
        event.status.as_str().into(),
        integer("created_at_ms", event.created_at_ms)?.into(),
        i64::from(event.requires_verified_account).into(),
        Value::from(&details.slug),
        Value::from(&folded.former_slugs),
        Value::from(&folded.performers),
        details.venue_id.into(),
        Value::from(&details.time_zone),
        time("deleted_at_ms", details.deleted_at_ms)?.into(),
        time("ended_at_ms", details.ended_at_ms)?.into(),
        Value::from(&folded.picture),
        Value::from(&folded.search_text),
        Value::from(&folded.city),
        Value::from(&folded.category),
    ])
}

pub(super) fn event_row(row: &Row) -> Result<EventRow, StoreError> {
    Ok(EventRow {
        event_id: EventId(row.uuid("event_id")?),
        tenant_id: row.uuid("tenant_id")?,
        organizer_id: UserId(row.uuid("organizer_id")?),
        name: row.text("name")?,
        description: row.text_or_null("description")?,
        venue: row.text_or_null("venue")?,
        city: row.text_or_null("city")?,
        category: row.text_or_null("category")?,
        starts_at_ms: row.number("starts_at_ms")?,
        max_tickets_per_user: row.number("max_tickets_per_user")?,
        minimum_age: row.number_or_null("minimum_age")?,
        status: row.word("status", EventStatus::parse)?,
        created_at_ms: row.number("created_at_ms")?,
        requires_verified_account: row.number::<i64>("requires_verified_account")? != 0,
        details: EventDetails {
            known_venue: known_venue(row)?,
            ..details(row)?
        },
    })
}

/// What the venue of an event is called, where it has one of its tenant that the reader may see.
fn known_venue(row: &Row) -> Result<Option<FindableVenue>, StoreError> {
    let Some(name) = row.text_or_null("venue_name")? else {
        return Ok(None);
    };
    let city = row.text_or_null("venue_city")?;
    Ok(Some(FindableVenue { name, city }))
}
