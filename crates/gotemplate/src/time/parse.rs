//! Reads times by a layout.

use super::layout::{DAYS, Element, MONTHS, OffsetStyle, next_element};
use super::moment::{Moment, Parts, Zone, days_from_civil};
use super::quote;

/// What has been read so far.
struct Reading {
    parts: Parts,
    has_day: bool,
    year_day: Option<i64>,
    pm: Option<bool>,
    zone: Option<Zone>,
    offset: Option<i32>,
    zone_name: Option<String>,
}

/// Why an element could not be read.
enum Failure {
    Syntax,
    Range(&'static str),
}

type Step<'t> = Result<&'t [u8], Failure>;

impl Moment {
    /// Reads a time as Go's `ParseInLocation` does with the local zone.
    pub(crate) fn parse(layout: &[u8], text: &[u8]) -> Result<Self, String> {
        let failure = |layout_part: &[u8], value_part: &[u8], message: &str| {
            if message.is_empty() {
                let (text, layout) = (quote(text), quote(layout));
                let (value, wanted) = (quote(value_part), quote(layout_part));
                return format!("parsing time {text} as {layout}: cannot parse {value} as {wanted}");
            }
            format!("parsing time {}{message}", quote(text))
        };
        let mut reading = Reading {
            parts: Parts {
                year: 0,
                month: 0,
                day: 0,
                ..Parts::default()
            },
            has_day: false,
            year_day: None,
            pm: None,
            zone: None,
            offset: None,
            zone_name: None,
        };
        let (mut layout_rest, mut rest) = (layout, text);
        loop {
            let (before, found) = next_element(layout_rest);
            let Some(after) = skip(rest, before) else {
                return Err(failure(before, rest, ""));
            };
            rest = after;
            let Some((element, layout_after)) = found else {
                if !rest.is_empty() {
                    return Err(failure(b"", rest, &format!(": extra text: {}", quote(rest))));
                }
                break;
            };
            let element_text = &layout_rest[before.len()..layout_rest.len() - layout_after.len()];
            match reading.element(element, rest, layout_after) {
                Ok(after) => rest = after,
                Err(Failure::Syntax) => return Err(failure(element_text, rest, "")),
                Err(Failure::Range(what)) => {
                    return Err(failure(element_text, rest, &format!(": {what} out of range")));
                }
            }
            layout_rest = layout_after;
        }
        reading
            .finish()
            .map_err(|what| failure(b"", text, &format!(": {what} out of range")))
    }
}

/// Takes literal text off; runs of spaces match any number of spaces.
fn skip<'t>(mut text: &'t [u8], prefix: &[u8]) -> Option<&'t [u8]> {
    let mut prefix = prefix;
    while let Some(first) = prefix.first() {
        if *first == b' ' {
            if text.first().is_some_and(|byte| *byte != b' ') {
                return None;
            }
            let trim = |text: &[u8]| text.iter().take_while(|byte| **byte == b' ').count();
            prefix = &prefix[trim(prefix)..];
            text = &text[trim(text)..];
            continue;
        }
        if text.first() != Some(first) {
            return None;
        }
        prefix = &prefix[1..];
        text = &text[1..];
    }
    Some(text)
}

/// Reads one or two digits; `fixed` wants two.
fn number(text: &[u8], fixed: bool) -> Result<(i64, &[u8]), Failure> {
    let digit = |at: usize| {
        text.get(at)
            .filter(|byte| byte.is_ascii_digit())
            .map(|byte| i64::from(byte - b'0'))
    };
    match (digit(0), digit(1)) {
        (Some(first), Some(second)) => Ok((first * 10 + second, &text[2..])),
        (Some(first), None) if !fixed => Ok((first, &text[1..])),
        _ => Err(Failure::Syntax),
    }
}

fn three_digits(text: &[u8], fixed: bool) -> Result<(i64, &[u8]), Failure> {
    let count = text
        .iter()
        .take(3)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if count == 0 || fixed && count != 3 {
        return Err(Failure::Syntax);
    }
    let value = text[..count]
        .iter()
        .fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    Ok((value, &text[count..]))
}

fn lookup<'t>(names: &[&str], text: &'t [u8], length: Option<usize>) -> Result<(i64, &'t [u8]), Failure> {
    for (index, name) in names.iter().enumerate() {
        let name = &name.as_bytes()[..length.unwrap_or(name.len())];
        if text.len() >= name.len() && text[..name.len()].eq_ignore_ascii_case(name) {
            return Ok((index as i64, &text[name.len()..]));
        }
    }
    Err(Failure::Syntax)
}

fn without_space(text: &[u8]) -> &[u8] {
    text.strip_prefix(b" ").unwrap_or(text)
}

