//! `onsale config`

use anyhow::Context;
use clap::Subcommand;

use crate::cli::ConfigArgs;
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration that would be used, secrets left out
    Print {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Say whether the configuration could be used by `onsale serve`
    Check {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(crate) fn run(command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Print { json, config } => {
            let config = Config::for_operator(config)?.without_secrets();
            if *json {
                output::json(&config);
            } else {
                let text = toml::to_string_pretty(&config)
                    .context("cannot write the configuration")
                    .or_found()?;
                output::line(text.trim_end());
            }
            Ok(())
        }
        ConfigCommand::Check { json, config } => {
            let result = Config::for_server(config);
            if *json {
                let problem = result.as_ref().err().map(ToString::to_string);
                output::json(&serde_json::json!({ "ok": problem.is_none(), "problem": problem }));
            } else if result.is_ok() {
                output::line("the configuration is fine");
            }
            result.map(drop)
        }
    }
}
