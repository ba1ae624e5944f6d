//! The ceiling: the minimal server with nothing behind it.

use super::ingress::BackendKind;
use super::job::{self, Zone};
use super::{Bench, Measured, ingress};

pub(super) fn measure(bench: &Bench) -> anyhow::Result<Measured> {
    let (process, target) = ingress::start(BackendKind::Echo, None)?;
    let driven = job::ask(bench, &target, &job::plain_users(), &Zone::made_up(1))?;
    process.end()?;
    Ok(Measured::of(&driven, None))
}
