//! An event as clients write and read it.

use onsale_accounts::Action;
use onsale_schemas::{EventId, UserId};
use onsale_store::catalog::{EventChange, EventRow, EventStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::{Caller, Right, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::error::ApiError;
use crate::extract::RequestBody;
use crate::state::AppState;
use crate::text;
use crate::values::Instant;

const NAME_MAX_CHARS: usize = 200;
const DESCRIPTION_MAX_CHARS: usize = 10_000;
const PLACE_MAX_CHARS: usize = 200;
const CATEGORY_MAX_CHARS: usize = 50;
const MINIMUM_AGE_MAX_YEARS: u8 = 120;
const TICKETS_PER_USER_DEFAULT: u16 = 4;

/// What requests with an event may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("EventRequest", "name"),
        Bound::Line(NAME_MAX_CHARS),
    ),
    (
        Of::Field("EventRequest", "description"),
        Bound::Text(DESCRIPTION_MAX_CHARS),
    ),
    (
        Of::Field("EventRequest", "venue"),
        Bound::Line(PLACE_MAX_CHARS),
    ),
    (
        Of::Field("EventRequest", "city"),
        Bound::Line(PLACE_MAX_CHARS),
    ),
    (
        Of::Field("EventRequest", "category"),
        Bound::Line(CATEGORY_MAX_CHARS),
    ),
    (
        Of::Field("EventRequest", "minimum_age"),
        Bound::Range(0, MINIMUM_AGE_MAX_YEARS as u64),
    ),
    (
        Of::Field("EventRequest", "max_tickets_per_user"),
        Bound::Range(0, u16::MAX as u64),
    ),
    (
        Of::Field("EventRequest", "status"),
        Bound::OneOf(&["draft", "published", "cancelled"]),
    ),
];

/// A new event, or new values of one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Spring Concert", "venue": "City Hall", "starts_at": "2030-05-01T19:00:00Z",
    "max_tickets_per_user": 4,
}))]
pub(crate) struct EventRequest {
    name: String,
    description: Option<String>,
    venue: Option<String>,
    city: Option<String>,
    /// As in concert, sport, theater.
    category: Option<String>,
    starts_at: Instant,
    /// Tickets that one buyer may hold and own over all shows; 0 is no limit. 4 for a new event when
    /// left out; given in a `PUT` it applies to all its shows, also those that are open.
    max_tickets_per_user: Option<u16>,
    /// In years.
    minimum_age: Option<u8>,
    /// True: only buyers whose e-mail address is verified reserve, so no guests either. False for a new
    /// event when left out; left out of a `PUT` it stays.
    requires_verified_account: Option<bool>,
    /// `published` (default) or `draft`: it is seen by its organizer only, and gets shows once it is
    /// published. In a `PUT` also `cancelled`, which cancels all its shows and is for ever.
    #[schema(value_type = Option<String>)]
    status: Option<EventStatus>,
}

const CHANGE_EVENTS: Right = Right::of_members(
    &[Role::Organizer, Role::Admin, Role::Operator],
    Action::ManageEvents,
    "Only organizers create and change events.",
);

impl RequestBody for EventRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&CHANGE_EVENTS)
    }
}

/// An event.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    event_id: Uuid,
    organizer_id: Uuid,
    name: String,
    description: Option<String>,
    venue: Option<String>,
    city: Option<String>,
    category: Option<String>,
    starts_at: Instant,
    max_tickets_per_user: u16,
    minimum_age: Option<u8>,
    /// Whether only buyers whose e-mail address is verified reserve; others get 403
    /// `VERIFIED_ACCOUNT_REQUIRED`.
    requires_verified_account: bool,
    /// `draft`, `published` or `cancelled`.
    #[schema(value_type = String)]
    status: EventStatus,
    created_at: Instant,
}

impl EventRequest {
    /// The status asked for, when that is a new one for `row`; the log or the database decide on it.
    pub(super) fn new_status(&self, row: &EventRow) -> Option<EventStatus> {
        self.status.filter(|status| *status != row.status)
    }

    /// The limit asked for.
    pub(super) fn limit(&self) -> Option<u16> {
        self.max_tickets_per_user
    }

