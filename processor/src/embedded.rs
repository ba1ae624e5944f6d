//! The embedded mode: one process, one journal, one core thread that owns every partition, one
//! follower thread behind it.
//!
//! ```text
//! submit ─▶ queue ─▶ core: append + fdatasync ▸ apply ▸ answer ─▶ feed (live views)
//!                              │ journal
//!                              ▼
//!                     follower: apply again ─▶ projector ─▶ database
//!                              └─▶ snapshots
//! ```
//!
//! The follower is a second replica of everything. It reads the journal at its own pace, so that a
//! slow database costs the sale nothing; its outcomes feed the projection; its digests check the
//! owner's; and it cuts the snapshots, so that the owner never pauses for one.

pub mod core;
mod database;
pub mod follower;
pub mod handle;
mod recovery;
mod runtime;
pub mod snapshots;
mod start;
pub mod state;

pub use handle::{EmbeddedLog, ResetRefused};
pub use runtime::{Embedded, HoldError, Status};
pub use start::{EmbeddedOptions, StartError};