impl Reading {
    fn element<'t>(&mut self, element: Element, text: &'t [u8], layout_after: &[u8]) -> Step<'t> {
        let parts = &mut self.parts;
        let in_range = |value: i64, limit: i64, what| {
            if value < limit {
                Ok(())
            } else {
                Err(Failure::Range(what))
            }
        };
        Ok(match element {
            Element::LongYear => {
                let digits = text
                    .get(..4)
                    .filter(|text| text[0].is_ascii_digit())
                    .ok_or(Failure::Syntax)?;
                let year = std::str::from_utf8(digits)
                    .ok()
                    .and_then(|digits| digits.parse().ok());
                parts.year = year.ok_or(Failure::Syntax)?;
                &text[4..]
            }
            Element::Year => {
                let (year, rest) = number(text, true)?;
                parts.year = year + if year >= 69 { 1900 } else { 2000 };
                rest
            }
            Element::LongMonth | Element::Month => {
                let length = (element == Element::Month).then_some(3);
                let (month, rest) = lookup(&MONTHS, text, length)?;
                parts.month = month + 1;
                rest
            }
            Element::NumMonth | Element::ZeroMonth => {
                let (month, rest) = number(text, element == Element::ZeroMonth)?;
                if !(1..=12).contains(&month) {
                    return Err(Failure::Range("month"));
                }
                parts.month = month;
                rest
            }
            Element::LongWeekday => lookup(&DAYS, text, None)?.1,
            Element::Weekday => lookup(&DAYS, text, Some(3))?.1,
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                let text = if element == Element::UnderDay {
                    without_space(text)
                } else {
                    text
                };
                let (day, rest) = number(text, element == Element::ZeroDay)?;
                parts.day = day;
                self.has_day = true;
                rest
            }
            Element::UnderYearDay | Element::ZeroYearDay => {
                let text = if element == Element::UnderYearDay {
                    without_space(without_space(text))
                } else {
                    text
                };
                let (day, rest) = three_digits(text, element == Element::ZeroYearDay)?;
                self.year_day = Some(day);
                rest
            }
            Element::Hour => {
                let (hour, rest) = number(text, false)?;
                in_range(hour, 24, "hour")?;
                parts.hour = hour;
                rest
            }
            Element::Hour12 | Element::ZeroHour12 => {
                let (hour, rest) = number(text, element == Element::ZeroHour12)?;
                in_range(hour, 13, "hour")?;
                parts.hour = hour;
                rest
            }
            Element::Minute | Element::ZeroMinute => {
                let (minute, rest) = number(text, element == Element::ZeroMinute)?;
                in_range(minute, 60, "minute")?;
                parts.minute = minute;
                rest
            }
            Element::Second | Element::ZeroSecond => {
                let (second, rest) = number(text, element == Element::ZeroSecond)?;
                in_range(second, 60, "second")?;
                parts.second = second;
                // A fraction is taken even where the layout has none.
                let next_is_fraction = matches!(next_element(layout_after), (before, Some((Element::Fraction(..), _))) if before.is_empty());
                let has_fraction =
                    matches!(rest, [b'.' | b',', digit, ..] if digit.is_ascii_digit()) && !next_is_fraction;
                if has_fraction {
                    fraction(rest, None, &mut parts.nanosecond)?
                } else {
                    rest
                }
            }
            Element::UpperPm | Element::LowerPm => {
                let (am, pm) = if element == Element::UpperPm {
                    ("AM", "PM")
                } else {
                    ("am", "pm")
                };
                self.pm = Some(match text.get(..2) {
                    Some(half) if half == pm.as_bytes() => true,
                    Some(half) if half == am.as_bytes() => false,
                    _ => return Err(Failure::Syntax),
                });
                &text[2..]
            }
            Element::Offset(style) => self.read_offset(style, text)?,
            Element::ZoneName => self.read_zone_name(text)?,
            Element::Fraction(_, count, true) => fraction(text, Some(count), &mut parts.nanosecond)?,
            Element::Fraction(_, _, false) => match text {
                [b'.' | b',', digit, ..] if digit.is_ascii_digit() => {
                    fraction(text, None, &mut parts.nanosecond)?
                }
                _ => text,
            },
        })
    }

    fn read_offset<'t>(&mut self, style: OffsetStyle, text: &'t [u8]) -> Step<'t> {
        if style.z
            && let Some(rest) = text.strip_prefix(b"Z")
        {
            self.zone = Some(Zone::Utc);
            return Ok(rest);
        }
        let sign = match text.first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(Failure::Syntax),
        };
        let mut rest = &text[1..];
        let (hours, after) = number(rest, true)?;
        rest = after;
        let (mut minutes, mut seconds) = (0, 0);
        let mut next = |wanted: bool, part: &mut i64| {
            if wanted {
                if style.colons {
                    rest = rest.strip_prefix(b":").ok_or(Failure::Syntax)?;
                }
                (*part, rest) = number(rest, true)?;
            }
            Ok(())
        };
        next(style.minutes, &mut minutes)?;
        next(style.seconds, &mut seconds)?;
        if hours > 24 {
            return Err(Failure::Range("time zone offset hour"));
        }
        if minutes > 60 {
            return Err(Failure::Range("time zone offset minute"));
        }
        if seconds > 60 {
            return Err(Failure::Range("time zone offset second"));
        }
        self.offset = Some(sign * (hours * 3600 + minutes * 60 + seconds) as i32);
        Ok(rest)
    }

    fn read_zone_name<'t>(&mut self, text: &'t [u8]) -> Step<'t> {
        if let Some(rest) = text.strip_prefix(b"UTC") {
            self.zone = Some(Zone::Utc);
            return Ok(rest);
        }
        let mut length = text.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        if text.starts_with(b"GMT") {
            length = 3;
            if matches!(text.get(3), Some(b'+' | b'-')) {
                length += 1 + text[4..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            }
        } else if matches!(text.first(), Some(b'+' | b'-')) {
            length = 1 + text[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        } else {
            let fits = match length {
                3 => true,
                4 => text[3] == b'T' || text.starts_with(b"WITA"),
                5 => text[4] == b'T',
                _ => false,
            };
            if !fits {
                return Err(Failure::Syntax);
            }
        }
        self.zone_name = Some(String::from_utf8_lossy(&text[..length]).into_owned());
        Ok(&text[length..])
    }

    fn finish(mut self) -> Result<Moment, &'static str> {
        let parts = &mut self.parts;
        match self.pm {
            Some(true) if parts.hour < 12 => parts.hour += 12,
            Some(false) if parts.hour == 12 => parts.hour = 0,
            _ => {}
        }
        if let Some(year_day) = self.year_day {
            let start = days_from_civil(parts.year, 1, 1);
            let length = days_from_civil(parts.year + 1, 1, 1) - start;
            if !(1..=length).contains(&year_day) {
                return Err("day-of-year");
            }
            let moment = Moment {
                seconds: (start + year_day - 1) * 86_400,
                nanoseconds: 0,
                zone: Zone::Utc,
            };
            let found = moment.parts();
            if parts.month > 0 && parts.month != found.month {
                return Err("day-of-year does not match month");
            }
            if parts.day > 0 && parts.day != found.day {
                return Err("day-of-year does not match day");
            }
            (parts.month, parts.day) = (found.month, found.day);
        } else {
            parts.month = parts.month.max(1);
            if !self.has_day {
                parts.day = 1;
            }
        }
        let parts = &self.parts;
        let month_start = days_from_civil(parts.year, parts.month, 1);
        let (next_year, next_month) = if parts.month == 12 {
            (parts.year + 1, 1)
        } else {
            (parts.year, parts.month + 1)
        };
        let length = days_from_civil(next_year, next_month, 1) - month_start;
        if !(1..=length).contains(&parts.day) {
            return Err("day");
        }
        if let Some(zone) = self.zone {
            return Ok(Moment::from_parts(parts, zone));
        }
        if let Some(offset) = self.offset {
            let name = self.zone_name.unwrap_or_default();
            let fixed = Moment::from_parts(parts, Zone::Fixed(offset, name.clone()));
            let (local_offset, local_name) = Zone::Local.at(fixed.seconds);
            if local_offset == offset && (name.is_empty() || name == local_name) {
                return Ok(fixed.in_zone(Zone::Local));
            }
            return Ok(fixed);
        }
        if let Some(name) = self.zone_name {
            let local = Moment::from_parts(parts, Zone::Local);
            if Zone::Local.at(local.seconds).1 == name {
                return Ok(local);
            }
            let hours = name
                .strip_prefix("GMT")
                .and_then(|hours| hours.parse::<i32>().ok())
                .unwrap_or(0);
            // Go takes the clock for UTC here and only shows it in the zone.
            return Ok(Moment::from_parts(parts, Zone::Utc).in_zone(Zone::Fixed(hours * 3600, name)));
        }
        Ok(Moment::from_parts(parts, Zone::Local))
    }
}

/// Reads a fraction of a second, with exactly `count` digits where the layout says so.
fn fraction<'t>(text: &'t [u8], count: Option<usize>, nanosecond: &mut u32) -> Step<'t> {
    let digits = text
        .get(1..)
        .unwrap_or(b"")
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let count = count.unwrap_or(digits);
    if !matches!(text.first(), Some(b'.' | b',')) || digits < count {
        return Err(Failure::Syntax);
    }
    let digits = &text[1..=count];
    let nine = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    *nanosecond = nine.fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'));
    Ok(&text[1 + count..])
}
