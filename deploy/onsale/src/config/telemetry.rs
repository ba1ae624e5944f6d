//! Section `telemetry`.

use serde::{Deserialize, Serialize};

use super::Problem;

/// How log lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Logs and traces.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TelemetryConfig {
    /// `human` or `json`.
    pub format: LogFormat,
    /// What is logged, as `info` or `info,onsale_ingress=debug`.
    pub filter: String,
    /// Where traces go (OTLP over gRPC), as `http://127.0.0.1:4317`; nowhere if it is not set.
    pub otlp_endpoint: Option<String>,
    /// Share of requests without a trace context of their own that are traced, 0 to 1.
    pub sampling: f64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Human,
            filter: "info".to_owned(),
            otlp_endpoint: None,
            sampling: 0.1,
        }
    }
}

impl TelemetryConfig {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if !(0.0..=1.0).contains(&self.sampling) {
            problems.push(Problem::new("telemetry.sampling", self.sampling, "0 to 1"));
        }
        if let Err(error) = self.filter.parse::<tracing_subscriber::filter::EnvFilter>() {
            problems.push(Problem::new(
                "telemetry.filter",
                format!("{:?}", self.filter),
                format!("directives such as info,onsale_ingress=debug ({error})"),
            ));
        }
        if let Some(endpoint) = &self.otlp_endpoint
            && !endpoint.starts_with("http://")
            && !endpoint.starts_with("https://")
        {
            problems.push(Problem::new(
                "telemetry.otlp_endpoint",
                super::shown_url(endpoint),
                "a URL such as http://127.0.0.1:4317",
            ));
        }
    }
}
