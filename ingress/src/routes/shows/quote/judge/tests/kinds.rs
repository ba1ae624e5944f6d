//! What named seats are, also those that were added later: by the chart of the catalog as by the machine.

use onsale_schemas::offer::TypePrice;
use onsale_schemas::seating::{AddSeats, Addition, RowPlan, Special, ZonePlan};
use onsale_store::catalog::{ChartRow, RowSeats};

use super::*;
use crate::charts::Chart;

/// Seats that the show was opened with: an ordinary one, an accessible one, two companions', an ordinary one.
const OPENED: [SeatIndex; 5] = [0, 1, 2, 3, 4];
/// Seats of a row that was added: two accessible ones, a companion's, an ordinary one.
const ADDED: [SeatIndex; 4] = [270, 271, 272, 273];
const USER: UserId = UserId::from_bytes([7; 16]);

fn special(first: u16, count: u16, kind: SeatKind) -> Special {
    Special { first, count, kind }
}

fn plan(special: &[Special]) -> RowPlan {
    RowPlan {
        special: special.to_vec(),
        ..RowPlan::default()
    }
}

/// Types for all seats, for ordinary ones and for accessible ones.
fn offer() -> Offer {
    let mut offer = Offer::default();
    for (id, kinds) in [(0, 0), (1, 0b001), (2, 0b010)] {
        offer.types.push(TicketType {
            id,
            min: 0,
            max: 0,
            from_ms: 0,
            until_ms: u64::MAX,
            code_only: false,
            kinds,
        });
        offer.prices.push(TypePrice {
            zone: 0,
            ticket_type: id,
            price: 100 + i64::from(id),
        });
    }
    offer
}

/// A machine that sells the show, with one row more.
fn selling(open: &OpenShowV3, later: &RowPlan) -> Machine {
    let mut machine = Machine {
        partition: Partition::new(ID, LIMITS),
        now_ms: 30_000,
    };
    machine.run(Command::Barrier { machine_version: 3 });
    let opened = machine.run(Command::OpenShowV3(Box::new(open.clone())));
    assert!(matches!(opened, Outcome::ShowOpened { .. }), "{opened:?}");
    let added = machine.run(Command::AddSeats(Box::new(AddSeats {
        show: SHOW,
        expected: 270,
        addition: Addition::Rows {
            zone: 0,
            rows: vec![4],
            plans: vec![later.clone()],
        },
    })));
    let Outcome::SeatsAdded { first_seat, .. } = added else {
        panic!("{added:?}");
    };
    assert_eq!(first_seat, ADDED[0]);
    machine
}

#[test]
fn kinds_of_named_seats_are_those_of_the_machine() {
    let offer = offer();
    let first = plan(&[
        special(1, 1, SeatKind::Accessible),
        special(2, 2, SeatKind::Companion),
    ]);
    let later = plan(&[
        special(0, 2, SeatKind::Accessible),
        special(2, 1, SeatKind::Companion),
    ]);
    let mut open = opening(offer.clone());
    let plans = vec![first, RowPlan::default(), RowPlan::default()];
    open.companions_per_accessible = 1;
    open.plans = vec![ZonePlan {
        zone: 0,
        rows: plans.clone(),
    }];
    let mut machine = selling(&open, &later);

    // The same show in the catalog.
    let chart_row = |name: &str, count, plan| ChartRow {
        name: name.to_owned(),
        seats: RowSeats::Count(count),
        plan,
    };
    let mut row = row(&open, &offer);
    row.companions_per_accessible = open.companions_per_accessible;
    let rows = ["A", "B", "C"].into_iter().zip(ROWS).zip(plans);
    row.zones[0].admission = ZoneAdmission::Seated {
        rows: rows
            .map(|((name, count), plan)| chart_row(name, count, plan))
            .collect(),
    };
    assert!(row.zones[0].add_rows(&[chart_row("D", 4, later)], ADDED[0], 2));
    let chart = Chart::new(&row, TenantId::from_bytes([3; 16]));
    assert_eq!(chart.kind(271), Some(SeatKind::Accessible));
    assert_eq!(chart.kind(274), None, "it has no such seat");

    let nothing = HashMap::new();
    let standing = Standing {
        show: &row,
        phase_places: &nothing,
        code: None,
        seat_kind: &|seat| chart.kind(seat),
        now_ms: machine.now_ms,
    };
    let mut agreed = Agreed::default();
    let all = || OPENED.into_iter().chain(ADDED);
    for (one, other) in all().flat_map(|one| all().map(move |other| (one, other))) {
        // Each alone, too.
        let seats: SeatList = if one == other {
            [one].into_iter().collect()
        } else {
            [one, other].into_iter().collect()
        };
        let places = u32::try_from(seats.len()).unwrap();
        for ticket_type in 0..3 {
            let items = vec![Item {
                zone: 0,
                pick: PickV2::Seats(seats.clone()),
                types: vec![(ticket_type, places)],
            }];
            let quoted = price(&standing, &items);
            let decided = machine.run(Command::ReserveV2(ReserveV2 {
                show: SHOW,
                user: USER,
                items: items.clone(),
                code: None,
                expected_total: None,
            }));
            let booking = match &decided {
                Outcome::Reserved(reserved) => Some(reserved.booking),
                Outcome::ReservedV2(reserved) => Some(reserved.booking),
                _ => None,
            };
            compare(&format!("{items:?}"), quoted, &decided, &mut agreed);
            if let Some(booking) = booking {
                machine.run(Command::Release {
                    booking,
                    by: Actor::Buyer(USER),
                });
            }
        }
    }
    let Agreed {
        orders,
        plain,
        refused,
    } = agreed;
    assert!(orders + plain > 40, "{orders} orders, {plain} plain");
    assert!(refused > 40, "{refused} refusals");
}
