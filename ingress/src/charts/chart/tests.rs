use onsale_schemas::seating::RowPlan;
use onsale_store::catalog::{ChartRow, Growth, ShowStatus};

use super::*;

pub(crate) fn show(zones: Vec<ZoneAdmission>) -> ShowRow {
    ShowRow {
        show_id: ShowId::from_bytes([1; 16]),
        event_id: EventId::from_bytes([2; 16]),
        partition: PartitionId(0),
        map: None,
        name: None,
        starts_at_ms: 10_000,
        sale_opens_at_ms: 0,
        sale_closes_at_ms: 9_000,
        closes_by_default: false,
        hold_ms: 1_000,
        cooldown_ms: 0,
        status: ShowStatus::Open,
        created_at_ms: 0,
        companions_per_accessible: 0,
        offer: None,
        zones: (0u16..)
            .zip(zones)
            .map(|(index, admission)| ZoneRow {
                zone_id: Uuid::from_u128(u128::from(index) + 1),
                index,
                name: format!("Zone {index}"),
                unit_price: 100,
                currency: "THB".to_owned(),
                admission,
                growth: Growth::default(),
            })
            .collect(),
    }
}

fn row(name: &str, seats: RowSeats) -> ChartRow {
    ChartRow {
        name: name.to_owned(),
        seats,
        plan: RowPlan::default(),
    }
}

fn labels(labels: &[&str]) -> RowSeats {
    RowSeats::Labels(labels.iter().map(|&label| label.to_owned()).collect())
}

fn chart() -> Chart {
    Chart::new(
        &show(vec![
            ZoneAdmission::Seated {
                rows: vec![row("A", RowSeats::Count(3)), row("B", labels(&["1a", "9"]))],
            },
            ZoneAdmission::General { capacity: 50 },
            ZoneAdmission::Seated {
                rows: vec![row("A", RowSeats::Count(2))],
            },
        ]),
        TenantId::from_bytes([8; 16]),
    )
}

#[test]
fn every_seat_is_found_by_its_label() {
    let chart = chart();
    assert_eq!(chart.seats(), 7);
    for seat in 0..chart.seats() {
        let zone = chart.zone_of_seat(seat).unwrap().index;
        let label = chart.label(seat).unwrap();
        let Found::Seat { seat: found, .. } = chart.find(&label, Some(zone)) else {
            panic!("{label} of seat {seat} leads nowhere");
        };
        assert_eq!(found, seat);
    }
    assert_eq!(chart.label(4).unwrap(), "B-9");
    assert_eq!(chart.label(7), None);
}

#[test]
fn added_seats_are_found_behind_the_others_and_gone_ones_no_more() {
    let mut show = show(vec![
        ZoneAdmission::Seated {
            rows: vec![row("A", RowSeats::Count(3)), row("B", labels(&["1a", "9"]))],
        },
        ZoneAdmission::Seated {
            rows: vec![row("A", RowSeats::Count(2))],
        },
    ]);
    let beside = [row("A", labels(&["4", "5"])), row("C", RowSeats::Count(1))];
    assert!(show.zones[0].add_rows(&beside, 7, 40));
    show.zones[0].growth.take([1, 8]);
    let chart = Chart::new(&show, TenantId::from_bytes([8; 16]));
    assert_eq!((chart.seats(), chart.version), (10, Some(40)));
    assert_eq!((chart.zones[0].total(), chart.zones[1].total()), (6, 2));
    for (label, at) in [("A-1", 0), ("A-4", 7), ("C-1", 9), ("B-9", 4)] {
        let found = chart.find(label, Some(0));
        assert!(
            matches!(found, Found::Seat { zone: 0, seat } if seat == at),
            "{label}"
        );
    }
    for label in ["A-2", "A-5", "A-6", "C-2"] {
        assert!(
            matches!(chart.find(label, Some(0)), Found::Nothing),
            "{label}"
        );
    }
    assert_eq!(chart.label(8).unwrap(), "A-5");
    assert!(chart.zones[0].has_label("A", "5") && chart.zones[0].has_row("C"));
    let zone_of = |seat| chart.zone_of_seat(seat).map(|zone| zone.index);
    assert_eq!(
        [4, 5, 7, 9, 10].map(zone_of),
        [Some(0), Some(1), Some(0), Some(0), None]
    );
    assert!(chart.covers(1, &[9]) && !chart.covers(1, &[10]) && !chart.covers(2, &[]));
}

#[test]
fn the_catalog_is_asked_for_a_newer_chart_by_one_at_a_time() {
    let chart = chart();
    assert!(!chart.is_due(Duration::from_secs(3_600)));
    std::thread::sleep(Duration::from_millis(2));
    assert!(chart.is_due(Duration::from_millis(1)));
    assert!(!chart.is_due(Duration::from_secs(3_600)));
}

