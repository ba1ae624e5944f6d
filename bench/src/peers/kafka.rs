//! Ours on Kafka, as `deploy/cluster.sh` starts it: broker, PostgreSQL, Redis, an owner and a standby
//! of every partition, an ingress and a projector, all on this machine.

use super::{Bench, Measured, embedded};
use crate::side::cluster::Cluster;

pub(super) fn measure(bench: &Bench) -> anyhow::Result<Measured> {
    let cluster = Cluster::start(&bench.onsale, &bench.folder)?;
    let driven = embedded::sell(bench, &cluster.target, 1)?;
    Ok(Measured::of(&driven, None))
}
