//! What has to be so for a change to be handed in.

use onsale_schemas::offer::Offer;

/// What has to be so for a change of a show to be written down, looked at under the lock of the show: of several who
/// read the same only one changes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Precondition {
    /// Whatever there is.
    #[default]
    None,
    /// Its row is of this version. It is of another from then on, whatever the log makes of the change.
    Version(u64),
    /// This is what it has for sale, and no other change of it waits for the log.
    Offer(Box<Offer>),
}
