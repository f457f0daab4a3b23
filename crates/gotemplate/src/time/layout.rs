//! Go's reference layouts: `2006-01-02T15:04:05Z07:00` and the like.

use std::fmt::Write as _;

use super::moment::{Moment, Parts};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// How a zone's offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OffsetStyle {
    /// `Z` stands for UTC.
    pub(super) z: bool,
    pub(super) colons: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

/// One element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    Offset(OffsetStyle),
    /// A fraction of seconds: the point, the digits, and whether trailing zeros stay.
    Fraction(u8, usize, bool),
}

const OFFSETS: [(&str, OffsetStyle); 10] = [
    (
        "-07:00:00",
        OffsetStyle {
            z: false,
            colons: true,
            minutes: true,
            seconds: true,
        },
    ),
    (
        "-070000",
        OffsetStyle {
            z: false,
            colons: false,
            minutes: true,
            seconds: true,
        },
    ),
    (
        "-07:00",
        OffsetStyle {
            z: false,
            colons: true,
            minutes: true,
            seconds: false,
        },
    ),
    (
        "-0700",
        OffsetStyle {
            z: false,
            colons: false,
            minutes: true,
            seconds: false,
        },
    ),
    (
        "-07",
        OffsetStyle {
            z: false,
            colons: false,
            minutes: false,
            seconds: false,
        },
    ),
    (
        "Z07:00:00",
        OffsetStyle {
            z: true,
            colons: true,
            minutes: true,
            seconds: true,
        },
    ),
    (
        "Z070000",
        OffsetStyle {
            z: true,
            colons: false,
            minutes: true,
            seconds: true,
        },
    ),
    (
        "Z07:00",
        OffsetStyle {
            z: true,
            colons: true,
            minutes: true,
            seconds: false,
        },
    ),
    (
        "Z0700",
        OffsetStyle {
            z: true,
            colons: false,
            minutes: true,
            seconds: false,
        },
    ),
    (
        "Z07",
        OffsetStyle {
            z: true,
            colons: false,
            minutes: false,
            seconds: false,
        },
    ),
];

/// Finds the first element: what stands before it, the element and what stands after it.
pub(super) fn next_element(layout: &[u8]) -> (&[u8], Option<(Element, &[u8])>) {
    for at in 0..layout.len() {
        if let Some((element, length)) = element_at(layout, at) {
            let start = if matches!(element, Element::LongYear) && layout[at] == b'_' {
                at + 1
            } else {
                at
            };
            let length = if start > at { length - 1 } else { length };
            return (&layout[..start], Some((element, &layout[start + length..])));
        }
    }
    (layout, None)
}

fn element_at(layout: &[u8], at: usize) -> Option<(Element, usize)> {
    let rest = &layout[at..];
    let starts = |text: &str| rest.starts_with(text.as_bytes());
    let found = |element, length| Some((element, length));
    match rest[0] {
        b'J' if starts("January") => found(Element::LongMonth, 7),
        b'J' if starts("Jan") && !rest.get(3).is_some_and(u8::is_ascii_lowercase) => found(Element::Month, 3),
        b'M' if starts("Monday") => found(Element::LongWeekday, 6),
        b'M' if starts("Mon") && !rest.get(3).is_some_and(u8::is_ascii_lowercase) => {
            found(Element::Weekday, 3)
        }
        b'M' if starts("MST") => found(Element::ZoneName, 3),
        b'0' if starts("002") => found(Element::ZeroYearDay, 3),
        b'0' => {
            let element = match rest.get(1)? {
                b'1' => Element::ZeroMonth,
                b'2' => Element::ZeroDay,
                b'3' => Element::ZeroHour12,
                b'4' => Element::ZeroMinute,
                b'5' => Element::ZeroSecond,
                b'6' => Element::Year,
                _ => return None,
            };
            found(element, 2)
        }
        b'1' if starts("15") => found(Element::Hour, 2),
        b'1' => found(Element::NumMonth, 1),
        b'2' if starts("2006") => found(Element::LongYear, 4),
        b'2' => found(Element::Day, 1),
        // An underscore before a year is no padding.
        b'_' if starts("_2006") => found(Element::LongYear, 5),
        b'_' if starts("__2") => found(Element::UnderYearDay, 3),
        b'_' if starts("_2") => found(Element::UnderDay, 2),
        b'3' => found(Element::Hour12, 1),
        b'4' => found(Element::Minute, 1),
        b'5' => found(Element::Second, 1),
        b'P' if starts("PM") => found(Element::UpperPm, 2),
        b'p' if starts("pm") => found(Element::LowerPm, 2),
        b'-' | b'Z' => OFFSETS
            .iter()
            .find(|(text, _)| starts(text))
            .map(|(text, style)| (Element::Offset(*style), text.len())),
        b'.' | b',' => {
            let digit = *rest.get(1).filter(|digit| matches!(digit, b'0' | b'9'))?;
            let count = rest[1..].iter().take_while(|byte| **byte == digit).count();
            if rest.get(1 + count).is_some_and(u8::is_ascii_digit) {
                return None;
            }
            found(Element::Fraction(rest[0], count, digit == b'0'), 1 + count)
        }
        _ => None,
    }
}

