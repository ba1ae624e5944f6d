//! Log lines and traces.

use std::io::IsTerminal;

use anyhow::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{LogFormat, TelemetryConfig, shown_url};

/// Modules of libraries that log secrets: a line of `.pgpass` that they cannot read, parameters of a URL that
/// they do not know, and passkeys with their challenges. Each by its whole name: a filter that names it more
/// exactly than what is here would count instead.
const SAY_TOO_MUCH: [&str; 7] = [
    "sqlx_postgres::options::pgpass",
    "sqlx_postgres::options::parse",
    // With whatever else these two crates have.
    "webauthn_rs",
    "webauthn_rs_core::attestation",
    "webauthn_rs_core::core",
    "webauthn_rs_core::crypto",
    "webauthn_rs_core::internals",
];

/// Sends what is left of the traces when it is dropped.
#[derive(Debug)]
pub(crate) struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.provider.take()
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// Sets up logging to standard error and, where an endpoint is configured, traces by OTLP. Call it
/// inside the runtime.
pub(crate) fn start(config: &TelemetryConfig, node: &str) -> anyhow::Result<Telemetry> {
    let mut filter = filter(&config.filter)?;
    if config.otlp_endpoint.is_none() {
        // Unused spans cost time on the path of every request.
        let off = format!("{}=off", onsale_ingress::SPAN_TARGET);
        filter = filter.add_directive(off.parse().context("telemetry")?);
    }
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines = match config.format {
        LogFormat::Human => lines.boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .boxed(),
    };
    let provider = match &config.otlp_endpoint {
        Some(endpoint) => Some(provider(endpoint, config.sampling, node)?),
        None => None,
    };
    let traces = provider.as_ref().map(|provider| {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        tracing_opentelemetry::layer().with_tracer(provider.tracer("onsale"))
    });
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(traces)
        .try_init()
        .context("logging is set up already")?;
    Ok(Telemetry { provider })
}

/// What is written down, of what is asked for.
fn filter(asked: &str) -> anyhow::Result<EnvFilter> {
    let mut filter: EnvFilter = asked.parse().context("telemetry.filter")?;
    for target in SAY_TOO_MUCH {
        let off = format!("{target}=off");
        filter = filter.add_directive(off.parse().context("telemetry")?);
    }
    Ok(filter)
}

fn provider(endpoint: &str, sampling: f64, node: &str) -> anyhow::Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .with_context(|| format!("telemetry.otlp_endpoint {}", shown_url(endpoint)))?;
    let resource = Resource::builder()
        .with_service_name("onsale")
        .with_attribute(opentelemetry::KeyValue::new(
            "service.instance.id",
            node.to_owned(),
        ))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            sampling,
        ))))
        .with_resource(resource)
        .build())
}

#[cfg(test)]
mod tests {
    use tracing::{Level, enabled};

    use super::*;

    /// Whether anything of the modules that log secrets is written, and whether something else is.
    fn writes(asked: &str) -> (bool, bool) {
        let lines = tracing_subscriber::registry().with(filter(asked).unwrap());
        tracing::subscriber::with_default(lines, || {
            let secrets = enabled!(target: "sqlx_postgres::options::pgpass", Level::ERROR)
                || enabled!(target: "sqlx_postgres::options::parse", Level::ERROR)
                || enabled!(target: "webauthn_rs", Level::ERROR)
                || enabled!(target: "webauthn_rs::interface", Level::ERROR)
                || enabled!(target: "webauthn_rs_core::attestation", Level::ERROR)
                || enabled!(target: "webauthn_rs_core::core", Level::ERROR)
                || enabled!(target: "webauthn_rs_core::crypto", Level::ERROR)
                || enabled!(target: "webauthn_rs_core::internals", Level::ERROR);
            (secrets, enabled!(target: "onsale", Level::TRACE))
        })
    }

    #[test]
    fn what_libraries_say_of_secrets_is_never_written() {
        for asked in [
            "trace",
            "trace,webauthn_rs=trace",
            "trace,webauthn_rs_core=trace",
            "trace,webauthn_rs_core::core=trace,webauthn_rs_core::internals=debug",
            "trace,sqlx_postgres::options=trace",
        ] {
            assert_eq!(writes(asked), (false, true), "{asked}");
        }
        assert_eq!(writes("info"), (false, false));
    }
}
