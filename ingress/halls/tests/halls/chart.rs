//! The chart: read as README.md says a page reads it, and how large it is.

use std::io::Write;

use onsale_halls::chart::encode;
use onsale_halls::compile::{Assignment, compile};
use onsale_halls::format::{Category, Document, Row, Seat, Section};
use onsale_halls::generate::{Arena, Shape, generate};
use onsale_halls::{Hall, PlanSeat};
use serde_json::{Value, json};

use crate::{houses, labels, small};

/// A seat that was read from a chart.
#[derive(PartialEq, Debug)]
struct Read {
    label: String,
    section: String,
    seat: PlanSeat,
}

/// Running sums of a column.
fn sums(column: &Value) -> impl Iterator<Item = i64> {
    column.as_array().unwrap().iter().scan(0, |sum, step| {
        *sum += step.as_i64().unwrap();
        Some(*sum)
    })
}

fn read(chart: &Value) -> Vec<Read> {
    let rows = &chart["rows"];
    let mut names = Vec::new();
    for (number, count) in rows["seats"].as_array().unwrap().iter().enumerate() {
        let labels = rows["labels"][number].as_array().unwrap();
        let section = &chart["sections"][rows["section"][number].as_u64().unwrap() as usize];
        for place in 0..count.as_u64().unwrap() {
            let label = match &labels[0] {
                Value::String(_) => labels[place as usize].as_str().unwrap().to_owned(),
                from => (from.as_i64().unwrap() + place as i64 * labels[1].as_i64().unwrap())
                    .to_string(),
            };
            names.push((rows["name"][number].as_str().unwrap(), section, label));
        }
    }
    let seats = &chart["seats"];
    let runs: Vec<u64> = seats["category"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_u64().unwrap())
        .collect();
    let categories = runs
        .chunks(2)
        .flat_map(|run| vec![run[0] as u16; run[1] as usize]);
    let mut flags = vec![onsale_halls::Flags::default(); names.len()];
    for flag in onsale_halls::Flags::ALL {
        for seat in sums(&seats[flag.name()]) {
            flags[seat as usize] = flags[seat as usize].with(flag);
        }
    }
    names
        .into_iter()
        .zip(sums(&seats["x"]).zip(sums(&seats["y"])))
        .zip(sums(&seats["rank"]).zip(categories))
        .zip(flags)
        .map(
            |((((row, section, label), (x, y)), (rank, category)), flags)| Read {
                label: format!("{row}-{label}"),
                section: section.as_str().unwrap().to_owned(),
                seat: PlanSeat {
                    label: label.into(),
                    at: [x as i32, y as i32],
                    category,
                    flags,
                    rank: rank as u16,
                },
            },
        )
        .collect()
}

pub(crate) fn holds_every_seat(hall: &Hall) {
    let compiled = compile(hall, &Assignment::by_category(hall)).unwrap();
    let chart = encode(hall, &compiled);
    let json: Value = serde_json::from_slice(&chart.json).unwrap();
    let labels = labels(hall);
    let plan = hall.plan();
    let section_of = |seat: u32| {
        let row = plan
            .rows
            .iter()
            .find(|row| row.seats().contains(&(seat as usize)))
            .unwrap();
        hall.document().sections[usize::from(row.section)]
            .name
            .clone()
    };
    let expected: Vec<Read> = compiled
        .seats
        .iter()
        .map(|&seat| Read {
            label: labels[seat as usize].clone(),
            section: section_of(seat),
            seat: plan.seats[seat as usize].clone(),
        })
        .collect();
    assert_eq!(read(&json), expected);
    assert_eq!(json["hall"], json!(hall.address().to_string()));
    assert_eq!(chart.address, onsale_halls::Address::of(&chart.json));
}

#[test]
fn a_page_reads_what_the_hall_has() {
    holds_every_seat(&small());
    let [theatre, _, club, rectangle] = houses();
    for hall in [theatre, club, rectangle] {
        holds_every_seat(&hall);
    }
}