impl Moment {
    /// Formats as Go's `Time.Format`.
    pub(crate) fn format(&self, layout: &[u8]) -> Vec<u8> {
        let parts = self.parts();
        let mut out = Vec::with_capacity(layout.len() + 10);
        let mut rest = layout;
        loop {
            let (before, found) = next_element(rest);
            out.extend_from_slice(before);
            let Some((element, after)) = found else { return out };
            out.extend_from_slice(format_element(element, &parts).as_bytes());
            rest = after;
        }
    }

    /// Formats as Go's `Time.String`.
    pub(crate) fn display(&self) -> String {
        String::from_utf8_lossy(&self.format(b"2006-01-02 15:04:05.999999999 -0700 MST")).into_owned()
    }
}

fn format_element(element: Element, parts: &Parts) -> String {
    let month = MONTHS[(parts.month - 1).rem_euclid(12) as usize];
    let day = DAYS[parts.weekday.rem_euclid(7) as usize];
    let hour12 = if parts.hour % 12 == 0 { 12 } else { parts.hour % 12 };
    match element {
        Element::LongMonth => month.to_owned(),
        Element::Month => month[..3].to_owned(),
        Element::NumMonth => parts.month.to_string(),
        Element::ZeroMonth => format!("{:02}", parts.month),
        Element::LongWeekday => day.to_owned(),
        Element::Weekday => day[..3].to_owned(),
        Element::Day => parts.day.to_string(),
        Element::UnderDay => format!("{:2}", parts.day),
        Element::ZeroDay => format!("{:02}", parts.day),
        Element::UnderYearDay => format!("{:3}", parts.year_day),
        Element::ZeroYearDay => format!("{:03}", parts.year_day),
        Element::Hour => format!("{:02}", parts.hour),
        Element::Hour12 => hour12.to_string(),
        Element::ZeroHour12 => format!("{hour12:02}"),
        Element::Minute => parts.minute.to_string(),
        Element::ZeroMinute => format!("{:02}", parts.minute),
        Element::Second => parts.second.to_string(),
        Element::ZeroSecond => format!("{:02}", parts.second),
        Element::LongYear if parts.year < 0 => format!("-{:04}", -parts.year),
        Element::LongYear => format!("{:04}", parts.year),
        Element::Year => format!("{:02}", parts.year.rem_euclid(100)),
        Element::UpperPm => if parts.hour >= 12 { "PM" } else { "AM" }.to_owned(),
        Element::LowerPm => if parts.hour >= 12 { "pm" } else { "am" }.to_owned(),
        Element::ZoneName if parts.abbreviation.is_empty() => {
            let sign = if parts.offset < 0 { '-' } else { '+' };
            let minutes = parts.offset.abs() / 60;
            format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
        }
        Element::ZoneName => parts.abbreviation.clone(),
        Element::Offset(style) => format_offset(style, parts.offset),
        Element::Fraction(point, count, keep) => format_fraction(point, count, keep, parts.nanosecond),
    }
}

fn format_offset(style: OffsetStyle, offset: i32) -> String {
    if style.z && offset == 0 {
        return "Z".to_owned();
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let size = offset.abs();
    let colon = if style.colons { ":" } else { "" };
    let mut out = format!("{sign}{:02}", size / 3600);
    if style.minutes {
        let _ = write!(out, "{colon}{:02}", size / 60 % 60);
    }
    if style.seconds {
        let _ = write!(out, "{colon}{:02}", size % 60);
    }
    out
}

fn format_fraction(point: u8, count: usize, keep: bool, nanosecond: u32) -> String {
    let digits = format!("{nanosecond:09}");
    let mut fraction = &digits[..count.min(9)];
    if !keep {
        fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            return String::new();
        }
    }
    format!("{}{fraction}", char::from(point))
}
