//! Whether a machine of the engine and the model agree on everything visible.

use onsale_engine::{self as engine, BookingView, Partition};

use onsale_schemas::Offset;

use crate::model::{Booking, BookingState, Model};

/// Compares everything at once.
///
/// # Errors
/// The first difference in words.
pub fn compare(model: &Model, engine: &Partition) -> Result<(), String> {
    compare_views(model, engine)?;
    compare_bookings(model, engine)
}

/// Compares positions, times, versions, ownership and the seats of all shows.
///
/// # Errors
/// As [`compare`].
pub fn compare_views(model: &Model, engine: &Partition) -> Result<(), String> {
    same("next offset", &model.next_offset(), &engine.next_offset())?;
    same("time", &model.log_time_ms(), &engine.log_time_ms())?;
    same("epoch", &model.epoch(), &engine.epoch())?;
    same("owner", &model.owner(), &engine.owner())?;
    let versions = (model.machine_version(), model.unsupported_version());
    let engine_versions = (engine.machine_version(), engine.unsupported_version());
    same("versions", &versions, &engine_versions)?;
    let last = model.last_outcome();
    same("last outcome", &last, &engine.last_outcome())?;
    for show in model.shows() {
        let id = show.id();
        same("seats", &model.show_seats(id), &engine.show_seats(id))?;
    }
    Ok(())
}

/// Compares every booking that is kept, with everything known about it.
///
/// # Errors
/// As [`compare`].
pub fn compare_bookings(model: &Model, engine: &Partition) -> Result<(), String> {
    let mut views: Vec<_> = engine.bookings().collect();
    views.sort_by_key(|view| view.booking);
    let bookings: Vec<_> = model.bookings().collect();
    same("number of bookings", &bookings.len(), &views.len())?;
    for (booking, view) in bookings.iter().zip(&views) {
        same("booking", &view_of(booking), view)?;
    }
    let stats = engine.stats();
    let live = model.live_bookings().count();
    let engine_live = usize::try_from(stats.live_holds + stats.confirmed);
    same("live bookings", &Ok(live), &engine_live)
}

/// Live bookings of the model ascending by offset, and whether they are confirmed.
pub fn live(model: &Model) -> impl Iterator<Item = (Offset, bool)> + '_ {
    model.live_bookings().map(|booking| {
        let is_confirmed = matches!(booking.state, BookingState::Confirmed { .. });
        (booking.offset, is_confirmed)
    })
}

/// Compares two values of the same name.
///
/// # Errors
/// Name and both values when they differ.
pub fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    model: &T,
    engine: &T,
) -> Result<(), String> {
    if model == engine {
        Ok(())
    } else {
        Err(format!("{what}: {model:?} is not {engine:?}"))
    }
}

/// A booking of the model in the engine's words.
fn view_of(booking: &Booking) -> BookingView {
    let (state, confirmed_at_ms) = match booking.state {
        BookingState::Held => (engine::BookingState::Reserved, None),
        BookingState::Confirmed { at_ms, .. } => (engine::BookingState::Confirmed, Some(at_ms)),
        BookingState::Cancelled { .. } => (engine::BookingState::Cancelled, None),
        BookingState::Expired { .. } => (engine::BookingState::Expired, None),
    };
    BookingView {
        booking: booking.offset,
        show: booking.show,
        event: booking.event,
        user: booking.user,
        zone: booking.zone(),
        seats: booking.seats(),
        quantity: booking.quantity(),
        unit_price: booking.unit_price(),
        currency: booking.currency,
        state,
        reserved_at_ms: booking.reserved_at_ms,
        expires_at_ms: booking.expires_at_ms,
        confirmed_at_ms,
        payment_hash: match &booking.state {
            BookingState::Confirmed {
                payment_reference, ..
            } => Some(engine::payment_hash(payment_reference)),
            _ => None,
        },
        ended_at_ms: booking.ended_at_ms(),
    }
}
