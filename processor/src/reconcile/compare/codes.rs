//! Discount and access codes of shows. The machine has the terms of their groups and knows each by its hash; names and
//! texts are the database's alone.

use std::collections::BTreeMap;

use onsale_engine::{CreatedCode, Partition};
use onsale_schemas::{CodeGroup, ShowId};
use onsale_store::code::LiveCode;
use onsale_store::{Store, StoreError};

/// Codes that are read at once.
const CODES_PER_READ: u32 = 10_000;
/// Groups that a finding names; it says how many there are.
const GROUPS_NAMED_MAX: usize = 32;

/// Codes of a group in the database, by whether the engine has just these.
#[derive(Clone, Copy, Default)]
struct Counted {
    right: u32,
    wrong: u32,
}

/// In which way the codes of a show that count are not those of the engine, in words.
pub(crate) async fn differing_codes(
    machine: &Partition,
    show: ShowId,
    store: &Store,
) -> Result<Vec<String>, StoreError> {
    let mut differing: BTreeMap<CodeGroup, String> = BTreeMap::new();
    let counted = count(machine, show, store).await?;
    let mut here: BTreeMap<CodeGroup, _> = BTreeMap::new();
    for group in store.live_code_groups(show).await? {
        here.insert(group.group, group.terms);
    }
    for group in store.lacking_codes(show).await? {
        let what = format!("group {group} was changed in a way that the database was not told of");
        differing.insert(group, what);
    }
    for engine in machine.code_groups(show) {
        let group = engine.group;
        let Counted { right, wrong } = counted.get(&group).copied().unwrap_or_default();
        let what = match here.remove(&group) {
            None => format!("group {group} is missing"),
            Some(terms) if terms.as_ref() != Some(&engine.terms) => {
                format!("group {group} has other terms")
            }
            Some(_) if (right, wrong) != (engine.codes, 0) => format!(
                "group {group}: engine has {} codes, database {right} of these and {wrong} others",
                engine.codes
            ),
            Some(_) => continue,
        };
        differing.insert(group, what);
    }
    for group in here.into_keys() {
        differing.insert(group, format!("group {group} ended"));
    }
    // Of groups that neither has.
    for (group, Counted { wrong, .. }) in counted {
        if wrong > 0 {
            let what = format!("group {group}: {wrong} codes are not those of the engine");
            differing.entry(group).or_insert(what);
        }
    }
    let mut words: Vec<String> = differing.into_values().collect();
    let all = words.len();
    if all > GROUPS_NAMED_MAX {
        words.truncate(GROUPS_NAMED_MAX);
        words.push(format!("and {} more groups", all - GROUPS_NAMED_MAX));
    }
    Ok(words)
}

async fn count(
    machine: &Partition,
    show: ShowId,
    store: &Store,
) -> Result<BTreeMap<CodeGroup, Counted>, StoreError> {
    let mut counted: BTreeMap<CodeGroup, Counted> = BTreeMap::new();
    let mut after = None;
    loop {
        let read = store.live_codes_after(show, after, CODES_PER_READ).await?;
        let Some(last) = read.last() else {
            return Ok(counted);
        };
        after = Some(last.code);
        for code in &read {
            let of_group = counted.entry(code.group).or_default();
            let engine = machine.created_code(show, &code.code);
            if engine.map(live) == Some(*code) {
                of_group.right += 1;
            } else {
                of_group.wrong += 1;
            }
        }
    }
}

/// A code of the engine as the database has it.
pub(crate) fn live(engine: CreatedCode) -> LiveCode {
    LiveCode {
        code: engine.code,
        group: engine.group,
        created: engine.created,
    }
}
