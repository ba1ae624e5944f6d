//! What a node shows to Prometheus.

use super::runtime::Node;
use crate::gauges::Progress;
use crate::replica::ReplicaRole;

impl Node {
    /// Brings the gauges up to date; called when metrics are read.
    pub fn refresh_metrics(&self) {
        let shown = self.shared.shown();
        for member in &shown {
            let status = &member.status;
            let end_offset = member.end_offset.unwrap_or(0);
            self.metrics.show_progress(&Progress {
                partition: status.partition,
                next_offset: status.next_offset,
                lag: end_offset.saturating_sub(status.next_offset),
                snapshot: self.newest.get(status.partition),
            });
        }
        for clock in self.clocks() {
            let is_wrong = clock.problem.is_some();
            match clock.partition {
                None => self
                    .metrics
                    .show_clock(&clock.clock, clock.ahead_ms, is_wrong),
                // One of them is as bad as all.
                Some(_) => self.metrics.show_clock("log", clock.ahead_ms, true),
            }
        }
        if self.clocks().iter().all(|clock| clock.partition.is_none()) {
            self.metrics.show_clock("log", 0, false);
        }
        let owned = || {
            let is_owner = |role| matches!(role, ReplicaRole::Owner { .. });
            let owned = shown.iter();
            owned.filter(move |member| is_owner(member.status.role))
        };
        let holds = owned().map(|member| u64::from(member.live_holds)).sum();
        self.metrics.show_live_holds(holds);
        let places = owned().map(|member| member.places).sum();
        self.metrics.show_places(places);
    }
}
