//! A point in time, seen from a zone.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Seconds from Go's zero time (the year 1) to the Unix epoch.
const ZERO: i64 = -62_135_596_800;

/// Where a point in time is seen from.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    Utc,
    /// The zone of this machine.
    Local,
    Named(TimeZone),
    /// An offset in seconds with a name, which may be empty.
    Fixed(i32, String),
}

impl Zone {
    /// Finds a zone by its name in the database that comes with the program.
    pub(crate) fn find(name: &str) -> Option<Self> {
        match name {
            "" | "UTC" => Some(Self::Utc),
            "Local" => Some(Self::Local),
            _ => TimeZoneDatabase::bundled().get(name).ok().map(Self::Named),
        }
    }

    /// Returns the offset from UTC in seconds and the abbreviation at a time.
    pub(crate) fn at(&self, seconds: i64) -> (i32, String) {
        let look = |zone: &TimeZone| {
            let stamp = Timestamp::from_second(seconds).unwrap_or(if seconds > 0 {
                Timestamp::MAX
            } else {
                Timestamp::MIN
            });
            let info = zone.to_offset_info(stamp);
            (info.offset().seconds(), info.abbreviation().to_owned())
        };
        match self {
            Self::Utc => (0, "UTC".to_owned()),
            Self::Local => look(&TimeZone::system()),
            Self::Named(zone) => look(zone),
            Self::Fixed(offset, name) => (*offset, name.clone()),
        }
    }
}

/// A point in time, seen from a zone.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// Seconds since the Unix epoch.
    pub(crate) seconds: i64,
    /// Nanoseconds after that.
    pub(crate) nanoseconds: u32,
    pub(crate) zone: Zone,
}

/// The parts of a time on a calendar and a clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) nanosecond: u32,
    /// Sunday is 0.
    pub(crate) weekday: i64,
    /// From 1.
    pub(crate) year_day: i64,
    pub(crate) offset: i32,
    pub(crate) abbreviation: String,
}

impl Moment {
    /// Go's zero time.
    pub(crate) fn zero() -> Self {
        Self {
            seconds: ZERO,
            nanoseconds: 0,
            zone: Zone::Utc,
        }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.seconds == ZERO && self.nanoseconds == 0
    }

    pub(crate) fn now() -> Self {
        let now = Timestamp::now();
        Self {
            seconds: now.as_second(),
            nanoseconds: now.subsec_nanosecond().max(0) as u32,
            zone: Zone::Local,
        }
    }

    pub(crate) fn from_unix(seconds: i64) -> Self {
        Self {
            seconds,
            nanoseconds: 0,
            zone: Zone::Local,
        }
    }

    pub(crate) fn in_zone(&self, zone: Zone) -> Self {
        Self { zone, ..self.clone() }
    }

    /// Adds nanoseconds.
    pub(crate) fn add(&self, nanoseconds: i64) -> Self {
        let sum = i64::from(self.nanoseconds) + nanoseconds % 1_000_000_000;
        Self {
            seconds: self
                .seconds
                .wrapping_add(nanoseconds / 1_000_000_000)
                .wrapping_add(sum.div_euclid(1_000_000_000)),
            nanoseconds: sum.rem_euclid(1_000_000_000) as u32,
            zone: self.zone.clone(),
        }
    }

    /// Returns the nanoseconds since another time, or the nearest there are.
    pub(crate) fn since(&self, earlier: &Self) -> i64 {
        let seconds = i128::from(self.seconds) - i128::from(earlier.seconds);
        let all = seconds * 1_000_000_000 + i128::from(self.nanoseconds) - i128::from(earlier.nanoseconds);
        i64::try_from(all).unwrap_or(if all < 0 { i64::MIN } else { i64::MAX })
    }

    pub(crate) fn parts(&self) -> Parts {
        let (offset, abbreviation) = self.zone.at(self.seconds);
        let local = self.seconds.saturating_add(i64::from(offset));
        let (days, second_of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        Parts {
            year,
            month,
            day,
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            nanosecond: self.nanoseconds,
            weekday: (days + 4).rem_euclid(7),
            year_day: days - days_from_civil(year, 1, 1) + 1,
            offset,
            abbreviation,
        }
    }

    /// Makes a time of calendar and clock in a zone; months and days may run over.
    pub(crate) fn from_parts(parts: &Parts, zone: Zone) -> Self {
        let month = parts.month - 1;
        let days =
            days_from_civil(parts.year + month.div_euclid(12), month.rem_euclid(12) + 1, 1) + parts.day - 1;
        let local = days * 86_400 + parts.hour * 3600 + parts.minute * 60 + parts.second;
        // Look the offset up twice, since the first guess may lie across a change of it.
        let first = i64::from(zone.at(local).0);
        let second = i64::from(zone.at(local - first).0);
        let third = i64::from(zone.at(local - second).0);
        let offset = if first == second || third == second {
            second
        } else {
            first
        };
        Self {
            seconds: local - offset,
            nanoseconds: parts.nanosecond,
            zone,
        }
    }
}

/// Turns days since the Unix epoch into year, month and day.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

pub(super) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
