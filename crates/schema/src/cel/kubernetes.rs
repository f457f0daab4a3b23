//! The functions Kubernetes adds: URLs, amounts, addresses, versions.
//!
//! Source: apiserver `pkg/cel/library/{urls,quantity,ip,cidr,semverlib}.go`.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

use super::value::{Cel, Url};
use crate::quantity::quantity_nano;

type Called = Result<Cel, String>;

/// Names of functions that are not in the language's own list.
pub(super) const KNOWN: [&str; 20] = [
    "last",
    "isUnspecified",
    "isLoopback",
    "isLinkLocalMulticast",
    "isLinkLocalUnicast",
    "isGlobalUnicast",
    "containsIP",
    "containsCIDR",
    "masked",
    "prefixLength",
    "isSemver",
    "semver",
    "major",
    "minor",
    "patch",
    "isSorted",
    "authorizer",
    "format.named",
    "validate",
    "getQueries",
];

const NANO: i128 = 1_000_000_000;

pub(super) fn call(name: &str, arguments: &[Cel]) -> Option<Called> {
    match arguments {
        [Cel::Text(text)] => of_text(name, text),
        [Cel::Quantity(amount), rest @ ..] => quantities(name, *amount, rest),
        [Cel::Url(url)] => urls(name, url),
        [Cel::Ip(address)] => addresses(name, *address),
        [Cel::Cidr(address, length), rest @ ..] => ranges(name, *address, *length, rest),
        [Cel::Semver(major, minor, patch, _), rest @ ..] => {
            let number = |number: u64| Some(Ok(Cel::Int(i64::try_from(number).unwrap_or(i64::MAX))));
            match (name, rest) {
                ("major", []) => number(*major),
                ("minor", []) => number(*minor),
                ("patch", []) => number(*patch),
                (_, [other]) => ordered(name, &arguments[0], other),
                _ => None,
            }
        }
        _ => None,
    }
}

fn of_text(name: &str, text: &str) -> Option<Called> {
    Some(match name {
        "isURL" => Ok(Cel::Bool(parse_url(text).is_some())),
        "url" => parse_url(text)
            .map(|url| Cel::Url(Arc::new(url)))
            .ok_or_else(|| format!("URL parse error during conversion from string: parse \"{text}\": invalid URI for request")),
        "isQuantity" => Ok(Cel::Bool(quantity_nano(text).is_some())),
        "quantity" => quantity_nano(text).map(Cel::Quantity).ok_or_else(|| {
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'".to_owned()
        }),
        "isIP" => Ok(Cel::Bool(parse_ip(text).is_some())),
        "ip" => parse_ip(text)
            .map(Cel::Ip)
            .ok_or_else(|| format!("IP Address \"{text}\" parse error during conversion from string: ParseAddr(\"{text}\"): unable to parse IP")),
        "ip.isCanonical" => parse_ip(text)
            .map(|address| Cel::Bool(address.to_string() == text))
            .ok_or_else(|| format!("IP Address \"{text}\" parse error during conversion from string: ParseAddr(\"{text}\"): unable to parse IP")),
        "isCIDR" => Ok(Cel::Bool(parse_cidr(text).is_some())),
        "cidr" => parse_cidr(text)
            .map(|(address, length)| Cel::Cidr(address, length))
            .ok_or_else(|| format!("network address parse error during conversion from string: netip.ParsePrefix(\"{text}\"): no '/'")),
        "isSemver" => Ok(Cel::Bool(parse_semver(text).is_some())),
        "semver" => parse_semver(text).ok_or_else(|| "No Major.Minor.Patch elements found".to_owned()),
        _ => return None,
    })
}

fn ordered(name: &str, one: &Cel, other: &Cel) -> Option<Called> {
    let order = one.compare(other)?;
    Some(Ok(match name {
        "isLessThan" => Cel::Bool(order == Ordering::Less),
        "isGreaterThan" => Cel::Bool(order == Ordering::Greater),
        "compareTo" => Cel::Int(order as i64),
        _ => return None,
    }))
}

fn quantities(name: &str, amount: i128, rest: &[Cel]) -> Option<Called> {
    Some(Ok(match (name, rest) {
        ("sign", []) => Cel::Int(amount.signum() as i64),
        ("isInteger", []) => Cel::Bool(amount % NANO == 0 && i64::try_from(amount / NANO).is_ok()),
        ("asInteger", []) => match i64::try_from(amount / NANO) {
            Ok(number) if amount % NANO == 0 => Cel::Int(number),
            _ => return Some(Err("cannot convert value to integer".to_owned())),
        },
        ("asApproximateFloat", []) => Cel::Double(amount as f64 / NANO as f64),
        ("add" | "sub", [other]) => {
            let other = match other {
                Cel::Quantity(other) => *other,
                Cel::Int(number) => i128::from(*number) * NANO,
                _ => return None,
            };
            Cel::Quantity(if name == "add" {
                amount + other
            } else {
                amount - other
            })
        }
        (_, [other @ Cel::Quantity(_)]) => return ordered(name, &Cel::Quantity(amount), other),
        _ => return None,
    }))
}

