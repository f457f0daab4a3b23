//! Dates and moments that `from_yaml` makes: Python's `datetime.date` and `datetime.datetime`.

use std::any::Any;

use jiff::civil::{Date, DateTime};

use super::yaml_resolve::Timestamp;
use crate::ast::Compare;
use crate::error::{Error, Result};
use crate::runtime::Vm;
use crate::value::object::Method;
use crate::value::{Object, Value};

/// A date without a time.
pub(crate) struct DateValue(Date);

/// A moment, with the minutes east of UTC if they are known.
pub(crate) struct DateTimeValue {
    pub(crate) at: DateTime,
    pub(crate) offset: Option<i32>,
}

/// The object for a timestamp of a document.
pub(crate) fn from_timestamp(parsed: &Timestamp) -> Result<Value> {
    let (year, month, day) = parsed.date;
    let wrong = |error: jiff::Error| Error::value_error(error.to_string());
    let date = Date::new(year, month, day).map_err(wrong)?;
    let Some((hour, minute, second, micros)) = parsed.time else {
        return Ok(Value::object(DateValue(date)));
    };
    let time = jiff::civil::Time::new(hour, minute, second, micros * 1000).map_err(wrong)?;
    Ok(Value::object(DateTimeValue {
        at: date.to_datetime(time),
        offset: parsed.offset,
    }))
}

/// `+01:00`.
pub(crate) fn offset_text(minutes: i32) -> String {
    format!(
        "{}{:02}:{:02}",
        if minutes < 0 { '-' } else { '+' },
        minutes.abs() / 60,
        minutes.abs() % 60
    )
}

/// `datetime.isoformat`.
pub(crate) fn iso(at: DateTime, offset: Option<i32>, separator: char) -> String {
    let mut text = format!(
        "{}{separator}{:02}:{:02}:{:02}",
        at.date(),
        at.hour(),
        at.minute(),
        at.second()
    );
    let micros = at.subsec_nanosecond() / 1000;
    if micros != 0 {
        text.push_str(&format!(".{micros:06}"));
    }
    if let Some(minutes) = offset {
        text.push_str(&offset_text(minutes));
    }
    text
}

/// How the dumper writes dates.
pub(crate) fn yaml_text(value: &Value) -> Option<String> {
    let Value::Object(object) = value else { return None };
    if let Some(date) = object.as_any().downcast_ref::<DateValue>() {
        return Some(date.0.to_string());
    }
    let moment = object.as_any().downcast_ref::<DateTimeValue>()?;
    Some(iso(moment.at, moment.offset, ' '))
}

fn parts(value: &Value) -> Option<(DateTime, Option<i32>, bool)> {
    let Value::Object(object) = value else { return None };
    if let Some(date) = object.as_any().downcast_ref::<DateValue>() {
        return Some((date.0.to_datetime(jiff::civil::Time::midnight()), None, true));
    }
    let moment = object.as_any().downcast_ref::<DateTimeValue>()?;
    Some((moment.at, moment.offset, false))
}

fn method(name: &str) -> Option<Method> {
    Some(match name {
        "isoformat" => |_, _, v, a| {
            let [separator] = a.bind("isoformat", ["sep"], 0)?;
            let separator = separator
                .and_then(|value| value.as_str().and_then(|text| text.chars().next()))
                .unwrap_or('T');
            Ok(match parts(v) {
                Some((at, _, true)) => at.date().to_string().into(),
                Some((at, offset, false)) => iso(at, offset, separator).into(),
                None => Value::None,
            })
        },
        "strftime" => |_, _, v, a| {
            let [format] = a.bind("strftime", ["format"], 1)?;
            let format = super::commands::text_argument(&format.unwrap_or(Value::None))?;
            let Some((at, _, _)) = parts(v) else {
                return Ok(Value::None);
            };
            jiff::fmt::strtime::format(&*format, at)
                .map(Value::from)
                .map_err(|error| Error::value_error(error.to_string()))
        },
        "weekday" => |_, _, v, _| {
            Ok(parts(v).map_or(Value::None, |(at, ..)| {
                Value::Int(i64::from(at.weekday().to_monday_zero_offset()))
            }))
        },
        "isoweekday" => |_, _, v, _| {
            Ok(parts(v).map_or(Value::None, |(at, ..)| {
                Value::Int(i64::from(at.weekday().to_monday_one_offset()))
            }))
        },
        "date" => {
            |_, _, v, _| Ok(parts(v).map_or(Value::None, |(at, ..)| Value::object(DateValue(at.date()))))
        }
        "timestamp" => |_, _, v, _| {
            let Some((at, offset, _)) = parts(v) else {
                return Ok(Value::None);
            };
            let utc = jiff::tz::Offset::from_seconds(offset.unwrap_or(0) * 60)
                .map_err(|error| Error::value_error(error.to_string()))?;
            let stamp = utc
                .to_timestamp(at)
                .map_err(|error| Error::value_error(error.to_string()))?;
            Ok(Value::Float(stamp.as_microsecond() as f64 / 1e6))
        },
        _ => return None,
    })
}

