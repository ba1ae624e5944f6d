//! How large the command may be that opens a show.

use onsale_schemas::{Command, codec};
use serde_json::Value;

use crate::error::ApiError;

/// Largest command that opens a show, in bytes: well below what the log takes, so that there is room for who
/// asks.
const OPENING_MAX_BYTES: usize = 900_000;

/// Refuses an opening that the log would not take.
///
/// # Errors
/// `VALIDATION_ERROR`.
pub(super) fn check(opening: &Command) -> Result<(), ApiError> {
    let mut bytes = Vec::new();
    codec::encode_body_into(opening, &mut bytes).map_err(ApiError::internal)?;
    if bytes.len() <= OPENING_MAX_BYTES {
        return Ok(());
    }
    let bytes = bytes.len();
    Err(ApiError::wrong(
        "map_id",
        Value::Null,
        &format!("the log would need {bytes} bytes for its rows and gaps"),
        &format!("a map that needs at most {OPENING_MAX_BYTES}"),
    ))
}

#[cfg(test)]
mod tests {
    use onsale_schemas::command::{OpenShow, OpenShowV2};
    use onsale_schemas::limits::RECORD_SIZE_MAX_BYTES;
    use onsale_schemas::offer::Offer;
    use onsale_schemas::seating::{OpenShowV3, RowPlan, ZonePlan};
    use onsale_schemas::{EventId, ShowId, TenantId};

    use super::*;

    /// With so many rows of a gap before every seat but the first.
    fn opening(rows: usize) -> Command {
        let row = RowPlan {
            rank: 1_000,
            gaps: (1..1_024).collect(),
            ..RowPlan::default()
        };
        Command::OpenShowV3(Box::new(OpenShowV3 {
            show: OpenShowV2 {
                show: OpenShow {
                    show: ShowId::from_bytes([1; 16]),
                    event: EventId::from_bytes([2; 16]),
                    max_tickets_per_user: 0,
                    sale_opens_at_ms: 0,
                    sale_closes_at_ms: 1,
                    hold_ms: 1_000,
                    zones: Vec::new(),
                },
                tenant: TenantId::from_bytes([3; 16]),
                cooldown_ms: 0,
            },
            plans: vec![ZonePlan {
                zone: 0,
                rows: vec![row; rows],
            }],
            companions_per_accessible: 1,
            offer: Offer::default(),
        }))
    }

    #[test]
    fn what_the_log_would_not_take_is_refused_before() {
        const { assert!(OPENING_MAX_BYTES < RECORD_SIZE_MAX_BYTES / 10 * 9) };
        // As many rows of so many seats as a show can have.
        check(&opening(244)).unwrap();
        let refused = check(&opening(400)).unwrap_err();
        assert_eq!(refused.details().unwrap()["field"], "map_id");
    }
}
