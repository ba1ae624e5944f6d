//! The database against the model.

use std::collections::BTreeMap;

use anyhow::anyhow;
use onsale_processor::fit::Misfit;
use onsale_schemas::{BookingId, Offset};
use onsale_simulation::model::{BookingState, Model};
use onsale_store::booking::{BookingStatus, projected_offset};

use crate::commands::store::open;
use crate::config::Config;
use crate::database_fit;
use crate::exit::{Failure, OrFail};

/// Rows of the database read at once.
const ROWS_PER_PAGE: u32 = 5_000;

/// From this offset on nothing was changed.
fn changed_until(last_outcome: Option<Offset>) -> Offset {
    last_outcome.map_or(0, |last| last + 1)
}

/// Fails where the database is not of this log, or was lost.
pub(super) async fn check_fit(config: &Config) -> Result<(), Failure> {
    let store = open(config).await?;
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

/// Compares live bookings of the model with the database, where both stand at the same state: only
/// outcomes change it and move the projection. `last_outcome` is the offset of the last record that
/// yielded one.
pub(super) async fn check(
    config: &Config,
    model: &Model,
    last_outcome: Option<Offset>,
) -> Result<String, Failure> {
    let Some(store) = open(config).await? else {
        return Ok("not looked at, there is none".to_owned());
    };
    let at = projected_offset(&store.watermarks().await.or_reach()?, model.partition());
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
        return Ok(format!(
            "not compared, it is at {at} and the log at {}",
            model.next_offset()
        ));
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
                return Err(Failure::Found(anyhow!(
                    "booking {}: the database says {:?} with seats {:?}, the model {model:?}",
                    row.booking_id,
                    row.status,
                    row.seats
                )));
            }
        }
    }
    if projected_offset(&store.watermarks().await.or_reach()?, model.partition()) != at {
        return Ok("not compared, it advanced meanwhile".to_owned());
    }
    match expected.into_iter().next() {
        Some((id, what)) => Err(Failure::Found(anyhow!(
            "booking {id}: the model has it as {what:?}, the database does not have it"
        ))),
        None => Ok(format!("{rows} live bookings equal")),
    }
}
