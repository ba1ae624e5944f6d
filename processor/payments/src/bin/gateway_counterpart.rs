//! A gateway for tests and local work, behind Stripe's interface (see `onsale_payments::gateway::counterpart`).
//!
//! `gateway_counterpart LISTEN [NAME=VALUE]…`. Names: `validator` and `webhook` (addresses), `webhook_secret`
//! (once or twice), `seed`, `buyers_pay_after_ms`, and `buyers_decline`, `buyers_leave`, `lost_calls`,
//! `lost_answers`, `errors_before`, `errors_after`, `rate_limits`, `notices_twice`, `notices_late`,
//! `notices_lost` of 1,000.

use std::process::ExitCode;

use onsale_payments::gateway::counterpart::{Counterpart, Options};
use onsale_settings::Secret;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(listen) = arguments.next() else {
        return failed("expected LISTEN, such as 127.0.0.1:15195", 2);
    };
    let options = match options(arguments) {
        Ok(options) => options,
        Err(said) => return failed(&said, 2),
    };
    let served = async {
        let listener = TcpListener::bind(&listen).await?;
        Counterpart::start(listener, options)?.run().await
    };
    match served.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("cannot serve at {listen}: {error}"), 3),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "this is how a program says what is wrong"
)]
fn failed(said: &str, code: u8) -> ExitCode {
    eprintln!("gateway_counterpart: {said}");
    ExitCode::from(code)
}

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    let mut secrets = Vec::new();
    for argument in arguments {
        let (name, value) = argument
            .split_once('=')
            .ok_or_else(|| format!("{argument:?}: expected NAME=VALUE"))?;
        let url = || {
            value
                .parse()
                .map_err(|_| format!("{name} {value:?}: expected an address"))
        };
        let number = || -> Result<u64, String> {
            value
                .parse()
                .map_err(|_| format!("{name} {value:?}: expected a number"))
        };
        let per_mille = || match value.parse::<u32>() {
            Ok(count) if count <= 1_000 => Ok(count),
            _ => Err(format!("{name} {value:?}: expected 0 to 1000")),
        };
        let faults = &mut options.faults;
        match name {
            "validator" => options.validator = Some(url()?),
            "webhook" => options.webhook_url = Some(url()?),
            "webhook_secret" => secrets.push(Secret::new(value)),
            "seed" => faults.seed = number()?,
            "buyers_pay_after_ms" => options.buyers_pay_after_ms = Some(number()?),
            "buyers_decline" => options.buyers_decline = per_mille()?,
            "buyers_leave" => options.buyers_leave = per_mille()?,
            "lost_calls" => faults.lost_calls = per_mille()?,
            "lost_answers" => faults.lost_answers = per_mille()?,
            "errors_before" => faults.errors_before = per_mille()?,
            "errors_after" => faults.errors_after = per_mille()?,
            "rate_limits" => faults.rate_limits = per_mille()?,
            "notices_twice" => faults.notices_twice = per_mille()?,
            "notices_late" => faults.notices_late = per_mille()?,
            "notices_lost" => faults.notices_lost = per_mille()?,
            _ => return Err(format!("{name:?} is no name of an option")),
        }
    }
    if !secrets.is_empty() {
        options.webhook_secrets = secrets;
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Options, String> {
        options(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read_and_wrong_ones_named() {
        let read_options = read(
            "seed=7 webhook=http://127.0.0.1:1/a webhook_secret=a webhook_secret=b lost_calls=1000 \
             buyers_pay_after_ms=50 buyers_leave=3",
        )
        .unwrap();
        assert_eq!(
            (read_options.faults.seed, read_options.faults.lost_calls),
            (7, 1_000)
        );
        assert_eq!(read_options.webhook_secrets.len(), 2);
        assert_eq!(read_options.buyers_pay_after_ms, Some(50));
        assert_eq!(read_options.buyers_leave, 3);
        for (text, said) in [
            ("seed", "NAME=VALUE"),
            ("seed=x", "seed"),
            ("webhook=", "webhook"),
            ("lost_calls=1001", "0 to 1000"),
            ("colour=blue", "colour"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
