//! Functions on dates and durations.

use std::any::Any;

use super::arguments::{int, text};
use super::*;
use crate::object::Object;
use crate::strconv;
use crate::text::Text;
use crate::time::{Moment, Zone, format_duration, parse_duration};
use crate::types::{Kind, NamedType};

static TIME: NamedType = NamedType {
    name: "time.Time",
    underlying: None,
    kind: Kind::Struct,
};
static DURATION: NamedType = NamedType {
    name: "time.Duration",
    underlying: Some(Type::Int(IntType::Int64)),
    kind: Kind::Int(IntType::Int64),
};
static MONTH: NamedType = NamedType {
    name: "time.Month",
    underlying: Some(Type::Int(IntType::Int)),
    kind: Kind::Int(IntType::Int),
};
static WEEKDAY: NamedType = NamedType {
    name: "time.Weekday",
    underlying: Some(Type::Int(IntType::Int)),
    kind: Kind::Int(IntType::Int),
};

const TIME_TYPE: Type = Type::Named(&TIME);

static TEXT_TIME: Signature = Signature::fixed(&[Type::String, TIME_TYPE]);
static TEXT_ANY_TEXT: Signature = Signature::fixed(&[Type::String, Type::Any, Type::String]);
static ANY_TEXT: Signature = Signature::fixed(&[Type::Any, Type::String]);
static ONE_TIME: Signature = Signature::fixed(&[TIME_TYPE]);
static ONE_DURATION: Signature = Signature::fixed(&[Type::Named(&DURATION)]);

pub(super) const TABLE: &[Entry] = &[
    ("now", &NOTHING, |_, _| {
        Ok(Value::object(TimeObject(Moment::now())))
    }),
    ("date", &TEXT_ANY, |a, _| {
        Ok(format_in(text(&a[0]), &a[1], "Local"))
    }),
    ("date_in_zone", &TEXT_ANY_TEXT, |a, _| {
        Ok(format_in(text(&a[0]), &a[1], &zone_name(&a[2])))
    }),
    ("dateInZone", &TEXT_ANY_TEXT, |a, _| {
        Ok(format_in(text(&a[0]), &a[1], &zone_name(&a[2])))
    }),
    ("htmlDate", &ANY, |a, _| {
        Ok(format_in(b"2006-01-02", &a[0], "Local"))
    }),
    ("htmlDateInZone", &ANY_TEXT, |a, _| {
        Ok(format_in(b"2006-01-02", &a[0], &zone_name(&a[1])))
    }),
    ("date_modify", &TEXT_TIME, |a, _| {
        Ok(modify(a).unwrap_or_else(|_| a[1].clone()))
    }),
    ("dateModify", &TEXT_TIME, |a, _| {
        Ok(modify(a).unwrap_or_else(|_| a[1].clone()))
    }),
    ("must_date_modify", &TEXT_TIME, |a, _| modify(a)),
    ("mustDateModify", &TEXT_TIME, |a, _| modify(a)),
    ("ago", &ANY, |a, _| Ok(ago(&a[0]).into())),
    ("duration", &ANY, |a, _| {
        Ok(format_duration(seconds(&a[0]).wrapping_mul(1_000_000_000)).into())
    }),
    ("durationRound", &ANY, |a, _| Ok(round_duration(&a[0]).into())),
    ("toDate", &TEXT_TEXT, |a, _| {
        let moment = Moment::parse(text(&a[0]), text(&a[1])).unwrap_or_else(|_| Moment::zero());
        Ok(Value::object(TimeObject(moment)))
    }),
    ("mustToDate", &TEXT_TEXT, |a, _| {
        let moment = Moment::parse(text(&a[0]), text(&a[1])).map_err(Error::message)?;
        Ok(Value::object(TimeObject(moment)))
    }),
    ("unixEpoch", &ONE_TIME, |a, _| {
        Ok(time_of(&a[0])
            .unwrap_or_else(Moment::zero)
            .seconds
            .to_string()
            .into())
    }),
];

