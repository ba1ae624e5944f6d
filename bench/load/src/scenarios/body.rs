//! Bodies and paths that several scenarios send.

use std::fmt::Write as _;

use crate::draft::{Draft, Method, Op, Who};
use crate::world::{CHILD, CODE, STANDARD, ShowPlan, ZonePlan};

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
        r#"{{"show_id":"{}","zone_id":"{}","quantity":{quantity}"#,
        show.id, zone.id
    );
    end(draft, show);
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
    draft.body.push_str("\"]");
    end(draft, show);
}

/// `POST /bookings/reserve` of a family on the floor and, where there is one, a seat; of three standing places where
/// the show does not sell such tickets.
pub(crate) fn reserve_order(draft: &mut Draft, who: Who, show: &ShowPlan, has_code: bool) {
    let Some(floor) = show.general() else { return };
    begin(draft, who, 3);
    let _ = write!(
        draft.body,
        r#"{{"show_id":"{}","items":[{{"zone_id":"{}","quantity":3"#,
        show.id, floor.id
    );
    if show.has_offer {
        let _ = write!(
            draft.body,
            r#","ticket_types":{{"{STANDARD}":1,"{CHILD}":2}}"#
        );
    }
    draft.body.push('}');
    if let Some(seats) = show.seated() {
        let _ = write!(draft.body, r#",{{"zone_id":"{}","quantity":1}}"#, seats.id);
        draft.places += 1;
    }
    draft.body.push(']');
    if show.has_offer && has_code {
        let _ = write!(draft.body, r#","code":"{CODE}""#);
    }
    end(draft, show);
}

/// The rest of a reservation. Servers of before take no confirmation of an age, so it is there only where the event
/// asks for one.
fn end(draft: &mut Draft, show: &ShowPlan) {
    if show.asks_age {
        draft.body.push_str(r#","age_confirmed":true"#);
    }
    draft.body.push('}');
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

/// `POST /payments` by a card that always pays, by the booking's buyer.
pub(crate) fn pay(draft: &mut Draft, who: Who, booking: &str) {
    draft.begin(Op::Pay, Method::Post, who);
    draft.path.push_str("/api/v1/payments");
    let _ = write!(
        draft.body,
        r#"{{"booking_id":"{booking}","method":"sim_card"}}"#
    );
}

/// `GET /payments/{id}`, by its buyer.
pub(crate) fn follow(draft: &mut Draft, who: Who, payment: &str) {
    draft.begin(Op::Follow, Method::Get, who);
    let _ = write!(draft.path, "/api/v1/payments/{payment}");
}

/// `GET /shows/{id}/…`
pub(crate) fn read(draft: &mut Draft, show: &ShowPlan, what: &str) {
    draft.begin(Op::Read, Method::Get, Who::Nobody);
    let _ = write!(draft.path, "/api/v1/shows/{}/{what}", show.id);
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::world::Places;

    #[test]
    fn an_age_is_confirmed_where_the_event_asks_for_one() {
        for asks_age in [false, true] {
            let zone = ZonePlan {
                id: "zone".to_owned(),
                places: Places::Labels(vec!["A-1".to_owned()]),
            };
            let show = ShowPlan {
                id: "show".to_owned(),
                event: "event".to_owned(),
                asks_age,
                has_offer: false,
                zones: vec![zone.clone()],
            };
            let mut draft = Draft::default();
            reserve_quantity(&mut draft, Who::User(0), &show, &zone, 2);
            let quantity: Value = serde_json::from_str(&draft.body).unwrap();
            let mut draft = Draft::default();
            reserve_seat(&mut draft, Who::User(0), &show, &zone, 0);
            let seat: Value = serde_json::from_str(&draft.body).unwrap();
            assert_eq!(quantity["quantity"], 2);
            assert_eq!(seat["seats"][0], "A-1");
            for body in [quantity, seat] {
                let said = body.get("age_confirmed").and_then(Value::as_bool);
                assert_eq!(said, asks_age.then_some(true), "{body}");
            }
        }
    }
}
