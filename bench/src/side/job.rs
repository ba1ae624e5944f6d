//! The job of reserving one ticket of general admission, and the client that asks for it.

use std::time::{Duration, Instant};

use anyhow::ensure;
use onsale_load::{
    Control, Draft, DriveSettings, Driven, Method, Op, Pace, Scenario, ShowPlan, Stop, Target,
    Users, Who, World, WorldSize, drive,
};
use uuid::Uuid;

use super::onsale;

/// Users that ask, in turn.
pub(crate) const USERS: usize = 10_000;
/// Number of zones where the load is spread.
pub(crate) const SPREAD_ZONES: usize = 256;
/// Tickets of a zone: more than are sold.
pub(crate) const CAPACITY: u64 = 10_000_000;
/// Tickets that a user may take: the highest limit that the API allows, so that no request is
/// refused.
pub(crate) const TICKETS_PER_USER: u16 = u16::MAX;
/// How long the counts that clients see may lag behind the last answer.
const SETTLE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Header that names the user to servers that check no tokens.
pub(crate) const USER_HEADER: &str = "x-user";

/// A zone on sale, and its show.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) show: String,
    pub(crate) zone: String,
}

impl Zone {
    /// Zones of a peer, each of its own show.
    pub(crate) fn made_up(count: usize) -> Vec<Self> {
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

/// Requests for one ticket of each zone in turn, on behalf of each user in turn.
pub(crate) fn reserve(zones: &[Zone], users: &Users) -> Box<dyn Scenario> {
    Box::new(Reserve {
        zones: zones.to_vec(),
        users: users.count(),
        turn: 0,
    })
}

/// A closed loop: each connection sends again once it was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClosedLoop {
    /// Sent before the measurement.
    pub(crate) warm_up: Duration,
    /// Length of the measurement.
    pub(crate) measured: Duration,
    /// Requests in flight.
    pub(crate) in_flight: usize,
}

/// Sends requests in a closed loop and returns the result; every request must be granted.
pub(crate) fn ask(
    how: ClosedLoop,
    target: &Target,
    users: &Users,
    zones: &[Zone],
) -> anyhow::Result<Driven> {
    let settings = DriveSettings {
        target: target.clone(),
        pace: Pace::Closed(how.warm_up + how.measured),
        warm_up: how.warm_up,
        connections: how.in_flight,
        timeout: Duration::from_secs(30),
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

/// Shows created on an Onsale server.
pub(crate) struct OnSale {
    organizer: Control,
    world: World,
    /// A zone of each show.
    pub(crate) zones: Vec<Zone>,
}

/// Creates this many shows with a zone each.
pub(crate) fn put_on_sale(target: &Target, shows: usize) -> anyhow::Result<OnSale> {
    let organizer = onsale::organizer(target)?;
    let size = WorldSize {
        shows,
        seats: 0,
        row_seats: 1,
        general: CAPACITY,
        tickets_per_user: TICKETS_PER_USER,
        hold_s: 86_400,
        has_offer: false,
    };
    let world = World::make(std::slice::from_ref(&organizer), &size)?;
    let zone_of = |show: &ShowPlan| {
        let show_id = show.id.clone();
        show.zones.first().map(|zone| Zone {
            show: show_id,
            zone: zone.id.clone(),
        })
    };
    let zones = world.shows.iter().filter_map(zone_of).collect();
    Ok(OnSale {
        organizer,
        world,
        zones,
    })
}

impl OnSale {
    /// What was sold must be what was granted.
    pub(crate) fn check(&self, granted: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + SETTLE;
        let mut sold = self.world.taken(std::slice::from_ref(&self.organizer))?;
        while sold != granted && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
            sold = self.world.taken(std::slice::from_ref(&self.organizer))?;
        }
        check_sold(sold, granted)
    }
}

/// Creates shows with a zone each on an Onsale server, sells them, and checks what was sold.
pub(crate) fn sell(
    how: ClosedLoop,
    target: &Target,
    shows: usize,
    users: &Users,
) -> anyhow::Result<Driven> {
    let on_sale = put_on_sale(target, shows)?;
    let driven = ask(how, target, users, &on_sale.zones)?;
    on_sale.check(driven.places_granted())?;
    Ok(driven)
}

/// Users of servers that check no tokens.
pub(crate) fn plain_users() -> Users {
    Users::plain(USERS, USER_HEADER)
}

/// What was sold must be what was granted, to the ticket.
pub(crate) fn check_sold(sold: u64, granted: u64) -> anyhow::Result<()> {
    ensure!(sold == granted, "sold {sold}, but granted {granted}");
    Ok(())
}
