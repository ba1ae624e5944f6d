//! `onsale jobs cancel`

use anyhow::anyhow;
use onsale_store::audit::Actor;
use serde_json::json;

use super::JobArgs;
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

pub(crate) fn run(args: &JobArgs) -> Result<(), Failure> {
    let id = args.id;
    with_store(&args.config, async |store| {
        let audit = Actor::command_line().did("job.cancel", "job", id);
        if !store.cancel_job(id, audit).await.or_reach()? {
            return Err(Failure::Found(anyhow!(
                "job {id} is neither waiting nor running; see `onsale jobs show {id}`"
            )));
        }
        if args.json.json {
            output::json(&json!({ "cancelled": id }));
        } else {
            output::line(format_args!(
                "{id} is cancelled; if it is running, it stops when its worker notices"
            ));
        }
        Ok(())
    })
}
