//! Halls that organizers describe: read within bounds of memory and threads, and how they lie in the
//! database.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use moka::future::Cache;
use onsale_halls::limits::INPUT_MAX_BYTES;
use onsale_halls::{Address, Faults, Hall, HallError};
use onsale_store::venue::{Deflated, StoredHall};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::detached::detached;
use crate::error::ApiError;
use crate::prepared::Prepared;
use crate::text;

/// Halls that are worked on at once: each may take ten times its bytes.
const AT_ONCE: usize = 2;
/// How long one waits for that.
const PATIENCE: Duration = Duration::from_secs(5);
/// Faults that an answer lists; it says how many there are.
const FAULTS_LISTED_MAX: usize = 10;
/// What is right where nothing else is said.
const FORMAT: &str = "a hall as the format onsale-hall/1 says";
/// Characters of the texts of a fault.
const FAULT_MAX_CHARS: usize = 200;
/// Bytes of all charts in memory, plain and compressed.
const CHARTS_MAX_BYTES: u64 = 64 << 20;
/// Longest chart once inflated, in bytes: of more seats than any hall has.
const CHART_MAX_BYTES: u64 = 64 << 20;

/// See the module.
pub(crate) struct Halls {
    turns: Arc<Semaphore>,
    charts: Cache<Address, Arc<Prepared>>,
}

impl Halls {
    pub(crate) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            charts: Cache::builder()
                .max_capacity(CHARTS_MAX_BYTES)
                .weigher(|_, chart: &Arc<Prepared>| {
                    // With what it is compressed to.
                    u32::try_from(chart.len() + chart.len() / 4).unwrap_or(u32::MAX)
                })
                .build(),
        }
    }

    /// Works on a hall where it keeps nobody waiting, when it is its turn.
    ///
    /// # Errors
    /// What the work says, and `OVERLOADED`.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.turns.clone().acquire_owned();
        let turn = tokio::time::timeout(PATIENCE, turn)
            .await
            .map_err(|_elapsed| {
                ApiError::overloaded("Other halls are being read. Nothing was changed; try again.")
            })?
            .map_err(ApiError::internal)?;
        detached(async move {
            let _turn = turn;
            tokio::task::spawn_blocking(work)
                .await
                .map_err(ApiError::internal)?
        })
        .await
    }

    /// A chart, compressed once for all who read it. What has an address never changes, so what was read once
    /// stays right.
    ///
    /// # Errors
    /// What `read` says; `OVERLOADED` where the database has it damaged.
    pub(crate) async fn chart(
        &self,
        address: Address,
        read: impl Future<Output = Result<Deflated, ApiError>>,
    ) -> Result<Arc<Prepared>, ApiError> {
        let made = async {
            let stored = read.await?;
            let inflated = move || inflate(&stored, CHART_MAX_BYTES);
            let json = tokio::task::spawn_blocking(inflated)
                .await
                .map_err(ApiError::internal)??;
            if Address::of(&json) != address {
                return Err(ApiError::damaged(format!("chart {address}")));
            }
            Ok::<_, ApiError>(Arc::new(Prepared::new(Bytes::from(json)).kept()))
        };
        // One reads for all who ask meanwhile.
        let made = self.charts.try_get_with(address, made).await;
        made.map_err(|error: Arc<ApiError>| (*error).clone())
    }
}

/// A hall as it is stored.
///
/// # Errors
/// Of this program alone.
pub(crate) fn stored(hall: &Hall) -> Result<StoredHall, ApiError> {
    let canonical = hall.canonical();
    let Deflated { deflated, bytes } = deflate(&canonical)?;
    Ok(StoredHall {
        name: hall.document().name.clone(),
        places: places(hall),
        address: Address::of(&canonical).0,
        deflated,
        bytes,
    })
}

/// Seats and standing room.
fn places(hall: &Hall) -> u64 {
    let plan = hall.plan();
    let standing = plan.standing.iter().map(|area| u64::from(area.capacity));
    u64::try_from(plan.seats.len()).unwrap_or(u64::MAX) + standing.sum::<u64>()
}

/// JSON as it is stored.
///
/// # Errors
/// Of this program alone.
pub(crate) fn deflate(json: &[u8]) -> Result<Deflated, ApiError> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let deflated = encoder.write_all(json).and_then(|()| encoder.finish());
    Ok(Deflated {
        deflated: deflated.map_err(ApiError::internal)?,
        bytes: u64::try_from(json.len()).unwrap_or(u64::MAX),
    })
}

/// The JSON of a hall that is stored.
///
/// # Errors
/// `OVERLOADED` where the database has it damaged.
pub(crate) fn inflate_hall(stored: &Deflated) -> Result<Vec<u8>, ApiError> {
    let max_bytes = u64::try_from(INPUT_MAX_BYTES).unwrap_or(u64::MAX);
    inflate(stored, max_bytes)
}

fn inflate(stored: &Deflated, max_bytes: u64) -> Result<Vec<u8>, ApiError> {
    let mut json = Vec::new();
    let read = DeflateDecoder::new(&stored.deflated[..])
        .take(max_bytes)
        .read_to_end(&mut json);
    let is_whole = read.is_ok_and(|bytes| u64::try_from(bytes) == Ok(stored.bytes));
    if is_whole {
        Ok(json)
    } else {
        Err(ApiError::damaged("a hall or chart that does not inflate"))
    }
}