fn field(at: DateTime, name: &str, date_only: bool) -> Option<Value> {
    let number = match name {
        "year" => i64::from(at.year()),
        "month" => i64::from(at.month()),
        "day" => i64::from(at.day()),
        _ if date_only => return None,
        "hour" => i64::from(at.hour()),
        "minute" => i64::from(at.minute()),
        "second" => i64::from(at.second()),
        "microsecond" => i64::from(at.subsec_nanosecond() / 1000),
        _ => return None,
    };
    Some(Value::Int(number))
}

fn utc(at: DateTime, offset: i32) -> DateTime {
    at.saturating_sub(jiff::Span::new().minutes(offset))
}

fn equal(mine: (DateTime, Option<i32>), date_only: bool, other: &Value) -> bool {
    match parts(other) {
        Some((at, offset, other_date)) if other_date == date_only => match (mine.1, offset) {
            (Some(a), Some(b)) => utc(mine.0, a) == utc(at, b),
            (None, None) => mine.0 == at,
            _ => false,
        },
        _ => false,
    }
}

fn less(mine: (DateTime, Option<i32>), date_only: bool, op: Compare, other: &Value) -> Option<Result<bool>> {
    let (at, offset, other_date) = parts(other)?;
    if other_date != date_only {
        return None;
    }
    let order = match (mine.1, offset) {
        (Some(a), Some(b)) => utc(mine.0, a).cmp(&utc(at, b)),
        (None, None) => mine.0.cmp(&at),
        _ => {
            return Some(Err(Error::type_error(
                "can't compare offset-naive and offset-aware datetimes",
            )));
        }
    };
    Some(Ok(match op {
        Compare::Lt => order.is_lt(),
        Compare::Le => order.is_le(),
        Compare::Gt => order.is_gt(),
        _ => order.is_ge(),
    }))
}

impl Object for DateValue {
    fn type_name(&self) -> &'static str {
        "datetime.date"
    }

    fn attribute(&self, _: &Vm, name: &str) -> Result<Option<Value>> {
        Ok(field(
            self.0.to_datetime(jiff::civil::Time::midnight()),
            name,
            true,
        ))
    }

    fn method(&self, name: &str) -> Option<Method> {
        method(name).filter(|_| !matches!(name, "date" | "timestamp"))
    }

    fn to_str(&self) -> Result<String> {
        Ok(self.0.to_string())
    }

    fn repr(&self) -> Result<String> {
        Ok(format!(
            "datetime.date({}, {}, {})",
            self.0.year(),
            self.0.month(),
            self.0.day()
        ))
    }

    fn equal(&self, other: &Value) -> Result<bool> {
        Ok(equal(
            (self.0.to_datetime(jiff::civil::Time::midnight()), None),
            true,
            other,
        ))
    }

    fn less(&self, op: Compare, other: &Value) -> Option<Result<bool>> {
        less(
            (self.0.to_datetime(jiff::civil::Time::midnight()), None),
            true,
            op,
            other,
        )
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for DateTimeValue {
    fn type_name(&self) -> &'static str {
        "datetime.datetime"
    }

    fn attribute(&self, _: &Vm, name: &str) -> Result<Option<Value>> {
        if name == "tzinfo" && self.offset.is_none() {
            return Ok(Some(Value::None));
        }
        Ok(field(self.at, name, false))
    }

    fn method(&self, name: &str) -> Option<Method> {
        method(name)
    }

    fn to_str(&self) -> Result<String> {
        Ok(iso(self.at, self.offset, ' '))
    }

    fn repr(&self) -> Result<String> {
        let at = self.at;
        let mut text = format!(
            "datetime.datetime({}, {}, {}, {}, {}",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute()
        );
        let micros = at.subsec_nanosecond() / 1000;
        if at.second() != 0 || micros != 0 {
            text.push_str(&format!(", {}", at.second()));
        }
        if micros != 0 {
            text.push_str(&format!(", {micros}"));
        }
        match self.offset {
            None => {}
            Some(0) => text.push_str(", tzinfo=datetime.timezone.utc"),
            Some(minutes) => {
                let delta = if minutes < 0 {
                    format!("days=-1, seconds={}", 86_400 + minutes * 60)
                } else {
                    format!("seconds={}", minutes * 60)
                };
                text.push_str(&format!(
                    ", tzinfo=datetime.timezone(datetime.timedelta({delta}))"
                ));
            }
        }
        text.push(')');
        Ok(text)
    }

    fn equal(&self, other: &Value) -> Result<bool> {
        Ok(equal((self.at, self.offset), false, other))
    }

    fn less(&self, op: Compare, other: &Value) -> Option<Result<bool>> {
        less((self.at, self.offset), false, op, other)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
