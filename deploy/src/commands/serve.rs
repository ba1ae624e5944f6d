//! `onsale serve`

use std::net::SocketAddr;

use clap::Args;

use crate::assemble;
use crate::cli::{ConfigArgs, parse_listen};
use crate::config::Config;
use crate::exit::Failure;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; overrides http.listen
    #[arg(long, value_name = "ADDR", value_parser = parse_listen)]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let mut config = Config::for_server(&args.config)?;
    if let Some(listen) = args.listen {
        config.http.listen = listen;
    }
    assemble::serve_until_stopped(config, |address| async move {
        tracing::info!(%address, "serving");
        Ok(())
    })
}
