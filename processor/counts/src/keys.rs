//! Names in Redis. The event is in braces, so that everything one script touches is on one node of
//! a Redis cluster.

use onsale_schemas::{EventId, ShowId, UserId, ZoneIndex};

/// Builds names that begin with one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// Places of a zone.
    pub(super) fn zone(&self, event: EventId, show: ShowId, zone: ZoneIndex) -> String {
        format!("{}:{{{event}}}:zone:{show}:{zone}", self.prefix)
    }

    /// Tickets of a buyer.
    pub(super) fn user(&self, event: EventId, user: UserId) -> String {
        format!("{}:{{{event}}}:user:{user}", self.prefix)
    }

    /// Requests in flight of a zone, by node.
    pub(super) fn in_flight(&self, event: EventId, show: ShowId, zone: ZoneIndex) -> String {
        format!("{}:{{{event}}}:in-flight:{show}:{zone}", self.prefix)
    }

    /// A buyer's bucket. It counts by event, because the script may only touch one event's keys;
    /// each ingress's own limit counts over all events.
    pub(super) fn bucket(&self, event: EventId, user: UserId) -> String {
        format!("{}:{{{event}}}:bucket:{user}", self.prefix)
    }

    /// Another value, or none, means that Redis was emptied.
    pub(super) fn generation(&self) -> String {
        format!("{}:generation", self.prefix)
    }
}
