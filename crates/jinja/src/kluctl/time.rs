//! `time.now()` and its like: moments that `+` and `-` change in place, as upstream's do.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::dates::iso;
use crate::ast::{Binary, Compare};
use crate::call::CallArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, Vm};
use crate::value::object::Method;
use crate::value::{Dict, Func, Object, Value, number};

/// A moment, in a zone if one is known.
#[derive(Clone)]
struct Moment {
    at: DateTime,
    zone: Option<TimeZone>,
}

pub(crate) struct TimeValue(RefCell<Moment>);

/// The dict `time`.
pub(crate) fn functions() -> Value {
    let now = Func::native("now", |vm, _, args| {
        args.none("SimpleTime.now")?;
        Ok(made(
            vm.input.host.now().to_zoned(vm.input.host.time_zone()).datetime(),
            None,
        ))
    });
    let utcnow = Func::native("utcnow", |vm, _, args| {
        args.none("SimpleTime.utcnow")?;
        Ok(made(vm.input.host.now().to_zoned(TimeZone::UTC).datetime(), None))
    });
    let parse = Func::native("parse_iso", |_, _, args| {
        let [text] = args.bind("SimpleTime.parse_iso", ["s"], 1)?;
        let text = text.unwrap_or(Value::None);
        let Some(own) = text.as_str() else {
            return Err(Error::type_error("fromisoformat: argument must be str"));
        };
        parse_iso(own)
    });
    const SECOND: i64 = 1_000_000;
    Value::dict(Dict::from_pairs([
        ("now", now),
        ("utcnow", utcnow),
        ("parse_iso", parse),
        ("second", Value::Int(SECOND)),
        ("minute", Value::Int(SECOND * 60)),
        ("hour", Value::Int(SECOND * 3600)),
    ]))
}

/// Python keeps microseconds.
fn made(at: DateTime, zone: Option<TimeZone>) -> Value {
    let nanos = at.subsec_nanosecond() / 1000 * 1000;
    let at = at.with().subsec_nanosecond(nanos).build().unwrap_or(at);
    Value::object(TimeValue(RefCell::new(Moment { at, zone })))
}

/// `datetime.fromisoformat`.
fn parse_iso(text: &str) -> Result<Value> {
    let invalid = || {
        Error::value_error(format!(
            "Invalid isoformat string: {}",
            crate::parser::quoted(text)
        ))
    };
    let (date, rest) = split_date(text).ok_or_else(invalid)?;
    let (clock, zone) = match rest {
        None => (jiff::civil::Time::midnight(), None),
        Some(rest) => {
            let zone_at = rest.find(['+', '-', 'Z', 'z']).unwrap_or(rest.len());
            let (clock, zone) = rest.split_at(zone_at);
            let zone = match zone {
                "" => None,
                "Z" | "z" => Some(0),
                zone => {
                    let seconds = clock_seconds(&zone[1..]).ok_or_else(invalid)?;
                    Some(if zone.starts_with('-') { -seconds } else { seconds })
                }
            };
            (clock_of(clock).ok_or_else(invalid)?, zone)
        }
    };
    let zone = match zone {
        None => None,
        Some(seconds) => Some(TimeZone::fixed(
            jiff::tz::Offset::from_seconds(seconds).map_err(|_| invalid())?,
        )),
    };
    Ok(made(date.to_datetime(clock), zone))
}

/// `2022-W39-6`, `2022W39`: the length and the date.
fn week_date(text: &str) -> Option<(usize, jiff::civil::Date)> {
    let number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse::<i16>().ok())
            .flatten()
    };
    let year = number(text.get(..4)?)?;
    let rest = &text[4..];
    let (dash, rest) = match rest.strip_prefix('-') {
        Some(rest) => (1, rest),
        None => (0, rest),
    };
    let rest = rest.strip_prefix('W')?;
    let week = number(rest.get(..2)?)? as i8;
    let rest = &rest[2..];
    let digit = rest
        .get(dash..=dash)
        .filter(|_| dash == 0 || rest.starts_with('-'));
    let (length, day) = match digit.and_then(number) {
        Some(day) => (4 + dash + 3 + dash + 1, day),
        None => (4 + dash + 3, 1),
    };
    let weekday = jiff::civil::Weekday::from_monday_one_offset(day as i8).ok()?;
    let date = jiff::civil::ISOWeekDate::new(year, week, weekday).ok()?.date();
    Some((length, date))
}