fn zone_name(value: &Value) -> String {
    String::from_utf8_lossy(text(value)).into_owned()
}

fn time_of(value: &Value) -> Option<Moment> {
    match value {
        Value::Object(object) => object
            .as_any()
            .downcast_ref::<TimeObject>()
            .map(|time| time.0.clone()),
        _ => None,
    }
}

/// A time, or a number of seconds since the Unix epoch; anything else is now.
fn moment_of(value: &Value) -> Moment {
    match value {
        Value::Int(seconds, IntType::Int | IntType::Int64 | IntType::Int32) => Moment::from_unix(*seconds),
        value => time_of(value).unwrap_or_else(Moment::now),
    }
}

fn format_in(layout: &[u8], value: &Value, zone: &str) -> Value {
    let zone = Zone::find(zone).unwrap_or(Zone::Utc);
    Value::string(moment_of(value).in_zone(zone).format(layout))
}

fn modify(a: &[Value]) -> Result<Value> {
    let nanoseconds = parse_duration(&String::from_utf8_lossy(text(&a[0]))).map_err(Error::message)?;
    let moment = time_of(&a[1]).unwrap_or_else(Moment::zero);
    Ok(Value::object(TimeObject(moment.add(nanoseconds))))
}

fn ago(value: &Value) -> String {
    let elapsed = Moment::now().since(&moment_of(value));
    // Rounded half away from zero.
    let rounded = (elapsed.saturating_add(500_000_000 * elapsed.signum())) / 1_000_000_000;
    format_duration(rounded.saturating_mul(1_000_000_000))
}

fn seconds(value: &Value) -> i64 {
    match value {
        Value::String(text) => match strconv::parse_int(text.as_bytes(), 10) {
            Ok(seconds) | Err((seconds, _)) => seconds,
        },
        Value::Int(seconds, IntType::Int64) => *seconds,
        _ => 0,
    }
}

fn round_duration(value: &Value) -> String {
    let nanoseconds = match value {
        Value::String(text) => parse_duration(&text.to_str()).unwrap_or(0),
        Value::Int(nanoseconds, IntType::Int64) => *nanoseconds,
        value => time_of(value).map_or(0, |time| Moment::now().since(&time)),
    };
    const SECOND: u64 = 1_000_000_000;
    const UNITS: [(u64, &str); 6] = [
        (365 * 24 * 3600 * SECOND, "y"),
        (30 * 24 * 3600 * SECOND, "mo"),
        (24 * 3600 * SECOND, "d"),
        (3600 * SECOND, "h"),
        (60 * SECOND, "m"),
        (SECOND, "s"),
    ];
    let size = nanoseconds.unsigned_abs();
    UNITS.iter().find(|(unit, _)| size > *unit).map_or_else(
        || "0s".to_owned(),
        |(unit, name)| format!("{}{name}", size / unit),
    )
}

/// Makes a `time.Time` seen from a zone with an offset in seconds; `UTC` is Go's own zone of that name.
pub(crate) fn time(seconds: i64, nanoseconds: u32, offset: i32, zone: &str) -> Value {
    let zone = if zone == "UTC" {
        Zone::Utc
    } else {
        Zone::Fixed(offset, zone.to_owned())
    };
    TimeObject::wrap(Moment {
        seconds,
        nanoseconds,
        zone,
    })
}

/// Reads a time as Go's `ParseInLocation` does: in the local zone, or in a zone of this name with the local offset.
///
/// `None` when the text does not have the layout.
pub fn parse_time(layout: &[u8], text: &[u8], zone: Option<&str>) -> Option<Value> {
    let moment = Moment::parse(layout, text).ok()?;
    let Some(name) = zone else {
        return Some(TimeObject::wrap(moment));
    };
    let parts = moment.parts();
    let offset = Moment::now().parts().offset;
    let zone = Zone::Fixed(offset, name.to_owned());
    Some(TimeObject::wrap(Moment::from_parts(&parts, zone)))
}

/// A zone as Go's `%#v` shows it.
fn location(name: &str) -> String {
    format!("Location({})", crate::strconv::quote(name.as_bytes()))
}

