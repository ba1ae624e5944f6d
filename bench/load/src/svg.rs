//! Plots as inline SVG, without scripts. Colours come from the page, so that they follow light and
//! dark; every plot says in words what it shows.

use std::fmt::Write as _;

use crate::html::escape;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 44.0;
/// Lines across the plot, about.
const GRID_LINES: f64 = 5.0;

/// A line of a plot. The first four of a plot differ in colour and in dashes.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// A plot of lines.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Its heading.
    pub title: String,
    /// Description of the plot for people who cannot see it.
    pub description: String,
    /// Quantity along the bottom, with its unit.
    pub x: String,
    /// Quantity along the side, with its unit.
    pub y: String,
    /// Its lines.
    pub series: Vec<Series>,
    /// Labels along the bottom instead of round numbers.
    pub ticks: Vec<(f64, String)>,
}

impl Plot {
    /// The figure, to be put into a page.
    #[must_use]
    pub fn figure(&self) -> String {
        let mut out = String::new();
        let points = || self.series.iter().flat_map(|series| series.points.iter());
        let x_min = points().map(|(x, _)| *x).fold(f64::INFINITY, f64::min);
        let x_max = points().map(|(x, _)| *x).fold(f64::NEG_INFINITY, f64::max);
        let y_top = points().map(|(_, y)| *y).fold(0.0, f64::max);
        if !x_min.is_finite() || !x_max.is_finite() {
            return String::new();
        }
        let step = round_step(y_top / GRID_LINES);
        let y_max = ((y_top / step).ceil() * step).max(step);
        let x_width = if x_max > x_min { x_max - x_min } else { 1.0 };
        let at_x = |x: f64| LEFT + (x - x_min) / x_width * (WIDTH - LEFT - RIGHT);
        let at_y = |y: f64| HEIGHT - BOTTOM - y / y_max * (HEIGHT - TOP - BOTTOM);
        // Writing into a String cannot fail.
        let _ = write!(
            out,
            "<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{}\"><title>{}</title>",
            escape(&self.title),
            escape(&self.description),
            escape(&self.title),
        );
        let mut y = 0.0;
        while y <= y_max + step / 2.0 {
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                at_y(y) + 4.0,
                number(y),
                at = at_y(y),
            );
            y += step;
        }
        for (x, label) in self.tick_labels(x_min, x_max) {
            let _ = write!(
                out,
                "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
                at_x(x),
                HEIGHT - BOTTOM + 18.0,
                escape(&label)
            );
        }
        let _ = write!(
            out,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>\
             <text x=\"14\" y=\"{:.0}\" text-anchor=\"middle\" transform=\"rotate(-90 14 {:.0})\">{}</text>",
            f64::midpoint(LEFT, WIDTH - RIGHT),
            HEIGHT - 6.0,
            escape(&self.x),
            f64::midpoint(TOP, HEIGHT - BOTTOM),
            f64::midpoint(TOP, HEIGHT - BOTTOM),
            escape(&self.y)
        );
        for (number, series) in self.series.iter().enumerate() {
            let line: Vec<String> = series
                .points
                .iter()
                .map(|(x, y)| format!("{:.1},{:.1}", at_x(*x), at_y(*y)))
                .collect();
            let _ = write!(
                out,
                "<polyline class=\"s{}\" points=\"{}\"/>",
                number % 4,
                line.join(" ")
            );
        }
        out.push_str("</svg><ul class=\"legend\">");
        for (number, series) in self.series.iter().enumerate() {
            let _ = write!(
                out,
                "<li><svg viewBox=\"0 0 30 8\" aria-hidden=\"true\"><polyline class=\"s{}\" \
                 points=\"0,4 30,4\"/></svg>{}</li>",
                number % 4,
                escape(&series.name)
            );
        }
        out.push_str("</ul></figure>");
        out
    }

    fn tick_labels(&self, min: f64, max: f64) -> Vec<(f64, String)> {
        if !self.ticks.is_empty() {
            return self.ticks.clone();
        }
        let step = round_step((max - min) / 8.0);
        let mut ticks = Vec::new();
        let mut x = (min / step).ceil() * step;
        while x <= max + step / 1_000.0 {
            ticks.push((x, number(x)));
            x += step;
        }
        ticks
    }
}

/// The next larger of 1, 2, 5, 10, 20, …
fn round_step(least: f64) -> f64 {
    if !least.is_finite() || least <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least * 0.999)
        .unwrap_or(power * 10.0)
}

fn number(value: f64) -> String {
    if value.abs() >= 10_000.0 {
        format!("{:.0}k", value / 1_000.0)
    } else if value == 0.0 || value.abs() >= 10.0 {
        format!("{value:.0}")
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (least, step) in [(0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (740.0, 1_000.0)] {
            assert!((round_step(least) - step).abs() < 1e-9, "{least}");
        }
        assert!((round_step(0.0) - 1.0).abs() < 1e-9);
        assert_eq!(number(0.25), "0.25");
        assert_eq!(number(20_000.0), "20k");
    }

    #[test]
    fn a_plot_is_read_aloud_and_never_breaks_the_page() {
        let plot = Plot {
            title: "a < b".to_owned(),
            description: "says \"so\"".to_owned(),
            x: "s".to_owned(),
            y: "ms".to_owned(),
            series: vec![Series {
                name: "p99 & more".to_owned(),
                points: vec![(0.0, 1.0), (1.0, 3.0)],
            }],
            ticks: Vec::new(),
        };
        let figure = plot.figure();
        assert!(figure.contains("aria-label=\"says &quot;so&quot;\""));
        assert!(figure.contains("a &lt; b") && figure.contains("p99 &amp; more"));
        let nothing = Plot {
            series: Vec::new(),
            ..plot
        };
        assert_eq!(nothing.figure(), "");
    }
}
