//! Calendars (RFC 5545) of shows: folded lines, and each time zone with what clocks there do while the shows last.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use onsale_store::catalog::CalendarShow;

use crate::local_time::{timestamp, zone_of_row};

/// What the answer is.
pub(crate) const CONTENT_TYPE: &str = "text/calendar; charset=utf-8";
/// Octets of a line without its end (3.1).
const LINE_MAX_OCTETS: usize = 75;
/// Changes of a zone's clocks that are told; there are two in a year at most places, and shows are not announced for
/// more years.
const TRANSITIONS_MAX: usize = 64;
/// Largest sequence number that programs read.
const SEQUENCE_MAX: u64 = 0x7fff_ffff;

/// A calendar of this name.
pub(crate) fn calendar(name: &str, shows: &[CalendarShow]) -> String {
    let mut lines = Lines::default();
    lines.add("BEGIN", "VCALENDAR");
    lines.add("VERSION", "2.0");
    lines.add("PRODID", "-//Onsale//Shows//EN");
    lines.add("METHOD", "PUBLISH");
    lines.add("NAME", &escaped(name));
    lines.add("X-WR-CALNAME", &escaped(name));
    let mut told: Vec<&str> = Vec::new();
    for zone_name in shows.iter().filter_map(|show| show.time_zone.as_deref()) {
        if told.contains(&zone_name) {
            continue;
        }
        told.push(zone_name);
        let times = shows
            .iter()
            .filter(|show| show.time_zone.as_deref() == Some(zone_name))
            .filter_map(|show| timestamp(show.starts_at_ms));
        let (first, last) = (times.clone().min(), times.max());
        if let (Some(zone), Some(first), Some(last)) = (local_zone(Some(zone_name)), first, last) {
            time_zone(&mut lines, zone_name, &zone, first, last);
        }
    }
    for show in shows {
        event(&mut lines, show);
    }
    lines.add("END", "VCALENDAR");
    lines.0
}

/// A zone that has to be told of; times in UTC need none.
fn local_zone(name: Option<&str>) -> Option<TimeZone> {
    zone_of_row(name).filter(|zone| *zone != TimeZone::UTC)
}

fn event(lines: &mut Lines, show: &CalendarShow) {
    let Some(starts_at) = timestamp(show.starts_at_ms) else {
        return;
    };
    lines.add("BEGIN", "VEVENT");
    lines.add("UID", &format!("{}@onsale", show.show_id.0));
    lines.add("SEQUENCE", &show.version.min(SEQUENCE_MAX).to_string());
    lines.add(
        "DTSTAMP",
        &in_utc(timestamp(show.created_at_ms).unwrap_or(Timestamp::UNIX_EPOCH)),
    );
    let local = local_zone(show.time_zone.as_deref()).and_then(|zone| {
        let local = zone.to_offset(starts_at).to_datetime(starts_at);
        // Of an hour that clocks pass twice a local time means the first one (3.3.5).
        let is_plain = !zone.to_ambiguous_timestamp(local).is_ambiguous();
        is_plain.then_some(local)
    });
    match (local, &show.time_zone) {
        (Some(local), Some(name)) => {
            lines.add(&format!("DTSTART;TZID={name}"), &date_time(local));
        }
        _ => lines.add("DTSTART", &in_utc(starts_at)),
    }
    let summary = match &show.show_name {
        Some(name) => format!("{} – {name}", show.event_name),
        None => show.event_name.clone(),
    };
    lines.add("SUMMARY", &escaped(&summary));
    let place: Vec<&str> = [&show.venue, &show.city]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    if !place.is_empty() {
        lines.add("LOCATION", &escaped(&place.join(", ")));
    }
    let status = if show.is_cancelled {
        "CANCELLED"
    } else {
        "CONFIRMED"
    };
    lines.add("STATUS", status);
    lines.add("END", "VEVENT");
}

/// What clocks of a zone show from the first show to the last: how they go at its beginning, and each change.
fn time_zone(lines: &mut Lines, name: &str, zone: &TimeZone, first: Timestamp, last: Timestamp) {
    lines.add("BEGIN", "VTIMEZONE");
    lines.add("TZID", name);
    let before = zone.preceding(first).next();
    let begin = before
        .as_ref()
        .map_or(Timestamp::UNIX_EPOCH, |change| change.timestamp());
    let offset = zone.to_offset(first);
    let is_dst = zone.to_offset_info(first).dst().is_dst();
    // It has been so since then; what was before concerns no show.
    observance(lines, is_dst, offset.to_datetime(begin), offset, offset);
    let mut present = offset;
    for change in zone.following(first).take(TRANSITIONS_MAX) {
        if change.timestamp() > last {
            break;
        }
        let local = present.to_datetime(change.timestamp());
        observance(
            lines,
            change.dst().is_dst(),
            local,
            present,
            change.offset(),
        );
        present = change.offset();
    }
    lines.add("END", "VTIMEZONE");
}

fn observance(lines: &mut Lines, is_dst: bool, from: DateTime, before: Offset, after: Offset) {
    let kind = if is_dst { "DAYLIGHT" } else { "STANDARD" };
    lines.add("BEGIN", kind);
    lines.add("DTSTART", &date_time(from));
    lines.add("TZOFFSETFROM", &ahead(before));
    lines.add("TZOFFSETTO", &ahead(after));
    lines.add("END", kind);
}

