//! `onsale retention withdraw`

use anyhow::anyhow;
use onsale_store::audit::Actor;
use serde_json::json;

use super::OneArgs;
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

pub(super) fn run(args: &OneArgs) -> Result<(), Failure> {
    let id = args.id;
    with_store(&args.config, async |store| {
        let now_ms = store.clock_ms().await.or_reach()?;
        let audit = Actor::command_line().did("retention.withdraw", "retention_report", id);
        let withdrawn = store.withdraw_retention_report(id, now_ms, audit).await;
        if !withdrawn.or_reach()? {
            return Err(Failure::Found(anyhow!(
                "report {id} is neither open nor being applied; see `onsale retention list`"
            )));
        }
        if args.json.json {
            output::json(&json!({ "withdrawn": id }));
        } else {
            output::line(format_args!(
                "{id} is withdrawn; what it has deleted stays deleted"
            ));
        }
        Ok(())
    })
}
