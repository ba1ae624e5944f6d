//! Compares what the server says afterwards with what it answered.

use std::time::{Duration, Instant};

use crate::control::Control;
use crate::drive::Driven;
use crate::error::LoadError;
use crate::report::Check;
use crate::world::World;

/// How long the counts that clients see may lag behind the last answer.
const SETTLE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The promises that the scenarios watched.
pub(crate) fn of_findings(driven: &Driven) -> Vec<Check> {
    driven
        .findings
        .iter()
        .map(|finding| Check {
            name: finding.promise.to_owned(),
            passed: finding.broken == 0,
            detail: match &finding.example {
                None => format!("{} looked at", finding.looked),
                Some(example) => format!(
                    "{} of {} broken, such as {example}",
                    finding.broken, finding.looked
                ),
            },
        })
        .collect()
}

/// Compares the places that the server counts as taken with those that it granted. Concludes
/// nothing where others may sell too, or where an answer is missing.
pub(crate) fn of_stock(
    world: &World,
    organizers: &[Control],
    driven: &Driven,
) -> Result<Option<Check>, LoadError> {
    if !world.own {
        return Ok(None);
    }
    let stock = &driven.stock;
    let standing = stock.granted.saturating_sub(stock.returned);
    let fits = |taken: u64| match (world.holds_last, stock.unknown) {
        (true, 0) => taken == standing,
        // Holds have expired: fewer may be taken, never more.
        (false, 0) => taken <= standing,
        // An unknown write may have taken or given back places.
        (_, _) => true,
    };
    let deadline = Instant::now() + SETTLE;
    let mut taken = world.taken(organizers)?;
    while !fits(taken) && Instant::now() < deadline {
        std::thread::sleep(LOOK_EVERY);
        taken = world.taken(organizers)?;
    }
    let capacity: u64 = world
        .shows
        .iter()
        .flat_map(|show| &show.zones)
        .map(crate::world::ZonePlan::count)
        .sum();
    Ok(Some(Check {
        name: "the server's counts are the granted places".to_owned(),
        passed: fits(taken) && taken <= capacity,
        detail: format!(
            "{} granted, {} returned, {} unknown; {taken} of {capacity} held or sold{}",
            stock.granted,
            stock.returned,
            stock.unknown,
            if world.holds_last {
                ""
            } else {
                " (holds run out)"
            }
        ),
    }))
}
