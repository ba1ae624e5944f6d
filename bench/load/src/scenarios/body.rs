//! Bodies and paths that several scenarios send. Reservations confirm the age that an event may ask for.

use std::fmt::Write as _;

use crate::draft::{Draft, Method, Op, Who};
use crate::world::{ShowPlan, ZonePlan};

/// `POST /bookings/reserve` of a number of places of a zone.
pub(crate) fn reserve_quantity(
    draft: &mut Draft,
    who: Who,
    show: &ShowPlan,
    zone: &ZonePlan,
    quantity: u32,
) {
    begin(draft, who, quantity);
    // Writing into a String cannot fail.
    let _ = write!(
        draft.body,
        r#"{{"show_id":"{}","zone_id":"{}","quantity":{quantity},"age_confirmed":true}}"#,
        show.id, zone.id
    );
}

/// `POST /bookings/reserve` of one named seat, counted from 0.
pub(crate) fn reserve_seat(
    draft: &mut Draft,
    who: Who,
    show: &ShowPlan,
    zone: &ZonePlan,
    seat: u64,
) {
    begin(draft, who, 1);
    let _ = write!(
        draft.body,
        r#"{{"show_id":"{}","zone_id":"{}","seats":[""#,
        show.id, zone.id
    );
    zone.write_label(seat, &mut draft.body);
    draft.body.push_str(r#""],"age_confirmed":true}"#);
}

fn begin(draft: &mut Draft, who: Who, places: u32) {
    draft.begin(Op::Reserve, Method::Post, who);
    draft.path.push_str("/api/v1/bookings/reserve");
    draft.places = places;
}

/// `POST /bookings/{id}/confirm`, by an account of the payment service.
pub(crate) fn confirm(draft: &mut Draft, booking: &str, account: usize) {
    draft.begin(Op::Confirm, Method::Post, Who::Service(account));
    let _ = write!(draft.path, "/api/v1/bookings/{booking}/confirm");
    let _ = write!(draft.body, r#"{{"payment_reference":"load-{booking}"}}"#);
}

/// `POST /bookings/{id}/cancel`, by its buyer.
pub(crate) fn cancel(draft: &mut Draft, who: Who, booking: &str, places: u32) {
    draft.begin(Op::Cancel, Method::Post, who);
    let _ = write!(draft.path, "/api/v1/bookings/{booking}/cancel");
    draft.body.push_str("{}");
    draft.places = places;
}

/// `GET /shows/{id}/…`
pub(crate) fn read(draft: &mut Draft, show: &ShowPlan, what: &str) {
    draft.begin(Op::Read, Method::Get, Who::Nobody);
    let _ = write!(draft.path, "/api/v1/shows/{}/{what}", show.id);
}