fn split_date(text: &str) -> Option<(jiff::civil::Date, Option<&str>)> {
    if let Some((length, date)) = week_date(text) {
        if text.len() == length {
            return Some((date, None));
        }
        let separator = text[length..].chars().next()?;
        let rest = &text[length + separator.len_utf8()..];
        return (!rest.is_empty()).then_some((date, Some(rest)));
    }
    let number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse::<i16>().ok())
            .flatten()
    };
    let long = text.as_bytes().get(4) == Some(&b'-');
    let length = if long { 10 } else { 8 };
    let date = text.get(..length)?;
    let (year, month, day) = match long {
        true if date.as_bytes()[7] == b'-' => (&date[..4], &date[5..7], &date[8..10]),
        true => return None,
        false => (&date[..4], &date[4..6], &date[6..8]),
    };
    // Python's first year is 1.
    let year = number(year).filter(|year| *year > 0)?;
    let date = jiff::civil::Date::new(year, number(month)? as i8, number(day)? as i8).ok()?;
    if text.len() == length {
        return Some((date, None));
    }
    let separator = text[length..].chars().next()?;
    let rest = &text[length + separator.len_utf8()..];
    (!rest.is_empty()).then_some((date, Some(rest)))
}

/// Hours, minutes, seconds and microseconds, with or without colons.
fn clock_parts(text: &str) -> Option<[i32; 4]> {
    let (whole, fraction) = match text.find(['.', ',']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let plain = whole.replace(':', "");
    let colons = whole.matches(':').count();
    let shape = if colons > 0 {
        plain.len() == 2 * (colons + 1) && plain.len() + colons == whole.len()
    } else {
        true
    };
    if !shape || !matches!(plain.len(), 2 | 4 | 6) || !plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut parts = [0; 4];
    for (index, part) in parts.iter_mut().take(plain.len() / 2).enumerate() {
        *part = plain[index * 2..index * 2 + 2].parse().ok()?;
    }
    if let Some(fraction) = fraction {
        if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) || plain.len() != 6 {
            return None;
        }
        parts[3] = format!("{:0<6}", &fraction[..fraction.len().min(6)])
            .parse()
            .ok()?;
    }
    Some(parts)
}

fn clock_of(text: &str) -> Option<jiff::civil::Time> {
    let [hour, minute, second, micros] = clock_parts(text)?;
    jiff::civil::Time::new(
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        i8::try_from(second).ok()?,
        micros * 1000,
    )
    .ok()
}

fn clock_seconds(text: &str) -> Option<i32> {
    let [hour, minute, second, _] = clock_parts(text)?;
    Some(hour * 3600 + minute * 60 + second)
}

fn this(value: &Value) -> Result<&TimeValue> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref(),
        _ => None,
    }
    .ok_or_else(|| Error::value_error("value is not a SimpleTime"))
}

fn number_of(value: &Value, args: CallArgs, name: &str, read: impl Fn(DateTime) -> i64) -> Result<Value> {
    args.none(name)?;
    Ok(Value::Int(read(this(value)?.0.borrow().at)))
}

fn as_timezone(vm: &Vm, _: &Rc<Context>, value: &Value, args: CallArgs) -> Result<Value> {
    let [name] = args.bind("SimpleTime.as_timezone", ["tz"], 1)?;
    let name = super::commands::text_argument(&name.unwrap_or(Value::None))?;
    let unknown = |_| {
        Error::new(
            ErrorKind::ZONE_NOT_FOUND,
            format!("'No time zone found with key {name}'"),
        )
    };
    let wanted = if &*name == "UTC" {
        TimeZone::UTC
    } else {
        TimeZone::get(&name).map_err(unknown)?
    };
    let moment = this(value)?.0.borrow().clone();
    let zone = moment.zone.unwrap_or_else(|| vm.input.host.time_zone());
    let zoned = zone
        .to_zoned(moment.at)
        .map_err(|error| Error::value_error(error.to_string()))?;
    Ok(made(
        zoned.with_time_zone(wanted.clone()).datetime(),
        Some(wanted),
    ))
}

