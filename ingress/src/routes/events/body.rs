//! An event as clients write and read it.

pub(super) mod patch;

use onsale_accounts::Action;
use onsale_schemas::{EventId, UserId};
use onsale_store::catalog::{DetailsChange, EventChange, EventDetails, EventRow, EventStatus};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) use super::named::{other_slug, slug_of};
use super::picture_body::PictureBody;
use super::place_body::PlaceBody;
use super::venue;
use crate::auth::{Caller, Right, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::error::ApiError;
use crate::extract::RequestBody;
use crate::local_time::{self, When, ZONE_MAX_BYTES};
use crate::markdown;
use crate::slug::{self, SLUG_EXPECTED, SLUG_MAX_CHARS};
use crate::state::AppState;
use crate::text;
use crate::values::Instant;
use crate::versions;

pub(super) const NAME_MAX_CHARS: usize = 200;
const DESCRIPTION_MAX_CHARS: usize = 10_000;
const PLACE_MAX_CHARS: usize = 200;
const CATEGORY_MAX_CHARS: usize = 50;
/// Performers of one event.
const PERFORMERS_MAX: usize = 50;
const MINIMUM_AGE_MAX_YEARS: u8 = 120;
const TICKETS_PER_USER_DEFAULT: u16 = 4;

/// A name in addresses.
pub(super) const SLUG: Bound = Bound::Length(SLUG_MAX_CHARS);

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
    (Of::Field("EventRequest", "slug"), SLUG),
    (
        Of::Field("EventRequest", "time_zone"),
        Bound::Length(ZONE_MAX_BYTES),
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
    /// Markdown: paragraphs, headings, lists, quotes, code, emphasis, rules and links to the web or to addresses of
    /// e-mail. HTML in it is shown as text, and pictures by their description.
    description: Option<String>,
    venue: Option<String>,
    city: Option<String>,
    /// As in concert, sport, theater. What is taken for one of `GET /categories` becomes the name of that one.
    category: Option<String>,
    /// With an offset, or (as `2030-05-01T19:00:00`) as clocks of `time_zone` show it. An hour that they skip, and one
    /// that comes twice, is refused without an offset.
    #[schema(value_type = String)]
    starts_at: When,
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
    /// Its name in addresses, one of its tenant: small letters and digits of any script, in words joined by hyphens.
    /// Made from `name` when left out of a new event, and left as it is by a `PUT` without it. Names that it had
    /// before go on leading to it.
    slug: Option<String>,
    /// Who performs, at most 50 names. Left out of a `PUT` they stay.
    performers: Option<Vec<String>>,
    /// The venue, one of the event's tenant as `/venues` has it. Left out of a `PUT` it stays; `null` is none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    venue_id: Option<Option<Uuid>>,
    /// The time zone in which its times are told, by its name in the IANA database. Left out of a `PUT` it stays,
    /// `null` is none; where it is left out beside a new `venue_id`, the event has that of the venue, unless it has one
    /// that is not its venue's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    time_zone: Option<Option<String>>,
}

/// A field that is there, maybe with `null`: something else than one that is left out.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

pub(super) const CHANGE_EVENTS: Right = Right::of_members(
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
    /// Its name in addresses; `null` for one that an earlier program created, until it gets one, or another name.
    slug: Option<String>,
    /// Markdown.
    description: Option<String>,
    /// The description as HTML: paragraphs, headings (h3 to h6), lists, quotes, code, emphasis, rules and links with
    /// `rel="nofollow noopener"`; nothing else. Lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    description_html: Option<String>,
    performers: Vec<String>,
    picture: Option<PictureBody>,
    /// Where it is, as pages show it. `null` where neither the event nor a venue says anything.
    place: Option<PlaceBody>,
    /// In the event's own words, as a `PUT` takes them; `null` where it says nothing of its own beside `venue_id`.
    venue: Option<String>,
    /// The venue, as `/venues/{id}` has it.
    venue_id: Option<Uuid>,
    /// In the event's own words, as `venue`.
    city: Option<String>,
    category: Option<String>,
    starts_at: Instant,
    /// The time zone in which its times are told (IANA).
    time_zone: Option<String>,
    /// The beginning as clocks there show it, with the offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at_local: Option<String>,
    max_tickets_per_user: u16,
    /// In years, to be confirmed by whoever buys.
    minimum_age: Option<u8>,
    /// Whether only buyers whose e-mail address is verified reserve; others get 403
    /// `VERIFIED_ACCOUNT_REQUIRED`.
    requires_verified_account: bool,
    /// `draft`, `published`, `cancelled`, or `ended`: it was published, and its last show began 12 hours ago. (Which
    /// is looked for once an hour.)
    #[schema(value_type = String)]
    status: &'static str,
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

    /// What it changes of an event beside limit, cancellation and to whom it is sold. `present` is the time zone that
    /// the event has.
    pub(super) fn change(
        self,
        present: Option<&str>,
    ) -> Result<(EventChange, DetailsChange), ApiError> {
        self.check()?;
        let time_zone = self.zone()?;
        let starts_at = self.starts_at(&time_zone, present)?;
        let change = EventChange {
            name: self.name,
            description: self.description,
            venue: self.venue,
            city: self.city,
            category: self.category,
            starts_at_ms: starts_at.0,
            minimum_age: self.minimum_age,
            publish: self.status == Some(EventStatus::Published),
        };
        let details = DetailsChange {
            slug: self.slug,
            performers: self.performers,
            venue_id: self.venue_id,
            time_zone,
        };
        Ok((change, details))
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
        let time_zone = self.zone()?;
        let starts_at = self.starts_at(&time_zone, None)?;
        let slug = self.slug.unwrap_or_else(|| slug_of(&self.name, event_id));
        Ok(EventRow {
            event_id,
            tenant_id: caller.tenant.0,
            organizer_id: UserId(caller.user.0),
            name: self.name,
            description: self.description,
            venue: self.venue,
            city: self.city,
            category: self.category,
            starts_at_ms: starts_at.0,
            max_tickets_per_user: self
                .max_tickets_per_user
                .unwrap_or(TICKETS_PER_USER_DEFAULT),
            minimum_age: self.minimum_age,
            requires_verified_account: self.requires_verified_account.unwrap_or(false),
            status,
            created_at_ms: now_ms,
            details: EventDetails {
                slug: Some(slug),
                performers: self.performers.unwrap_or_default(),
                venue_id: self.venue_id.flatten(),
                time_zone: time_zone.flatten(),
                ..EventDetails::default()
            },
        })
    }

    /// With the time zone of the venue that is asked for: see [`venue::settle`].
    pub(super) async fn at_venue(
        mut self,
        state: &AppState,
        tenant: Uuid,
        before: Option<&EventDetails>,
    ) -> Result<Self, ApiError> {
        let venue = self.venue_id.flatten();
        venue::settle(state, tenant, before, (venue, &mut self.time_zone)).await?;
        Ok(self)
    }

    /// Whether the client names the event in addresses itself.
    pub(super) fn has_slug(&self) -> bool {
        self.slug.is_some()
    }

    /// The category as `GET /categories` has it, where what stands there is taken for one.
    pub(super) async fn mapped(mut self, state: &AppState) -> Result<Self, ApiError> {
        if let Some(text) = &self.category
            && text::is_line(text, CATEGORY_MAX_CHARS)
            && let Some(name) = state.store.category_called(text).await?
        {
            self.category = Some(name);
        }
        Ok(self)
    }

    /// The time zone asked for, by its proper name.
    fn zone(&self) -> Result<Option<Option<String>>, ApiError> {
        match &self.time_zone {
            Some(Some(name)) => {
                let (_, name) = local_time::zone("time_zone", name)?;
                Ok(Some(Some(name)))
            }
            Some(None) => Ok(Some(None)),
            None => Ok(None),
        }
    }

    /// The beginning, in the time zone asked for or the one that the event has.
    fn starts_at(
        &self,
        asked: &Option<Option<String>>,
        present: Option<&str>,
    ) -> Result<Instant, ApiError> {
        let name = match asked {
            Some(asked) => asked.as_deref(),
            None => present,
        };
        let zone = local_time::zone_of_row(name);
        self.starts_at.at("starts_at", zone.as_ref())
    }

    fn check(&self) -> Result<(), ApiError> {
        check_line("name", &self.name, NAME_MAX_CHARS)?;
        if let Some(text) = &self.description {
            check_text("description", text, DESCRIPTION_MAX_CHARS)?;
            if markdown::to_html(text).is_none() {
                return Err(ApiError::invalid(
                    "description",
                    text,
                    &format!(
                        "Markdown of at most {} bytes as HTML: less of what makes it large, as a long address that \
                         many links share",
                        markdown::HTML_MAX_BYTES
                    ),
                ));
            }
        }
        if let Some(slug) = &self.slug
            && !slug::is_slug(slug)
        {
            return Err(ApiError::invalid("slug", slug, SLUG_EXPECTED));
        }
        check_performers(self.performers.as_deref().unwrap_or_default())?;
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

fn check_performers(performers: &[String]) -> Result<(), ApiError> {
    if performers.len() > PERFORMERS_MAX {
        return Err(ApiError::invalid(
            "performers",
            performers,
            &format!("at most {PERFORMERS_MAX} names"),
        ));
    }
    for (place, name) in performers.iter().enumerate() {
        check_line(&format!("performers[{place}]"), name, NAME_MAX_CHARS)?;
    }
    Ok(())
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

impl EventBody {
    /// In a list, without the description as HTML.
    pub(crate) fn listed(row: EventRow) -> Self {
        let zone = local_time::zone_of_row(row.details.time_zone.as_deref());
        Self {
            status: if row.is_ended() {
                ENDED
            } else {
                row.status.as_str()
            },
            starts_at_local: zone.and_then(|zone| local_time::told(row.starts_at_ms, &zone)),
            place: PlaceBody::of(&row),
            event_id: row.event_id.0,
            organizer_id: row.organizer_id.0,
            name: row.name,
            slug: row.details.slug,
            description: row.description,
            description_html: None,
            performers: row.details.performers,
            picture: row.details.picture.map(PictureBody::from),
            venue: row.venue,
            venue_id: row.details.venue_id,
            city: row.city,
            category: row.category,
            starts_at: Instant(row.starts_at_ms),
            time_zone: row.details.time_zone,
            max_tickets_per_user: row.max_tickets_per_user,
            minimum_age: row.minimum_age,
            requires_verified_account: row.requires_verified_account,
            created_at: Instant(row.created_at_ms),
        }
    }
}

/// How an event is told of whose last show is over.
const ENDED: &str = "ended";

/// The tag of an event as it is answered alone. A venue has versions of its own, so what an event is told of it is in
/// the tag too.
pub(super) fn tag(version: u64, row: &EventRow) -> String {
    let ended = row.is_ended().then_some(ENDED);
    let Some(venue) = &row.details.known_venue else {
        return versions::tag(version, ended);
    };
    let told = (ended, &venue.name, &venue.city);
    versions::tag_of_bytes(version, format!("{told:?}").as_bytes())
}

impl From<EventRow> for EventBody {
    fn from(row: EventRow) -> Self {
        let html = row.description.as_deref().and_then(markdown::to_html);
        Self {
            description_html: html,
            ..Self::listed(row)
        }
    }
}
