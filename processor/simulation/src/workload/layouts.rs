//! The shows of a workload: the n-th show of a seed always looks the same.

use onsale_schemas::command::{Admission, Currency, OpenShow, ZoneLayout};
use onsale_schemas::{EventId, LogTimeMs, SeatIndex, ShowId};

use super::profile::Profile;
use super::rng::Rng;

/// Log time at which workloads begin.
pub const START_MS: LogTimeMs = 1_700_000_000_000;
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;

/// 16 bytes that no other kind or number has.
pub(super) fn id_bytes(kind: u8, number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[0] = kind;
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// The n-th show.
pub(super) fn show(profile: &Profile, seed: u64, number: u64) -> OpenShow {
    let mut rng = Rng::new(seed ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
    let zones = if profile.large_shows {
        large(&mut rng)
    } else {
        odd(number, &mut rng)
    };
    let steady = profile.large_shows;
    OpenShow {
        show: ShowId::from_bytes(id_bytes(b's', number)),
        event: EventId::from_bytes(id_bytes(
            b'e',
            number.checked_rem(profile.events).unwrap_or(0),
        )),
        max_tickets_per_user: if steady {
            4
        } else {
            rng.one_of([0, 0, 2, 4, 4, 9])
        },
        sale_opens_at_ms: if steady || rng.percent(70) {
            0
        } else {
            START_MS + rng.below(MINUTE_MS)
        },
        sale_closes_at_ms: START_MS
            + if steady || rng.percent(70) {
                90 * DAY_MS
            } else {
                MINUTE_MS + rng.below(DAY_MS)
            },
        hold_ms: if steady {
            600_000
        } else {
            rng.one_of([1_000, 1_001, 5_000, 60_000, 600_000, 3_600_000, 86_400_000])
        },
        zones,
    }
}

/// Changes a show for orders: most are on sale for long, one is not for long, one has zones of two
/// currencies.
pub(super) fn for_orders(show: &mut OpenShow, number: u64) {
    if number.is_multiple_of(2) {
        show.max_tickets_per_user = 0;
    }
    if number != 6 {
        show.sale_closes_at_ms = START_MS + 400 * DAY_MS;
    }
    if number == 5 {
        // Presales only, for a while.
        show.sale_opens_at_ms = START_MS + 20 * DAY_MS;
    }
    if number == 3 {
        for zone in show.zones.iter_mut().skip(1) {
            zone.currency = Currency(*b"EUR");
        }
    }
}

/// Small zones with rows of every length up to 12, rows at and across the bounds of machine words,
/// and general admission.
fn odd(number: u64, rng: &mut Rng) -> Vec<ZoneLayout> {
    let zones = match number % 7 {
        0 => vec![seated((1..=12).collect()), general(7)],
        1 => vec![seated(vec![7, 9, 5]), general(20), seated(vec![1, 2, 3])],
        2 => vec![seated(vec![65, 129, 200])],
        3 => vec![general(15), general(1)],
        4 => vec![
            seated(vec![64]),
            seated(vec![128, 63]),
            general(3),
            seated(vec![127]),
        ],
        5 => vec![seated(vec![1]), seated(vec![1_024]), seated(vec![3, 3])],
        _ => vec![
            seated((0..rng.index(5) + 1).map(|_| row(rng)).collect()),
            general(rng.below_u32(40) + 1),
        ],
    };
    priced(zones, rng)
}

fn row(rng: &mut Rng) -> u16 {
    u16::try_from(rng.below(12) + 1).unwrap_or(1)
}

/// Three seated zones of 1,000 to 3,000 seats and general admission.
fn large(rng: &mut Rng) -> Vec<ZoneLayout> {
    let mut zones: Vec<_> = (0..3)
        .map(|_| {
            let len = u16::try_from(20 + rng.below(40)).unwrap_or(20);
            seated(vec![len; 50])
        })
        .collect();
    zones.push(general(5_000));
    priced(zones, rng)
}

fn seated(rows: Vec<u16>) -> Admission {
    Admission::Seated { rows }
}

fn general(capacity: u32) -> Admission {
    Admission::General { capacity }
}

fn priced(zones: Vec<Admission>, rng: &mut Rng) -> Vec<ZoneLayout> {
    zones
        .into_iter()
        .map(|admission| ZoneLayout {
            unit_price: rng.one_of([0, 100, 200]),
            currency: Currency(*b"THB"),
            admission,
        })
        .collect()
}

/// The seats of each zone: index of the first, and how many.
pub(super) fn seat_ranges(show: &OpenShow) -> Vec<(SeatIndex, u32)> {
    let mut first = 0;
    show.zones
        .iter()
        .map(|zone| {
            let count = match &zone.admission {
                Admission::Seated { rows } => rows.iter().map(|&len| u32::from(len)).sum(),
                Admission::General { .. } => 0,
            };
            let range = (first, count);
            first += count;
            range
        })
        .collect()
}
