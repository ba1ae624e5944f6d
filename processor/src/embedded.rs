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

mod core;
mod database;
mod follower;
mod handle;
mod recovery;
mod runtime;
mod snapshots;
mod start;
mod state;

pub use follower::Held;
pub use handle::{EmbeddedLog, ResetRefused};
pub use runtime::{Embedded, HoldError, Status};
pub use snapshots::Retention;
pub use start::{EmbeddedOptions, StartError};
pub use state::OwnerPosition;
