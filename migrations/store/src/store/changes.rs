//! Changes of shows and events on their way through the log.
//!
//! Events and shows are mastered in the database, but what the log decides about a show (times,
//! prices, limit, open or closed) is written there by the projector alone, in the transaction that
//! moves the watermark. An outcome names a change and carries no values that people read (names,
//! the beginning), and these are never in the log. So `PATCH /shows/{id}` writes the change down
//! here, under the id of its request, before it submits the command, and the projector applies it
//! when it reaches the outcome with that id. A crash before the log has the command leaves a row
//! that never counts; a crash after it leaves one that the projector finds at the next start.
//! Changes are applied in the order of the log, each once.
//!
//! What is added to a show after it was opened (`POST /shows/{id}/zones/{zone_id}/seats`, `POST
//! /shows/{id}/zones`) is written down in the same way, with the names and labels that the log does
//! not have.
//!
//! `PUT /events/{id}` does the same where it changes the limit or cancels: one record counts for
//! all shows of the event, and the projector voids shows and bookings in the same transaction. What
//! people only read goes straight to the database. `PUT /shows/{id}/offer` writes the whole offer down,
//! beside the changes of shows. A show is added only to a published event, under
//! the lock of the event's row, so that no event is ever unpublished while it has shows.

use onsale_schemas::{EventId, RequestId, ShowId};
use serde::Serialize;
use uuid::Uuid;

use super::Store;
use crate::audit::Audit;
use crate::catalog::{Addition, EventChange, OfferRow, ShowChange};
use crate::database::{Durability, Value, integer};
use crate::error::StoreError;

/// What is done with one table of changes.
struct Statements {
    insert: &'static str,
    select: &'static str,
    forget: &'static str,
}

macro_rules! statements {
    ($table:literal, $subject:literal) => {
        Statements {
            insert: concat!(
                "INSERT INTO ",
                $table,
                " (request_id, ",
                $subject,
                ", change, created_at_ms) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (request_id) DO NOTHING"
            ),
            select: concat!(
                "SELECT ",
                $subject,
                " AS subject, change FROM ",
                $table,
                " WHERE request_id = $1"
            ),
            forget: concat!(
                "DELETE FROM ",
                $table,
                " WHERE request_id IN (SELECT request_id FROM ",
                $table,
                " WHERE created_at_ms < $1 ORDER BY created_at_ms LIMIT $2)"
            ),
        }
    };
}

/// How often a change is written down that the projector takes over at the same moment. It does so once.
const WRITE_DOWN_ATTEMPTS_MAX: u32 = 8;

const SHOW_CHANGES: Statements = statements!("show_changes", "show_id");
const EVENT_CHANGES: Statements = statements!("event_changes", "event_id");

/// A change as it is written down.
struct Proposal {
    request: RequestId,
    subject: Uuid,
    text: String,
    now_ms: i64,
}

impl Proposal {
    fn new(
        request: RequestId,
        subject: Uuid,
        change: &impl Serialize,
        now_ms: u64,
    ) -> Result<Self, StoreError> {
        let text = serde_json::to_string(change)
            .map_err(|error| StoreError::Invalid(format!("change: {error}")))?;
        let now_ms = integer("now_ms", now_ms)?;
        Ok(Self {
            request,
            subject,
            text,
            now_ms,
        })
    }
}

impl Store {
    /// Writes down what `request` changes of `show` once the log accepts it. To write down the same
    /// again changes nothing and leaves no further entry. False when another change stands under that
    /// id: it is left as it is.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for times that the database cannot hold; otherwise as every write.
    pub async fn propose_change(
        &self,
        request: RequestId,
        show: ShowId,
        change: &ShowChange,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        // The projector could do nothing about them but stop.
        for (what, time) in [
            ("starts_at_ms", change.starts_at_ms),
            ("sale_opens_at_ms", change.sale_opens_at_ms),
            ("sale_closes_at_ms", change.sale_closes_at_ms),
        ] {
            time.map(|time| integer(what, time)).transpose()?;
        }
        let proposal = Proposal::new(request, show.0, change, now_ms)?;
        self.write_down(&SHOW_CHANGES, proposal, audit.into()).await
    }

