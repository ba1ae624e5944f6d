//! The job, and the client that asks for it.

use anyhow::ensure;
use onsale_load::{
    Draft, DriveSettings, Driven, Method, Op, Pace, Scenario, Stop, Target, Users, Who, drive,
};
use uuid::Uuid;

use super::{Bench, Measured, WARM_UP};

/// Users that ask, in turn.
pub(super) const USERS: usize = 10_000;
/// Zones where the load is spread.
pub(super) const SPREAD_ZONES: usize = 256;
/// Tickets of a zone: more than are sold.
pub(super) const CAPACITY: u64 = 10_000_000;
/// Header in which users say who they are to servers that check no token.
pub(super) const USER_HEADER: &str = "x-user";

/// A zone on sale, and its show.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    pub(super) show: String,
    pub(super) zone: String,
}

impl Zone {
    /// So many zones of a peer, each of a show of its own.
    pub(super) fn made_up(count: usize) -> Vec<Self> {
        (0..count)
            .map(|_| Self {
                show: Uuid::new_v4().to_string(),
                zone: Uuid::new_v4().to_string(),
            })
            .collect()
    }
}

struct Reserve {
    zones: Vec<Zone>,
    users: usize,
    turn: usize,
}

impl Scenario for Reserve {
    fn next(&mut self, draft: &mut Draft) {
        let user = Who::User(self.turn % self.users.max(1));
        draft.begin(Op::Reserve, Method::Post, user);
        draft.path.push_str("/api/v1/bookings/reserve");
        draft.places = 1;
        if let Some(Zone { show, zone }) = self.zones.get(self.turn % self.zones.len().max(1)) {
            for part in [
                r#"{"show_id":""#,
                show,
                r#"","zone_id":""#,
                zone,
                r#"","quantity":1}"#,
            ] {
                draft.body.push_str(part);
            }
        }
        self.turn = self.turn.wrapping_add(1);
    }
}

/// Requests for one ticket of each zone in turn, in the name of each user in turn.
pub(super) fn reserve(zones: &[Zone], users: &Users) -> Box<dyn Scenario> {
    Box::new(Reserve {
        zones: zones.to_vec(),
        users: users.count(),
        turn: 0,
    })
}

/// Asks in a closed loop and says how it went; every request must be granted.
pub(super) fn ask(
    bench: &Bench,
    target: &Target,
    users: &Users,
    zones: &[Zone],
) -> anyhow::Result<Driven> {
    let settings = DriveSettings {
        target: target.clone(),
        pace: Pace::Closed(WARM_UP + bench.seconds),
        warm_up: WARM_UP,
        connections: bench.in_flight,
        timeout: std::time::Duration::from_secs(30),
        history: None,
    };
    let stop = Stop::default();
    let driven = drive(
        &settings,
        users,
        vec![reserve(zones, users)],
        &stop,
        &mut |_| {},
    )?;
    ensure!(
        driven.tally.not_granted() == 0 && driven.unknown() == 0,
        "{} requests were not granted",
        driven.tally.not_granted()
    );
    Ok(driven)
}

/// Users of servers that check no token.
pub(super) fn plain_users() -> Users {
    Users::plain(USERS, USER_HEADER)
}

impl Measured {
    pub(super) fn of(driven: &Driven, per_sync: Option<f64>) -> Self {
        Self {
            per_second: driven.granted_per_second(),
            p50_ms: driven.tally.latency_ms(50.0),
            p99_ms: driven.tally.latency_ms(99.0),
            per_sync,
        }
    }
}

/// What was sold must be what was granted, to the ticket.
pub(super) fn check_sold(sold: u64, driven: &Driven) -> anyhow::Result<()> {
    let granted = driven.places_granted();
    ensure!(sold == granted, "sold {sold}, but granted {granted}");
    Ok(())
}
