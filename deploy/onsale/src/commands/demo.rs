//! `onsale demo`

use anyhow::Context;
use clap::Args;

use super::dev::{Tokens, welcome};
use crate::cli::{ConfigArgs, TrustArgs};
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::{client, demo};

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// URL of the server [default: from http.listen]
    #[arg(long, value_name = "URL", env = "ONSALE_SERVER")]
    server: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Creates the demo events on a running server, if it has none, and prints tokens for them.
pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let config = Config::for_operator(&args.config)?;
    let base = match &args.server {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => config.server_url(),
    };
    let tokens = Tokens::mint(&config)
        .context("no tokens can be minted")
        .or_use()?;
    let http = args.trust.client(&config)?;
    let shows = client::block_on(async {
        demo::ensure(http, &base, &tokens)
            .await
            .context("demo events")
            .or_reach()
    })?;
    welcome(&base, &tokens, &shows);
    Ok(())
}
