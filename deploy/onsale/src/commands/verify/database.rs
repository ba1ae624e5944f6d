//! The database against the log.

use std::time::Duration;

use onsale_engine::Partition;
use onsale_processor::clock;
use onsale_processor::fit::{self, Misfit};
use onsale_processor::reconcile::{self, LogRows, PartitionPosition, Report};
use onsale_schemas::{Offset, PartitionId};
use onsale_store::Store;
use onsale_store::booking::projected_offset;

use super::log::Checked;
use crate::commands::store;
use crate::config::Config;
use crate::database_fit;
use crate::exit::{Failure, OrFail};
use crate::output;

/// How long a projection that is behind is waited for.
pub(super) const CATCH_UP: Duration = Duration::from_secs(5);
/// How often it is asked meanwhile.
const CATCH_UP_POLL: Duration = Duration::from_millis(50);

const ADVANCED: &str = "it advanced meanwhile";

/// From this offset on nothing was changed.
fn changed_until(last_outcome: Option<Offset>) -> Offset {
    last_outcome.map_or(0, |last| last + 1)
}

/// Fails where the database is not of this log, or was lost. What of it is damaged is returned: it keeps
/// nothing else from being looked at.
pub(super) async fn check_fit(config: &Config) -> Result<Option<Misfit>, Failure> {
    let store = store::open(config).await?;
    let looked = database_fit::look(config, store.as_ref()).await;
    if let Some(store) = &store {
        // Of an earlier version: the next start brings it up to date, if it is of this log.
        if store.check_schema().await.is_err() && store.has_schema().await.or_reach()? {
            return match looked {
                Ok(Some(foreign)) if foreign.is_foreign() => Err(Failure::Found(foreign.into())),
                _ => Ok(None),
            };
        }
    }
    match looked.or_reach()? {
        Some(misfit) if !misfit.is_damage() => Err(Failure::Found(misfit.into())),
        damage => Ok(damage),
    }
}

/// What came of a comparison.
#[derive(Debug)]
pub(super) enum Compared {
    /// Both say the same, in words; also where there is no database.
    Equal(String),
    /// They do not, in words; the report says in what.
    Differs(String),
    /// The projection has not been where the log was, in words.
    Not(String),
    /// The projection is beyond the log as it was read: it has to be read again.
    Beyond(String),
}

/// Compares the bookings of the database with what the log says of them, where both stand at the same
/// state: only outcomes change it and move the projection. A projection that is behind is waited for.
/// What differs is added to the report, and what someone has deleted of the catalog to `damage`.
pub(super) async fn check(
    config: &Config,
    checked: &mut Checked,
    patience: Duration,
    report: &mut Option<Report>,
    damage: &mut Vec<Misfit>,
) -> Result<Compared, Failure> {
    let Some(store) = store::open(config).await? else {
        return Ok(Compared::Equal("not looked at, there is none".to_owned()));
    };
    let (partition, end) = (checked.machine.id(), checked.machine.next_offset());
    let changed_until = changed_until(checked.last_outcome);
    let at = caught_up(&store, partition, changed_until, patience).await?;
    let is_same_state = (changed_until..=end).contains(&at);
    // A projection that is behind will still deliver them.
    if is_same_state {
        match look_at_catalog(&store, &checked.machine).await {
            Ok(found) => damage.extend(found),
            // A table of it is not there, and the bookings may be.
            Err(_) if !damage.is_empty() => {}
            Err(failure) => return Err(failure),
        }
    } else {
        let why = format!("it is at {at} and the log at {end}");
        return Ok(if at > end {
            Compared::Beyond(why)
        } else {
            Compared::Not(why)
        });
    }
    let log_id = store.log_identity().await.or_reach()?.unwrap_or_default();
    let mut found = Report::new(log_id, clock::now_ms());
    let rows = checked.rows.take().map(LogRows::into_rows);
    let rows = rows.unwrap_or_default();
    let compared = rows.len();
    let live = rows.values().filter(|row| row.status.is_live()).count();
    reconcile::compare_rows(partition, rows, &store, &mut found)
        .await
        .or_reach()?;
    if projected(&store, partition).await? != at {
        return Ok(Compared::Beyond(ADVANCED.to_owned()));
    }
    let differing = found.differences.len();
    let whole = report.get_or_insert_with(|| Report::new(log_id, found.created_at_ms));
    whole.positions.push(PartitionPosition {
        partition,
        next_offset: end,
        digest: format!("{:016x}", checked.machine.digest()),
    });
    whole.checked.bookings += u64::try_from(live).unwrap_or(u64::MAX);
    whole.checked.ended += u64::try_from(compared - live).unwrap_or(u64::MAX);
    whole.differences.append(&mut found.differences);
    Ok(if differing == 0 {
        Compared::Equal(format!(
            "{} equal, {} that ended",
            output::count(live, "live booking"),
            compared - live
        ))
    } else {
        Compared::Differs(format!("{} not equal", output::count(differing, "booking")))
    })
}

/// Shows of the log that the catalog lacks, and zones.
async fn look_at_catalog(store: &Store, machine: &Partition) -> Result<Vec<Misfit>, Failure> {
    let shows = fit::look_at_shows(store, machine).await.or_reach()?;
    let zones = machine.shows().map(|show| {
        let zones = u16::try_from(show.zones.len()).unwrap_or(u16::MAX);
        (show.show, zones)
    });
    let zones = fit::look_at_zones(store, &zones.collect()).await;
    Ok(shows.into_iter().chain(zones.or_reach()?).collect())
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
    patience: Duration,
) -> Result<Offset, Failure> {
    let deadline = std::time::Instant::now() + patience;
    loop {
        let at = projected(store, partition).await?;
        if at >= offset || std::time::Instant::now() >= deadline {
            return Ok(at);
        }
        tokio::time::sleep(CATCH_UP_POLL).await;
    }
}
