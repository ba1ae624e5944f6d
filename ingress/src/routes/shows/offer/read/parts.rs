//! Parts of an offer that need nothing of the show.

use onsale_schemas::limits::TICKETS_PER_BOOKING_MAX;
use onsale_store::catalog::{Named, STANDARD_TYPE, TypeName};

use crate::error::ApiError;
use crate::percent::Percent;
use crate::routes::shows::offer::request::{SeatKindName, TicketTypeRequest};
use crate::text;
use crate::values::Instant;

/// Where nothing is said of the end of a window.
const FOR_EVER_MS: u64 = u64::MAX;

pub(super) fn number_of(named: &[Named], name: &str) -> Option<u8> {
    let mut named = named.iter();
    named.find(|known| known.name == name).map(|known| known.id)
}

/// The number of a type of the offer. Where it lists none, there is one all the same.
pub(super) fn type_named(listed: &[TypeName], name: &str) -> Option<u8> {
    let name = text::composed(name);
    if listed.is_empty() {
        return (name == STANDARD_TYPE).then_some(0);
    }
    let mut listed = listed.iter();
    listed
        .find(|known| known.name == name)
        .map(|known| known.id)
}

pub(super) fn check_some(path: &str, names: &[String]) -> Result<(), ApiError> {
    if names.is_empty() {
        let expected = "at least one name, or nothing where all are meant";
        return Err(ApiError::invalid(path, names.len(), expected));
    }
    Ok(())
}

/// How many of a type an order may have.
pub(super) fn bounds(path: &str, request: &TicketTypeRequest) -> Result<(u8, u8), ApiError> {
    let bound = |field: &str, value: Option<u32>, least: u32| {
        let value = value.unwrap_or(0);
        let is_in = (least..=TICKETS_PER_BOOKING_MAX).contains(&value);
        let bound = u8::try_from(value).ok().filter(|_| is_in);
        bound.ok_or_else(|| {
            let field = format!("{path}.{field}");
            let expected = format!("{least} to {TICKETS_PER_BOOKING_MAX}");
            ApiError::invalid(&field, value, &expected)
        })
    };
    let min = bound("min", request.min, 0)?;
    if request.max.is_none() {
        return Ok((min, 0));
    }
    let max = bound("max", request.max, u32::from(min).max(1))?;
    Ok((min, max))
}

/// A window; 0 and the end of time where nothing is said.
pub(super) fn window(
    path: &str,
    from: Option<Instant>,
    (field, until): (&str, Option<Instant>),
) -> Result<(u64, u64), ApiError> {
    let from_ms = from.map_or(0, |from| from.0);
    let until_ms = until.map_or(FOR_EVER_MS, |until| until.0);
    if from_ms < until_ms {
        return Ok((from_ms, until_ms));
    }
    Err(ApiError::invalid(
        &format!("{path}.{field}"),
        until,
        &format!("a time after the beginning ({})", Instant(from_ms)),
    ))
}

/// Seat kinds as bits; 0 is all.
pub(super) fn kinds(path: &str, names: Option<&[SeatKindName]>) -> Result<u8, ApiError> {
    let Some(names) = names else {
        return Ok(0);
    };
    let mut kinds = 0;
    for (at, name) in names.iter().enumerate() {
        if kinds & name.bit() != 0 {
            let field = format!("{path}.seat_kinds[{at}]");
            return Err(ApiError::invalid(&field, name, "each kind once"));
        }
        kinds |= name.bit();
    }
    if kinds == 0 {
        let field = format!("{path}.seat_kinds");
        let expected = "at least one kind, or nothing where all are meant";
        return Err(ApiError::invalid(&field, 0, expected));
    }
    Ok(kinds)
}

/// A reduction: more than nothing.
pub(super) fn off(path: &str, percent: Percent) -> Result<u16, ApiError> {
    match percent.basis_points() {
        0 => Err(ApiError::invalid(
            &format!("{path}.percent_off"),
            percent,
            "more than 0 and at most 100",
        )),
        bp => Ok(bp),
    }
}
