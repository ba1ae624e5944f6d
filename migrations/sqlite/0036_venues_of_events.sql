-- An event may name its venue without a show that was made from a map of it.

CREATE INDEX events_by_venue ON events (venue_id) WHERE venue_id IS NOT NULL;