    /// Writes down what `request` adds to `show` once the log accepts it, in the same way.
    ///
    /// # Errors
    /// As every write.
    pub async fn propose_addition(
        &self,
        request: RequestId,
        show: ShowId,
        addition: &Addition,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let proposal = Proposal::new(request, show.0, addition, now_ms)?;
        self.write_down(&SHOW_CHANGES, proposal, audit.into()).await
    }

    /// Writes down what `request` puts up for sale in the place of the offer of `show` once the log accepts
    /// it, in the same way. The numbers of its names have to be those that [`Store::name_offer`] gave.
    ///
    /// # Errors
    /// As every write.
    pub async fn propose_offer(
        &self,
        request: RequestId,
        show: ShowId,
        offer: &OfferRow,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let proposal = Proposal::new(request, show.0, offer, now_ms)?;
        self.write_down(&SHOW_CHANGES, proposal, audit.into()).await
    }

    /// Writes down what `request` changes of `event` once the log accepts it, in the same way.
    ///
    /// # Errors
    /// As [`Store::propose_change`].
    pub async fn propose_event_change(
        &self,
        request: RequestId,
        event: EventId,
        change: &EventChange,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        integer("starts_at_ms", change.starts_at_ms)?;
        let proposal = Proposal::new(request, event.0, change, now_ms)?;
        self.write_down(&EVENT_CHANGES, proposal, audit.into())
            .await
    }

    async fn write_down(
        &self,
        statements: &'static Statements,
        proposal: Proposal,
        audit: Audit,
    ) -> Result<bool, StoreError> {
        let Proposal {
            request,
            subject,
            text,
            now_ms,
        } = proposal;
        for _ in 0..WRITE_DOWN_ATTEMPTS_MAX {
            let (change, audit) = (text.clone(), audit.clone());
            let is_new = self
                .database
                .write(Durability::Durable, move |mut transaction| async move {
                    let values = [
                        request.0.into(),
                        subject.into(),
                        Value::from(&change),
                        now_ms.into(),
                    ];
                    let added = transaction.execute(statements.insert, &values).await?;
                    if added > 0 {
                        transaction.commit(audit).await?;
                    }
                    Ok(added > 0)
                })
                .await?;
            if is_new {
                return Ok(true);
            }
            let known = self
                .database
                .fetch_optional(statements.select, &[request.0.into()])
                .await?;
            // When there is none, the projector took it over between the two statements.
            if let Some(row) = known {
                return Ok(row.uuid("subject")? == subject && row.text("change")? == text);
            }
        }
        // It is another tenant's, which this caller may not even see.
        Ok(false)
    }

    /// Forgets what `request` was to change: the log has refused it, and remembers that.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_proposal(&self, request: RequestId) -> Result<(), StoreError> {
        for delete in [
            "DELETE FROM proposed_codes WHERE request_id = $1",
            "DELETE FROM code_changes WHERE request_id = $1",
            "DELETE FROM show_changes WHERE request_id = $1",
            "DELETE FROM event_changes WHERE request_id = $1",
        ] {
            self.database
                .execute_unaudited(Durability::Durable, delete, &[request.0.into()])
                .await?;
        }
        Ok(())
    }

    /// Forgets changes that were written down before `before_ms`, which the log refused or never
    /// saw; returns how many.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_changes(&self, before_ms: u64) -> Result<u64, StoreError> {
        let mut forgotten = self.forget_code_changes(before_ms).await?;
        for statements in [&SHOW_CHANGES, &EVENT_CHANGES] {
            forgotten += self.forget_in_steps(statements.forget, before_ms).await?;
        }
        Ok(forgotten)
    }
}
