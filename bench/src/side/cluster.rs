//! A whole cluster on Kafka, as `deploy/cluster.sh` starts it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use onsale_load::Target;

use super::onsale::SECRET;
use super::say;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/cluster.sh");
/// First port of the cluster; not the script's default.
const PORT: u16 = 29_000;
/// Distance of the first ingress's port from it.
const INGRESS_1: u16 = 81;

/// A running cluster: broker, database, Redis, two processors, an ingress and a projector. It ends
/// with its owner.
pub(crate) struct Cluster {
    folder: PathBuf,
    binary: PathBuf,
    pub(crate) target: Target,
}

impl Cluster {
    /// Starts everything in a new folder below this one and waits until it is ready.
    pub(crate) fn start(binary: &Path, below: &Path) -> anyhow::Result<Self> {
        let folder = below.join(format!("cluster-{}", uuid::Uuid::new_v4().simple()));
        let cluster = Self {
            folder,
            binary: binary.to_owned(),
            target: Target::parse(&format!("http://127.0.0.1:{}", PORT + INGRESS_1))?,
        };
        cluster.script(&["up"])?;
        // One client needs only one ingress; the second would only read along.
        cluster.script(&["stop", "ingress-2"])?;
        Ok(cluster)
    }

    fn script(&self, args: &[&str]) -> anyhow::Result<()> {
        let status = Command::new(SCRIPT)
            .args(args)
            .env("ONSALE_CLUSTER_DIR", &self.folder)
            .env("ONSALE_CLUSTER_PORT", PORT.to_string())
            .env("ONSALE_BINARY", &self.binary)
            .env("ONSALE_AUTH__HS256_SECRET", SECRET)
            .env("ONSALE_RATE_LIMIT__ENABLED", "false")
            .env("ONSALE_TELEMETRY__FILTER", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .with_context(|| format!("cannot run {SCRIPT}"))?;
        if !status.success() {
            bail!("deploy/cluster.sh {} ended with {status}", args.join(" "));
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.script(&["down", "--wipe"]) {
            say::progress(format_args!("{error:#}"));
        }
    }
}
