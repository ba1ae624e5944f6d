//! `onsale jobs retry`

use anyhow::anyhow;
use clap::{ArgGroup, Args};
use onsale_store::Store;
use onsale_store::audit::Actor;
use onsale_store::job::{JobFilter, JobState};
use serde_json::json;
use uuid::Uuid;

use crate::cli::{ConfigArgs, JsonArgs, parse_uuid};
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

/// Jobs looked at in one query.
const PER_PAGE: u32 = 500;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["id", "dead_of"])))]
pub(crate) struct RetryArgs {
    /// One dead or cancelled job
    #[arg(value_name = "ID", value_parser = parse_uuid)]
    id: Option<Uuid>,
    /// Every dead job of this kind
    #[arg(long, value_name = "KIND")]
    dead_of: Option<String>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &RetryArgs) -> Result<(), Failure> {
    with_store(&args.config, async |store| {
        let retried = match (args.id, &args.dead_of) {
            (Some(id), _) => {
                if !requeue(&store, id).await? {
                    return Err(Failure::Found(anyhow!(
                        "job {id} is neither dead nor cancelled; see `onsale jobs show {id}`"
                    )));
                }
                1
            }
            (None, Some(kind)) => {
                super::kind::check(&store, kind).await?;
                all_dead(&store, kind).await?
            }
            // clap ensures that one of the two is given.
            (None, None) => 0,
        };
        if args.json.json {
            output::json(&json!({ "retried": retried }));
        } else {
            let jobs = output::count(retried, "job");
            output::line(format_args!("{jobs} will be done again"));
        }
        Ok(())
    })
}

async fn requeue(store: &Store, id: Uuid) -> Result<bool, Failure> {
    let audit = Actor::command_line().did("job.retry", "job", id);
    store.requeue_job(id, audit).await.or_reach()
}

async fn all_dead(store: &Store, kind: &str) -> Result<u64, Failure> {
    let mut filter = JobFilter {
        state: Some(JobState::Dead),
        kind: Some(kind.to_owned()),
        after: None,
        limit: PER_PAGE,
    };
    let mut retried = 0;
    loop {
        let page = store.jobs(&filter).await.or_reach()?;
        let Some(last) = page.last() else {
            return Ok(retried);
        };
        filter.after = Some(last.job_id);
        for job in &page {
            retried += u64::from(requeue(store, job.job_id).await?);
        }
    }
}
