//! Compares the answers that clients got with what the cluster says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use serde_json::Value;

use crate::api::get;
use crate::cluster::{Cluster, PATIENCE};
use crate::load::{Booking, Histories, Show, TICKETS_PER_USER_MAX};
use crate::orders::{CODE_USES, PHASE_PLACES};

/// Bookings read at the same time.
const READERS: usize = 32;

/// Live places of one zone as clients know them: held, sold.
type Places = BTreeMap<(usize, String), (u64, u64)>;

/// Everything acknowledged is there, and nothing else.
pub(crate) async fn check(cluster: &Cluster, histories: &Histories) {
    let bookings: Vec<(&String, &Booking, &str)> = histories
        .users
        .iter()
        .flat_map(|user| {
            let token = user.token.as_str();
            user.bookings
                .iter()
                .map(move |(id, known)| (id, known, token))
        })
        .collect();
    no_place_twice(&bookings);
    limits_kept(histories);
    let uses = uses(histories.shows().len(), &bookings);
    everything_acknowledged_is_there(cluster, &bookings).await;
    let places = places(&bookings);
    for ingress in cluster.ingresses() {
        nothing_else_is_there(&ingress, histories, &places).await;
        uses_are_told(&ingress, histories, &uses).await;
    }
    replicas_agree(cluster).await;
}

fn no_place_twice(bookings: &[(&String, &Booking, &str)]) {
    let mut ids = BTreeSet::new();
    let mut positions = BTreeSet::new();
    let mut seats: BTreeMap<(usize, &str), &str> = BTreeMap::new();
    for (id, known, _) in bookings {
        assert!(
            ids.insert(*id),
            "booking {id} was acknowledged to two users"
        );
        let position = (known.show, known.offset);
        assert!(positions.insert(position), "two bookings at {position:?}");
        if known.status == "cancelled" {
            continue;
        }
        for seat in &known.seats {
            let other = seats.insert((known.show, seat), id);
            assert!(
                other.is_none(),
                "seat {seat} was sold to {other:?} and {id}"
            );
        }
    }
}

fn limits_kept(histories: &Histories) {
    for user in &histories.users {
        let mut tickets = BTreeMap::new();
        for booking in user.bookings.values() {
            if booking.status != "cancelled" {
                *tickets.entry(booking.show).or_insert(0) += booking.quantity;
            }
        }
        for (show, count) in tickets {
            assert!(
                count <= TICKETS_PER_USER_MAX,
                "a user has {count} tickets of show {show}"
            );
        }
    }
}

/// Live orders with the code, by show. Neither these nor places of the phase are more than there are.
fn uses(shows: usize, bookings: &[(&String, &Booking, &str)]) -> Vec<u64> {
    let mut uses = vec![0_u64; shows];
    let mut in_phase = vec![0_u64; shows];
    for (_, known, _) in bookings {
        if known.status != "cancelled" {
            uses[known.show] += u64::from(known.has_code);
            in_phase[known.show] += known.in_phase();
        }
    }
    let count = |is_counted: fn(&Booking) -> bool| {
        let counted = bookings.iter().filter(|(_, known, _)| is_counted(known));
        counted.count()
    };
    let orders = count(|known| !known.lines.is_empty());
    let given_back = count(|known| known.refunded > 0);
    println!("{orders} orders, {given_back} bookings of which places were returned");
    assert!(orders > 0, "nothing was ordered");
    for (show, (uses, places)) in uses.iter().zip(&in_phase).enumerate() {
        println!("show {show}: {uses} uses of the code, {places} places of the phase");
        assert!(*uses <= CODE_USES, "show {show}: {uses} uses of the code");
        assert!(
            *places <= PHASE_PLACES,
            "show {show}: {places} places of the phase"
        );
    }
    uses
}