#[test]
fn a_seat_is_found_however_its_accents_were_typed() {
    let chart = Chart::new(
        &show(vec![ZoneAdmission::Seated {
            rows: vec![
                row("A\u{30a}", RowSeats::Count(3)),
                row("É", labels(&["e\u{301}"])),
            ],
        }]),
        TenantId::from_bytes([8; 16]),
    );
    for (label, at) in [("Å-2", 1), ("A\u{30a}-2", 1), ("E\u{301}-é", 3)] {
        assert!(
            matches!(chart.find(label, None), Found::Seat { seat, .. } if seat == at),
            "{label}"
        );
    }
}

#[test]
fn a_label_of_two_zones_is_ambiguous_and_others_lead_nowhere() {
    let chart = chart();
    assert!(matches!(chart.find("A-1", None), Found::Ambiguous));
    assert!(matches!(
        chart.find("A-3", None),
        Found::Seat { zone: 0, seat: 2 }
    ));
    assert!(matches!(
        chart.find("A-1", Some(2)),
        Found::Seat { zone: 2, seat: 5 }
    ));
    for label in [
        "A-4", "A-0", "A-01", "A-+1", "A", "-1", "a-1", "B-1", "C-1", "A-99999", "A-",
    ] {
        assert!(matches!(chart.find(label, None), Found::Nothing), "{label}");
    }
}

#[test]
fn seat_ids_are_read_only_as_they_are_written() {
    assert_eq!(parse_seat_id("seat:17"), Some(Some(17)));
    assert_eq!(parse_seat_id("seat:0"), Some(Some(0)));
    for bad in ["seat:", "seat:017", "seat:-1", "seat:x", "seat:99999999999"] {
        assert_eq!(parse_seat_id(bad), Some(None), "{bad}");
    }
    assert_eq!(parse_seat_id("A-3"), None);
}

#[test]
fn seats_are_what_the_plan_of_their_row_says() {
    let mut planned = row("A", RowSeats::Count(4));
    planned.plan.special = vec![
        Special {
            first: 0,
            count: 1,
            kind: SeatKind::Accessible,
        },
        Special {
            first: 2,
            count: 2,
            kind: SeatKind::Companion,
        },
    ];
    let chart = Chart::new(
        &show(vec![
            ZoneAdmission::General { capacity: 50 },
            ZoneAdmission::Seated {
                rows: vec![row("B", RowSeats::Count(1)), planned],
            },
        ]),
        TenantId::from_bytes([3; 16]),
    );
    let kinds: Vec<Option<SeatKind>> = (0..6).map(|seat| chart.kind(seat)).collect();
    let (ordinary, companion) = (Some(SeatKind::Ordinary), Some(SeatKind::Companion));
    assert_eq!(
        kinds,
        [
            ordinary,
            Some(SeatKind::Accessible),
            ordinary,
            companion,
            companion,
            None
        ]
    );
}

#[test]
fn a_repair_under_the_same_version_is_another_layout() {
    let seated = |name: &str| {
        show(vec![ZoneAdmission::Seated {
            rows: vec![row(name, RowSeats::Count(3))],
        }])
    };
    let tenant = TenantId::from_bytes([8; 16]);
    let before = Chart::new(&seated("A"), tenant);
    let same = Chart::new(&seated("A"), tenant);
    let repaired = Chart::new(&seated("B"), tenant);
    assert_eq!((before.version, repaired.version), (None, None));
    assert!(before.layout == same.layout && before.layout != repaired.layout);
    assert!(!same.is_newer_than(&before));
    assert!(repaired.is_newer_than(&before) && !before.is_newer_than(&repaired));
    let mut grown = seated("A");
    assert!(grown.zones[0].add_rows(&[row("C", RowSeats::Count(1))], 3, 7));
    let grown = Chart::new(&grown, tenant);
    assert!(grown.is_newer_than(&repaired) && !repaired.is_newer_than(&grown));
}

#[test]
fn a_row_that_is_missing_between_others_is_not_covered() {
    let mut lacking = show(vec![
        ZoneAdmission::Seated {
            rows: vec![row("A", RowSeats::Count(3))],
        },
        ZoneAdmission::General { capacity: 5 },
    ]);
    assert!(lacking.zones[0].add_rows(&[row("C", RowSeats::Count(1))], 5, 9));
    let chart = Chart::new(&lacking, TenantId::from_bytes([8; 16]));
    for (zone, seats, expected) in [
        (0, &[0, 2, 5][..], true),
        (0, &[3][..], false),
        (0, &[6][..], false),
        (1, &[][..], true),
        (1, &[0, 5][..], true),
        (1, &[4][..], false),
        (2, &[][..], false),
    ] {
        assert_eq!(chart.covers(zone, seats), expected, "{zone} {seats:?}");
    }
}
