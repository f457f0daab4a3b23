//! Times and durations.

use jiff::Timestamp;

use super::value::Cel;

/// Reads an RFC 3339 time.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// Reads a duration as Go writes it (`1h2m3.5s`), in nanoseconds.
pub(super) fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let (unit, nanos) = [
            ("ns", 1.0),
            ("us", 1e3),
            ("µs", 1e3),
            ("ms", 1e6),
            ("s", 1e9),
            ("m", 60e9),
            ("h", 3600e9),
        ]
        .into_iter()
        .find(|(unit, _)| rest.starts_with(unit))?;
        total += number * nanos;
        rest = &rest[unit.len()..];
    }
    Some((sign * total) as i64)
}

/// A duration as CEL writes it: in seconds.
pub(super) fn duration_text(nanos: i64) -> String {
    let seconds = nanos as f64 / 1e9;
    format!("{seconds}s")
}

/// A time as CEL writes it.
pub(super) fn timestamp_text(time: Timestamp) -> String {
    time.to_string()
}

/// The parts of a time, in a zone.
pub(super) fn time_part(name: &str, time: Timestamp, zone: Option<&str>) -> Option<Result<Cel, String>> {
    let zone = match zone {
        None | Some("UTC" | "Z" | "") => jiff::tz::TimeZone::UTC,
        Some(name) => match offset(name).or_else(|| jiff::tz::TimeZone::get(name).ok()) {
            Some(zone) => zone,
            None => return Some(Err(format!("unknown time zone {name}"))),
        },
    };
    let local = time.to_zoned(zone);
    Some(Ok(Cel::Int(match name {
        "getFullYear" => i64::from(local.year()),
        "getMonth" => i64::from(local.month()) - 1,
        "getDate" => i64::from(local.day()),
        "getDayOfMonth" => i64::from(local.day()) - 1,
        "getDayOfWeek" => i64::from(local.weekday().to_sunday_zero_offset()),
        "getDayOfYear" => i64::from(local.day_of_year()) - 1,
        "getHours" => i64::from(local.hour()),
        "getMinutes" => i64::from(local.minute()),
        "getSeconds" => i64::from(local.second()),
        "getMilliseconds" => i64::from(local.millisecond()),
        _ => return None,
    })))
}

fn offset(text: &str) -> Option<jiff::tz::TimeZone> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("-", rest) => (-1, rest),
        ("+", rest) => (1, rest),
        _ => (1, text),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    Some(
        jiff::tz::Offset::from_seconds(sign * seconds)
            .ok()?
            .to_time_zone(),
    )
}

/// The parts of a duration.
pub(super) fn duration_part(name: &str, nanos: i64) -> Option<Cel> {
    Some(Cel::Int(match name {
        "getHours" => nanos / 3_600_000_000_000,
        "getMinutes" => nanos / 60_000_000_000,
        "getSeconds" => nanos / 1_000_000_000,
        "getMilliseconds" => nanos / 1_000_000 % 1_000,
        _ => return None,
    }))
}
