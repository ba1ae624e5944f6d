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

use super::{Store, offers};
use crate::audit::Audit;
use crate::catalog::{Addition, EventChange, Noted, OfferRow, Precondition, ShowChange};
use crate::database::{Durability, Transaction, Value, integer};
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

/// How long a change that the projector has not met keeps others out that go by what they have read, in
/// milliseconds: one that never came to the log does so no longer.
pub(super) const WAITS_WITHIN_MS: i64 = 60_000;

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
    /// again changes nothing and leaves no further entry.
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
    ) -> Result<Noted, StoreError> {
        self.propose_change_if(request, show, change, Precondition::None, now_ms, audit)
            .await
    }

    /// As [`Store::propose_change`], where the show is as it has to be.
    ///
    /// # Errors
    /// [`StoreError::VersionChanged`] where it is not; otherwise as [`Store::propose_change`].
    pub async fn propose_change_if(
        &self,
        request: RequestId,
        show: ShowId,
        change: &ShowChange,
        condition: Precondition,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<Noted, StoreError> {
        // The projector could do nothing about them but stop.
        for (what, time) in [
            ("starts_at_ms", change.starts_at_ms),
            ("sale_opens_at_ms", change.sale_opens_at_ms),
            ("sale_closes_at_ms", change.sale_closes_at_ms),
        ] {
            time.map(|time| integer(what, time)).transpose()?;
        }
        let proposal = Proposal::new(request, show.0, change, now_ms)?;
        self.write_down(&SHOW_CHANGES, proposal, condition, audit.into())
            .await
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
    ) -> Result<Noted, StoreError> {
        let proposal = Proposal::new(request, show.0, addition, now_ms)?;
        self.write_down(&SHOW_CHANGES, proposal, Precondition::None, audit.into())
            .await
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
    ) -> Result<Noted, StoreError> {
        self.propose_offer_if(request, show, offer, Precondition::None, now_ms, audit)
            .await
    }

    /// As [`Store::propose_offer`], where the show is as it has to be.
    ///
    /// # Errors
    /// [`StoreError::VersionChanged`] where it is not; otherwise as every write.
    pub async fn propose_offer_if(
        &self,
        request: RequestId,
        show: ShowId,
        offer: &OfferRow,
        condition: Precondition,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<Noted, StoreError> {
        let proposal = Proposal::new(request, show.0, offer, now_ms)?;
        self.write_down(&SHOW_CHANGES, proposal, condition, audit.into())
            .await
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
    ) -> Result<Noted, StoreError> {
        integer("starts_at_ms", change.starts_at_ms)?;
        let proposal = Proposal::new(request, event.0, change, now_ms)?;
        self.write_down(&EVENT_CHANGES, proposal, Precondition::None, audit.into())
            .await
    }

    async fn write_down(
        &self,
        statements: &'static Statements,
        proposal: Proposal,
        condition: Precondition,
        audit: Audit,
    ) -> Result<Noted, StoreError> {
        let Proposal {
            request,
            subject,
            text,
            now_ms,
        } = proposal;
        for _ in 0..WRITE_DOWN_ATTEMPTS_MAX {
            let (change, condition) = (text.clone(), condition.clone());
            let audit = audit.clone();
            let is_new = self
                .database
                .write(Durability::Durable, move |mut transaction| async move {
                    // Before anything is written: that takes a weaker lock of the show, and two would wait for each
                    // other.
                    if condition != Precondition::None {
                        let own = [request.0.into()];
                        let known = transaction.fetch_optional(statements.select, &own).await?;
                        if known.is_none() {
                            let own = (ShowId(subject), request);
                            claim(&mut transaction, own, &condition, now_ms).await?;
                        }
                    }
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
                return Ok(Noted::New);
            }
            let known = self
                .database
                .fetch_optional(statements.select, &[request.0.into()])
                .await?;
            // When there is none, the projector took it over between the two statements.
            if let Some(row) = known {
                let is_same = row.uuid("subject")? == subject && row.text("change")? == text;
                return Ok(Noted::known(is_same));
            }
        }
        // It is another tenant's, which this caller may not even see.
        Ok(Noted::Other)
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

    /// Forgets changes of shows and of codes that were written down before `before_ms`, and which the log never
    /// accepted for certain: the projection of their partition has come an hour further since. Returns how many,
    /// without their codes.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_passed_changes(&self, before_ms: u64) -> Result<u64, StoreError> {
        self.forget_in_steps(
            "DELETE FROM proposed_codes WHERE (request_id, code_hash) IN \
             (SELECT p.request_id, p.code_hash FROM proposed_codes AS p \
             JOIN code_changes AS c ON c.request_id = p.request_id \
             JOIN shows AS s ON s.show_id = c.show_id \
             JOIN projector_watermarks AS w ON w.partition = s.partition \
             WHERE c.created_at_ms < $1 AND w.log_time_ms > c.created_at_ms + 3600000 \
             ORDER BY c.created_at_ms LIMIT $2)",
            before_ms,
        )
        .await?;
        let mut forgotten = 0;
        for delete in [
            "DELETE FROM code_changes WHERE request_id IN \
             (SELECT c.request_id FROM code_changes AS c JOIN shows AS s ON s.show_id = c.show_id \
             JOIN projector_watermarks AS w ON w.partition = s.partition \
             WHERE c.created_at_ms < $1 AND w.log_time_ms > c.created_at_ms + 3600000 \
             ORDER BY c.created_at_ms LIMIT $2)",
            "DELETE FROM show_changes WHERE request_id IN \
             (SELECT c.request_id FROM show_changes AS c JOIN shows AS s ON s.show_id = c.show_id \
             JOIN projector_watermarks AS w ON w.partition = s.partition \
             WHERE c.created_at_ms < $1 AND w.log_time_ms > c.created_at_ms + 3600000 \
             ORDER BY c.created_at_ms LIMIT $2)",
        ] {
            forgotten += self.forget_in_steps(delete, before_ms).await?;
        }
        Ok(forgotten)
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

/// An error where a show is not as it has to be; otherwise nobody else changes it until the transaction ends, and who
/// read the same as this request finds it changed.
async fn claim(
    transaction: &mut Transaction,
    (show, request): (ShowId, RequestId),
    condition: &Precondition,
    now_ms: i64,
) -> Result<(), StoreError> {
    let is_fulfilled = match condition {
        Precondition::None => true,
        Precondition::Version(expected) => {
            let values = [show.0.into(), integer("version", *expected)?.into()];
            let claimed = transaction
                .execute(
                    "UPDATE shows SET version = version + 1 WHERE show_id = $1 AND version = $2",
                    &values,
                )
                .await?;
            claimed > 0
        }
        Precondition::Offer(expected) => {
            let present = offers::lock(transaction, show).await?;
            let present = present.ok_or(StoreError::NotThere("show"))?;
            let waiting = transaction
                .fetch_optional(
                    "SELECT 1 AS found FROM show_changes WHERE show_id = $1 AND request_id <> $2 \
                     AND created_at_ms > $3 LIMIT 1",
                    &[
                        show.0.into(),
                        request.0.into(),
                        now_ms.saturating_sub(WAITS_WITHIN_MS).into(),
                    ],
                )
                .await?;
            waiting.is_none() && present.unwrap_or_default().offer == **expected
        }
    };
    if is_fulfilled {
        return Ok(());
    }
    let found = transaction
        .fetch_optional(
            "SELECT version FROM shows WHERE show_id = $1",
            &[show.0.into()],
        )
        .await?;
    let found = found.ok_or(StoreError::NotThere("show"))?;
    Err(StoreError::VersionChanged {
        found: found.number("version")?,
    })
}
