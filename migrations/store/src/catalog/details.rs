//! What a page about an event says beside what is sold.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{EventPicture, FindableVenue};

/// How many former names in addresses lead to an event; older ones are given up.
pub const FORMER_SLUGS_MAX: usize = 10;

/// See the module. It is part of an event's row and of its document; documents of programs that knew none of it
/// have the default.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct EventDetails {
    /// Its name in addresses, one of its tenant; `None` for an event that an earlier program created, until it gets
    /// one, or another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// Those that it had before, newest first, at most [`FORMER_SLUGS_MAX`]: they lead to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_slugs: Vec<String>,
    /// Who performs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub performers: Vec<String>,
    /// The venue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue_id: Option<Uuid>,
    /// The time zone in which its times are told (IANA).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Its picture. (A document keeps what is needed to find the files again.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<EventPicture>,
    /// When it was deleted. Its row stays, because the log knows of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at_ms: Option<u64>,
    /// Since when housekeeping knows that its last show is over. No document tells of it: it follows from the
    /// shows and the time.
    #[serde(skip)]
    pub ended_at_ms: Option<u64>,
    /// What `venue_id` is called and in which city it is, as the database had it when the row was read; nothing is
    /// written of it. No document tells of it either: venues are not in the log.
    #[serde(skip)]
    pub known_venue: Option<FindableVenue>,
}

impl EventDetails {
    /// Whether nothing of it is said, which is how earlier programs wrote rows.
    pub(crate) fn is_empty(&self) -> bool {
        let told = Self {
            ended_at_ms: None,
            known_venue: None,
            ..self.clone()
        };
        told == Self::default()
    }

    /// Gives the event another name in addresses; the one before goes on leading to it. Those that are given up
    /// come back.
    pub(crate) fn rename(&mut self, slug: &str) -> Vec<String> {
        let before = self.slug.replace(slug.to_owned());
        self.former_slugs.retain(|former| former != slug);
        if let Some(before) = before.filter(|before| before != slug) {
            self.former_slugs.insert(0, before);
        }
        let kept = self.former_slugs.len().min(FORMER_SLUGS_MAX);
        self.former_slugs.split_off(kept)
    }
}

/// What changes of the details. `None` leaves a value as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DetailsChange {
    /// Its name in addresses.
    pub slug: Option<String>,
    /// Who performs.
    pub performers: Option<Vec<String>>,
    /// The venue, or none.
    pub venue_id: Option<Option<Uuid>>,
    /// The time zone (IANA), or none.
    pub time_zone: Option<Option<String>>,
}

impl DetailsChange {
    /// Changes the details; names in addresses that are given up come back.
    pub(crate) fn apply_to(&self, details: &mut EventDetails) -> Vec<String> {
        if let Some(performers) = &self.performers {
            details.performers.clone_from(performers);
        }
        if let Some(venue_id) = self.venue_id {
            details.venue_id = venue_id;
        }
        if let Some(time_zone) = &self.time_zone {
            details.time_zone.clone_from(time_zone);
        }
        let slug = self.slug.as_deref();
        slug.map(|slug| details.rename(slug)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn former_names_lead_to_an_event_until_there_are_too_many() {
        let mut details = EventDetails::default();
        assert!(details.is_empty());
        for number in 0..=FORMER_SLUGS_MAX {
            assert!(details.rename(&format!("night-{number}")).is_empty());
        }
        assert_eq!(details.former_slugs.len(), FORMER_SLUGS_MAX);
        assert_eq!(details.rename("opera"), ["night-0"]);
        assert_eq!(details.slug.as_deref(), Some("opera"));
        assert_eq!(details.former_slugs[0], "night-10");
        // One that was its own before is no former one any more.
        assert!(details.rename("night-5").is_empty());
        assert_eq!(details.former_slugs[0], "opera");
        assert!(!details.former_slugs.iter().any(|slug| slug == "night-5"));
        assert!(details.rename("night-5").is_empty());
        assert_eq!(details.former_slugs.len(), FORMER_SLUGS_MAX);
    }

    #[test]
    fn a_row_of_an_earlier_program_has_none_and_what_follows_is_not_told() {
        let none: EventDetails = serde_json::from_str("{}").unwrap();
        assert!(none.is_empty());
        let ended = EventDetails {
            ended_at_ms: Some(5),
            known_venue: Some(FindableVenue {
                name: "Lyric".to_owned(),
                city: None,
            }),
            ..EventDetails::default()
        };
        assert!(ended.is_empty());
        assert_eq!(serde_json::to_string(&ended).unwrap(), "{}");
    }
}
