//! The answer that a client got.

use onsale_schemas::{LogTimeMs, Offset, PartitionId};
use serde::Deserialize;
use uuid::Uuid;

/// An answer, as far as the log can confirm it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// None arrived, or one that says that the outcome is unknown.
    Unknown,
    /// A success.
    Granted(Box<Granted>),
    /// A refusal.
    Refused(Refused),
    /// A success or failure whose body is not one of the API's.
    Unreadable(u16),
}

/// A success.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Granted {
    /// The booking.
    pub booking_id: Uuid,
    /// Its show.
    pub show_id: Option<Uuid>,
    /// Labels of its seats.
    pub seats: Option<Vec<String>>,
    /// How many places.
    pub quantity: Option<u32>,
    /// Price of one.
    pub unit_price: Option<Price>,
    /// Price of all.
    pub total_price: Option<Price>,
    /// What an order costs, line by line.
    pub lines: Option<Vec<LinePrice>>,
    /// What bundles and a code took off an order.
    pub discount: Option<Price>,
    /// Fees in an order's total.
    pub fees: Option<Price>,
    /// Tax in an order's total.
    pub tax: Option<Price>,
    /// What is paid back for places that were returned.
    pub refund: Option<Refund>,
    /// End of the hold, RFC 3339.
    pub expires_at: Option<Time>,
    /// When it was confirmed, RFC 3339.
    pub confirmed_at: Option<Time>,
    /// Whether what was cancelled had been paid.
    pub was_confirmed: Option<bool>,
    /// Where it stands.
    pub position: Option<Position>,
}

/// Money.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Price {
    /// In minor units.
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: String,
}

/// A line of an order.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct LinePrice {
    /// How many places.
    pub quantity: u32,
    /// Price of one, without the fee.
    pub unit_price: Price,
}

/// What is paid back.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Refund {
    /// Prices of the places.
    pub price: Price,
    /// Their fees.
    pub fees: Price,
}

/// An instant in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "jiff::Timestamp")]
pub struct Time(pub LogTimeMs);

impl TryFrom<jiff::Timestamp> for Time {
    type Error = std::num::TryFromIntError;

    fn try_from(time: jiff::Timestamp) -> Result<Self, Self::Error> {
        u64::try_from(time.as_millisecond()).map(Self)
    }
}

/// A place in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct Position {
    /// The partition.
    pub partition: u16,
    /// The offset.
    pub offset: Offset,
}

impl Position {
    /// As the log names it.
    pub fn place(self) -> (PartitionId, Offset) {
        (PartitionId(self.partition), self.offset)
    }
}

/// A refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Its code.
    pub code: String,
    /// The record that decided it, if the log did.
    pub position: Option<Position>,
    /// True when a precheck says that it refused.
    pub early: bool,
    /// How many seats it names.
    pub seats: Option<usize>,
}

#[derive(Deserialize)]
struct Success {
    data: Granted,
}

#[derive(Deserialize)]
struct Failure {
    error: Error,
}

#[derive(Deserialize)]
struct Error {
    code: String,
    #[serde(default)]
    details: serde_json::Value,
}

impl Answer {
    /// Of a status and a body.
    pub(super) fn of(status: Option<u16>, body: Option<&str>) -> Self {
        let Some(status) = status else {
            return Self::Unknown;
        };
        let body = body.unwrap_or_default();
        match status {
            // A server that broke off, or a proxy before it, knows nothing of the outcome.
            202 | 500 | 502 | 504 => Self::Unknown,
            200 | 201 => serde_json::from_str::<Success>(body)
                .map_or(Self::Unreadable(status), |success| {
                    Self::Granted(Box::new(success.data))
                }),
            _ => {
                serde_json::from_str::<Failure>(body).map_or(Self::Unreadable(status), |failure| {
                    let details = &failure.error.details;
                    Self::Refused(Refused {
                        position: Position::deserialize(&details["position"]).ok(),
                        early: details.get("as_of").is_some(),
                        seats: details["seats"].as_array().map(Vec::len),
                        code: failure.error.code,
                    })
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_distinguished() {
        assert_eq!(Answer::of(None, None), Answer::Unknown);
        assert_eq!(Answer::of(Some(202), Some("{}")), Answer::Unknown);
        assert_eq!(
            Answer::of(Some(201), Some("<html>")),
            Answer::Unreadable(201)
        );
        let granted = Answer::of(
            Some(201),
            Some(
                r#"{"success":true,"data":{"booking_id":"00060000-0000-8053-ba21-d91600000003","expires_at":"1970-01-01T00:00:01.500Z","position":{"partition":6,"offset":3},"more":1}}"#,
            ),
        );
        let Answer::Granted(granted) = granted else {
            panic!("{granted:?}")
        };
        assert_eq!(granted.expires_at, Some(Time(1_500)));
        assert_eq!(
            granted.position.map(Position::place),
            Some((PartitionId(6), 3))
        );
        let refused = Answer::of(
            Some(409),
            Some(r#"{"error":{"code":"SEAT_UNAVAILABLE","details":{"seats":["A-1"]}}}"#),
        );
        let want = Refused {
            code: "SEAT_UNAVAILABLE".to_owned(),
            position: None,
            early: false,
            seats: Some(1),
        };
        assert_eq!(refused, Answer::Refused(want));
    }
}
