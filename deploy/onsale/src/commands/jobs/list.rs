//! `onsale jobs list`

use clap::Args;
use onsale_store::job::{JobCount, JobFilter, JobRow, JobState};
use serde_json::json;
use uuid::Uuid;

use super::parse_state;
use crate::cli::{ConfigArgs, JsonArgs, parse_limit, parse_uuid};
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

/// What leads to the next page.
const AFTER: &str = "--after";

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only jobs in this state: waiting, running, done, dead or cancelled
    #[arg(long, value_name = "STATE", value_parser = parse_state)]
    state: Option<JobState>,
    /// Only jobs of this kind
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// At most this many, up to 1000
    #[arg(long, value_name = "N", default_value = "20", value_parser = parse_limit)]
    limit: u32,
    /// Only those below this one in the list
    #[arg(long, value_name = "ID", value_parser = parse_uuid)]
    after: Option<Uuid>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &ListArgs) -> Result<(), Failure> {
    let filter = JobFilter {
        state: args.state,
        kind: args.kind.clone(),
        after: args.after,
        // One more says whether there are more.
        limit: args.limit.saturating_add(1),
    };
    with_store(&args.config, async |store| {
        let mut jobs = store.jobs(&filter).await.or_reach()?;
        let has_more = output::cut(&mut jobs, args.limit);
        let next = jobs.last().filter(|_| has_more).map(|job| job.job_id);
        let mut counts = store.job_counts().await.or_reach()?;
        if let Some(kind) = &args.kind {
            super::kind::check(&store, kind).await?;
            counts.retain(|count| count.kind == *kind);
        }
        if args.json.json {
            output::json(&json!({ "jobs": jobs, "next": next, "counts": counts }));
            output::more(AFTER, next);
            return Ok(());
        }
        if counts.is_empty() {
            output::line("there are no jobs");
            return Ok(());
        }
        let rows: Vec<Vec<String>> = jobs.iter().map(row).collect();
        output::table(
            &["ID", "KIND", "STATE", "ATTEMPTS", "CREATED", "KEY", ""],
            &rows,
        );
        output::more(AFTER, next);
        output::line("");
        for count in &counts {
            output::line(total(count));
        }
        Ok(())
    })
}

fn row(job: &JobRow) -> Vec<String> {
    let note = match job.state {
        JobState::Running => job.progress.clone(),
        JobState::Waiting | JobState::Dead => job.last_error.clone(),
        JobState::Done | JobState::Cancelled => None,
    };
    vec![
        job.job_id.to_string(),
        job.kind.clone(),
        job.state.as_str().to_owned(),
        format!("{} of {}", job.attempts, job.attempts_max),
        output::time(job.created_at_ms),
        shown_key(&job.key),
        note.unwrap_or_default(),
    ]
}

/// A key as people read it. That of a job on a schedule is the length and number of its slot.
fn shown_key(key: &str) -> String {
    let slot = key.strip_prefix("every ").and_then(|rest| {
        let (every_ms, number) = rest.split_once(" ms, number ")?;
        let (every_ms, number): (u64, u64) = (every_ms.parse().ok()?, number.parse().ok()?);
        let from = output::time(every_ms.checked_mul(number)?);
        Some(format!("due {from}, every {} s", every_ms / 1_000))
    });
    slot.unwrap_or_else(|| key.to_owned())
}

fn total(count: &JobCount) -> String {
    let mut line = format!("{}: {} {}", count.kind, count.jobs, count.state.as_str());
    if count.overdue_ms >= 1_000 {
        line.push_str(&format!(
            ", the first of them has been due for {} s",
            count.overdue_ms / 1_000
        ));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_schedules_are_times() {
        assert_eq!(
            shown_key("every 3600000 ms, number 1"),
            "due 1970-01-01T01:00:00.000Z, every 3600 s"
        );
        assert_eq!(shown_key("another"), "another");
    }
}
