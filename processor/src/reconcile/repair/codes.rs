//! Discount and access codes of shows.

use std::collections::BTreeMap;

use onsale_engine::Partition;
use onsale_schemas::{CodeHash, ShowId};
use onsale_store::code::{CodesRepair, LiveCode};
use serde_json::json;

use super::Progress;
use super::error::ApplyError;
use super::target::Target;
use crate::reconcile::compare::{differing_codes, live};

/// Codes that are read at once.
const CODES_PER_READ: u32 = 10_000;

/// Gives a show the groups and codes of the engine if it still has others. Names of groups and texts of codes that are
/// not there are in no log.
pub(super) async fn repair_codes(
    id: ShowId,
    machine: &Partition,
    target: Target<'_>,
    progress: &mut Progress,
) -> Result<(), ApplyError> {
    let is_sold = machine.show(id).is_some_and(|show| !show.cancelled);
    if !is_sold || differing_codes(machine, id, target.store).await?.is_empty() {
        progress.gone();
        return Ok(());
    }
    let Some(tenant) = target.tenant_of_show(id).await? else {
        progress.report(format!(
            "show {id}: the catalog lacks it, or its event, so its codes belong to nobody; repair it first"
        ));
        return Ok(());
    };
    let codes = machine.codes(id).into_iter().map(live);
    let mut added: BTreeMap<CodeHash, LiveCode> = codes.map(|code| (code.code, code)).collect();
    let mut ended = Vec::new();
    let mut after = None;
    loop {
        let read = target.store.live_codes_after(id, after, CODES_PER_READ);
        let read = read.await?;
        let Some(last) = read.last() else { break };
        after = Some(last.code);
        for code in &read {
            if added.get(&code.code) == Some(code) {
                added.remove(&code.code);
            } else {
                ended.push(code.code);
            }
        }
    }
    let groups = machine.code_groups(id).into_iter();
    let repair = CodesRepair {
        show: id,
        tenant,
        groups: groups.map(|known| (known.group, known.terms)).collect(),
        ended,
        added: added.into_values().collect(),
        as_of: machine.next_offset().saturating_sub(1),
        at_ms: machine.log_time_ms(),
    };
    let detail = json!({
        "groups": repair.groups.len(), "ended": repair.ended.len(), "added": repair.added.len(),
    });
    let audit = target.audit("reconcile.codes", ("show", id.0), Some(tenant), detail);
    target.store.repair_codes(&repair, audit).await?;
    progress.repaired(1);
    Ok(())
}
