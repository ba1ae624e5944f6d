//! Changes of bookings that were deleted because they are too old: there is nothing to change.

use std::collections::BTreeSet;

use onsale_schemas::{PartitionId, ShowId};

use super::plan::BookingChange;
use crate::database::{Transaction, integer};
use crate::error::StoreError;

/// How many of these changes are of bookings that retention has deleted.
pub(super) async fn gone(
    transaction: &mut Transaction,
    partition: PartitionId,
    changes: &[BookingChange],
) -> Result<u64, StoreError> {
    let mut retired = BTreeSet::new();
    let shows: BTreeSet<ShowId> = changes.iter().map(|change| change.show).collect();
    for show in shows {
        let found = transaction
            .fetch_optional(
                "SELECT before_ms FROM retired_shows WHERE show_id = $1",
                &[show.0.into()],
            )
            .await?;
        if found.is_some() {
            retired.insert(show);
        }
    }
    let mut gone = 0;
    for change in changes {
        if !retired.contains(&change.show) {
            continue;
        }
        let booking = integer("offset", change.booking)?;
        let found = transaction
            .fetch_optional(
                "SELECT booking_offset FROM bookings WHERE partition = $1 AND booking_offset = $2",
                &[partition.0.into(), booking.into()],
            )
            .await?;
        gone += u64::from(found.is_none());
    }
    Ok(gone)
}
