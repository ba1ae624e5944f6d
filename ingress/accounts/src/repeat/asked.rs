//! A call that came with an idempotency key, as it is asked.

use std::fmt;
use std::net::IpAddr;

use onsale_private::Private;
use uuid::Uuid;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// Whose token it is, and what that says it is. Its keys are its own.
    Caller {
        /// The account, or the guest.
        user: Uuid,
        /// Role, tenant and the like. With another standing the same key is another key, so nobody gets an answer
        /// again that it got in a role which it no longer has.
        standing: &'a str,
    },
    /// Somebody who is not signed in.
    Nobody {
        /// The address or the token that the body shows. Keys that come with another one are others.
        shown: &'a Private,
        /// The network that it comes from. Its keys within a day are counted together.
        network: Option<IpAddr>,
        /// Whether keys that come from another network are others: where nothing else in the body is a proof.
        is_of_network: bool,
    },
}

/// What is asked, and by which key.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The key.
    pub key: &'a str,
    /// Method and route.
    pub operation: &'a str,
    /// The path, with its query.
    pub target: &'a str,
    /// Who is signed in beside what the body shows.
    pub caller: Option<Uuid>,
    /// The body, as it was sent.
    pub body: &'a [u8],
}

/// How many calls are remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyBounds {
    /// Of one account, or of one network from which nobody signed in asks, within a day.
    pub of_owner: u32,
    /// Of all together. At this many, calls of whom nobody knows begin none.
    pub of_all: u32,
}

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked({})", self.operation)
    }
}