#[test]
fn zones_areas_and_tables_are_drawn() {
    let hall = small();
    let compiled = compile(&hall, &Assignment::by_category(&hall)).unwrap();
    let chart: Value = serde_json::from_slice(&encode(&hall, &compiled).json).unwrap();
    assert_eq!(
        chart["zones"],
        json!([
            {"name": "Stalls", "admission": "seated", "rows": 3, "seats": 15},
            {"name": "Circle", "admission": "seated", "rows": 3, "seats": 7},
            {"name": "At a table", "admission": "seated", "rows": 2, "seats": 11},
            {"name": "Floor", "admission": "general", "capacity": 250, "areas": [
                {"name": "Floor", "section": 2, "capacity": 250,
                 "shape": [[-300, 1200], [300, 1200], [300, 1600], [-300, 1600]]}
            ]},
        ])
    );
    assert_eq!(
        chart["tables"],
        json!([
            {"row": 6, "at": [0, 1000], "shape": "round", "size": [120, 120]},
            {"row": 7, "at": [400, 1000], "shape": "rectangle", "size": [200, 80], "turn_degrees": 90},
        ])
    );
    assert_eq!(chart["bounds"], json!([-600, -300, 600, 1600]));
    assert_eq!(chart["unit"], "cm");
}

fn gzip(bytes: &[u8]) -> usize {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().len()
}

fn brotli(bytes: &[u8]) -> usize {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4_096, 5, 22);
    writer.write_all(bytes).unwrap();
    writer.into_inner().len()
}

#[test]
fn a_large_hall_is_small_on_the_wire() {
    let shape = Shape::Arena(Arena {
        seats: 20_016,
        ..Arena::default()
    });
    for hall in [
        generate("Arena", &shape).unwrap(),
        houses()[1].clone(),
        by_hand(200, 100),
    ] {
        let compiled = compile(&hall, &Assignment::by_category(&hall)).unwrap();
        let chart = encode(&hall, &compiled).json;
        let sizes = [chart.len(), gzip(&chart), brotli(&chart)];
        println!(
            "{} seats: {sizes:?} bytes plain, gzip, brotli",
            compiled.seats.len()
        );
        assert!(sizes[1] < 200_000 && sizes[2] < 200_000, "{sizes:?}");
    }
}

/// As if somebody had placed each seat by hand, and numbered it too: nothing to foresee.
fn by_hand(rows: usize, seats: usize) -> Hall {
    let mut random = onsale_fuzz::Random::new(7);
    let category = |number: usize| Category {
        id: format!("c{number}"),
        name: format!("Category {number}"),
        color: None,
    };
    let rows = (0..rows)
        .map(|row| Row {
            name: row.to_string(),
            seats: (0..seats)
                .map(|place| Seat {
                    label: (place * 2_000 + random.below(2_000)).to_string(),
                    at: [place * 60, row * 100].map(|part| (part + random.below(40)) as i32),
                    category: Some(format!("c{}", random.below(4))),
                    rank: Some(random.below(10_000) as u16),
                    ..Seat::default()
                })
                .collect(),
            ..Row::default()
        })
        .collect();
    let document = Document {
        name: "By hand".to_owned(),
        categories: (0..4).map(category).collect(),
        sections: vec![Section {
            name: "All".to_owned(),
            rows,
            ..Section::default()
        }],
        ..Document::default()
    };
    Hall::new(document).unwrap()
}

#[test]
fn bytes_are_the_same_every_time_and_everywhere() {
    // Addresses on another machine, or after a change of the encoding, would not be these.
    let addresses: Vec<String> = houses()
        .iter()
        .chain([&small()])
        .map(|hall| {
            let compiled = compile(hall, &Assignment::by_category(hall)).unwrap();
            let [hall, chart] = [hall.address(), encode(hall, &compiled).address];
            format!("{} {}", &hall.to_string()[..16], &chart.to_string()[..16])
        })
        .collect();
    let expected = include_str!("../data/addresses.txt");
    assert_eq!(addresses.join("\n") + "\n", expected);
}
