//! The comparison as a page with bars.

use std::fmt::Write as _;

use onsale_load::{escape, page as html_page};

use super::report::{Figures, Line, Report};

const WIDTH: f64 = 860.0;
const LABEL: f64 = 250.0;
const ROW: f64 = 26.0;

pub(super) fn page(report: &Report) -> String {
    let mut body = String::new();
    // Writing into a String cannot fail.
    let _ = write!(body, "<p>{}.</p>", escape(&report.conditions()));
    bars(report, &mut body);
    body.push_str(
        "<h2>Figures</h2><div class=\"wide\"><table><thead><tr><th scope=\"col\">peer</th>\
         <th scope=\"col\">min</th><th scope=\"col\">median</th><th scope=\"col\">max</th>\
         <th scope=\"col\">Onsale / peer</th></tr></thead><tbody>",
    );
    for line in &report.lines {
        row(line, &mut body);
    }
    body.push_str("</tbody></table></div>");
    html_page("Tickets per second, side by side", &body)
}

fn measured(report: &Report) -> Vec<(&Line, &Figures)> {
    report
        .lines
        .iter()
        .filter_map(|line| Some((line, line.figures.as_ref().ok()?)))
        .collect()
}

fn bars(report: &Report, body: &mut String) {
    let all = measured(report);
    let most = all
        .iter()
        .map(|(_, figures)| figures.per_second.max)
        .fold(1.0, f64::max);
    let at = |value: f64| LABEL + value / most * (WIDTH - LABEL - 70.0);
    let _ = write!(
        body,
        "<figure><figcaption>Tickets per second: median, and the range of the rounds</figcaption>\
         <svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"Bars of the medians in the \
         table below\">",
        all.len() as f64 * ROW + 8.0
    );
    for (number, (line, figures)) in all.iter().enumerate() {
        let top = number as f64 * ROW + 4.0;
        let speed = figures.per_second;
        let _ = write!(
            body,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <rect class=\"s0\" x=\"{LABEL}\" y=\"{top:.0}\" width=\"{:.1}\" height=\"16\"/>\
             <line class=\"s1\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.0}\" y2=\"{y:.0}\"/>\
             <text x=\"{:.1}\" y=\"{:.0}\">{:.0}</text>",
            LABEL - 8.0,
            top + 12.0,
            escape(line.key),
            at(speed.median) - LABEL,
            at(speed.min),
            at(speed.max),
            at(speed.max) + 6.0,
            top + 12.0,
            speed.median,
            y = top + 8.0,
        );
    }
    body.push_str("</svg></figure>");
}

fn row(line: &Line, body: &mut String) {
    let name = format!(
        "<th scope=\"row\">{}<br><small>{}</small></th>",
        escape(line.key),
        escape(line.about)
    );
    let _ = match &line.figures {
        Err(why) => write!(
            body,
            "<tr>{name}<td colspan=\"4\">{}</td></tr>",
            escape(why)
        ),
        Ok(figures) => {
            let speed = figures.per_second;
            let ratio = figures.ratio.map_or_else(String::new, |ratio| {
                format!("{:.2} ({:.2} to {:.2})", ratio.median, ratio.min, ratio.max)
            });
            write!(
                body,
                "<tr>{name}<td>{:.0}</td><td>{:.0}</td><td>{:.0}</td><td>{ratio}</td></tr>",
                speed.min, speed.median, speed.max
            )
        }
    };
}