/// The answer to what is no hall, with the place of each fault.
pub(crate) fn refused(error: &HallError) -> ApiError {
    let expected = FORMAT;
    match error {
        HallError::Faults(faults) => of_faults(faults),
        HallError::Form {
            line,
            column,
            message,
        } => {
            let what = format!("line {line}, column {column}: {message}");
            let error = ApiError::wrong("body", Value::Null, &what, expected);
            error
                .with_detail("line", json!(line))
                .with_detail("column", json!(column))
        }
        HallError::TooLarge { .. } | HallError::TooMany { .. } => {
            ApiError::wrong("body", Value::Null, &error.to_string(), expected)
        }
    }
}

/// As [`refused`], for what is of the right form and wrong.
pub(crate) fn of_faults(faults: &Faults) -> ApiError {
    let Some(first) = faults.listed.first() else {
        return ApiError::internal("faults without one");
    };
    let field = if first.path.is_empty() {
        "body"
    } else {
        &first.path
    };
    let cut = |text: &str| text::cut_at(text, FAULT_MAX_CHARS).into_owned();
    let listed: Vec<Value> = faults
        .listed
        .iter()
        .take(FAULTS_LISTED_MAX)
        .map(|fault| {
            json!({
                "place": cut(&fault.place),
                "path": cut(&fault.path),
                "message": cut(&fault.message),
            })
        })
        .collect();
    let all = u64::try_from(faults.listed.len()).unwrap_or(u64::MAX);
    let total = all.saturating_add(faults.more);
    let (found, expected) = found_and_expected(&first.message);
    ApiError::wrong(field, cut(found), &cut(&first.to_string()), &cut(expected))
        .with_detail("faults", Value::Array(listed))
        .with_detail("faults_total", json!(total))
}

/// What a fault says that there is, and what would be right: it names both with a colon between them, but for what is
/// there twice.
fn found_and_expected(message: &str) -> (&str, &str) {
    let is_double = message.starts_with("two ") && !message.contains(": ");
    if is_double {
        return (message, "each of them once, under a name of its own");
    }
    message.rsplit_once(": ").unwrap_or((message, FORMAT))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use onsale_halls::generate::{Arena, Club, Shape, Theatre, generate};

    use super::*;

    #[test]
    fn a_hall_comes_back_as_it_was_stored() {
        for (shape, places) in [
            (Shape::Theatre(Theatre::default()), 1_500),
            (Shape::Arena(Arena::default()), 18_000),
        ] {
            let hall = generate("House", &shape).unwrap();
            let stored = stored(&hall).unwrap();
            assert_eq!((stored.name.as_str(), stored.places), ("House", places));
            let deflated = Deflated {
                deflated: stored.deflated,
                bytes: stored.bytes,
            };
            let json = inflate_hall(&deflated).unwrap();
            assert_eq!(Hall::from_json(&json).unwrap(), hall);
            assert_eq!(Address::of(&json).0, stored.address);
            let short = Deflated {
                bytes: deflated.bytes + 1,
                ..deflated.clone()
            };
            let half = Deflated {
                deflated: deflated.deflated[..deflated.deflated.len() / 2].to_vec(),
                ..deflated
            };
            for damaged in [short, half] {
                assert!(inflate_hall(&damaged).is_err());
            }
        }
    }

    #[tokio::test]
    async fn a_chart_is_read_and_prepared_once_for_all_who_ask() {
        let json: &[u8] = b"{\"format\":\"onsale-chart/1\"}";
        let halls = Halls::new();
        let reads = AtomicU64::new(0);
        let read = async |json: &[u8]| {
            reads.fetch_add(1, Ordering::SeqCst);
            deflate(json)
        };
        let address = Address::of(json);
        // What is not of this address is not kept.
        assert!(halls.chart(address, read(&b"{}"[..])).await.is_err());
        assert_eq!(reads.swap(0, Ordering::SeqCst), 1);
        let (first, meanwhile) = tokio::join!(
            halls.chart(address, read(json)),
            halls.chart(address, read(json)),
        );
        let first = first.unwrap();
        assert!(Arc::ptr_eq(&first, &meanwhile.unwrap()));
        let later = halls.chart(address, read(json)).await.unwrap();
        assert!(Arc::ptr_eq(&first, &later));
        assert_eq!(reads.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn standing_room_counts_as_places() {
        let hall = generate("Club", &Shape::Club(Club::default())).unwrap();
        let seats = u64::try_from(hall.plan().seats.len()).unwrap();
        assert!(places(&hall) > seats);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let json = br#"{"format":"onsale-hall/1","name":"H","categories":[{"id":"a","name":"A"}],
            "sections":[{"name":"B","rows":[{"name":"7","category":"a","seats":[
                {"label":"14","at":[0,0]},{"label":"14","at":[60,0]}]}]}]}"#;
        let error = refused(&Hall::from_json(json).unwrap_err());
        assert!(
            error.detail().contains("section B, row 7"),
            "{}",
            error.detail()
        );
        let details = error.details().unwrap();
        assert_eq!(details["faults"][0]["path"], "sections[0].rows[0]");
        assert_eq!(details["faults_total"], 1);
        assert_eq!(details["value"], "two seats 14");
        assert_eq!(
            details["expected"],
            "each of them once, under a name of its own"
        );
        for (message, found, expected) in [
            (
                "standing room for 9: at most 5",
                "standing room for 9",
                "at most 5",
            ),
            (
                "name \"A: B\": 1 to 9 characters",
                "name \"A: B\"",
                "1 to 9 characters",
            ),
            (
                "two columns x",
                "two columns x",
                "each of them once, under a name of its own",
            ),
            ("no column seat", "no column seat", FORMAT),
        ] {
            assert_eq!(found_and_expected(message), (found, expected));
        }
        let error = refused(&Hall::from_json(b"{\n\"format\":1}").unwrap_err());
        assert_eq!(error.details().unwrap()["line"], 2, "{}", error.detail());
    }
}
