//! What of the catalog the log does not have yet, and what of the log the catalog does not have.

use std::collections::{BTreeMap, BTreeSet};

use onsale_schemas::partitioning::partition_of;
use onsale_schemas::{EventId, PartitionId, ShowId};
use uuid::Uuid;

use super::Store;
use super::events::event_row;
use crate::audit::{Audit, Unaudited};
use crate::booking::{Watermark, projected_offset};
use crate::catalog::{EventRow, ShowRow, ShowStatus, ZonesOfShow};
use crate::database::{Durability, Row};
use crate::document::{CatalogCursor, Document, Versioned};
use crate::error::StoreError;
use crate::projection::documents;

/// Ids of one page, where only those of some partitions count.
const IDS_PER_PAGE: u32 = 512;

/// How the ids of events, or of shows, are found that the log does not have as they stand.
struct Undescribed<'a> {
    /// Takes the id behind which to begin, and how many.
    sql: &'static str,
    id: &'static str,
    partition_of: &'a (dyn Fn(&Row) -> Result<PartitionId, StoreError> + Sync),
}

impl Store {
    /// Documents of events and shows that the log does not have as they stand, of at most `limit` of
    /// each from a place on, events first, both by id; none of the partitions `except`. Shows that the
    /// log has not opened yet come later, and what someone has damaged by hand is left out. `partitions`
    /// is how many the log has.
    ///
    /// # Errors
    /// As every read.
    pub async fn undescribed(
        &self,
        partitions: u16,
        except: &[PartitionId],
        after: CatalogCursor,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        let next = self.next_undescribed(partitions, except, after, limit);
        Ok(next.await?.0)
    }

    /// As [`Store::undescribed`], with where the look ended: the beginning again where nothing is left.
    /// It goes by what was looked at, so that what is damaged holds up nothing behind it.
    ///
    /// # Errors
    /// As every read.
    pub async fn next_undescribed(
        &self,
        partitions: u16,
        except: &[PartitionId],
        after: CatalogCursor,
        limit: u32,
    ) -> Result<(Vec<Document>, CatalogCursor), StoreError> {
        let mut documents = Vec::new();
        // Read first, so that no row is older than its document says.
        let watermarks = self.watermarks().await?;
        let events = Undescribed {
            sql: "SELECT event_id FROM events WHERE described_version < version \
                  AND event_id > $1 ORDER BY event_id LIMIT $2",
            id: "event_id",
            partition_of: &|row| Ok(partition_of(EventId(row.uuid("event_id")?), partitions)),
        };
        let event_ids = self.ids(&events, except, after.event, limit).await?;
        for id in event_ids.iter().map(|id| EventId(*id)) {
            if let Some(event) = self.event_version(id).await? {
                let partition = partition_of(id, partitions);
                documents.push(Document {
                    event,
                    show: None,
                    as_of: Some(projected_offset(&watermarks, partition)),
                });
            }
        }
        let shows = Undescribed {
            sql: "SELECT show_id, partition FROM shows WHERE described_version < version \
                  AND status <> 'opening' AND show_id > $1 ORDER BY show_id LIMIT $2",
            id: "show_id",
            partition_of: &|row| Ok(PartitionId(row.number("partition")?)),
        };
        let show_ids = self.ids(&shows, except, after.show, limit).await?;
        for id in &show_ids {
            documents.extend(self.show_document(&watermarks, ShowId(*id)).await?);
        }
        let end_of = |ids: &[Uuid]| {
            let more = ids.last().filter(|_| ids.len() >= limit as usize);
            more.copied().unwrap_or(Uuid::nil())
        };
        let end = CatalogCursor {
            event: end_of(&event_ids),
            show: end_of(&show_ids),
        };
        Ok((documents, end))
    }

    /// The first `limit` ids behind one.
    async fn ids(
        &self,
        undescribed: &Undescribed<'_>,
        except: &[PartitionId],
        mut after: Uuid,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        let page = if except.is_empty() {
            limit
        } else {
            IDS_PER_PAGE
        };
        let mut ids = Vec::new();
        loop {
            let rows = self
                .database
                .fetch(undescribed.sql, &[after.into(), page.into()])
                .await?;
            for row in &rows {
                after = row.uuid(undescribed.id)?;
                if except.is_empty() || !except.contains(&(undescribed.partition_of)(row)?) {
                    ids.push(after);
                }
                if ids.len() >= limit as usize {
                    return Ok(ids);
                }
            }
            if rows.len() < page as usize || rows.is_empty() {
                return Ok(ids);
            }
        }
    }

    /// A show with its event as the log is to have them once the show is open; `None` when there is no
    /// such show.
    ///
    /// # Errors
    /// As every read.
    pub async fn opened_document(&self, show: ShowId) -> Result<Option<Document>, StoreError> {
        let watermarks = self.watermarks().await?;
        let mut document = self.show_document(&watermarks, show).await?;
        let show = document
            .as_mut()
            .and_then(|document| document.show.as_mut());
        if let Some(show) = show
            && show.row.status == ShowStatus::Opening
        {
            show.row.status = ShowStatus::Open;
        }
        Ok(document)
    }

    /// The document of a show as of these watermarks, which were read before it.
    async fn show_document(
        &self,
        watermarks: &[Watermark],
        id: ShowId,
    ) -> Result<Option<Document>, StoreError> {
        let Some((event, show)) = self.show_version(id).await? else {
            return Ok(None);
        };
        Ok(Some(Document {
            as_of: Some(projected_offset(watermarks, show.row.partition)),
            event,
            show: Some(show),
        }))
    }

