//! What keeps a processor from starting, whichever log it runs on.

use onsale_snapshot::SnapshotError;

use crate::clock::ClockRefused;
use crate::fit::Misfit;
use crate::recovery::RecoveryError;

/// Why a processor does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartFailure {
    /// The clock of this machine.
    #[error(transparent)]
    Clock(#[from] ClockRefused),
    /// The snapshots.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Snapshot plus log do not give a state.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// Database or snapshots are not of this log, or it was lost.
    #[error(transparent)]
    Misfit(Misfit),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}
