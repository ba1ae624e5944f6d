//! What was measured during a fault: a line for people at once, and at the end one for programs.
//!
//! The line begins with `FAULT ` and goes on in JSON; `ONSALE_FAULT_REPORT` names a file to which
//! the JSON is added as well, one line for each fault.

use std::io::Write as _;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;

use crate::soak;

/// Figures of one fault.
#[derive(Default)]
pub(crate) struct Report {
    gaps: Mutex<Vec<Duration>>,
    figures: Mutex<serde_json::Map<String, serde_json::Value>>,
}

/// How much was sent, and with which result.
pub(crate) struct Sent {
    pub(crate) rate_offered: u64,
    pub(crate) requests: u64,
    pub(crate) repeated: u64,
    pub(crate) took: Duration,
    pub(crate) bookings: usize,
}

impl Report {
    /// A time without an answer.
    pub(crate) fn gap(&self, what: &str, gap: Duration) {
        println!("{what}: longest time without an answer {:.0} ms", ms(gap));
        self.gaps.lock().push(gap);
    }

    /// Another figure of this fault.
    pub(crate) fn figure(&self, name: &str, value: f64) {
        println!("{name}: {value:.0}");
        self.figures.lock().insert(name.to_owned(), json!(value));
    }

    /// Says everything.
    pub(crate) fn tell(&self, fault: &str, sent: &Sent) {
        let mut gaps_ms: Vec<f64> = self.gaps.lock().iter().map(|gap| ms(*gap)).collect();
        gaps_ms.sort_by(f64::total_cmp);
        let rate = sent.requests as f64 / sent.took.as_secs_f64();
        let line = json!({
            "fault": fault,
            "soak": soak(),
            "rate_offered": sent.rate_offered,
            "rate": (rate * 10.0).round() / 10.0,
            "requests": sent.requests,
            "repeated": sent.repeated,
            "bookings_compared": sent.bookings,
            "gaps": gaps_ms.len(),
            "gap_p50_ms": quantile(&gaps_ms, 50),
            "gap_p90_ms": quantile(&gaps_ms, 90),
            "gap_p99_ms": quantile(&gaps_ms, 99),
            "gap_max_ms": gaps_ms.last(),
            "gaps_ms": gaps_ms,
            "figures": *self.figures.lock(),
        });
        println!("FAULT {line}");
        if let Some(file) = std::env::var_os("ONSALE_FAULT_REPORT") {
            let mut file = std::fs::File::options()
                .create(true)
                .append(true)
                .open(file)
                .unwrap();
            writeln!(file, "{line}").unwrap();
        }
    }
}

fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e4).round() / 10.0
}

/// The smallest value that this percentage does not exceed.
fn quantile(ascending: &[f64], percent: usize) -> Option<f64> {
    let rank = (ascending.len() * percent).div_ceil(100);
    ascending.get(rank.checked_sub(1)?).copied()
}