/// The organizer reads as many uses of each code as buyers know of.
async fn uses_are_told(ingress: &str, histories: &Histories, uses: &[u64]) {
    let http = crate::http_client::builder(None).build().unwrap();
    for (show, expected) in histories.shows().iter().zip(uses) {
        let url = format!("{ingress}/api/v1/shows/{}/codes/{}", show.id, show.group);
        let began = Instant::now();
        loop {
            let (status, body) = get(&http, histories.organizer(), &url).await;
            if status == 200 && body["data"]["group"]["uses"] == *expected {
                break;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{url}: {status}, clients know of {expected} uses: {body}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Whether a booking is read as it was answered last. What an order that ended did cost is not looked at.
fn is_as_answered(data: &Value, known: &Booking) -> bool {
    let is_priced = known.status == "cancelled"
        || (data["total_price"]["amount"] == known.total
            && (known.lines.is_empty() || data["lines"].as_array() == Some(&known.lines)));
    data["status"] == known.status && data["quantity"] == known.quantity && is_priced
}

async fn everything_acknowledged_is_there(
    cluster: &Cluster,
    bookings: &[(&String, &Booking, &str)],
) {
    let http = crate::http_client::builder(None).build().unwrap();
    let ingresses = cluster.ingresses();
    let read = futures::stream::iter(bookings.iter().enumerate())
        .map(|(i, (id, known, token))| {
            let (http, ingress) = (http.clone(), &ingresses[i % 2]);
            async move {
                let url = format!("{ingress}/api/v1/bookings/{id}");
                let began = Instant::now();
                loop {
                    let (status, body) = get(&http, token, &url).await;
                    assert_eq!(status, 200, "acknowledged booking {id} is lost: {body}");
                    if is_as_answered(&body["data"], known) {
                        return;
                    }
                    // The projection may be behind, but not for ever.
                    assert!(
                        began.elapsed() < PATIENCE,
                        "{id} was answered as {}, {} left of {}: {body}",
                        known.status,
                        known.total,
                        known.price
                    );
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        })
        .buffer_unordered(READERS);
    read.collect::<()>().await;
}

fn places(bookings: &[(&String, &Booking, &str)]) -> Places {
    let mut places = Places::new();
    for (_, known, _) in bookings {
        for (zone, quantity) in &known.parts {
            let (held, sold) = places.entry((known.show, zone.clone())).or_default();
            match known.status {
                "reserved" => *held += quantity,
                "confirmed" => *sold += quantity,
                _ => {}
            }
        }
    }
    places
}

/// Every request had its answer, so what was acknowledged is all there is. An ingress follows the
/// outcomes, so it may be a moment behind.
async fn nothing_else_is_there(ingress: &str, histories: &Histories, places: &Places) {
    let http = crate::http_client::builder(None).build().unwrap();
    for (index, show) in histories.shows().iter().enumerate() {
        let began = Instant::now();
        loop {
            let difference = difference(&http, ingress, index, show, places).await;
            let Some(difference) = difference else { break };
            assert!(began.elapsed() < PATIENCE, "{ingress}: {difference}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn difference(
    http: &reqwest::Client,
    ingress: &str,
    index: usize,
    show: &Show,
    places: &Places,
) -> Option<String> {
    let url = format!("{ingress}/api/v1/shows/{}/zones", show.id);
    let (status, body) = get(http, "", &url).await;
    if status != 200 {
        return Some(format!("{url}: {status} {body}"));
    }
    for zone in body["data"].as_array()? {
        let id = zone["zone_id"].as_str()?.to_owned();
        let (held, sold) = places.get(&(index, id)).copied().unwrap_or_default();
        let count = |key: &str| zone[key].as_u64().unwrap_or(u64::MAX);
        let known = (held, sold, count("total_seats") - held - sold);
        let answer = (
            count("held_seats"),
            count("sold_seats"),
            count("available_seats"),
        );
        if known != answer {
            return Some(format!(
                "partition {index}, zone {}: (held, sold, free) is {answer:?}, clients know {known:?}",
                zone["name"]
            ));
        }
    }
    None
}

/// Where owner and standby are at the same offset, so are their digests; a replica that disagreed
/// has stopped and the partition would show no standby.
async fn replicas_agree(cluster: &Cluster) {
    let began = Instant::now();
    loop {
        let answer = cluster.partitions(&cluster.ingresses()[0]).await;
        let whole =
            |partition: &Value| partition["owner"].is_string() && partition["standby"].is_string();
        let partitions = answer.as_ref().and_then(Value::as_array);
        if partitions.is_some_and(|partitions| partitions.iter().all(whole)) {
            return;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "a partition has no owner or no standby: {answer:?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