/// Go's `time.Time`.
struct TimeObject(Moment);

impl TimeObject {
    fn wrap(moment: Moment) -> Value {
        Value::object(Self(moment))
    }
}

impl Object for TimeObject {
    fn go_type(&self) -> &'static NamedType {
        &TIME
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn method(&self, name: &str) -> Option<&'static Signature> {
        match name {
            "Format" => Some(&TEXT),
            "Unix" | "UnixMilli" | "UnixMicro" | "UnixNano" | "Year" | "Month" | "Day" | "Hour"
            | "Minute" | "Second" | "Nanosecond" | "Weekday" | "YearDay" | "UTC" | "Local" | "String"
            | "IsZero" => Some(&NOTHING),
            "AddDate" => Some(&INT_INT_INT),
            "Before" | "After" | "Equal" | "Compare" | "Sub" => Some(&ONE_TIME),
            "Add" | "Truncate" | "Round" => Some(&ONE_DURATION),
            _ => None,
        }
    }

    fn call(&self, name: &str, a: &[Value], _: &mut Context<'_>) -> Result<Value> {
        let moment = &self.0;
        let parts = moment.parts();
        let nanoseconds = i64::from(moment.nanoseconds);
        let other = a.first().and_then(time_of).unwrap_or_else(Moment::zero);
        let order = (moment.seconds, moment.nanoseconds).cmp(&(other.seconds, other.nanoseconds));
        Ok(match name {
            "Format" => Value::string(moment.format(text(&a[0]))),
            "Unix" => Value::int64(moment.seconds),
            "UnixMilli" => Value::int64(moment.seconds.wrapping_mul(1_000) + nanoseconds / 1_000_000),
            "UnixMicro" => Value::int64(moment.seconds.wrapping_mul(1_000_000) + nanoseconds / 1_000),
            "UnixNano" => Value::int64(
                moment
                    .seconds
                    .wrapping_mul(1_000_000_000)
                    .wrapping_add(nanoseconds),
            ),
            "Year" => Value::int(parts.year),
            "Month" => Value::object(NamedInt {
                number: parts.month,
                ty: &MONTH,
            }),
            "Weekday" => Value::object(NamedInt {
                number: parts.weekday,
                ty: &WEEKDAY,
            }),
            "Day" => Value::int(parts.day),
            "Hour" => Value::int(parts.hour),
            "Minute" => Value::int(parts.minute),
            "Second" => Value::int(parts.second),
            "Nanosecond" => Value::int(nanoseconds),
            "YearDay" => Value::int(parts.year_day),
            "UTC" => Self::wrap(moment.in_zone(Zone::Utc)),
            "Local" => Self::wrap(moment.in_zone(Zone::Local)),
            "String" => moment.display().into(),
            "IsZero" => moment.is_zero().into(),
            "Before" => order.is_lt().into(),
            "After" => order.is_gt().into(),
            "Equal" => order.is_eq().into(),
            "Compare" => Value::int(order as i64),
            "Sub" => Value::object(NamedInt {
                number: moment.since(&other),
                ty: &DURATION,
            }),
            "Add" => Self::wrap(moment.add(a[0].as_basic_int())),
            "AddDate" => {
                let mut parts = parts;
                parts.year += int(&a[0]);
                parts.month += int(&a[1]);
                parts.day += int(&a[2]);
                Self::wrap(Moment::from_parts(&parts, moment.zone.clone()))
            }
            "Truncate" | "Round" => Self::wrap(rounded(moment, a[0].as_basic_int(), name == "Round")),
            _ => return Err(Error::message(format!("{name} is not a method of time.Time"))),
        })
    }

    fn display(&self) -> Option<Text> {
        Some(self.0.display().into())
    }

    fn go_syntax(&self) -> Option<Text> {
        let parts = self.0.parts();
        let month = self.0.format(b"January");
        let zone = match &self.0.zone {
            Zone::Utc => "UTC".to_owned(),
            Zone::Local => "Local".to_owned(),
            Zone::Named(zone) => location(zone.iana_name().unwrap_or_default()),
            Zone::Fixed(_, name) => location(name),
        };
        let text = format!(
            "time.Date({}, time.{}, {}, {}, {}, {}, {}, time.{zone})",
            parts.year,
            String::from_utf8_lossy(&month),
            parts.day,
            parts.hour,
            parts.minute,
            parts.second,
            parts.nanosecond
        );
        Some(text.into())
    }

    fn to_plain(&self) -> Option<Value> {
        Some(Value::string(
            self.0.format(b"2006-01-02T15:04:05.999999999Z07:00"),
        ))
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| {
            (self.0.seconds, self.0.nanoseconds) == (other.0.seconds, other.0.nanoseconds)
                && std::mem::discriminant(&self.0.zone) == std::mem::discriminant(&other.0.zone)
        })
    }
}

