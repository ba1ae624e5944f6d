//! The database against the model.

use std::collections::BTreeMap;

use anyhow::anyhow;
use onsale_processor::fit::Misfit;
use onsale_schemas::{BookingId, Offset, PartitionId};
use onsale_simulation::model::{BookingState, Model};
use onsale_store::Store;
use onsale_store::booking::{BookingStatus, projected_offset};

use crate::commands::store;
use crate::config::Config;
use crate::database_fit;
use crate::exit::{Failure, OrFail};
use crate::output;

/// Rows of the database read at once.
const ROWS_PER_PAGE: u32 = 5_000;

/// How long a projection that is behind is waited for.
const CATCH_UP: std::time::Duration = std::time::Duration::from_secs(5);
/// How often it is asked meanwhile.
const CATCH_UP_POLL: std::time::Duration = std::time::Duration::from_millis(50);

const ADVANCED: &str = "it advanced meanwhile";

/// From this offset on nothing was changed.
fn changed_until(last_outcome: Option<Offset>) -> Offset {
    last_outcome.map_or(0, |last| last + 1)
}

/// Fails where the database is not of this log, or was lost.
pub(super) async fn check_fit(config: &Config) -> Result<(), Failure> {
    let store = store::open(config).await?;
    if let Some(store) = &store {
        // Of an earlier version: the next start brings it up to date.
        if store.check_schema().await.is_err() && store.has_schema().await.or_reach()? {
            return Ok(());
        }
    }
    match database_fit::look(config, store.as_ref())
        .await
        .or_reach()?
    {
        None => Ok(()),
        Some(misfit) => Err(Failure::Found(misfit.into())),
    }
}

/// What came of a comparison.
#[derive(Debug)]
pub(super) enum Compared {
    /// Both say the same, in words; also where there is no database.
    Equal(String),
    /// The projection has not been where the log was, in words.
    Not(String),
    /// The projection is beyond the log as it was read: it has to be read again.
    Beyond(String),
}

/// Compares live bookings of the model with the database, where both stand at the same state: only
/// outcomes change it and move the projection. `last_outcome` is the offset of the last record that
/// yielded one. A projection that is behind is waited for.
pub(super) async fn check(
    config: &Config,
    model: &Model,
    last_outcome: Option<Offset>,
) -> Result<Compared, Failure> {
    let Some(store) = store::open(config).await? else {
        return Ok(Compared::Equal("not looked at, there is none".to_owned()));
    };
    let at = caught_up(&store, model.partition(), changed_until(last_outcome)).await?;
    let is_same_state = (changed_until(last_outcome)..=model.next_offset()).contains(&at);
    let there = store.show_ids().await.or_reach()?;
    let known = model.shows().count();
    let missing = model
        .shows()
        .filter(|show| !there.contains(&show.id()))
        .count();
    // A projection that is behind will still deliver them.
    if missing > 0 && is_same_state {
        return Err(Failure::Found(
            Misfit::CatalogLacks { missing, known }.into(),
        ));
    }
    if !is_same_state {
        let end = model.next_offset();
        let why = format!("it is at {at} and the log at {end}");
        return Ok(if at > end {
            Compared::Beyond(why)
        } else {
            Compared::Not(why)
        });
    }
    let mut expected: BTreeMap<BookingId, (BookingStatus, Vec<u32>)> = model
        .live_bookings()
        .map(|booking| {
            let status = match booking.state {
                BookingState::Held => BookingStatus::Reserved,
                _ => BookingStatus::Confirmed,
            };
            let id = BookingId::new(model.partition(), booking.offset);
            (id, (status, booking.seats.to_vec()))
        })
        .collect();
    let partition = model.partition();
    let (mut after, mut rows) = (None, 0u64);
    loop {
        let page = store
            .live_bookings(model.partition(), after, ROWS_PER_PAGE)
            .await
            .or_reach()?;
        let Some(last) = page.last() else { break };
        after = Some(last.booking_id.offset());
        for row in page {
            rows += 1;
            let model = expected.remove(&row.booking_id);
            if model.as_ref() != Some(&(row.status, row.seats.clone())) {
                if projected(&store, row.booking_id.partition()).await? != at {
                    return Ok(Compared::Beyond(ADVANCED.to_owned()));
                }
                return Err(Failure::Found(anyhow!(
                    "booking {}: the database says {:?} with seats {:?}, the model {model:?}",
                    row.booking_id,
                    row.status,
                    row.seats
                )));
            }
        }
    }
    if projected(&store, partition).await? != at {
        return Ok(Compared::Beyond(ADVANCED.to_owned()));
    }
    match expected.into_iter().next() {
        Some((id, what)) => Err(Failure::Found(anyhow!(
            "booking {id}: the model has it as {what:?}, the database does not have it"
        ))),
        None => Ok(Compared::Equal(format!(
            "{} equal",
            output::count(rows, "live booking")
        ))),
    }
}

async fn projected(store: &Store, partition: PartitionId) -> Result<Offset, Failure> {
    Ok(projected_offset(
        &store.watermarks().await.or_reach()?,
        partition,
    ))
}

/// Where the projection is once it has reached `offset`, or once that has been waited for.
async fn caught_up(
    store: &Store,
    partition: PartitionId,
    offset: Offset,
) -> Result<Offset, Failure> {
    let deadline = std::time::Instant::now() + CATCH_UP;
    loop {
        let at = projected(store, partition).await?;
        if at >= offset || std::time::Instant::now() >= deadline {
            return Ok(at);
        }
        tokio::time::sleep(CATCH_UP_POLL).await;
    }
}
