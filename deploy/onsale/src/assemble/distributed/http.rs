//! What a process answers beside the public interface.

use std::sync::Arc;

use anyhow::Context;
use onsale_auth::PeerGate;
use onsale_cluster::{Gate, Internal, ProcessProbe};
use onsale_ingress::Transport;
use prometheus::Registry;

use crate::assemble::Serve;
use crate::config::Config;
use crate::descriptors::Descriptors;
use crate::exit::{Failure, OrFail};

/// Lets only nodes and operators ask.
pub(super) fn gate(config: &Config) -> Result<Arc<Gate>, Failure> {
    let secret = config.cluster.shared_secret().context("cluster").or_use()?;
    let peers = PeerGate::new(secret.as_ref(), &config.auth);
    Ok(Arc::new(Gate {
        peers: peers.context("auth").or_use()?,
        // As much as the ingress takes from an operator.
        body_max_bytes: config.http.layout_body_max_bytes,
        body_timeout: config.http.body_timeout(),
    }))
}

/// Watches this process.
pub(super) fn probe(registry: &Registry) -> Result<Box<dyn ProcessProbe>, Failure> {
    Ok(Box::new(Descriptors::watch(registry).or_found()?))
}

/// Serves both listeners of a process that is no ingress.
pub(super) fn serve_alone(config: &Config, internal: Arc<Internal>) -> Result<Serve, Failure> {
    let transport = Transport::public(&config.http, &internal.registry).context("http");
    let transport = transport.or_use()?;
    let operations = Transport::operations(&config.http).context("http");
    let operations = operations.or_use()?;
    Ok(Box::new(move |listeners, stop| {
        Box::pin(async move {
            let routes = onsale_cluster::public(internal.clone());
            let stopped = stop.clone().cancelled_owned();
            let public = transport.serve(routes, listeners.public, stopped);
            let routes = onsale_cluster::operations(internal);
            let stopped = stop.cancelled_owned();
            let operations = operations.serve(routes, listeners.operations, stopped);
            tokio::try_join!(public, operations).map(|_| ())
        })
    }))
}
