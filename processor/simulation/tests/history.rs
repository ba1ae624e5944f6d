//! The judge accepts a true history and finds every lie in one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "in a test a panic is the report"
)]

use onsale_schemas::command::{
    Actor, Admission, Confirm, Currency, OpenShow, Pick, Reserve, ZoneLayout,
};
use onsale_schemas::envelope::idempotent_request_id;
use onsale_schemas::offer::{Fees, Offer, SetOffer};
use onsale_schemas::order::{Item, PickV2, ReserveV2, ReturnPlaces};
use onsale_schemas::outcome::Line;
use onsale_schemas::{
    BookingId, Command, Entry, Envelope, EventId, Outcome, OutcomeRecord, PartitionId, RequestId,
    SeatList, ShowId, UserId, codec,
};
use onsale_simulation::history::{self, Judge, Verdict, Violation};
use onsale_simulation::model::{Model, ModelLimits};
use serde_json::{Value, json};

const PARTITION: PartitionId = PartitionId(2);
const SHOW: ShowId = ShowId::from_bytes([1; 16]);
const PRICE: i64 = 500;

fn user(n: u8) -> UserId {
    UserId::from_bytes([n; 16])
}

/// A log, its outcomes, and what clients recorded of it.
struct Story {
    model: Model,
    outcomes: Vec<OutcomeRecord>,
    lines: Vec<Value>,
    clock: u64,
}

impl Story {
    fn new() -> Self {
        let mut story = Self {
            model: Model::new(PARTITION, ModelLimits::default()),
            outcomes: Vec::new(),
            lines: Vec::new(),
            clock: 1_000,
        };
        let open = OpenShow {
            show: SHOW,
            event: EventId::from_bytes([9; 16]),
            max_tickets_per_user: 10,
            sale_opens_at_ms: 0,
            sale_closes_at_ms: 1_000_000,
            hold_ms: 60_000,
            zones: vec![ZoneLayout {
                unit_price: PRICE,
                currency: Currency(*b"THB"),
                admission: Admission::Seated { rows: vec![20] },
            }],
        };
        story.apply(None, None, Command::OpenShow(open));
        story
    }

    fn apply(
        &mut self,
        request_id: Option<RequestId>,
        idempotency: Option<u64>,
        command: Command,
    ) -> OutcomeRecord {
        self.clock += 10;
        let payload = codec::encode(&Envelope {
            request_id,
            idempotency,
            trace: None,
            command,
            by: None,
        })
        .unwrap();
        let record = self.model.apply(Entry {
            offset: self.model.next_offset(),
            log_time_ms: self.clock,
            payload: &payload,
        });
        let record = record.unwrap();
        self.outcomes.push(record.clone());
        record
    }

    /// A call that is sent before its record and answered behind it.
    fn call(&mut self, by: u8, key: Option<&str>, path: &str, command: Command) -> &mut Value {
        let sent = self.clock;
        let request = key.map_or(RequestId::from_bytes([self.lines.len() as u8; 16]), |key| {
            idempotent_request_id(user(by), key)
        });
        let record = self.apply(Some(request), key.map(|_| 7), command);
        let (status, answer) = answer(&record);
        self.lines.push(json!({
            "id": self.lines.len(), "user": user(by), "method": "POST", "path": path, "key": key,
            "body": null, "intended_ms": sent, "sent_ms": sent + 1, "answered_ms": self.clock + 1,
            "status": status, "answer": answer,
        }));
        self.lines.last_mut().unwrap()
    }

    fn reserve(&mut self, by: u8, key: Option<&str>, seats: &[u32]) -> &mut Value {
        let command = Command::Reserve(Reserve {
            show: SHOW,
            user: user(by),
            zone: 0,
            pick: Pick::Seats(SeatList::from(seats)),
            expected_unit_price: None,
        });
        self.call(by, key, "/api/v1/bookings/reserve", command)
    }

    fn confirm(&mut self, by: u8, booking: u64) -> &mut Value {
        let id = BookingId::new(PARTITION, booking);
        let command = Command::Confirm(Confirm {
            booking,
            by: Actor::Staff,
            payment_reference: "p".to_owned(),
        });
        self.call(
            by,
            Some("pay"),
            &format!("/api/v1/bookings/{id}/confirm"),
            command,
        )
    }

