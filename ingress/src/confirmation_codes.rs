//! Which code a confirmed booking shows at the door.
//!
//! It is keyed ([`crate::booking_keys`]), so an id gives nobody a code. Bookings that were confirmed
//! before machine version 2 keep the code that was computed from their id alone: it is printed on what
//! their buyers have. When that was is in the log, and from there in the database.

use std::sync::atomic::{AtomicU64, Ordering};

use onsale_schemas::BookingId;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::booking_keys::code_of;
use crate::error::ApiError;
use crate::state::Shared;

/// Seed of the codes from before.
const BEFORE_SEED: u64 = 0x636f_6465;

/// From when on codes are keyed, by partition: log time plus one, 0 while it is not known.
pub(crate) struct ConfirmationCodes(Box<[AtomicU64]>);

impl ConfirmationCodes {
    pub(crate) fn new(partitions: u16) -> Self {
        Self((0..partitions).map(|_| AtomicU64::new(0)).collect())
    }

    /// The code of a booking that was confirmed then.
    pub(crate) async fn code(
        state: &Shared,
        booking: BookingId,
        confirmed_at_ms: u64,
    ) -> Result<String, ApiError> {
        let partition = booking.partition();
        let known = state.codes.0.get(usize::from(partition.0));
        let since_ms = match known.map_or(0, |known| known.load(Ordering::Relaxed)) {
            0 => {
                let since_ms = state.store.version_2_since_ms(partition).await?;
                if let (Some(known), Some(since_ms)) = (known, since_ms) {
                    known.store(since_ms.saturating_add(1), Ordering::Relaxed);
                }
                // A machine that was of version 2 from its beginning, as far as anybody knows.
                since_ms.unwrap_or(0)
            }
            known => known - 1,
        };
        if confirmed_at_ms < since_ms {
            Ok(before(booking))
        } else {
            Ok(state.booking_keys.confirmation_code(&booking))
        }
    }
}

/// The code from before, which anybody can compute.
fn before(booking: BookingId) -> String {
    code_of(xxh3_64_with_seed(booking.as_uuid().as_bytes(), BEFORE_SEED))
}

#[cfg(test)]
mod tests {
    use onsale_schemas::PartitionId;

    use super::*;

    /// As printed by versions before.
    #[test]
    fn a_code_from_before_stays_what_it_was() {
        let code = before(BookingId::new(PartitionId(3), 12_345));
        assert_eq!(code, "KDRYM1JF");
    }
}