fn date_time(local: DateTime) -> String {
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second()
    )
}

fn in_utc(instant: Timestamp) -> String {
    format!("{}Z", date_time(Offset::UTC.to_datetime(instant)))
}

/// `+0700`, with seconds where there are some, as before 1900.
fn ahead(offset: Offset) -> String {
    let seconds = offset.seconds();
    let (sign, ahead) = if seconds < 0 {
        ('-', -seconds)
    } else {
        ('+', seconds)
    };
    let (hours, minutes, rest) = (ahead / 3_600, ahead / 60 % 60, ahead % 60);
    if rest == 0 {
        format!("{sign}{hours:02}{minutes:02}")
    } else {
        format!("{sign}{hours:02}{minutes:02}{rest:02}")
    }
}

/// A text as a value (3.3.11).
fn escaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' | ';' | ',' => {
                value.push('\\');
                value.push(char);
            }
            '\n' => value.push_str("\\n"),
            other if other.is_control() => {}
            other => value.push(other),
        }
    }
    value
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    /// A line, in pieces of [`LINE_MAX_OCTETS`] that break no character.
    fn add(&mut self, name: &str, value: &str) {
        let mut octets = 0;
        for char in name.chars().chain([':']).chain(value.chars()) {
            if octets + char.len_utf8() > LINE_MAX_OCTETS {
                self.0.push_str("\r\n ");
                octets = 1;
            }
            self.0.push(char);
            octets += char.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::{EventId, ShowId};
    use onsale_store::catalog::EventStatus;
    use uuid::Uuid;

    use super::*;

    fn show(time_zone: Option<&str>, starts_at_ms: u64) -> CalendarShow {
        CalendarShow {
            show_id: ShowId(Uuid::from_u128(5)),
            event_id: EventId(Uuid::from_u128(6)),
            event_name: "Opera, the night".to_owned(),
            show_name: None,
            venue: Some("Hall; A".to_owned()),
            city: Some("Bangkok".to_owned()),
            time_zone: time_zone.map(str::to_owned),
            starts_at_ms,
            is_cancelled: false,
            event_status: EventStatus::Published,
            version: 3,
            created_at_ms: 0,
        }
    }

    #[test]
    fn a_show_is_an_event_in_its_zone() {
        // 2030-05-01T12:00:00Z
        let text = calendar("Opera", &[show(Some("Asia/Bangkok"), 1_903_867_200_000)]);
        for line in [
            "TZID:Asia/Bangkok",
            "TZOFFSETTO:+0700",
            "DTSTART;TZID=Asia/Bangkok:20300501T190000",
            "SUMMARY:Opera\\, the night",
            "LOCATION:Hall\\; A\\, Bangkok",
            "STATUS:CONFIRMED",
            "SEQUENCE:3",
        ] {
            assert!(text.contains(&format!("{line}\r\n")), "{line} in {text}");
        }
        let utc = calendar("Opera", &[show(None, 1_903_867_200_000)]);
        assert!(utc.contains("DTSTART:20300501T120000Z\r\n"), "{utc}");
        assert!(!utc.contains("VTIMEZONE"), "{utc}");
    }

    #[test]
    fn an_hour_that_comes_twice_is_told_in_utc() {
        // 2027-10-31T00:30:00Z and T01:30:00Z are both 02:30 in Zurich, T02:30:00Z is 03:30.
        for (starts_at_ms, line) in [
            (1_824_942_600_000, "DTSTART:20271031T003000Z"),
            (1_824_946_200_000, "DTSTART:20271031T013000Z"),
            (
                1_824_949_800_000,
                "DTSTART;TZID=Europe/Zurich:20271031T033000",
            ),
        ] {
            let text = calendar("Opera", &[show(Some("Europe/Zurich"), starts_at_ms)]);
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }

    #[test]
    fn a_zone_is_told_with_every_change_between_its_shows() {
        // 2030-01-15 and 2030-07-15.
        let shows =
            [1_894_734_000_000, 1_910_372_400_000].map(|at| show(Some("Europe/Berlin"), at));
        let text = calendar("Opera", &shows);
        assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 1);
        assert_eq!(text.matches("BEGIN:STANDARD").count(), 1);
        // The last Sunday of March, as clocks showed it before.
        let change = "BEGIN:DAYLIGHT\r\nDTSTART:20300331T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n";
        assert!(text.contains(change), "{text}");
    }

    #[test]
    fn lines_are_folded_between_characters() {
        let mut lines = Lines::default();
        lines.add("SUMMARY", &"คอนเสิร์ต".repeat(20));
        for line in lines.0.trim_end().split("\r\n") {
            assert!(line.len() <= LINE_MAX_OCTETS, "{line}");
        }
        let unfolded = lines.0.replace("\r\n ", "");
        assert_eq!(
            unfolded.trim_end(),
            format!("SUMMARY:{}", "คอนเสิร์ต".repeat(20))
        );
        assert_eq!(escaped("a\r\nBEGIN:VALARM"), "a\\nBEGIN:VALARM");
    }
}
