//! A member of a partition's group: a [`crate::replica::Replica`] that knows when to lead and what
//! to publish.
//!
//! Sans-IO like the replica inside: it is told of log entries, of outcomes read back from the
//! outcomes topic and of time, and answers with [`MemberAction`]s. Every `now_ms` is a local
//! monotonic clock of which only differences matter; the wall clock never decides anything.
//!
//! Two members that both believe to own a partition are harmless: both compute the same outcomes,
//! and each publishes a contiguous stream that begins at most one past the highest outcome it has
//! itself read from the topic, so that a reader that drops what it has seen never meets a gap.
//!
//! What a driver has to know beside the signatures:
//!
//! - The *newest* message of the topic need not be its *highest* outcome: a repeat from a publisher
//!   that is gone may have come last. A reader that wants the end of the chain therefore begins at
//!   the first message with the newest message's timestamp (timestamps never fall along the chain)
//!   and takes the highest of what follows. Whoever begins at the newest message itself meets a gap
//!   that is none, sooner or later; the simulator shows it.
//! - A snapshot may be written only once the topic has all outcomes that it contains, see
//!   [`MemberAction::CutSnapshot`], and a start takes one that is not ahead of the topic.
//!
//! Not everything in log and topic need be ours. A record that is no command does nothing, by the
//! machine's own rules. An outcome that is not what the member computes is passed over with an
//! [`Alarm`]: one record may have been put there by anybody. Only when the topic goes on from it,
//! some publisher holds another state, and then the member stops.

mod actions;
mod leadership;
mod publication;
pub mod ranks;
mod settings;
mod step;

pub use actions::{Alarm, MemberAction, MemberStatus, Publication, SeenOutcome};
pub use settings::MemberSettings;
pub use step::Member;
