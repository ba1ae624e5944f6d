//! `onsale retention apply`

use onsale_jobs::retention;
use onsale_store::audit::Actor;
use onsale_store::retention::{Report, RetentionError};

use super::{OneArgs, failed, print};
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

pub(super) fn run(args: &OneArgs) -> Result<(), Failure> {
    with_store(&args.config, async |store| {
        let report = store.retention_report(args.id).await.or_reach()?;
        let report = report.ok_or_else(|| failed(RetentionError::Unknown(args.id)))?;
        let bar = output::progress(report.count(), "entries");
        let watch = |report: &Report| bar.set_position(report.deleted());
        let by = Actor::command_line();
        let applied = retention::apply(&store, args.id, &by, watch).await;
        bar.finish_and_clear();
        let applied = applied.map_err(failed)?;
        if args.json.json {
            output::json(&applied);
        } else {
            print(&applied);
        }
        Ok(())
    })
}
