//! The server that runs, and what it runs with.

use std::time::Duration;

use onsale_cluster::http_client;
use onsale_counts::Counts;
use onsale_log::journal::Journal;

use super::check::Check;
use crate::cli::TrustArgs;
use crate::config::Config;

/// How long Redis may take to answer.
const REDIS_TIMEOUT: Duration = Duration::from_secs(3);
const SILENT_REDIS: &str =
    "it does not answer (nor would one without TLS that is asked by rediss://)";
const WITHOUT_REDIS: &str = "start it, or correct redis.url; sales go on without it, and it is filled \
     again";
const SALES_GO_ON: &str = "the server sells meanwhile; deploy/README.md, \"At three in the morning\", \
     says what to do about each problem";
const NOT_READY: &str = "mend what it names: the server continues by itself, or its log says that it \
     has to be started again";

/// The problem when a server answers that does not belong to the data folder.
pub(super) fn of_another_folder(config: &Config, base: &str) -> Option<Check> {
    // Nodes of a cluster have folders of their own, and their log is not in them.
    if config.kafka.is_used() || Journal::is_in_use(&config.journal_dir()) {
        return None;
    }
    Some(Check::failed(
        "server",
        format!(
            "one answers at {base}, and it does not serve {}",
            config.data.dir.display()
        ),
        "name the folder of that server (--data, data.dir), or the address of the one that serves \
         this folder (http.listen)",
    ))
}

pub(super) async fn server(
    config: &Config,
    base: &str,
    trust: &TrustArgs,
    checks: &mut Vec<Check>,
) {
    let http = match trust.client(config) {
        Ok(http) => http,
        Err(failure) => {
            let advice = "correct --ca, or http.tls_ca_file";
            checks.push(Check::failed("server", failure.to_string(), advice));
            return;
        }
    };
    let request = http
        .get(format!("{base}/health/ready"))
        .timeout(Duration::from_secs(3));
    match request.send().await {
        Err(error) if http_client::is_not_listening(&error) => {
            checks.push(none_runs(config, base));
        }
        Err(error) => checks.push(Check::warning(
            "server",
            format!("{base} does not answer like one: {error}"),
            http_client::explain(&error, base),
        )),
        Ok(response) if response.status().is_success() => {
            let other = of_another_folder(config, base);
            checks.push(other.unwrap_or_else(|| Check::ok("server", format!("ready at {base}"))));
            // Problems that do not stop a sale are reported too.
            let body: serde_json::Value = response.json().await.unwrap_or_default();
            let problems = body["problems"].as_array().into_iter().flatten();
            for problem in problems.filter_map(serde_json::Value::as_str) {
                checks.push(Check::warning("server", problem, SALES_GO_ON));
            }
        }
        Ok(response) => {
            let status = response.status();
            checks.extend(of_another_folder(config, base));
            let body: serde_json::Value = response.json().await.unwrap_or_default();
            let Some(problems) = body["problems"].as_array() else {
                checks.push(Check::failed(
                    "server",
                    format!("{base} answers {status}, unlike a server of Onsale"),
                    "name the address of the server with --server, or set http.listen to it",
                ));
                return;
            };
            for problem in problems.iter().filter_map(serde_json::Value::as_str) {
                checks.push(Check::failed(
                    "server",
                    format!("{base} is not ready: {problem}"),
                    NOT_READY,
                ));
            }
            if problems.is_empty() {
                let found = format!("{base} is not ready and does not say why");
                checks.push(Check::failed("server", found, NOT_READY));
            }
        }
    }
}

/// What is found where nothing listens: right before the first start, or wherever no node has to run.
pub(super) fn none_runs(config: &Config, base: &str) -> Check {
    let found = format!("none runs at {base}");
    if config.kafka.is_used() || !Journal::is_there(&config.journal_dir()) {
        return Check::ok("server", found);
    }
    if Journal::is_in_use(&config.journal_dir()) {
        return Check::warning(
            "server",
            format!("{found}, but a process has the log open"),
            "name that server with --server, or its address with http.listen (ONSALE_HTTP__LISTEN), or wait until it \
             is ready",
        );
    }
    Check::warning(
        "server",
        format!("{found}, and there is a log: nothing is sold"),
        "start it (`onsale serve`, or `onsale dev` if that created the data), unless it is meant to be \
         stopped",
    )
}

/// Redis as ingress nodes use it.
pub(super) async fn redis(config: &Config, checks: &mut Vec<Check>) {
    let settings = match config.redis.settings("", "doctor") {
        Ok(Some(settings)) => settings,
        Ok(None) => return,
        Err(error) => {
            let found = format!("{error}: {}", error.source);
            checks.push(Check::failed("redis", found, "correct redis.url_file"));
            return;
        }
    };
    let counts = match Counts::new(&settings, &prometheus::Registry::new()) {
        Ok(counts) => counts,
        Err(error) => {
            let advice = "correct that setting of [redis]";
            checks.push(Check::failed("redis", error.to_string(), advice));
            return;
        }
    };
    checks.push(
        match tokio::time::timeout(REDIS_TIMEOUT, counts.preload()).await {
            Ok(Ok(())) => Check::ok("redis", "reached"),
            Ok(Err(error)) => Check::warning("redis", error.to_string(), WITHOUT_REDIS),
            Err(_) => Check::warning("redis", SILENT_REDIS, WITHOUT_REDIS),
        },
    );
}
