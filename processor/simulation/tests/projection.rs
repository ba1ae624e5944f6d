//! The real projection, on SQLite, of random histories: batches cut anywhere, repeated as
//! restarting readers repeat them, and written by projectors that take turns. In the end the
//! database has what the model says.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use onsale_schemas::{Entry, Offset, OutcomeRecord, PartitionId};
use onsale_simulation::agreement;
use onsale_simulation::model::{Model, ModelLimits};
use onsale_simulation::workload::{Action, Profile, Rng, START_MS, Workload};
use onsale_store::Store;
use onsale_store::booking::{BookingStatus, Watermark};
use onsale_store::projection::ProjectionBatch;

const PARTITION: PartitionId = PartitionId(2);
const SEEDS: u64 = 8;
const RECORDS: u64 = 1_500;
const BATCH_MAX: u64 = 90;
/// No real log's clock leaps to the end of time.
const LEAP_MAX_MS: u64 = 3_600_000;

struct Log {
    model: Model,
    outcomes: Vec<OutcomeRecord>,
    times: Vec<u64>,
}

fn log(seed: u64) -> Log {
    let mut profile = Profile::adversarial();
    profile
        .weights
        .retain(|(action, _)| *action != Action::Barrier);
    let mut workload = Workload::new(profile, seed);
    let mut log = Log {
        model: Model::new(PARTITION, ModelLimits::default()),
        outcomes: Vec::new(),
        times: Vec::new(),
    };
    for offset in 0..RECORDS {
        let now = log.model.log_time_ms().max(START_MS);
        workload.set_time(now);
        let record = workload.next_record();
        let outcome = log.model.apply(Entry {
            offset,
            log_time_ms: record.log_time_ms.min(now + LEAP_MAX_MS),
            payload: &record.payload,
        });
        log.times.push(log.model.log_time_ms());
        if let Some(outcome) = outcome {
            workload.observe(&outcome);
            log.outcomes.push(outcome);
        }
    }
    log
}

impl Log {
    fn batch(&self, from_offset: Offset, next_offset: Offset) -> ProjectionBatch {
        let covered = from_offset..next_offset;
        let outcomes = self.outcomes.iter();
        ProjectionBatch {
            partition: PARTITION,
            from_offset,
            next_offset,
            log_time_ms: self.times[usize::try_from(next_offset - 1).unwrap()],
            outcomes: outcomes
                .filter(|outcome| covered.contains(&outcome.offset))
                .cloned()
                .collect(),
            askers: Vec::new(),
        }
    }
}

async fn watermark(store: &Store) -> Offset {
    let watermarks: Vec<Watermark> = store.watermarks().await.unwrap();
    watermarks.first().map_or(0, |mark| mark.next_offset)
}

#[tokio::test]
async fn whatever_the_batches_the_database_is_what_the_model_says() {
    let (mut repeats, mut live_in_all) = (0, 0);
    for seed in 0..SEEDS {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.sqlite").display());
        let store = Store::connect(&url, 2).await.unwrap();
        store.migrate().await.unwrap();
        let log = log(seed);
        let mut rng = Rng::new(seed);
        // Where each projector believes it is; the slower one writes what is already there.
        let mut at = [0, 0];
        while at.iter().any(|&at| at < RECORDS) {
            let projector = rng.index(at.len());
            let from = at[projector];
            if from == RECORDS {
                continue;
            }
            let next = (from + 1 + rng.below(BATCH_MAX)).min(RECORDS);
            let before = watermark(&store).await;
            repeats += u64::from(from < before);
            store.project(&log.batch(from, next)).await.unwrap();
            assert_eq!(watermark(&store).await, before.max(next), "seed {seed}");
            at[projector] = match rng.below(10) {
                // It starts again, from where the database is or from before that.
                0 => watermark(&store).await,
                1 => from.saturating_sub(rng.below(BATCH_MAX)),
                _ => next,
            };
        }
        let rows = store.live_bookings(PARTITION, None, u32::MAX).await;
        let rows: Vec<(Offset, bool)> = rows
            .unwrap()
            .iter()
            .map(|row| {
                let is_confirmed = row.status == BookingStatus::Confirmed;
                (row.booking_id.offset(), is_confirmed)
            })
            .collect();
        let live: Vec<(Offset, bool)> = agreement::live(&log.model).collect();
        assert_eq!(rows, live, "seed {seed}");
        live_in_all += live.len();
    }
    assert!(repeats > 20, "{repeats} repeats");
    assert!(live_in_all > 20, "{live_in_all} live bookings");
}

#[tokio::test]
async fn a_batch_beyond_the_watermark_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.sqlite").display());
    let store = Store::connect(&url, 2).await.unwrap();
    store.migrate().await.unwrap();
    let log = log(1);
    store.project(&log.batch(0, 50)).await.unwrap();
    let error = store.project(&log.batch(51, 90)).await.unwrap_err();
    assert!(
        matches!(error, onsale_store::StoreError::Gap { .. }),
        "{error}"
    );
    assert_eq!(watermark(&store).await, 50);
}
