//! The ceiling: the minimal server with nothing behind it.

use super::ingress::BackendKind;
use super::{Bench, Measured, ingress};
use crate::side::job::{self, Zone};

pub(super) fn measure(bench: &Bench) -> anyhow::Result<Measured> {
    let (process, target) = ingress::start(BackendKind::Echo, None)?;
    let driven = job::ask(
        bench.closed_loop(),
        &target,
        &job::plain_users(),
        &Zone::made_up(1),
    )?;
    process.end()?;
    Ok(Measured::of(&driven, None))
}
