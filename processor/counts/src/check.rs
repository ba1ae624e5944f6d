//! What an ingress asks.

use std::time::Instant;

use onsale_schemas::{EventId, Offset, ShowId, UserId, ZoneIndex};
use redis::Value;

use super::client::Counts;
use super::values::{UserTickets, ZonePlaces};

/// How long another node's report of its requests in flight counts, in milliseconds.
const REPORT_AGE_MAX_MS: u64 = 1_000;
/// A hold that ends sooner than this may have ended by the clock of the log, in milliseconds.
const CLOCKS_APART_MAX_MS: u64 = 5_000;
const OPERATION: &str = "check";

/// A requested reservation, and what the ingress knows itself.
#[derive(Clone, Debug)]
pub struct Check {
    /// The event.
    pub event: EventId,
    /// The show.
    pub show: ShowId,
    /// The zone.
    pub zone: ZoneIndex,
    /// Places of the zone, free or not.
    pub total: u32,
    /// Who asks.
    pub user: UserId,
    /// How many tickets.
    pub quantity: u32,
    /// How many places must be free for the log not to refuse for lack of places: the quantity, or
    /// 1 where seats are named and the log would name those that are taken.
    pub places: u32,
    /// Most tickets per buyer according to the log; `None` while unknown.
    pub limit: Option<u16>,
    /// Requests of this node for the zone that are in flight, this one included.
    pub in_flight: u32,
    /// Requests in flight over all nodes: at most this many per free place …
    pub in_flight_per_place: u32,
    /// … plus this many.
    pub in_flight_extra: u32,
    /// Versions before this one are too old: a client has been answered by a record that released
    /// places or tickets.
    pub version_min: Offset,
    /// Versions after this one are from a future that this node has not seen.
    pub version_max: Offset,
    /// Time in milliseconds since 1970.
    pub now_ms: u64,
    /// How often a buyer may ask over all nodes, if limited.
    pub rate: Option<RateBucket>,
}

/// A token bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateBucket {
    /// Tokens that it is given per minute.
    pub per_minute: u32,
    /// Tokens that it holds.
    pub burst: u32,
}

/// An early refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The buyer asks too often.
    TooFast {
        /// Milliseconds until the next request is allowed.
        retry_after_ms: u64,
    },
    /// The buyer would have too many tickets.
    OverLimit {
        /// Tickets held and owned.
        tickets: u32,
        /// Every record before this offset is taken into account.
        as_of: Offset,
    },
    /// Too few places are free.
    NoPlaces {
        /// Free places.
        available: u32,
        /// Every record before this offset is taken into account.
        as_of: Offset,
    },
    /// Far more buyers than places are being served.
    Busy {
        /// Every record before this offset is taken into account.
        as_of: Offset,
    },
}

impl Counts {
    /// Whether the log would refuse; `None` means that it has to be asked: by the counts it would
    /// not, or they are unknown, impossible, or not available in time.
    pub async fn check(&self, check: &Check) -> Option<Refusal> {
        let asking = self.ask()?;
        let keys = &self.inner.keys;
        let zone_key = keys.zone(check.event, check.show, check.zone);
        let user_key = keys.user(check.event, check.user);
        let rate = check.rate.unwrap_or(RateBucket {
            per_minute: 0,
            burst: 0,
        });
        let mut call = self.inner.check.prepare_invoke();
        call.key(&zone_key)
            .key(&user_key)
            .key(keys.in_flight(check.event, check.show, check.zone))
            .key(keys.bucket(check.event, check.user))
            .arg(check.places)
            .arg(check.quantity)
            .arg(check.limit.unwrap_or(0))
            .arg(&self.inner.node)
            .arg(check.in_flight)
            .arg(check.in_flight_per_place)
            .arg(check.in_flight_extra)
            .arg(check.now_ms.saturating_add(CLOCKS_APART_MAX_MS))
            .arg(rate.per_minute)
            .arg(rate.burst)
            .arg(REPORT_AGE_MAX_MS);
        let mut connection = self.inner.connection.clone();
        let started = Instant::now();
        let answer = tokio::time::timeout(
            self.inner.answer_max,
            call.invoke_async::<Vec<Value>>(&mut connection),
        )
        .await;
        let took = started.elapsed();
        let metrics = &self.inner.metrics;
        metrics.took(OPERATION, took);
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                metrics.failed(OPERATION, "error");
                tracing::debug!(%error, "Redis gave no usable answer; the log decides");
                return None;
            }
            Err(_elapsed) => {
                metrics.failed(OPERATION, "time-out");
                return None;
            }
        };
        if took > self.inner.slow {
            metrics.failed(OPERATION, "slow");
            drop(asking);
        } else {
            asking.good();
        }
        let refusal = judge(check, &zone_key, &user_key, &answer);
        if refusal.is_none() && text(answer.first()) != Some("log") {
            metrics.failed(OPERATION, "evidence");
        }
        refusal
    }
}

/// The refusal that the script's answer justifies. The script is not trusted: its evidence has to
/// justify the refusal here as well.
fn judge(check: &Check, zone_key: &str, user_key: &str, answer: &[Value]) -> Option<Refusal> {
    let verdict = text(answer.first())?;
    if verdict == "rate" {
        let rate = check.rate?;
        let retry_after_ms = match answer.get(1) {
            Some(Value::Int(ms)) => u64::try_from(*ms).ok()?,
            _ => return None,
        };
        // The longest possible wait is that for a single token.
        let longest_ms = 60_000_u64.div_ceil(rate.per_minute.max(1).into());
        return (retry_after_ms <= longest_ms).then_some(Refusal::TooFast { retry_after_ms });
    }
    let zone = ZonePlaces::decode(zone_key, text(answer.get(1))?)?;
    let believable = zone.total == check.total
        && (check.version_min..=check.version_max).contains(&zone.version);
    if !believable {
        return None;
    }
    match verdict {
        "limit" => {
            let user = UserTickets::decode(user_key, text(answer.get(2))?)?;
            let lasts = user
                .until_ms
                .is_none_or(|until_ms| until_ms > check.now_ms.saturating_add(CLOCKS_APART_MAX_MS));
            let over = check.limit.is_some_and(|limit| {
                limit > 0 && user.tickets.saturating_add(check.quantity) > u32::from(limit)
            });
            let vouched_for = (zone.users_from..=check.version_max).contains(&user.version);
            (over && lasts && vouched_for).then_some(Refusal::OverLimit {
                tickets: user.tickets,
                // The projector vouches for it up to here.
                as_of: zone.version.max(user.version),
            })
        }
        "places" => (zone.available < check.places).then_some(Refusal::NoPlaces {
            available: zone.available,
            as_of: zone.version,
        }),
        "busy" => Some(Refusal::Busy {
            as_of: zone.version,
        }),
        _ => None,
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    match value? {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}