    async fn event_version(&self, id: EventId) -> Result<Option<Versioned<EventRow>>, StoreError> {
        self.database
            .fetch_optional(super::events::SELECT_WITH_VERSION, &[id.0.into()])
            .await?
            .map(|row| {
                Ok(Versioned {
                    version: row.number("version")?,
                    row: event_row(&row)?,
                })
            })
            .transpose()
    }

    async fn show_version(
        &self,
        id: ShowId,
    ) -> Result<Option<(Versioned<EventRow>, Versioned<ShowRow>)>, StoreError> {
        // The version first: a change between the two reads is described again.
        let version = self
            .database
            .fetch_optional(
                "SELECT version FROM shows WHERE show_id = $1",
                &[id.0.into()],
            )
            .await?;
        let show = match self.show(id).await {
            // Someone changed it by hand.
            Err(StoreError::Corrupt(_)) => None,
            read => read?,
        };
        let (Some(version), Some(show)) = (version, show) else {
            return Ok(None);
        };
        // Someone deleted zones by hand, or a database that was lost has not got all names again: a document
        // without them would take the place of the one that brings them back.
        if !show.has_all_zones() || show.is_lacking() {
            return Ok(None);
        }
        let event = self.event_version(show.event_id).await?;
        let Some(event) = event else {
            return Ok(None);
        };
        let show = Versioned {
            version: version.number("version")?,
            row: show,
        };
        Ok(Some((event, show)))
    }

    /// Brings what a document describes and the catalog does not have, or has as it was before; true
    /// when there was something. One transaction.
    ///
    /// # Errors
    /// As every write.
    pub async fn restore_document(
        &self,
        document: &Document,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let (document, audit) = (document.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let brought = documents::write(&mut transaction, &document).await?;
                // Where nothing was missing, only that the log has the document is noted.
                let nothing = Audit::Skipped(Unaudited::Automatic);
                let audit = if brought { audit } else { nothing };
                transaction.commit(audit).await?;
                Ok(brought)
            })
            .await
    }

    /// The versions at which the catalog has an event and a show.
    ///
    /// # Errors
    /// As every read.
    pub async fn catalog_versions(
        &self,
        event: EventId,
        show: Option<ShowId>,
    ) -> Result<(Option<u64>, Option<u64>), StoreError> {
        let number = |row: Option<Row>| row.map(|row| row.number("version")).transpose();
        let event = self
            .database
            .fetch_optional(
                "SELECT version FROM events WHERE event_id = $1",
                &[event.0.into()],
            )
            .await?;
        let show = match show {
            Some(show) => {
                self.database
                    .fetch_optional(
                        "SELECT version FROM shows WHERE show_id = $1",
                        &[show.0.into()],
                    )
                    .await?
            }
            None => None,
        };
        Ok((number(event)?, number(show)?))
    }

    /// Whether the catalog has a show.
    ///
    /// # Errors
    /// As every read.
    pub async fn has_show(&self, id: ShowId) -> Result<bool, StoreError> {
        let sql = "SELECT show_id FROM shows WHERE show_id = $1";
        let found = self.database.fetch_optional(sql, &[id.0.into()]).await?;
        Ok(found.is_some())
    }

    /// How many zones each show of the catalog has that the log has opened.
    ///
    /// # Errors
    /// As every read.
    pub async fn zones_of_shows(&self) -> Result<BTreeMap<ShowId, ZonesOfShow>, StoreError> {
        self.database
            .fetch(
                "SELECT s.show_id, s.event_id, COUNT(z.zone) AS zones, \
                 CAST(COALESCE(MAX(z.zone) + 1, 0) AS bigint) AS places, \
                 CASE s.status WHEN 'cancelled' THEN 1 ELSE 0 END AS is_cancelled \
                 FROM shows AS s LEFT JOIN zones AS z ON z.show_id = s.show_id \
                 WHERE s.status <> 'opening' GROUP BY s.show_id, s.event_id, s.status",
                &[],
            )
            .await?
            .iter()
            .map(|row| {
                let zones = ZonesOfShow {
                    zones: row.number("zones")?,
                    places: row.number("places")?,
                    event: EventId(row.uuid("event_id")?),
                    is_cancelled: row.signed("is_cancelled")? != 0,
                };
                Ok((ShowId(row.uuid("show_id")?), zones))
            })
            .collect()
    }

    /// The events of the catalog that are cancelled, and with them all their shows.
    ///
    /// # Errors
    /// As every read.
    pub async fn cancelled_events(&self) -> Result<BTreeSet<EventId>, StoreError> {
        self.database
            .fetch(
                "SELECT event_id FROM events WHERE status = 'cancelled'",
                &[],
            )
            .await?
            .iter()
            .map(|row| Ok(EventId(row.uuid("event_id")?)))
            .collect()
    }

    /// The ids of every show in the catalog.
    ///
    /// # Errors
    /// As every read.
    pub async fn show_ids(&self) -> Result<BTreeSet<ShowId>, StoreError> {
        self.database
            .fetch("SELECT show_id FROM shows", &[])
            .await?
            .iter()
            .map(|row| Ok(ShowId(row.uuid("show_id")?)))
            .collect()
    }
}
