//! What the index knows of an event.

use onsale_schemas::EventId;

/// An event as it is found. Whoever keeps the catalog makes a new one whenever something in it
/// changes, the availability included.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// The event.
    pub event_id: EventId,
    /// Grows with each change of the event: a document that is not newer than what the index has
    /// changes nothing, so writes may arrive late and twice.
    pub version: u64,
    /// Slug of the tenant that sells it.
    pub tenant: String,
    /// Its name. Of this and all texts below no more than
    /// [`FIELD_CHARS_MAX`](crate::limits::FIELD_CHARS_MAX) characters are searched.
    pub name: String,
    /// What it is about, as plain text.
    pub description: Option<String>,
    /// Who performs. No more than [`PERFORMERS_MAX`](crate::limits::PERFORMERS_MAX) are searched.
    pub performers: Vec<String>,
    /// Where.
    pub venue: Option<String>,
    /// In which city.
    pub city: Option<String>,
    /// Of which kind.
    pub category: Option<String>,
    /// When its first show begins, in milliseconds since 1970-01-01T00:00:00Z.
    pub first_show_ms: u64,
    /// When its last show begins, likewise; the same for a single show.
    pub last_show_ms: u64,
    /// What tickets cost, where that is known.
    pub prices: Option<Prices>,
    /// How much is left.
    pub availability: Availability,
    /// Whether anybody may find it. One that is not published is kept for its version alone.
    pub is_published: bool,
    /// How much it is asked for, in any unit that is the same for all events: tickets sold lately,
    /// for instance.
    pub popularity: u32,
}

/// What the tickets of an event cost, of all its shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prices {
    /// The cheapest ticket, in minor units.
    pub min: u64,
    /// The dearest, in minor units.
    pub max: u64,
    /// ISO 4217 code.
    pub currency: [u8; 3],
}

/// How much is left of an event, roughly: it changes seldom, unlike a count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Availability {
    /// Sold out, or not on sale.
    None,
    /// Nearly sold out.
    Few,
    /// Plenty.
    Many,
}