impl TimeValue {
    fn offset_minutes(moment: &Moment) -> Option<i32> {
        let zone = moment.zone.as_ref()?;
        let zoned = zone.to_zoned(moment.at).ok()?;
        Some(zoned.offset().seconds() / 60)
    }

    fn order(&self, other: &Value) -> Result<std::cmp::Ordering> {
        let (a, b) = (self.0.borrow().clone(), this(other)?.0.borrow().clone());
        match (&a.zone, &b.zone) {
            (None, None) => Ok(a.at.cmp(&b.at)),
            (Some(x), Some(y)) => {
                let stamp = |zone: &TimeZone, at: DateTime| {
                    zone.to_timestamp(at)
                        .map_err(|error| Error::value_error(error.to_string()))
                };
                Ok(stamp(x, a.at)?.cmp(&stamp(y, b.at)?))
            }
            _ => Err(Error::type_error(
                "can't compare offset-naive and offset-aware datetimes",
            )),
        }
    }

    fn shift(&self, op: Binary, other: &Value) -> Result<()> {
        let micros = match other {
            Value::Float(float) => float.round_ties_even() as i64,
            other => number::to_big(other)
                .and_then(|big| i64::try_from(&big).ok())
                .ok_or_else(|| {
                    let name = other.type_name();
                    Error::type_error(format!(
                        "unsupported type for timedelta microseconds component: {name}"
                    ))
                })?,
        };
        let micros = if op == Binary::Sub { -micros } else { micros };
        let mut moment = self.0.borrow_mut();
        let span = jiff::SignedDuration::from_micros(micros);
        moment.at = moment
            .at
            .checked_add(span)
            .map_err(|_| Error::new(ErrorKind::OVERFLOW, "date value out of range"))?;
        Ok(())
    }
}

impl Object for TimeValue {
    fn type_name(&self) -> &'static str {
        "SimpleTime"
    }

    fn qualified_name(&self) -> String {
        "go_jinja2.ext.time_ext.SimpleTime".to_owned()
    }

    fn method(&self, name: &str) -> Option<Method> {
        Some(match name {
            "as_timezone" => as_timezone,
            "weekday" => |_, _, v, a| {
                number_of(v, a, "SimpleTime.weekday", |at| {
                    i64::from(at.weekday().to_monday_zero_offset())
                })
            },
            "hour" => |_, _, v, a| number_of(v, a, "SimpleTime.hour", |at| i64::from(at.hour())),
            "minute" => |_, _, v, a| number_of(v, a, "SimpleTime.minute", |at| i64::from(at.minute())),
            "second" => |_, _, v, a| number_of(v, a, "SimpleTime.second", |at| i64::from(at.second())),
            "nanosecond" => |_, _, v, a| {
                number_of(v, a, "SimpleTime.nanosecond", |at| {
                    i64::from(at.subsec_nanosecond() / 1000 * 1000)
                })
            },
            _ => return None,
        })
    }

    fn to_str(&self) -> Result<String> {
        let moment = self.0.borrow();
        Ok(iso(moment.at, Self::offset_minutes(&moment), 'T'))
    }

    fn repr(&self) -> Result<String> {
        Ok(format!(
            "<go_jinja2.ext.time_ext.SimpleTime object at {:p}>",
            std::ptr::from_ref(self)
        ))
    }

    fn equal(&self, other: &Value) -> Result<bool> {
        match self.order(other) {
            Ok(order) => Ok(order.is_eq()),
            Err(error) if error.kind() == ErrorKind::TYPE => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn less(&self, op: Compare, other: &Value) -> Option<Result<bool>> {
        Some(self.order(other).map(|order| match op {
            Compare::Lt => order.is_lt(),
            Compare::Le => order.is_le(),
            Compare::Gt => order.is_gt(),
            _ => order.is_ge(),
        }))
    }

    fn binary(&self, this: &Value, op: Binary, other: &Value, reflected: bool) -> Option<Result<Value>> {
        if reflected || !matches!(op, Binary::Add | Binary::Sub) {
            return None;
        }
        Some(self.shift(op, other).map(|()| this.clone()))
    }

    fn is_hashable(&self) -> bool {
        false
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
