//! `onsale jobs cancel`

use anyhow::anyhow;
use serde_json::json;

use super::{JobArgs, with_store};
use crate::exit::{Failure, OrFail};
use crate::output;

pub(crate) fn run(args: &JobArgs) -> Result<(), Failure> {
    let id = args.id;
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
