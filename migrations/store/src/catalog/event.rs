//! Events, what changes them, and which of them are listed.

use onsale_schemas::{EventId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{EventDetails, TenantScope};
use crate::audit::Changes;

/// Whether an event is advertised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventStatus {
    /// Seen by its organizer only.
    Draft,
    /// Public.
    Published,
    /// Called off.
    Cancelled,
}

impl EventStatus {
    /// Its name in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Published, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// An event. Its document in the log consists of these fields: see [`crate::document`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EventRow {
    /// Its id.
    pub event_id: EventId,
    /// The tenant it belongs to.
    pub tenant_id: Uuid,
    /// The account that made it.
    pub organizer_id: UserId,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Where.
    pub venue: Option<String>,
    /// In which city.
    pub city: Option<String>,
    /// Of which kind: concert, sport, theater, ...
    pub category: Option<String>,
    /// When it begins.
    pub starts_at_ms: u64,
    /// Ticket limit per user over all its shows; 0 is no limit.
    pub max_tickets_per_user: u16,
    /// Minimum age in years.
    pub minimum_age: Option<u8>,
    /// Whether only buyers whose e-mail address is verified reserve.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requires_verified_account: bool,
    /// Whether it is advertised.
    pub status: EventStatus,
    /// When it was created.
    pub created_at_ms: u64,
    /// What a page about it says beside.
    #[serde(default, skip_serializing_if = "EventDetails::is_empty")]
    pub details: EventDetails,
}

impl EventRow {
    /// What is other `after` a change.
    pub fn changes(&self, after: &Self) -> Changes {
        let mut changes = Changes::default();
        changes.field("name", &self.name, &after.name);
        changes.private("description", &self.description, &after.description);
        changes.field("venue", &self.venue, &after.venue);
        changes.field("city", &self.city, &after.city);
        changes.field("category", &self.category, &after.category);
        changes.field("starts_at_ms", &self.starts_at_ms, &after.starts_at_ms);
        changes.field(
            "max_tickets_per_user",
            &self.max_tickets_per_user,
            &after.max_tickets_per_user,
        );
        changes.field("minimum_age", &self.minimum_age, &after.minimum_age);
        changes.field(
            "requires_verified_account",
            &self.requires_verified_account,
            &after.requires_verified_account,
        );
        changes.field("status", &self.status, &after.status);
        let (details, after) = (&self.details, &after.details);
        changes.field("slug", &details.slug, &after.slug);
        changes.private("performers", &details.performers, &after.performers);
        changes.field("venue_id", &details.venue_id, &after.venue_id);
        changes.field("time_zone", &details.time_zone, &after.time_zone);
        let files = |of: &EventDetails| of.picture.as_ref().map(|picture| picture.files.clone());
        changes.field("picture", &files(details), &files(after));
        let alt = |of: &EventDetails| of.picture.as_ref().and_then(|picture| picture.alt.clone());
        changes.private("picture_alt", &alt(details), &alt(after));
        changes.field(
            "deleted_at_ms",
            &details.deleted_at_ms,
            &after.deleted_at_ms,
        );
        changes
    }

    /// The place where it is: what it says itself, otherwise what its venue is called.
    pub fn place(&self) -> Option<&str> {
        let of_venue = self.details.known_venue.as_ref();
        let own = self.venue.as_deref();
        own.or(of_venue.map(|venue| venue.name.as_str()))
    }

    /// The city where it is: the one that it says itself, otherwise that of its venue.
    pub fn place_city(&self) -> Option<&str> {
        let of_venue = self.details.known_venue.as_ref();
        let own = self.city.as_deref();
        own.or(of_venue.and_then(|venue| venue.city.as_deref()))
    }

    /// Whether it was deleted.
    pub fn is_deleted(&self) -> bool {
        self.details.deleted_at_ms.is_some()
    }

    /// Whether it is public and its last show is over, as far as housekeeping has seen.
    pub fn is_ended(&self) -> bool {
        self.status == EventStatus::Published && self.details.ended_at_ms.is_some()
    }
}

/// Which events to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct EventFilter {
    /// Text that name, description or venue contain, in any case.
    pub search: Option<String>,
    /// The city, in any case.
    pub city: Option<String>,
    /// The category, in any case.
    pub category: Option<String>,
    /// Begins at or after; of several shows the last one that takes place does.
    pub from_ms: Option<u64>,
    /// Begins before; of several shows the first one that takes place does.
    pub until_ms: Option<u64>,
    /// Whose.
    pub tenants: TenantScope,
    /// Only this organizer's.
    pub organizer_id: Option<UserId>,
    /// Also drafts and cancelled ones.
    pub unpublished: bool,
}

/// What a `PUT` changes of an event beside what the log decides.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventChange {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Where.
    pub venue: Option<String>,
    /// In which city.
    pub city: Option<String>,
    /// Of which kind.
    pub category: Option<String>,
    /// When it begins.
    pub starts_at_ms: u64,
    /// Minimum age in years.
    pub minimum_age: Option<u8>,
    /// Whether a draft becomes public.
    pub publish: bool,
}

impl EventChange {
    /// Changes the row of an event.
    pub fn apply_to(&self, event: &mut EventRow) {
        event.name.clone_from(&self.name);
        event.description.clone_from(&self.description);
        event.venue.clone_from(&self.venue);
        event.city.clone_from(&self.city);
        event.category.clone_from(&self.category);
        if event.starts_at_ms != self.starts_at_ms {
            // Housekeeping looks again.
            event.details.ended_at_ms = None;
        }
        event.starts_at_ms = self.starts_at_ms;
        event.minimum_age = self.minimum_age;
        if self.publish && event.status == EventStatus::Draft {
            event.status = EventStatus::Published;
        }
    }
}

/// What is changed of an event without the log, in one transaction.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventEdit {
    /// What people read of it.
    pub change: Option<EventChange>,
    /// Whether only buyers whose e-mail address is verified reserve.
    pub requires_verified_account: Option<bool>,
    /// What a page about it says beside.
    pub details: super::DetailsChange,
    /// Only where its row is of this version.
    pub expected_version: Option<u64>,
    /// That its row is of another version from then on, even where nothing of it is other than before: more of the same
    /// change follows by the log, and whoever else read that version must not make it as well.
    pub claims_version: bool,
}

/// What became of the wish to delete something of the catalog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deletion {
    /// It is deleted.
    Done,
    /// There is no such thing, or it was deleted before.
    Missing,
    /// It has shows that are not cancelled, or is one.
    OnSale,
    /// Something of it was sold.
    Sold,
}
