//! The comparison as text, JSON and HTML.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Measured, PeersArgs, Rounds, bars};
use crate::side::conditions::Conditions;
use crate::spread::Spread;

/// The peer that all others are compared with.
const OURS: &str = "onsale_embedded";

/// A peer over all rounds.
pub(super) struct Line {
    pub(super) key: &'static str,
    pub(super) about: &'static str,
    pub(super) figures: Result<Figures, String>,
}

/// The results over the rounds.
pub(super) struct Figures {
    pub(super) per_second: Spread,
    p50_ms: Spread,
    p99_ms: Spread,
    per_sync: Option<Spread>,
    /// Onsale's rate divided by the peer's, round by round.
    pub(super) ratio: Option<Spread>,
}

#[derive(Serialize)]
struct Setting<'a> {
    #[serde(flatten)]
    machine: &'a Conditions,
    /// Median cost of a sync at the beginning of each round, in microseconds.
    sync_us: Spread,
    rounds: usize,
    seconds_per_round: u64,
    in_flight: usize,
}

/// All of it.
pub(super) struct Report {
    machine: Conditions,
    sync_us: Spread,
    rounds: usize,
    seconds: u64,
    in_flight: usize,
    pub(super) lines: Vec<Line>,
}

impl Report {
    pub(super) fn new(
        args: &PeersArgs,
        machine: Conditions,
        syncs: &[f64],
        all: &[Rounds],
    ) -> Self {
        let ours: &[Measured] = all
            .iter()
            .find(|rounds| rounds.peer.key == OURS)
            .map_or(&[], |rounds| &rounds.measured);
        let lines = all
            .iter()
            .map(|rounds| Line {
                key: rounds.peer.key,
                about: rounds.peer.about,
                figures: match &rounds.failed {
                    Some(why) => Err(why.clone()),
                    None => Ok(Figures::new(&rounds.measured, ours)),
                },
            })
            .collect();
        Self {
            machine,
            sync_us: Spread::of(syncs.to_vec()),
            rounds: args.rounds,
            seconds: args.seconds,
            in_flight: args.in_flight,
            lines,
        }
    }

    fn setting(&self) -> Setting<'_> {
        Setting {
            machine: &self.machine,
            sync_us: self.sync_us,
            rounds: self.rounds,
            seconds_per_round: self.seconds,
            in_flight: self.in_flight,
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut all = Map::new();
        all.insert("conditions".to_owned(), json!(self.setting()));
        let mut missing = Map::new();
        let mut ratios = Map::new();
        for line in &self.lines {
            match &line.figures {
                Err(why) => {
                    missing.insert(line.key.to_owned(), json!(why));
                }
                Ok(figures) => {
                    let mut add = |what: &str, value: Value| {
                        all.insert(format!("{}_{what}", line.key), value);
                    };
                    add("per_second", json!(figures.per_second));
                    add("p50_ms", json!(figures.p50_ms));
                    add("p99_ms", json!(figures.p99_ms));
                    if let Some(per_sync) = figures.per_sync {
                        add("per_sync", json!(per_sync));
                    }
                    if let Some(ratio) = figures.ratio {
                        ratios.insert(format!("{OURS}_to_{}", line.key), json!(ratio));
                    }
                }
            }
        }
        all.insert("ratios".to_owned(), Value::Object(ratios));
        all.insert("not_measured".to_owned(), Value::Object(missing));
        Value::Object(all)
    }

