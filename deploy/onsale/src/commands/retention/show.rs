//! `onsale retention show`

use onsale_store::retention::RetentionError;

use super::{OneArgs, failed, print};
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

pub(super) fn run(args: &OneArgs) -> Result<(), Failure> {
    with_store(&args.config, async |store| {
        let report = store.retention_report(args.id).await.or_reach()?;
        let report = report.ok_or_else(|| failed(RetentionError::Unknown(args.id)))?;
        if args.json.json {
            output::json(&report);
        } else {
            print(&report);
        }
        Ok(())
    })
}