/// As Go's `url.ParseRequestURI`: an absolute URL, or a path.
fn parse_url(text: &str) -> Option<Url> {
    if text.is_empty() || text.chars().any(|c| c.is_control() || c == ' ') {
        return None;
    }
    let (scheme, rest) = if text.starts_with('/') {
        ("", text)
    } else {
        let (scheme, rest) = text.split_once(':')?;
        let mut letters = scheme.chars();
        if !letters.next()?.is_ascii_alphabetic()
            || !letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        {
            return None;
        }
        (scheme, rest)
    };
    if !scheme.is_empty() && !rest.starts_with('/') {
        return None;
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, path) = match rest
        .strip_prefix("//")
        .filter(|_| !scheme.is_empty() || rest.starts_with("//"))
    {
        Some(rest) => match rest.find('/') {
            Some(index) => (&rest[..index], &rest[index..]),
            None => (rest, ""),
        },
        None => ("", rest),
    };
    let host = host.rsplit('@').next().unwrap_or_default();
    let port = host
        .rsplit_once(':')
        .filter(|_| !host.ends_with(']'))
        .map(|(_, port)| port);
    if port.is_some_and(|port| !port.chars().all(|c| c.is_ascii_digit())) {
        return None;
    }
    Some(Url {
        text: text.to_owned(),
        scheme: scheme.to_ascii_lowercase(),
        host: host.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
    })
}

fn urls(name: &str, url: &Url) -> Option<Called> {
    let (hostname, port) = match url.host.rsplit_once(':') {
        Some((name, port)) if !url.host.ends_with(']') => (name, port),
        _ => (url.host.as_str(), ""),
    };
    Some(Ok(match name {
        "getScheme" => Cel::text(url.scheme.as_str()),
        "getHost" => Cel::text(url.host.as_str()),
        "getHostname" => Cel::text(hostname.trim_matches(['[', ']'])),
        "getPort" => Cel::text(port),
        "getEscapedPath" => Cel::text(url.path.as_str()),
        "getQuery" => {
            let mut map = std::collections::BTreeMap::new();
            for part in url.query.split('&').filter(|part| !part.is_empty()) {
                let (key, value) = part.split_once('=').unwrap_or((part, ""));
                let list = map
                    .entry(super::value::Key::Text(key.into()))
                    .or_insert_with(Vec::new);
                list.push(Cel::text(value));
            }
            let map = map
                .into_iter()
                .map(|(key, list)| (key, Cel::list(list)))
                .collect();
            Cel::Map(Arc::new(map))
        }
        _ => return None,
    }))
}

fn parse_ip(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    let is_mapped = matches!(address, IpAddr::V6(six) if six.to_ipv4_mapped().is_some());
    (!is_mapped).then_some(address)
}

fn parse_cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = text.split_once('/')?;
    let address = parse_ip(address)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length: u8 = length.parse().ok().filter(|length| *length <= most)?;
    Some((address, length))
}

fn parse_semver(text: &str) -> Option<Cel> {
    let plain = text.split('+').next()?;
    let (release, pre) = plain.split_once('-').unwrap_or((plain, ""));
    let numbers: Vec<&str> = release.split('.').collect();
    let [major, minor, patch] = numbers.as_slice() else {
        return None;
    };
    let number = |text: &str| {
        let is_plain = text == "0" || !text.starts_with('0');
        text.parse().ok().filter(|_| is_plain)
    };
    Some(Cel::Semver(
        number(major)?,
        number(minor)?,
        number(patch)?,
        pre.into(),
    ))
}

fn addresses(name: &str, address: IpAddr) -> Option<Called> {
    Some(Ok(match name {
        "family" => Cel::Int(if address.is_ipv4() { 4 } else { 6 }),
        "isUnspecified" => Cel::Bool(address.is_unspecified()),
        "isLoopback" => Cel::Bool(address.is_loopback()),
        "isLinkLocalMulticast" => Cel::Bool(match address {
            IpAddr::V4(four) => four.octets()[..3] == [224, 0, 0],
            IpAddr::V6(six) => six.segments()[0] & 0xff0f == 0xff02,
        }),
        "isLinkLocalUnicast" => Cel::Bool(is_link_local(address)),
        "isGlobalUnicast" => {
            let broadcast = matches!(address, IpAddr::V4(four) if four.is_broadcast());
            Cel::Bool(
                !address.is_unspecified()
                    && !address.is_loopback()
                    && !address.is_multicast()
                    && !broadcast
                    && !is_link_local(address),
            )
        }
        _ => return None,
    }))
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => four.is_link_local(),
        IpAddr::V6(six) => six.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(four) => (u128::from(u32::from(four)), 32),
        IpAddr::V6(six) => (u128::from(six), 128),
    }
}

fn network(address: IpAddr, length: u8) -> u128 {
    let (number, size) = bits(address);
    number.checked_shr(u32::from(size - length)).unwrap_or(0)
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    let (_, size) = bits(address);
    let number = network(address, length)
        .checked_shl(u32::from(size - length))
        .unwrap_or(0);
    match address {
        IpAddr::V4(_) => IpAddr::V4((number as u32).into()),
        IpAddr::V6(_) => IpAddr::V6(number.into()),
    }
}

fn ranges(name: &str, address: IpAddr, length: u8, rest: &[Cel]) -> Option<Called> {
    let holds = |other: IpAddr, other_length: u8| {
        other.is_ipv4() == address.is_ipv4()
            && other_length >= length
            && network(other, length) == network(address, length)
    };
    Some(Ok(match (name, rest) {
        ("ip", []) => Cel::Ip(address),
        ("masked", []) => Cel::Cidr(masked(address, length), length),
        ("prefixLength", []) => Cel::Int(i64::from(length)),
        ("containsIP", [Cel::Ip(other)]) => Cel::Bool(holds(*other, 128)),
        ("containsIP", [Cel::Text(other)]) => match parse_ip(other) {
            Some(other) => Cel::Bool(holds(other, 128)),
            None => return of_text("ip", other),
        },
        ("containsCIDR", [Cel::Cidr(other, length)]) => Cel::Bool(holds(*other, *length)),
        ("containsCIDR", [Cel::Text(other)]) => match parse_cidr(other) {
            Some((other, length)) => Cel::Bool(holds(other, length)),
            None => return of_text("cidr", other),
        },
        _ => return None,
    }))
}
