//! Times as clocks on walls show them, and the time zones that make instants of them.

use std::fmt;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::error::ApiError;
use crate::values::{self, Instant};

/// Longest name of a time zone, in bytes.
pub(crate) const ZONE_MAX_BYTES: usize = 64;
/// What is right, for errors.
const ZONE_EXPECTED: &str =
    "the name of a time zone of the IANA database, as Asia/Bangkok or Europe/Berlin";
/// `2030-05-01T19:00:00`; the seconds may be left out.
const LOCAL_BYTES: [usize; 2] = [16, 19];

/// The zones that are in the program. Those of the machine may be others, or of another year, and then two nodes would
/// make two instants of one local time.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of a name. Nothing else in this program looks for zones.
fn named(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok()
}

/// The time zone of a name, with the name as the database of time zones has it.
///
/// # Errors
/// `VALIDATION_ERROR` of this field.
pub(crate) fn zone(field: &str, name: &str) -> Result<(TimeZone, String), ApiError> {
    let wrong = || ApiError::invalid(field, name, ZONE_EXPECTED);
    if name.len() > ZONE_MAX_BYTES || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong());
    }
    let zone = named(name).ok_or_else(wrong)?;
    let known = zone.iana_name().map(str::to_owned).ok_or_else(wrong)?;
    Ok((zone, known))
}

/// The time zone of a row. One that this program does not know (any more) is told as UTC.
pub(crate) fn zone_of_row(name: Option<&str>) -> Option<TimeZone> {
    name.and_then(named)
}

/// A time as a request has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// With an offset: it says by itself when that is.
    Instant(Instant),
    /// As a clock shows it there.
    Local(DateTime),
}

impl When {
    /// The instant. In the hour that clocks skip there is none, and in the hour that comes twice there are two: both
    /// are refused, because whoever means one of them can say which by its offset.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` of this field.
    pub(crate) fn at(self, field: &str, zone: Option<&TimeZone>) -> Result<Instant, ApiError> {
        let local = match self {
            Self::Instant(instant) => return Ok(instant),
            Self::Local(local) => local,
        };
        let Some(zone) = zone else {
            return Err(ApiError::invalid(
                field,
                local.to_string(),
                "an offset behind it, as in 2030-05-01T19:00:00+07:00, or time_zone beside it",
            ));
        };
        let found = zone.to_ambiguous_timestamp(local);
        let with = |offset: Offset| written(local, offset);
        match found.offset() {
            AmbiguousOffset::Unambiguous { .. } => {}
            AmbiguousOffset::Gap { before, after } => {
                return Err(ApiError::invalid(
                    field,
                    local.to_string(),
                    &format!(
                        "a time that there is: clocks are put forward over this one; {} and {} are the instants \
                         that may be meant",
                        with(before),
                        with(after)
                    ),
                ));
            }
            AmbiguousOffset::Fold { before, after } => {
                return Err(ApiError::invalid(
                    field,
                    local.to_string(),
                    &format!(
                        "{} or {}: clocks are put back, so this time comes twice",
                        with(before),
                        with(after)
                    ),
                ));
            }
        }
        found
            .unambiguous()
            .ok()
            .and_then(|found| u64::try_from(found.as_millisecond()).ok())
            .map(Instant)
            .ok_or_else(|| {
                ApiError::invalid(
                    field,
                    local.to_string(),
                    "a time from 1970 to the year 9999",
                )
            })
    }
}

/// As [`When::at`], of a time that may be left out.
///
/// # Errors
/// As [`When::at`].
pub(crate) fn at_if_given(
    when: Option<When>,
    field: &str,
    zone: Option<&TimeZone>,
) -> Result<Option<Instant>, ApiError> {
    when.map(|when| when.at(field, zone)).transpose()
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WhenVisitor;
        impl Visitor<'_> for WhenVisitor {
            type Value = When;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "an instant as RFC 3339, such as 2026-12-31T19:30:00Z, or a time without an offset beside its \
                     time_zone",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<When, E> {
                let instant = values::parse(text).map(When::Instant);
                instant
                    .or_else(|| local(text).map(When::Local))
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(WhenVisitor)
    }
}

/// A date and a time, and nothing else.
fn local(text: &str) -> Option<DateTime> {
    let in_form = LOCAL_BYTES.contains(&text.len())
        && text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
    // What is no leap second to an instant is none here.
    let is_leap = text.get(17..) == Some("60");
    if in_form && !is_leap {
        text.parse().ok()
    } else {
        None
    }
}

/// With its offset.
fn written(local: DateTime, offset: Offset) -> String {
    let seconds = offset.seconds();
    let (sign, ahead) = if seconds < 0 {
        ('-', -seconds)
    } else {
        ('+', seconds)
    };
    format!("{local}{sign}{:02}:{:02}", ahead / 3_600, ahead / 60 % 60)
}

/// An instant as clocks there show it, with the offset: `2030-05-01T19:00:00+07:00`.
pub(crate) fn told(instant_ms: u64, zone: &TimeZone) -> Option<String> {
    let timestamp = timestamp(instant_ms)?;
    let offset = zone.to_offset(timestamp);
    Some(written(offset.to_datetime(timestamp), offset))
}

