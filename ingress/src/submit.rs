//! From a command to its answer.

mod answer;
mod answering;
mod claim;
mod last_positions;
mod positions;
mod recent;
mod replies;
mod send;

pub(crate) use answer::{Answer, Final, PendingAnswer, decided_at, seconds_left};
pub(crate) use answering::{Answering, answer, unexpected, with_position};
pub(crate) use claim::claim_reference;
pub(crate) use last_positions::LastPositions;
pub(crate) use positions::Positions;
pub(crate) use recent::Recent;
pub(crate) use replies::{Known, Replies};
pub(crate) use send::{Ask, hand_in_own, send, was_anothers, was_decided};
