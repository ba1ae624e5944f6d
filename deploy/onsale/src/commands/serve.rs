//! `onsale serve`

use std::net::SocketAddr;

use clap::Args;

use crate::assemble;
use crate::cli::{ConfigArgs, parse_listen};
use crate::config::{Config, NodeRole};
use crate::exit::{Failure, OrFail};
use crate::first_admin;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; overrides http.listen
    #[arg(long, value_name = "ADDR", value_parser = parse_listen)]
    listen: Option<SocketAddr>,
    /// What this process does, with kafka.brokers: ingress, processor, projector, worker; overrides
    /// node.roles
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    roles: Option<Vec<NodeRole>>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let mut config = Config::load(&args.config, &Config::default())?;
    if let Some(listen) = args.listen {
        config.http.listen = listen;
    }
    if let Some(roles) = &args.roles {
        config.node.roles.clone_from(roles);
    }
    let config = config.checked(true).or_use()?;
    let settings = config.clone();
    assemble::serve_until_stopped(config, |addresses, store| async move {
        tracing::info!(address = %addresses.public, operations = %addresses.operations, "serving");
        let api = settings.url_at(addresses.public);
        let mut settings = settings;
        if !settings.has_public_url() {
            settings.http.public_url = Some(settings.browser_url_at(addresses.public));
        }
        first_admin::announce(settings, &api, &store).await;
        Ok(())
    })
}