    /// Two bookings, one paid, one refusal, one repeat, one lost answer.
    fn sound() -> Self {
        let mut story = Self::new();
        story.reserve(1, None, &[3, 4]);
        story.reserve(2, Some("k"), &[4, 5]);
        story.reserve(3, Some("k"), &[6]);
        story.reserve(3, Some("k"), &[6]);
        story.confirm(3, 3);
        let lost = story.reserve(4, Some("k"), &[8]);
        lost["answered_ms"] = Value::Null;
        lost["status"] = Value::Null;
        lost["answer"] = Value::Null;
        story
    }

    /// An order with fees and tax, paid, of which a place was returned; the last answer came twice.
    fn of_an_order() -> Self {
        let mut story = Self::new();
        story.apply(None, None, Command::Barrier { machine_version: 3 });
        let offer = Offer {
            fees: Fees {
                place: 20,
                place_bp: 0,
                order: 5,
                tax_bp: 0,
            },
            tax_bp: 700,
            ..Offer::default()
        };
        let set = SetOffer { show: SHOW, offer };
        let set = story.apply(None, None, Command::SetOffer(Box::new(set)));
        assert!(matches!(set.outcome, Outcome::OfferSet { .. }), "{set:?}");
        let order = Command::ReserveV2(ReserveV2 {
            show: SHOW,
            user: user(1),
            items: vec![Item {
                zone: 0,
                pick: PickV2::Seats(SeatList::from(&[3, 4][..])),
                types: Vec::new(),
            }],
            code: None,
            expected_total: None,
        });
        let booking = story.model.next_offset();
        story.call(1, Some("order"), "/api/v1/bookings/reserve", order);
        story.confirm(1, booking);
        let id = BookingId::new(PARTITION, booking);
        let path = format!("/api/v1/bookings/{id}/return");
        let give_back = Command::ReturnPlaces(ReturnPlaces {
            booking,
            seats: SeatList::from(&[4][..]),
            places: Vec::new(),
        });
        story.call(9, Some("return"), &path, give_back.clone());
        story.call(9, Some("return"), &path, give_back);
        story
    }

    fn judge(&self) -> Verdict {
        let text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        let mut judge = Judge::new(history::read(text.as_bytes(), |_| {}).unwrap());
        judge.begin(PARTITION);
        for record in &self.outcomes {
            judge.outcome(PARTITION, record);
        }
        judge.verdict(|_, seat| Some(format!("A-{}", seat + 1)))
    }
}

fn rfc3339(ms: u64) -> String {
    jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap())
        .unwrap()
        .to_string()
}

fn thb(amount: i64) -> Value {
    json!({"amount": amount, "currency": "THB"})
}

/// Lines as an answer has them.
fn lines(lines: &[Line]) -> Vec<Value> {
    lines
        .iter()
        .map(|line| json!({"quantity": line.quantity, "unit_price": thb(line.unit_price)}))
        .collect()
}

