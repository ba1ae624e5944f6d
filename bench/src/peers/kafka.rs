//! Onsale on Kafka, as `deploy/cluster.sh` starts it: broker, PostgreSQL, Redis, an owner and a
//! standby of every partition, an ingress and a projector, all on this machine.

use super::{Bench, Measured};
use crate::side::cluster::Cluster;
use crate::side::job;
use crate::side::onsale::Onsale;

pub(super) fn measure(bench: &Bench) -> anyhow::Result<Measured> {
    let cluster = Cluster::start(&bench.onsale, &bench.folder)?;
    let users = Onsale::users(job::USERS)?;
    let driven = job::sell(bench.closed_loop(), &cluster.target, 1, &users)?;
    Ok(Measured::of(&driven, None))
}
