//! The answer to a request of which only the outcome is known, not what was asked.

use std::sync::Arc;

use onsale_schemas::{
    BookingId, Command, Outcome, OutcomeRecord, PartitionId, Rejection, ShowId, UserId, ZoneIndex,
};

use crate::error::ApiError;
use crate::rejection;
use crate::routes::bookings::cancel::Cancelling;
use crate::routes::bookings::confirm::Confirming;
use crate::routes::bookings::extend::Extending;
use crate::routes::bookings::reserve::Reserving;
use crate::routes::bookings::return_places::Returning;
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
            // Who asks for an order is told its lines, also where it is a plain booking.
            let has_lines = matches!(asked, Some(Command::ReserveV2(_)));
            match reserving(state, reserved.show, reserved.zone, has_lines).await {
                Ok(reserving) => Arc::new(reserving),
                Err(error) => return Some(Err(error)),
            }
        }
        Outcome::ReservedV2(order) if order.user == user => {
            let zone = order.lines.first().map_or(0, |line| line.zone);
            match reserving(state, order.show, zone, true).await {
                Ok(reserving) => Arc::new(reserving),
                Err(error) => return Some(Err(error)),
            }
        }
        Outcome::Confirmed(confirmed) if confirmed.user == user => Arc::new(Confirming {
            booking: booking(confirmed.booking),
            owner,
            payment_reference: confirmed.payment_reference.clone(),
        }),
        Outcome::ConfirmedV2(order) if order.user == user => Arc::new(Confirming {
            booking: booking(order.booking),
            owner,
            payment_reference: order.payment_reference.clone(),
        }),
        Outcome::ReleasedV2(order) if order.user == user => Arc::new(Cancelling {
            booking: booking(order.booking),
            owner,
        }),
        Outcome::PlacesReturned(returned) if returned.user == user => Arc::new(Returning {
            booking: booking(returned.booking),
            chart: state.charts.chart(returned.show).await.ok(),
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
                    let chart = match show_of(state, partition, asked).await {
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

/// What answers a reservation that was granted. Who tried a code is not counted again.
async fn reserving(
    state: &AppState,
    show: ShowId,
    zone: ZoneIndex,
    has_lines: bool,
) -> Result<Reserving, ApiError> {
    Ok(Reserving {
        chart: state.charts.chart(show).await?,
        zone,
        has_lines,
        guess: None,
    })
}

/// Whether the answer to a record of `user`'s depends on what was asked: it names places or prices, which only the
/// show knows, or tells the lines of an order, which a plain booking that was asked for as such has as well.
pub(super) fn needs_asked(outcome: &Outcome, user: UserId) -> bool {
    if let Outcome::Reserved(reserved) = outcome {
        return reserved.user == user;
    }
    matches!(
        outcome,
        Outcome::Rejected(
            Rejection::SeatUnavailable { .. }
                | Rejection::InsufficientStock { .. }
                | Rejection::PriceChanged { .. }
                | Rejection::TypeNotOffered { .. }
                | Rejection::AccessCodeRequired { .. }
                | Rejection::TypeNotOnSale { .. }
                | Rejection::TypeQuantity { .. }
                | Rejection::WrongSeatKind { .. }
                | Rejection::SeatInOwnHold { .. }
                | Rejection::LeavesSingleSeat { .. }
                | Rejection::InsufficientStockOf { .. }
                | Rejection::PlacesNotOfBooking { .. }
        )
    )
}

/// The show that places are asked of.
pub(super) async fn show_of(
    state: &AppState,
    partition: PartitionId,
    command: &Command,
) -> Option<ShowId> {
    match command {
        Command::Reserve(reserve) => Some(reserve.show),
        Command::ReserveV2(order) => Some(order.show),
        Command::Block(block) | Command::Unblock(block) | Command::TakeSeats(block) => {
            Some(block.show)
        }
        Command::ReturnPlaces(returned) => {
            let booking = BookingId::new(partition, returned.booking);
            match state.shows_of_bookings.find(booking) {
                Some(show) => Some(show),
                None => {
                    let row = state.store.booking(booking).await.ok().flatten();
                    row.map(|row| row.show_id)
                }
            }
        }
        _ => None,
    }
}
