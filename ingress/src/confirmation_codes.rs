//! Which code a confirmed booking shows at the door.
//!
//! It is keyed ([`crate::booking_keys`]), so an id alone gives no code. Bookings that were
//! confirmed before machine version 2 keep the code that was computed from their id alone, because
//! buyers have it on their tickets. The time of that version is in the log, and from there in the
//! database.

use std::sync::OnceLock;

use onsale_schemas::BookingId;
use onsale_store::booking::Version2;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::booking_keys::code_of;
use crate::error::ApiError;
use crate::state::IngressState;

/// Seed of the codes from before.
const BEFORE_SEED: u64 = 0x636f_6465;

/// From when on codes are keyed, by partition, if known. It never changes.
pub(crate) struct ConfirmationCodes(Box<[OnceLock<Version2>]>);

impl ConfirmationCodes {
    pub(crate) fn new(partitions: u16) -> Self {
        Self((0..partitions).map(|_| OnceLock::new()).collect())
    }

    /// The code of a booking that was confirmed then.
    pub(crate) async fn code(
        state: &IngressState,
        booking: BookingId,
        confirmed_at_ms: u64,
    ) -> Result<String, ApiError> {
        let partition = booking.partition();
        let cached = state.confirmation_codes.0.get(usize::from(partition.0));
        let since = match cached.and_then(OnceLock::get) {
            Some(since) => Some(*since),
            None => {
                let since = state.store.version_2(partition).await?;
                if let (Some(cached), Some(since)) = (cached, since) {
                    cached.get_or_init(|| since);
                }
                since
            }
        };
        if is_from_before(since, booking, confirmed_at_ms) {
            Ok(before(booking))
        } else {
            Ok(state.booking_keys.confirmation_code(&booking))
        }
    }
}

/// Whether a booking keeps the old code. If the database has not seen version 2 yet, it has seen
/// nothing that was confirmed under it.
fn is_from_before(since: Option<Version2>, booking: BookingId, confirmed_at_ms: u64) -> bool {
    since.is_none_or(|since| since.is_after_confirmation(booking, confirmed_at_ms))
}

/// The old code, which anyone can compute.
fn before(booking: BookingId) -> String {
    code_of(xxh3_64_with_seed(booking.as_uuid().as_bytes(), BEFORE_SEED))
}

#[cfg(test)]
mod tests {
    use onsale_schemas::PartitionId;

    use super::*;

    #[test]
    fn what_is_projected_and_what_a_clock_is_set_to_change_no_code() {
        let id = |offset| BookingId::new(PartitionId(3), offset);
        let since = Some(Version2 {
            since_ms: 5_000,
            since_offset: Some(100),
        });
        // (reserved at, confirmed at, whether it has the old code)
        for (offset, confirmed_at_ms, expected) in [
            (40, 4_000, true),
            (40, 6_000, false),
            (120, 6_000, false),
            // After a clock was set back.
            (120, 4_000, false),
        ] {
            let found = is_from_before(since, id(offset), confirmed_at_ms);
            assert_eq!(found, expected, "{offset} at {confirmed_at_ms}");
        }
        // Read before the record that raises the version was projected, and after it.
        assert!(is_from_before(None, id(40), 4_000));
        // A database that was lost, and restored without that record.
        assert!(!is_from_before(Some(Version2::ALWAYS), id(40), 4_000));
    }

    /// As printed by versions before.
    #[test]
    fn a_code_from_before_stays_what_it_was() {
        let code = before(BookingId::new(PartitionId(3), 12_345));
        assert_eq!(code, "KDRYM1JF");
    }
}
