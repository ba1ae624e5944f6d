//! Draws a generated hall, or one from a file, as SVG:
//! `cargo run -p onsale-halls --example draw -- theatre > theatre.svg`

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;

use onsale_halls::format::{Flag, Point};
use onsale_halls::generate::{Arena, Club, Rectangle, Shape, Theatre, generate};
use onsale_halls::{Hall, table_outline};

/// Around all that is drawn, in centimetres.
const MARGIN_CM: i32 = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let what = std::env::args().nth(1).unwrap_or_default();
    let shape = match what.as_str() {
        "theatre" => Some(Shape::Theatre(Theatre::default())),
        "arena" => Some(Shape::Arena(Arena::default())),
        "club" => Some(Shape::Club(Club::default())),
        "rectangle" => Some(Shape::Rectangle(Rectangle::default())),
        _ => None,
    };
    let hall = match shape {
        Some(shape) => generate("Example", &shape)?,
        None if what.is_empty() => {
            return Err("theatre, arena, club, rectangle or the file of a hall".into());
        }
        None => Hall::from_json(&std::fs::read(&what)?)?,
    };
    std::io::stdout().write_all(draw(&hall).as_bytes())?;
    Ok(())
}

fn draw(hall: &Hall) -> String {
    let document = hall.document();
    let mut shapes = String::new();
    let mut corners: Vec<Point> = hall.plan().seats.iter().map(|seat| seat.at).collect();
    let mut polygon = |shape: &[Point], color: &str, opacity: &str| {
        corners.extend_from_slice(shape);
        let points: Vec<String> = shape.iter().map(|[x, y]| format!("{x},{y}")).collect();
        let points = points.join(" ");
        let _ = writeln!(
            shapes,
            r#"<polygon points="{points}" fill="{color}" fill-opacity="{opacity}"/>"#
        );
    };
    for fixture in &document.fixtures {
        polygon(&fixture.shape, "#999999", "0.25");
    }
    if let Some(stage) = &document.stage {
        polygon(&stage.shape, "#444444", "1");
    }
    for section in &document.sections {
        for area in &section.standing {
            let category = document
                .categories
                .iter()
                .find(|one| one.id == area.category);
            let color = category.and_then(|category| category.color.as_deref());
            polygon(&area.shape, color.unwrap_or("#888888"), "0.5");
        }
        for table in &section.tables {
            polygon(&table_outline(table), "#c9b79c", "1");
        }
    }
    for seat in &hall.plan().seats {
        let [x, y] = seat.at;
        let category = &document.categories[usize::from(seat.category)];
        let color = category.color.as_deref().unwrap_or("#888888");
        let stroke = match () {
            () if seat.flags.has(Flag::Wheelchair) => "#000000",
            () if seat.flags.has(Flag::Companion) => "#777777",
            () if seat.flags.has(Flag::RestrictedView) => "#ff00ff",
            () => "none",
        };
        let _ = writeln!(
            shapes,
            r#"<circle cx="{x}" cy="{y}" r="21" fill="{color}" stroke="{stroke}" stroke-width="10"/>"#
        );
    }
    let side = |axis: usize| {
        let parts = || corners.iter().map(|corner| corner[axis]);
        let low = parts().min().unwrap_or(0) - MARGIN_CM;
        (low, parts().max().unwrap_or(0) + MARGIN_CM - low)
    };
    let ((left, width), (top, height)) = (side(0), side(1));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{left} {top} {width} {height}\">\n\
         <rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         {shapes}</svg>\n"
    )
}
