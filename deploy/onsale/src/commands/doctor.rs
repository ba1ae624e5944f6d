//! `onsale doctor`

mod check;
mod cluster;
mod connections;
mod database;
mod log;
mod machine;
mod server;
mod services;

use clap::Args;

use self::check::{Check, Verdict};
use crate::cli::{ConfigArgs, JsonArgs, TrustArgs, parse_server};
use crate::client;
use crate::config::Config;
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// URL of the server [default: from http.listen]
    #[arg(long, value_name = "URL", env = "ONSALE_SERVER", value_parser = parse_server)]
    server: Option<String>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let mut checks = Vec::new();
    match Config::for_operator(&args.config) {
        Ok(config) => {
            checks.push(configuration(&args.config));
            let older = config.older_settings().into_iter();
            checks.extend(older.map(|older| Check::warning("configuration", older, "rename it")));
            checks.extend(callbacks(&config));
            let wrong_files = machine::files(&config, &mut checks);
            machine::permissions(&config, &mut checks);
            checks.push(machine::open_files(&config));
            machine::listeners(&config, &mut checks);
            connections::look(&config, &mut checks);
            if config.kafka.is_used() {
                // Every node has its own folder and reports it; this machine may not be a node.
                if config.data.dir.exists() {
                    machine::folder(&config.data.dir, &mut checks);
                }
                cluster::look(&config, &mut checks);
            } else {
                machine::folder(&config.data.dir, &mut checks);
                log::log(&config, &mut checks);
                log::snapshots(&config, &mut checks);
            }
            client::block_on(async {
                database::database(&config, &mut checks).await;
                if !config.kafka.is_used() && !checks.iter().any(|check| check.name == "log") {
                    checks.push(log::no_log(&config).await);
                }
                if config.kafka.is_used() {
                    server::redis(&config, &mut checks).await;
                }
                services::look(&config, &wrong_files, &mut checks).await;
                let named = args.server.as_deref();
                let base = named.map_or_else(|| config.server_url(), str::to_owned);
                let base = base.trim_end_matches('/');
                server::server(&config, base, &args.trust, &mut checks).await;
                if config.kafka.is_used() {
                    cluster::look_at_projection(&config, &mut checks).await;
                }
                Ok(())
            })?;
        }
        Err(failure) => checks.push(Check::failed(
            "configuration",
            of_configuration(&failure),
            "correct the value; `onsale config print` shows the configuration",
        )),
    }
    let worst = checks.iter().any(|check| check.verdict == Verdict::Failed);
    if args.json.json {
        output::json(&serde_json::json!({ "ok": !worst, "checks": checks }));
    } else {
        for check in &checks {
            let mark = match check.verdict {
                Verdict::Ok => "ok     ",
                Verdict::Warning => "warning",
                Verdict::Failed => "FAILED ",
            };
            output::line(format_args!("{mark}  {}: {}", check.name, check.found));
            if let Some(advice) = &check.advice {
                output::line(format_args!("         → {advice}"));
            }
        }
    }
    if worst {
        return Err(Failure::Found(anyhow::anyhow!(
            "the doctor found something"
        )));
    }
    Ok(())
}

fn configuration(args: &ConfigArgs) -> Check {
    match Config::for_server(args) {
        Ok(_) => Check::ok("configuration", "every value can be used"),
        Err(failure) => Check::warning(
            "configuration",
            of_configuration(&failure),
            "`onsale serve` needs it; `onsale dev` makes its own key",
        ),
    }
}

/// Where people come back to who sign in with another account.
fn callbacks(config: &Config) -> Option<Check> {
    let accounts = config.accounts();
    accounts.has_useless_callbacks().then(|| {
        Check::warning(
            "accounts",
            format!(
                "providers send people who sign in to their own machines: their address is {:?}",
                accounts.callbacks_url()
            ),
            "set http.public_url to where browsers reach this installation, as https://tickets.example.com",
        )
    })
}

/// A failure under a heading that says already what it is about.
fn of_configuration(failure: &Failure) -> String {
    let text = failure.to_string();
    text.strip_prefix("configuration: ")
        .map_or_else(|| text.clone(), str::to_owned)
}
