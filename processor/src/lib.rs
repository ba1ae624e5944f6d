//! What runs a seat machine: the [`replica`] step function, the [`embedded`] driver (one core
//! thread and a follower in one process), the [`projector`], [`reconcile`] and offline [`replay`].

pub mod clock;
pub mod embedded;
pub mod metrics;
pub mod projector;
pub mod reconcile;
pub mod replay;
pub mod replica;