/// Rounds to a multiple of a duration since Go's zero time.
fn rounded(moment: &Moment, unit: i64, up: bool) -> Moment {
    if unit <= 0 {
        return moment.clone();
    }
    let since_zero = (i128::from(moment.seconds) - i128::from(Moment::zero().seconds)) * 1_000_000_000
        + i128::from(moment.nanoseconds);
    let rest = since_zero.rem_euclid(i128::from(unit)) as i64;
    if up && rest >= unit - rest {
        moment.add(unit - rest)
    } else {
        moment.add(-rest)
    }
}

trait BasicInt {
    fn as_basic_int(&self) -> i64;
}

impl BasicInt for Value {
    fn as_basic_int(&self) -> i64 {
        match self {
            Self::Int(number, _) => *number,
            Self::Object(object) => object.as_basic().map_or(0, |basic| basic.as_basic_int()),
            _ => 0,
        }
    }
}

/// A number with a name of its own: `time.Duration`, `time.Month` or `time.Weekday`.
struct NamedInt {
    number: i64,
    ty: &'static NamedType,
}

const MONTHS: &[u8] = b"January";
const DAYS: &[u8] = b"Monday";

impl Object for NamedInt {
    fn go_type(&self) -> &'static NamedType {
        self.ty
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn method(&self, name: &str) -> Option<&'static Signature> {
        match name {
            "String" => Some(&NOTHING),
            "Seconds" | "Minutes" | "Hours" | "Milliseconds" | "Microseconds" | "Nanoseconds"
                if self.ty == &DURATION =>
            {
                Some(&NOTHING)
            }
            _ => None,
        }
    }

    fn call(&self, name: &str, _: &[Value], _: &mut Context<'_>) -> Result<Value> {
        let number = self.number;
        let in_units =
            |unit: i64| Value::Float((number / unit) as f64 + (number % unit) as f64 / unit as f64);
        Ok(match name {
            "Seconds" => in_units(1_000_000_000),
            "Minutes" => in_units(60_000_000_000),
            "Hours" => in_units(3_600_000_000_000),
            "Milliseconds" => Value::int64(number / 1_000_000),
            "Microseconds" => Value::int64(number / 1_000),
            "Nanoseconds" => Value::int64(number),
            _ => self.display().unwrap_or_default().into(),
        })
    }

    fn display(&self) -> Option<Text> {
        Some(if self.ty == &DURATION {
            format_duration(self.number).into()
        } else {
            // The epoch's year began on a Thursday; any date of that month or weekday will do.
            let day = 86_400;
            let (layout, seconds) = if self.ty == &MONTH {
                (MONTHS, ((self.number - 1) * 30 + 15) * day)
            } else {
                (DAYS, (self.number + 3) * day)
            };
            let moment = Moment {
                seconds,
                nanoseconds: 0,
                zone: Zone::Utc,
            };
            moment.format(layout).into()
        })
    }

    fn as_basic(&self) -> Option<Value> {
        let width = if self.ty == &DURATION {
            IntType::Int64
        } else {
            IntType::Int
        };
        Some(Value::Int(self.number, width))
    }
}
