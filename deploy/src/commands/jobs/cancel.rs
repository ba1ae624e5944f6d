//! `onsale jobs cancel`

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use super::{IdArgs, with_store};
use crate::cli::{ConfigArgs, JsonArgs};
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    job: IdArgs,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &CancelArgs) -> Result<(), Failure> {
    let id = args.job.id;
    with_store(&args.config, async |store| {
        if !store.cancel_job(id).await.or_reach()? {
            return Err(Failure::Found(anyhow!(
                "job {id} neither waits nor runs; see `onsale jobs show {id}`"
            )));
        }
        if args.json.json {
            output::json(&json!({ "cancelled": id }));
        } else {
            output::line(format_args!(
                "{id} is called off; if it runs, it stops when its worker hears of it"
            ));
        }
        Ok(())
    })
}