/// As the library has it; `None` in the last days of the year 9999.
pub(crate) fn timestamp(instant_ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(instant_ms).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A folder of zones as a machine may have it: a zone of its own, and none of those that everybody knows.
    const ZONES_OF_MACHINE: &str = "TZDIR";
    const OF_MACHINE_ALONE: &str = "Moon/Base";

    fn read(text: &str) -> Option<When> {
        serde_json::from_value(json!(text)).ok()
    }

    #[test]
    fn zones_are_those_of_the_program() {
        assert_eq!(zone("time_zone", "Asia/Bangkok").unwrap().1, "Asia/Bangkok");
        assert!(zone_of_row(Some("Europe/Berlin")).is_some());
        assert!(zone("time_zone", OF_MACHINE_ALONE).is_err());
        assert!(zone_of_row(Some(OF_MACHINE_ALONE)).is_none());
    }

    /// A zone that is always at UTC, as a file of version 1 (RFC 9636).
    fn zone_file() -> Vec<u8> {
        let mut file = b"TZif".to_vec();
        file.resize(20, 0);
        // Flags of UTC and of standard time, leap seconds, changes, types, and characters of names.
        for count in [0_u32, 0, 0, 0, 1, 4] {
            file.extend(count.to_be_bytes());
        }
        file.extend([0; 6]);
        file.extend(b"UTC\0");
        file
    }

    /// The test above once more, on a machine that has no zones, and on one that has others.
    #[test]
    fn the_zones_of_the_machine_do_not_matter() {
        let (none, others) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let other = others.path().join(OF_MACHINE_ALONE);
        std::fs::create_dir_all(other.parent().unwrap()).unwrap();
        std::fs::write(&other, zone_file()).unwrap();
        // Only a new process reads its environment anew.
        for folder in [none.path(), others.path()] {
            let told = std::process::Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "local_time::tests::zones_are_those_of_the_program",
                ])
                .env(ZONES_OF_MACHINE, folder)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&told.stdout);
            assert!(told.status.success(), "{text}");
            assert!(text.contains("1 passed"), "{text}");
        }
    }

    #[test]
    fn a_local_time_is_an_instant_of_its_zone() {
        for (name, local, utc) in [
            (
                "Asia/Bangkok",
                "2030-05-01T19:00:00",
                "2030-05-01T12:00:00.000Z",
            ),
            (
                "Asia/Bangkok",
                "2030-05-01T19:00",
                "2030-05-01T12:00:00.000Z",
            ),
            (
                "Europe/Berlin",
                "2030-01-15T19:00:00",
                "2030-01-15T18:00:00.000Z",
            ),
            (
                "Europe/Berlin",
                "2030-07-15T19:00:00",
                "2030-07-15T17:00:00.000Z",
            ),
            (
                "America/New_York",
                "2030-07-15T19:00:00",
                "2030-07-15T23:00:00.000Z",
            ),
            // An offset says more than a zone.
            (
                "Europe/Berlin",
                "2030-07-15T19:00:00Z",
                "2030-07-15T19:00:00.000Z",
            ),
        ] {
            let (zone, known) = zone("time_zone", name).unwrap();
            assert_eq!(known, name);
            let at = read(local).unwrap().at("starts_at", Some(&zone)).unwrap();
            assert_eq!(at.to_string(), utc, "{name} {local}");
        }
    }

    #[test]
    fn an_hour_that_is_not_there_or_there_twice_is_refused_with_what_may_be_meant() {
        let (zone, _) = zone("time_zone", "Europe/Berlin").unwrap();
        // The last Sundays of March and October 2030.
        for (local, meant) in [
            ("2030-03-31T02:30:00", ["02:30:00+01:00", "02:30:00+02:00"]),
            ("2030-10-27T02:30:00", ["02:30:00+02:00", "02:30:00+01:00"]),
        ] {
            let refused = read(local)
                .unwrap()
                .at("starts_at", Some(&zone))
                .unwrap_err();
            let details = refused.details().unwrap();
            assert_eq!(details["field"], "starts_at");
            let expected = details["expected"].as_str().unwrap();
            for meant in meant {
                assert!(expected.contains(meant), "{local}: {expected}");
            }
        }
        // Without a zone it says nothing.
        assert!(
            read("2030-05-01T19:00:00")
                .unwrap()
                .at("starts_at", None)
                .is_err()
        );
    }

    #[test]
    fn what_is_no_time_and_no_zone_is_refused() {
        for bad in [
            "2030-05-01",
            "2030-05-01T19",
            "2030-05-01 19:00:00",
            "2030-02-30T19:00:00",
            "2030-05-01T24:00:00",
            "2030-05-01T19:00:60",
            "2030-05-01T19:00:00.5",
            "2030-05-01T19:00:00[Asia/Bangkok]",
            "tomorrow",
            "",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        for bad in [
            "",
            "Mars/Base",
            "../../etc/passwd",
            "Asia/Bang kok",
            &"A".repeat(65),
            "UTC+7",
        ] {
            let refused = zone("time_zone", bad).unwrap_err();
            assert_eq!(refused.details().unwrap()["field"], "time_zone", "{bad}");
        }
        assert_eq!(zone("time_zone", "asia/bangkok").unwrap().1, "Asia/Bangkok");
    }

    #[test]
    fn an_instant_is_told_as_clocks_there_show_it() {
        let (bangkok, _) = zone("time_zone", "Asia/Bangkok").unwrap();
        assert_eq!(
            told(0, &bangkok).as_deref(),
            Some("1970-01-01T07:00:00+07:00")
        );
        let (new_york, _) = zone("time_zone", "America/New_York").unwrap();
        assert_eq!(
            told(0, &new_york).as_deref(),
            Some("1969-12-31T19:00:00-05:00")
        );
        assert_eq!(told(u64::MAX, &bangkok), None);
    }
}
