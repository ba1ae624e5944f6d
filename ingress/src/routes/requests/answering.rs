//! The answer to a request of which only the outcome is known, not what was asked.

use std::sync::Arc;

use onsale_schemas::{
    BookingId, Command, Outcome, OutcomeRecord, PartitionId, Rejection, ShowId, UserId,
};

use crate::error::ApiError;
use crate::rejection;
use crate::routes::bookings::cancel::Cancelling;
use crate::routes::bookings::confirm::Confirming;
use crate::routes::bookings::extend::Extending;
use crate::routes::bookings::reserve::Reserving;
use crate::state::AppState;
use crate::submit::{self, Answering, Final, with_position};

/// The answer that a record was to a request of `user`; `None` when it was someone else's, or one
/// whose answer does not follow from the record alone. The record of a refusal names nobody: the
/// caller knows whose it was, and `asked` what it asked for where that is known.
pub(super) async fn answer_to(
    state: &AppState,
    partition: PartitionId,
    record: &OutcomeRecord,
    user: UserId,
    asked: Option<&Command>,
) -> Option<Result<Final, ApiError>> {
    let booking = |offset| BookingId::new(partition, offset);
    let owner = Some(user);
    let answering: Arc<dyn Answering> = match &record.outcome {
        Outcome::Reserved(reserved) if reserved.user == user => {
            match state.charts.chart(reserved.show).await {
                Ok(chart) => Arc::new(Reserving {
                    chart,
                    zone: reserved.zone,
                }),
                Err(error) => return Some(Err(error)),
            }
        }
        Outcome::Confirmed(confirmed) if confirmed.user == user => Arc::new(Confirming {
            booking: booking(confirmed.booking),
            owner,
            payment_reference: confirmed.payment_reference.clone(),
        }),
        Outcome::Released { booking: ended, .. } if ended.user == user => Arc::new(Cancelling {
            booking: booking(ended.booking),
            owner,
        }),
        Outcome::Extended {
            booking: extended,
            user: of,
            ..
        } if *of == user => Arc::new(Extending {
            booking: booking(*extended),
        }),
        Outcome::Rejected(why) => {
            let refusal = match asked {
                Some(asked) => {
                    // Names are a courtesy: without the catalog seats are named by their ids.
                    let chart = match show_of(asked) {
                        Some(show) => state.charts.chart(show).await.ok(),
                        None => None,
                    };
                    rejection::of_command(why, asked, chart.as_deref())
                }
                None => rejection::to_error(why, None, None),
            };
            return Some(Err(with_position(refusal, partition, record)));
        }
        _ => return None,
    };
    Some(submit::answer(&*answering, state, user, partition, record).await)
}

/// Whether the answer to a record names places or prices, which only the show knows.
pub(super) fn needs_names(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Rejected(
            Rejection::SeatUnavailable { .. }
                | Rejection::InsufficientStock { .. }
                | Rejection::PriceChanged { .. }
        )
    )
}

/// The show that places are asked of.
fn show_of(command: &Command) -> Option<ShowId> {
    match command {
        Command::Reserve(reserve) => Some(reserve.show),
        Command::Block(block) | Command::Unblock(block) | Command::TakeSeats(block) => {
            Some(block.show)
        }
        _ => None,
    }
}