    /// One line on the machine and the method.
    pub(super) fn conditions(&self) -> String {
        format!(
            "{} cores of {}, Linux {}; a sync of 4 KiB took {:.0} to {:.0} µs; {} rounds of {} s \
             each after 1 s of warm-up, the peers in turn; {} requests in flight; client on the \
             same cores; load average before: {:.1}",
            self.machine.cores,
            self.machine.processor,
            self.machine.kernel,
            self.sync_us.min,
            self.sync_us.max,
            self.rounds,
            self.seconds,
            self.in_flight,
            self.machine.load_before
        )
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = writeln!(out, "{}", self.conditions());
        let _ = writeln!(
            out,
            "{:<28} {:>9} {:>9} {:>9}  {:>8} {:>8} {:>9}  Onsale/peer min median max",
            "tickets per second", "min", "median", "max", "p50 ms", "p99 ms", "per sync"
        );
        for line in &self.lines {
            match &line.figures {
                Err(why) => {
                    let _ = writeln!(out, "{:<28} {why}", line.key);
                }
                Ok(figures) => {
                    let all = figures.per_second;
                    let _ = write!(
                        out,
                        "{:<28} {:>9.0} {:>9.0} {:>9.0}  {:>8.2} {:>8.2} {:>9}",
                        line.key,
                        all.min,
                        all.median,
                        all.max,
                        figures.p50_ms.median,
                        figures.p99_ms.median,
                        figures
                            .per_sync
                            .map_or_else(|| "-".to_owned(), |sync| format!("{:.1}", sync.median)),
                    );
                    if let Some(ratio) = figures.ratio {
                        let _ = write!(
                            out,
                            "  {:.2} {:.2} {:.2}",
                            ratio.min, ratio.median, ratio.max
                        );
                    }
                    out.push('\n');
                }
            }
        }
        for line in &self.lines {
            let _ = writeln!(out, "  {}: {}", line.key, line.about);
        }
        out
    }

    pub(super) fn html(&self) -> String {
        bars::page(self)
    }
}

impl Figures {
    fn new(measured: &[Measured], ours: &[Measured]) -> Self {
        let over = |figure: fn(&Measured) -> f64| Spread::of(measured.iter().map(figure).collect());
        let per_sync: Vec<f64> = measured.iter().filter_map(|round| round.per_sync).collect();
        let ratios: Vec<f64> = ours
            .iter()
            .zip(measured)
            .map(|(ours, theirs)| ours.per_second / theirs.per_second)
            .collect();
        Self {
            per_second: over(|round| round.per_second),
            p50_ms: over(|round| round.p50_ms),
            p99_ms: over(|round| round.p99_ms),
            per_sync: (!per_sync.is_empty()).then(|| Spread::of(per_sync)),
            ratio: (!ratios.is_empty()).then(|| Spread::of(ratios)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::PEERS;
    use super::*;

    fn round(per_second: f64) -> Measured {
        Measured {
            per_second,
            p50_ms: 1.0,
            p99_ms: 2.0,
            per_sync: Some(10.0),
        }
    }

    fn report() -> Report {
        let peer = |key: &str| *PEERS.iter().find(|peer| peer.key == key).unwrap();
        let all = [
            Rounds {
                peer: peer("onsale_embedded"),
                measured: vec![round(30.0), round(40.0), round(20.0)],
                failed: None,
            },
            Rounds {
                peer: peer("postgres_hot_row"),
                measured: vec![round(3.0), round(2.0), round(4.0)],
                failed: None,
            },
            Rounds {
                peer: peer("onsale_kafka"),
                measured: Vec::new(),
                failed: Some("not measured: <no broker>".to_owned()),
            },
        ];
        let args = PeersArgs {
            json: true,
            html: None,
            rounds: 3,
            seconds: 1,
            in_flight: 8,
            only: Vec::new(),
            dir: None,
            onsale: None,
        };
        Report::new(&args, Conditions::look(), &[60.0, 70.0, 65.0], &all)
    }

    #[test]
    fn scripts_find_what_they_look_for() {
        let json = report().json();
        assert_eq!(
            json["onsale_embedded_per_second"],
            json!({ "min": 20.0, "median": 30.0, "max": 40.0 })
        );
        // Round by round: 30/3, 40/2, 20/4.
        assert_eq!(
            json["ratios"]["onsale_embedded_to_postgres_hot_row"],
            json!({ "min": 5.0, "median": 10.0, "max": 20.0 })
        );
        assert_eq!(
            json["not_measured"]["onsale_kafka"],
            "not measured: <no broker>"
        );
        assert_eq!(json["conditions"]["sync_us"]["median"], 65.0);
        assert!(json["onsale_kafka_per_second"].is_null());
    }

    #[test]
    fn people_see_what_was_not_measured() {
        let report = report();
        assert!(report.text().contains("not measured: <no broker>"));
        assert!(report.html().contains("not measured: &lt;no broker&gt;"));
    }
}
