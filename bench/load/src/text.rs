//! The report as text.

use std::fmt::{self, Write as _};

use crate::report::{Latency, Report};

/// A thread of the generator that was busier than this may have been the bottleneck.
const BUSY_MAX: f64 = 0.9;

impl Report {
    /// For a terminal, with a line end after every line.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let rate = if self.rate == 0 {
            "closed loop".to_owned()
        } else {
            format!("{} requests/s", self.rate)
        };
        writeln!(
            out,
            "{} against {}: {rate} for {:.1} s, {} connections, {} users",
            self.scenario, self.target, self.seconds, self.connections, self.users
        )?;
        writeln!(
            out,
            "  answered {:.0}/s, granted {:.0}/s; {} requests: {}",
            self.answered_per_second,
            self.granted_per_second,
            self.requests,
            list(self.outcomes.iter())
        )?;
        writeln!(
            out,
            "  latency from the intended start (ms)      count      p50      p90      p99    p99.9      max"
        )?;
        row(out, "all", &self.latency)?;
        for (name, latency) in &self.latency_by {
            row(out, name, latency)?;
        }
        row(out, "waited to be sent", &self.send_delay)?;
        if !self.statuses.is_empty() {
            writeln!(out, "  statuses: {}", list(self.statuses.iter()))?;
        }
        if !self.codes.is_empty() {
            writeln!(out, "  codes: {}", list(self.codes.iter()))?;
        }
        if !self.unanswered.is_empty() {
            writeln!(out, "  no answer: {}", list(self.unanswered.iter()))?;
        }
        if self.replayed > 0 {
            writeln!(
                out,
                "  answers that repeated an earlier one: {}",
                self.replayed
            )?;
        }
        if self.shed_without_retry_after > 0 {
            writeln!(
                out,
                "  429 or 503 without Retry-After: {}",
                self.shed_without_retry_after
            )?;
        }
        if let Some(spike) = &self.spike {
            let recovery = spike.recovery_ms.map_or_else(
                || "never recovered".to_owned(),
                |ms| format!("normal again {ms:.0} ms after it"),
            );
            writeln!(
                out,
                "  spike: p99 {:.1} ms before, {:.1} ms at worst during it, {recovery}",
                spike.before_p99_ms, spike.during_p99_ms
            )?;
        }
        writeln!(
            out,
            "  errors {:.3} %, turned away {:.3} %; the generator used {} of a core per thread",
            self.error_rate * 100.0,
            self.shed_rate * 100.0,
            self.generator_busy
                .iter()
                .map(|busy| format!("{:.0} %", busy * 100.0))
                .collect::<Vec<_>>()
                .join(", ")
        )?;
        if self.generator_busy.iter().any(|busy| *busy > BUSY_MAX) {
            writeln!(
                out,
                "  the generator itself may have been the bottleneck: use more --threads"
            )?;
        }
        if self.codes.contains_key("RATE_LIMITED") {
            writeln!(
                out,
                "  users were rate limited: play more --users, and start the server with \
                 ONSALE_RATE_LIMIT__ADDRESS_BLOCKS=mode=off, as all of them come from one \
                 address, or with ONSALE_RATE_LIMIT__ENABLED=false"
            )?;
        }
        for check in &self.checks {
            let verdict = if check.passed { "ok" } else { "FAILED" };
            writeln!(out, "  {verdict}: {} ({})", check.name, check.detail)?;
        }
        Ok(())
    }
}

fn row(out: &mut String, name: &str, latency: &Latency) -> fmt::Result {
    writeln!(
        out,
        "    {name:<34} {:>10} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2}",
        latency.count,
        latency.p50_ms,
        latency.p90_ms,
        latency.p99_ms,
        latency.p999_ms,
        latency.max_ms
    )
}

fn list<'a, K: fmt::Display + 'a>(counts: impl Iterator<Item = (&'a K, &'a u64)>) -> String {
    counts
        .map(|(name, count)| format!("{count} {name}"))
        .collect::<Vec<_>>()
        .join(", ")
}
