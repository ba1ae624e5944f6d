//! From a command to its answer.

mod answer;
mod asked;
mod claim;
mod decisions;
mod last_positions;
mod recent;
mod replies;
mod send;

pub(crate) use answer::{Answer, Final, PendingAnswer, seconds_left};
pub(crate) use asked::Asked;
pub(crate) use claim::claim_reference;
pub(crate) use decisions::Decisions;
pub(crate) use last_positions::LastPositions;
pub(crate) use recent::{Recent, answer_to};
pub(crate) use replies::{Known, Replies};
pub(crate) use send::{Ask, send, was_decided};
