//! `onsale jobs show`

use anyhow::anyhow;
use serde_json::{Value, json};

use super::JobArgs;
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

pub(crate) fn run(args: &JobArgs) -> Result<(), Failure> {
    let id = args.id;
    with_store(&args.config, async |store| {
        let Some((job, payload)) = store.job(id).await.or_reach()? else {
            return Err(Failure::Found(anyhow!(
                "there is no job {id}; `onsale jobs list` shows the existing ones"
            )));
        };
        if args.json.json {
            // It was checked to be JSON when it was written.
            let payload: Value = serde_json::from_str(&payload).or_found()?;
            output::json(&json!({ "job": job, "payload": payload }));
            return Ok(());
        }
        let time = |at: Option<u64>| at.map_or_else(|| "-".to_owned(), output::time);
        let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        for (name, value) in [
            ("id", job.job_id.to_string()),
            ("kind", job.kind),
            ("key", job.key),
            ("state", job.state.as_str().to_owned()),
            (
                "attempts",
                format!("{} of {}", job.attempts, job.attempts_max),
            ),
            ("created", output::time(job.created_at_ms)),
            ("due", output::time(job.due_at_ms)),
            ("ended", time(job.ended_at_ms)),
            ("worker", text(job.worker)),
            ("lease until", time(job.lease_until_ms)),
            ("progress", text(job.progress)),
            ("last error", text(job.last_error)),
            ("payload", payload),
        ] {
            output::line(format_args!("{name:<12} {value}"));
        }
        if job.cancel_requested {
            output::line("it is being cancelled");
        }
        Ok(())
    })
}
