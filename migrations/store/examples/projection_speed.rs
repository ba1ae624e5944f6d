//! How fast outcomes become rows: `projection_speed URL [BATCHES]`.
//!
//! Batches of 2,000 records as a busy sale yields them: reservations of two seats, and for each one
//! later its confirmation (two of three) or its expiry.

use std::time::Instant;

use onsale_schemas::command::Currency;
use onsale_schemas::outcome::{Confirmed, EndedBooking, Reserved};
use onsale_schemas::{
    EventId, Offset, Outcome, OutcomeRecord, PartitionId, RequestId, ShowId, UserId,
};
use onsale_store::Store;
use onsale_store::projection::ProjectionBatch;
use uuid::Uuid;

const BATCH_RECORDS: u64 = 2_000;
const CONNECTIONS_MAX: u32 = 4;
const PARTITION: PartitionId = PartitionId(0);
/// A confirmation follows its reservation after this many records.
const DELAY_RECORDS: u64 = 5_001;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments
        .next()
        .ok_or("usage: projection_speed URL [BATCHES]")?;
    let batches: u64 = arguments.next().as_deref().unwrap_or("100").parse()?;
    let store = Store::connect(&url, CONNECTIONS_MAX)
        .await?
        .for_installation();
    store.migrate().await?;
    let mut from = store
        .watermarks()
        .await?
        .iter()
        .find(|row| row.partition == PARTITION)
        .map_or(0, |row| row.next_offset);
    let mut slowest_ms = 0;
    let begin = Instant::now();
    for _ in 0..batches {
        let batch = batch(from)?;
        let started = Instant::now();
        store.project(&batch).await?;
        slowest_ms = slowest_ms.max(started.elapsed().as_millis());
        from = batch.next_offset;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let records = u32::try_from(batches * BATCH_RECORDS)?;
    #[expect(clippy::print_stdout, reason = "this is what the program is for")]
    {
        println!(
            "{records} records in {seconds:.2} s: {:.0} records/s, slowest batch {slowest_ms} ms",
            f64::from(records) / seconds
        );
    }
    Ok(())
}

fn batch(from: Offset) -> Result<ProjectionBatch, Failure> {
    let next_offset = from + BATCH_RECORDS;
    Ok(ProjectionBatch {
        partition: PARTITION,
        from_offset: from,
        next_offset,
        log_time_ms: next_offset,
        outcomes: (from..next_offset)
            .map(record)
            .collect::<Result<_, Failure>>()?,
        askers: Vec::new(),
    })
}

/// Even records reserve, odd ones settle an earlier reservation.
fn record(offset: Offset) -> Result<OutcomeRecord, Failure> {
    let mut expired = Vec::new();
    let outcome = match offset.checked_sub(DELAY_RECORDS) {
        _ if offset.is_multiple_of(2) => Outcome::Reserved(reserved(offset)?),
        Some(booking) if booking % 3 > 0 => Outcome::Confirmed(Confirmed {
            booking,
            show: show(booking),
            user: user(booking),
            zone: 0,
            seats: reserved(booking)?.seats,
            quantity: 2,
            payment_reference: format!("payment-{booking}"),
            confirmed_at_ms: offset,
            first: true,
            revived: false,
        }),
        Some(booking) => {
            expired.push(EndedBooking {
                booking,
                show: show(booking),
                user: user(booking),
                zone: 0,
                seats: reserved(booking)?.seats,
                quantity: 2,
            });
            Outcome::Nothing
        }
        None => Outcome::Nothing,
    };
    Ok(OutcomeRecord {
        offset,
        previous: offset.checked_sub(1),
        log_time_ms: offset,
        request_id: Some(RequestId(scattered(offset, 1))),
        replay_of: None,
        expired,
        outcome,
    })
}

fn reserved(offset: Offset) -> Result<Reserved, Failure> {
    let seat = u32::try_from(offset % 200_000)?;
    Ok(Reserved {
        booking: offset,
        show: show(offset),
        event: EventId(Uuid::from_u128(7)),
        user: user(offset),
        zone: 0,
        seats: [seat, seat + 1].as_slice().into(),
        quantity: 2,
        unit_price: 250_000,
        currency: Currency(*b"THB"),
        expires_at_ms: offset + 600_000,
    })
}

fn show(offset: Offset) -> ShowId {
    ShowId(Uuid::from_u128(u128::from(offset / 200_000)))
}

fn user(offset: Offset) -> UserId {
    UserId(scattered(offset / 6, 2))
}

/// As random as ids are.
fn scattered(number: u64, kind: u64) -> Uuid {
    Uuid::from_u64_pair(
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) ^ kind,
        number,
    )
}
