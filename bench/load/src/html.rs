//! The report as one self-contained page: no scripts, no fonts, no network.

use std::fmt::Write as _;

use crate::report::{Latency, Report};
use crate::svg::{Plot, Series};

const STYLES: &str = include_str!("page.css");

/// Text as HTML.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A whole page around `body`, which must be HTML already.
#[must_use]
pub fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <style>{STYLES}</style></head>\n<body><main><h1>{title}</h1>\n{body}\n</main></body></html>\n",
        title = escape(title),
    )
}

impl Report {
    /// A page with plots.
    #[must_use]
    pub fn html(&self) -> String {
        let mut body = String::new();
        // Writing into a String cannot fail.
        let rate = if self.rate == 0 {
            "closed loop".to_owned()
        } else {
            format!("{} requests/s asked for", self.rate)
        };
        let _ = write!(
            body,
            "<p>{} against {}: {rate}, {:.1} s, {} connections, {} users.</p><dl>",
            escape(self.scenario),
            escape(&self.target),
            self.seconds,
            self.connections,
            self.users
        );
        for (name, value) in [
            ("answered", format!("{:.0}/s", self.answered_per_second)),
            ("granted", format!("{:.0}/s", self.granted_per_second)),
            ("median", format!("{:.2} ms", self.latency.p50_ms)),
            ("p99", format!("{:.2} ms", self.latency.p99_ms)),
            ("p99.9", format!("{:.2} ms", self.latency.p999_ms)),
            ("errors", format!("{:.3} %", self.error_rate * 100.0)),
            ("turned away", format!("{:.3} %", self.shed_rate * 100.0)),
        ] {
            let _ = write!(body, "<div><dt>{name}</dt><dd>{value}</dd></div>");
        }
        body.push_str("</dl>");
        for plot in self.plots() {
            body.push_str(&plot.figure());
        }
        self.tables(&mut body);
        page(&format!("Load: {}", self.scenario), &body)
    }

    fn plots(&self) -> [Plot; 3] {
        let over_time = |name: &str, value: &dyn Fn(&crate::timeline::Point) -> f64| Series {
            name: name.to_owned(),
            points: self
                .timeline
                .iter()
                .map(|point| (point.second, value(point)))
                .collect(),
        };
        let seconds = "seconds since the start (by intended start)".to_owned();
        let throughput = Plot {
            title: "Throughput over time".to_owned(),
            description: format!(
                "Requests per second over time; {:.0} per second were answered on average.",
                self.answered_per_second
            ),
            x: seconds.clone(),
            y: "requests per second".to_owned(),
            series: vec![
                over_time("meant to start", &|point| point.per_second),
                over_time("granted", &|point| point.granted_per_second),
                over_time("turned away or failed", &|point| point.failed_per_second),
            ],
            ticks: Vec::new(),
        };
        let latency = Plot {
            title: "Latency over time".to_owned(),
            description: format!(
                "Median, 99th percentile and maximum over time; on the whole {:.2}, {:.2} and \
                 {:.2} milliseconds.",
                self.latency.p50_ms, self.latency.p99_ms, self.latency.max_ms
            ),
            x: seconds,
            y: "milliseconds".to_owned(),
            series: vec![
                over_time("p50", &|point| point.p50_ms),
                over_time("p99", &|point| point.p99_ms),
                over_time("max", &|point| point.max_ms),
            ],
            ticks: Vec::new(),
        };
        // Equal steps for one nine more each.
        let nines = |percentile: f64| -(1.0 - (percentile / 100.0).min(0.999_999)).log10();
        let curve = Plot {
            title: "Latency by percentile".to_owned(),
            description: format!(
                "Latency below which a share of the requests was: {:.2} ms for 99 percent, {:.2} \
                 ms for 99.9 percent.",
                self.latency.p99_ms, self.latency.p999_ms
            ),
            x: "percentile".to_owned(),
            y: "milliseconds".to_owned(),
            series: vec![Series {
                name: "all requests".to_owned(),
                points: self
                    .curve
                    .iter()
                    .map(|(percentile, ms)| (nines(*percentile), *ms))
                    .collect(),
            }],
            ticks: [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999]
                .into_iter()
                .map(|percentile| (nines(percentile), format!("{percentile}")))
                .collect(),
        };
        [throughput, latency, curve]
    }

    fn tables(&self, body: &mut String) {
        body.push_str(
            "<h2>Latency from the intended start, in milliseconds</h2><div class=\"wide\"><table>\
             <thead><tr><th scope=\"col\">requests</th><th scope=\"col\">count</th>\
             <th scope=\"col\">mean</th><th scope=\"col\">p50</th><th scope=\"col\">p90</th>\
             <th scope=\"col\">p99</th><th scope=\"col\">p99.9</th><th scope=\"col\">max</th>\
             </tr></thead><tbody>",
        );
        latency_row(body, "all", &self.latency);
        for (name, latency) in &self.latency_by {
            latency_row(body, name, latency);
        }
        latency_row(body, "waited to be sent", &self.send_delay);
        body.push_str("</tbody></table></div>");
        let statuses = self
            .statuses
            .iter()
            .map(|(status, count)| (status.to_string(), *count));
        let codes = self
            .codes
            .iter()
            .map(|(code, count)| (code.clone(), *count));
        let unanswered = self
            .unanswered
            .iter()
            .map(|(why, count)| ((*why).to_owned(), *count));
        counts(body, "Answers by status", statuses.collect());
        counts(
            body,
            "Answers that were not a success, by code",
            codes.collect(),
        );
        counts(body, "Requests without an answer", unanswered.collect());
        if !self.checks.is_empty() {
            body.push_str("<h2>Checks</h2><ul>");
            for check in &self.checks {
                let verdict = if check.passed { "ok" } else { "FAILED" };
                let _ = write!(
                    body,
                    "<li><strong>{verdict}</strong>: {} ({})</li>",
                    escape(&check.name),
                    escape(&check.detail)
                );
            }
            body.push_str("</ul>");
        }
    }
}

fn latency_row(body: &mut String, name: &str, latency: &Latency) {
    let _ = write!(
        body,
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{:.2}</td><td>{:.2}</td><td>{:.2}</td>\
         <td>{:.2}</td><td>{:.2}</td><td>{:.2}</td></tr>",
        escape(name),
        latency.count,
        latency.mean_ms,
        latency.p50_ms,
        latency.p90_ms,
        latency.p99_ms,
        latency.p999_ms,
        latency.max_ms
    );
}

fn counts(body: &mut String, title: &str, rows: Vec<(String, u64)>) {
    if rows.is_empty() {
        return;
    }
    let _ = write!(body, "<h2>{}</h2><table><tbody>", escape(title));
    for (name, count) in rows {
        let _ = write!(
            body,
            "<tr><th scope=\"row\">{}</th><td>{count}</td></tr>",
            escape(&name)
        );
    }
    body.push_str("</tbody></table>");
}
