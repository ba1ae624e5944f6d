//! A member of a partition's group: a [`crate::replica::Replica`] that knows when to lead and what
//! to publish, for a partition that several nodes follow.
//!
//! Sans-IO like the replica inside: it is given log entries, outcomes read back from the outcomes
//! topic, and the time, and answers with [`MemberAction`]s. Every `now_ms` is a local monotonic
//! clock of which only differences matter; the wall clock never decides anything.
//!
//! **Leading.** The owner's ticks are its heartbeat. A follower that has read the whole log and
//! sees no tick for its patience claims the partition through the log, the preferred owner first.
//!
//! **Publishing.** Every member keeps its outcomes until it has read them back from the outcomes
//! topic and has compared bytes and digest. So a new owner continues exactly where the topic ends,
//! and a member that computes something else stops. Two members that both believe they own a
//! partition are harmless: both compute the same outcomes, and each publishes a contiguous stream
//! that begins at most one past the highest outcome it has itself read from the topic, so a reader
//! that drops duplicates never meets a gap.
//!
//! What a driver has to know beyond the signatures:
//!
//! - The *newest* message of the topic need not be its *highest* outcome: a repeat from a publisher
//!   that is gone may have arrived last. A reader that looks for the end of the chain therefore
//!   begins at the first message with the newest message's timestamp (timestamps never fall along
//!   the chain) and takes the highest of what follows. One that begins at the newest message itself
//!   sooner or later sees a gap that does not exist; the simulator shows it.
//! - A snapshot may be written only once the topic has all outcomes that it contains (see
//!   [`MemberAction::CutSnapshot`]), and a start takes one that is not ahead of the topic.
//!
//! Log and topic may contain foreign records. A record that is no command has no effect, by the
//! machine's own rules. An outcome that is not what the member computes is skipped with an
//! [`Alarm`]: a single record may have been written by anyone. Only when the topic continues from
//! it does some publisher really hold another state, and then the member stops.

mod actions;
mod leadership;
mod publication;
pub mod ranks;
mod settings;
mod step;

pub use actions::{Alarm, MemberAction, MemberStatus, Publication, SeenOutcome};
pub use settings::MemberSettings;
pub use step::Member;