/// The answer that an ingress gives to an outcome.
fn answer(record: &OutcomeRecord) -> (u16, Value) {
    let position = |offset: u64| json!({"partition": PARTITION, "offset": offset});
    match &record.outcome {
        Outcome::Reserved(reserved) => (
            201,
            json!({"success": true, "data": {
                "booking_id": BookingId::new(PARTITION, reserved.booking),
                "show_id": SHOW,
                "seats": reserved.seats.iter().map(|seat| format!("A-{}", seat + 1)).collect::<Vec<_>>(),
                "quantity": reserved.quantity,
                "unit_price": {"amount": PRICE, "currency": "THB"},
                "total_price": {"amount": PRICE * i64::from(reserved.quantity), "currency": "THB"},
                "expires_at": rfc3339(reserved.expires_at_ms),
                "position": position(reserved.booking),
            }}),
        ),
        Outcome::Confirmed(confirmed) => (
            200,
            json!({"success": true, "data": {
                "booking_id": BookingId::new(PARTITION, confirmed.booking),
                "confirmed_at": rfc3339(confirmed.confirmed_at_ms),
            }}),
        ),
        Outcome::ReservedV2(reserved) => (
            201,
            json!({"success": true, "data": {
                "booking_id": BookingId::new(PARTITION, reserved.booking),
                "seats": ["A-4", "A-5"],
                "quantity": 2,
                "lines": lines(&reserved.lines),
                "discount": thb(0),
                "fees": thb(45),
                "tax": thb(reserved.tax),
                "total_price": thb(2 * PRICE + 45),
                "position": position(reserved.booking),
            }}),
        ),
        Outcome::ConfirmedV2(confirmed) => (
            200,
            json!({"success": true, "data": {
                "booking_id": BookingId::new(PARTITION, confirmed.booking),
                "confirmed_at": rfc3339(confirmed.confirmed_at_ms),
            }}),
        ),
        Outcome::PlacesReturned(returned) => (
            200,
            json!({"success": true, "data": {
                "booking_id": BookingId::new(PARTITION, returned.booking),
                "seats": ["A-4"],
                "quantity": 1,
                "lines": lines(&returned.lines),
                "fees": thb(25),
                "tax": thb(returned.tax),
                "total_price": thb(PRICE + 25),
                "refund": {"price": thb(PRICE), "fees": thb(20), "total": thb(PRICE + 20)},
            }}),
        ),
        Outcome::Rejected(why) => (
            409,
            json!({"success": false, "error": {"code": why.code(), "details": {
                "position": position(record.offset),
            }}}),
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_true_history_is_sound() {
    let verdict = Story::sound().judge();
    assert!(verdict.is_sound(), "{:?}", verdict.first);
    assert_eq!((verdict.calls, verdict.granted, verdict.refused), (6, 4, 1));
    assert_eq!((verdict.unknown, verdict.unacknowledged), (1, 1));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn every_lie_is_found() {
    type Lie = fn(&mut Story);
    type Is = fn(&Violation) -> bool;
    let different: Is = |found| matches!(found, Violation::Different { .. });
    let cases: &[(&str, Lie, Is)] = &[
        (
            "a position that the log does not have",
            |story| {
                let data = &mut story.lines[0]["answer"]["data"];
                data["position"]["offset"] = json!(99);
                data["booking_id"] = json!(BookingId::new(PARTITION, 99));
            },
            |found| matches!(found, Violation::Missing { call: 0, .. }),
        ),
        (
            "other seats",
            |story| story.lines[0]["answer"]["data"]["seats"] = json!(["A-4", "A-9"]),
            different,
        ),
        (
            "another price",
            |story| story.lines[0]["answer"]["data"]["total_price"]["amount"] = json!(1),
            different,
        ),
        (
            "another end",
            |story| story.lines[0]["answer"]["data"]["expires_at"] = json!(rfc3339(5)),
            different,
        ),
        (
            "another's booking",
            |story| story.lines[0]["user"] = json!(user(9)),
            different,
        ),
        (
            "a booking twice",
            |story| {
                let mut again = story.lines[0].clone();
                again["id"] = json!(77);
                story.lines.push(again);
            },
            |found| {
                matches!(
                    found,
                    Violation::Double {
                        call: 77,
                        other: 0,
                        ..
                    }
                )
            },
        ),
        (
            "a confirmation that did not happen",
            |story| {
                let other = BookingId::new(PARTITION, 1);
                story.lines[4]["path"] = json!(format!("/api/v1/bookings/{other}/confirm"));
                story.lines[4]["answer"]["data"]["booking_id"] = json!(other);
            },
            |found| matches!(found, Violation::Missing { call: 4, .. }),
        ),
        (
            "another reason",
            |story| story.lines[1]["answer"]["error"]["code"] = json!("SALE_CLOSED"),
            different,
        ),
        (
            "refused, but done",
            |story| {
                story.lines[5]["answered_ms"] = json!(story.clock + 1);
                story.lines[5]["status"] = json!(503);
                story.lines[5]["answer"] = json!({"error": {"code": "OVERLOADED", "details": {}}});
            },
            |found| matches!(found, Violation::RefusedButDone { call: 5, .. }),
        ),
        (
            "a booking without a request",
            |story| {
                story.lines.remove(5);
                let mut line = story.lines[1].clone();
                line["user"] = json!(user(4));
                line["key"] = json!("other");
                line["answer"] = json!({"error": {"code": "RATE_LIMITED", "details": {}}});
                story.lines.push(line);
            },
            |found| {
                matches!(
                    found,
                    Violation::Invented {
                        in_log: 1,
                        calls: 0,
                        ..
                    }
                )
            },
        ),
        (
            "overtaken",
            |story| {
                // The third call claims to have been sent after the fourth was over.
                story.lines[1]["sent_ms"] = json!(story.clock + 50);
                story.lines[1]["answered_ms"] = json!(story.clock + 60);
            },
            |found| matches!(found, Violation::Order { then: 1, .. }),
        ),
    ];
    for (name, lie, is) in cases {
        let mut story = Story::sound();
        lie(&mut story);
        let verdict = story.judge();
        assert!(verdict.first.iter().any(is), "{name}: {:?}", verdict.first);
    }
}

#[test]
fn a_true_history_of_an_order_is_sound() {
    let verdict = Story::of_an_order().judge();
    assert!(verdict.is_sound(), "{:?}", verdict.first);
    assert_eq!((verdict.calls, verdict.granted), (4, 4));
}

#[test]
fn every_lie_about_an_order_is_found() {
    type Lie = fn(&mut Value);
    let cases: &[(&str, usize, Lie)] = &[
        ("lines", 0, |data| {
            data["lines"][0]["unit_price"] = thb(PRICE - 1);
        }),
        ("lines", 0, |data| data["lines"][0]["quantity"] = json!(1)),
        ("discount", 0, |data| data["discount"] = thb(1)),
        ("fees", 0, |data| data["fees"] = thb(40)),
        ("tax", 0, |data| data["tax"] = thb(0)),
        ("total_price", 0, |data| {
            data["total_price"] = thb(2 * PRICE);
        }),
        ("quantity", 2, |data| data["quantity"] = json!(2)),
        ("refund", 2, |data| data["refund"]["price"] = thb(1)),
        ("refund", 3, |data| data["refund"] = Value::Null),
        ("fees", 2, |data| data["fees"] = thb(20)),
        ("total_price", 3, |data| data["total_price"] = thb(PRICE)),
    ];
    for (name, call, lie) in cases {
        let mut story = Story::of_an_order();
        lie(&mut story.lines[*call]["answer"]["data"]);
        let verdict = story.judge();
        let is_named =
            |found: &Violation| matches!(found, Violation::Different { what, .. } if what == name);
        assert!(
            verdict.first.iter().any(is_named),
            "{name}: {:?}",
            verdict.first
        );
    }
    // A return that is not in the log.
    let mut story = Story::of_an_order();
    for line in 2..4 {
        story.lines[line]["key"] = json!("another");
    }
    let verdict = story.judge();
    let is_missing = |found: &Violation| matches!(found, Violation::Missing { call: 2, .. });
    assert!(verdict.first.iter().any(is_missing), "{:?}", verdict.first);
}

#[test]
fn a_request_that_was_shed_and_then_came_through_is_no_lie() {
    let mut story = Story::sound();
    let mut shed = story.lines[1].clone();
    shed["user"] = json!(user(3));
    shed["status"] = json!(503);
    shed["answer"] = json!({"error": {"code": "OVERLOADED", "details": {}}});
    story.lines.push(shed);
    let verdict = story.judge();
    assert!(verdict.is_sound(), "{:?}", verdict.first);
    assert_eq!(verdict.refused_before_the_log, 1);
}

#[test]
fn what_stands_in_a_partition_that_was_not_read_is_not_judged() {
    let story = Story::sound();
    let text: String = story.lines.iter().map(|line| format!("{line}\n")).collect();
    let judge = Judge::new(history::read(text.as_bytes(), |_| {}).unwrap());
    let verdict = judge.verdict(|_, _| None);
    assert!(verdict.is_sound(), "{:?}", verdict.first);
    assert_eq!(verdict.not_judged, 5);
}