    /// Whether only buyers with a verified address reserve from now on, when that is other than for `row`.
    pub(super) fn new_verified_only(&self, row: &EventRow) -> Option<bool> {
        self.requires_verified_account
            .filter(|is_required| *is_required != row.requires_verified_account)
    }

    /// What it changes of an event beside limit, cancellation and to whom it is sold.
    pub(super) fn change(self) -> Result<EventChange, ApiError> {
        self.check()?;
        Ok(EventChange {
            name: self.name,
            description: self.description,
            venue: self.venue,
            city: self.city,
            category: self.category,
            starts_at_ms: self.starts_at.0,
            minimum_age: self.minimum_age,
            publish: self.status == Some(EventStatus::Published),
        })
    }

    /// The row of a new event of the caller's.
    pub(super) fn into_row(
        self,
        event_id: EventId,
        caller: &Caller,
        now_ms: u64,
    ) -> Result<EventRow, ApiError> {
        self.check()?;
        let status = self.status.unwrap_or(EventStatus::Published);
        if status == EventStatus::Cancelled {
            return Err(ApiError::invalid(
                "status",
                status,
                "draft or published: a new event is not cancelled",
            ));
        }
        Ok(EventRow {
            event_id,
            tenant_id: caller.tenant.0,
            organizer_id: UserId(caller.user.0),
            name: self.name,
            description: self.description,
            venue: self.venue,
            city: self.city,
            category: self.category,
            starts_at_ms: self.starts_at.0,
            max_tickets_per_user: self
                .max_tickets_per_user
                .unwrap_or(TICKETS_PER_USER_DEFAULT),
            minimum_age: self.minimum_age,
            requires_verified_account: self.requires_verified_account.unwrap_or(false),
            status,
            created_at_ms: now_ms,
        })
    }

    fn check(&self) -> Result<(), ApiError> {
        check_line("name", &self.name, NAME_MAX_CHARS)?;
        if let Some(text) = &self.description {
            check_text("description", text, DESCRIPTION_MAX_CHARS)?;
        }
        for (field, line, max_chars) in [
            ("venue", &self.venue, PLACE_MAX_CHARS),
            ("city", &self.city, PLACE_MAX_CHARS),
            ("category", &self.category, CATEGORY_MAX_CHARS),
        ] {
            if let Some(line) = line {
                check_line(field, line, max_chars)?;
            }
        }
        if let Some(age) = self.minimum_age
            && age > MINIMUM_AGE_MAX_YEARS
        {
            return Err(ApiError::invalid(
                "minimum_age",
                age,
                &format!("0 to {MINIMUM_AGE_MAX_YEARS}"),
            ));
        }
        Ok(())
    }
}

/// Refuses names that are too long, more than one line, or of nothing that can be seen.
pub(in crate::routes) fn check_line(
    field: &str,
    line: &str,
    max_chars: usize,
) -> Result<(), ApiError> {
    if text::is_line(line, max_chars) {
        Ok(())
    } else {
        Err(ApiError::invalid(
            field,
            line,
            &format!(
                "1 to {max_chars} characters on one line, at least one of them visible, and none \
                 that overrides the direction of text"
            ),
        ))
    }
}

/// As [`check_line`], for texts that may have several lines.
pub(in crate::routes) fn check_text(
    field: &str,
    text: &str,
    max_chars: usize,
) -> Result<(), ApiError> {
    if text::is_text(text, max_chars) {
        Ok(())
    } else {
        Err(ApiError::invalid(
            field,
            text,
            &format!(
                "1 to {max_chars} characters, at least one of them visible, and none that \
                 overrides the direction of text"
            ),
        ))
    }
}

impl From<EventRow> for EventBody {
    fn from(row: EventRow) -> Self {
        Self {
            event_id: row.event_id.0,
            organizer_id: row.organizer_id.0,
            name: row.name,
            description: row.description,
            venue: row.venue,
            city: row.city,
            category: row.category,
            starts_at: Instant(row.starts_at_ms),
            max_tickets_per_user: row.max_tickets_per_user,
            minimum_age: row.minimum_age,
            requires_verified_account: row.requires_verified_account,
            status: row.status,
            created_at: Instant(row.created_at_ms),
        }
    }
}
