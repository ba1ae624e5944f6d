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
