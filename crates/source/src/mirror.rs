//! `--mirror FROM=TO`: other places for public addresses.

use std::borrow::Cow;

/// Rules that replace the beginning of an address; the longest match wins.
///
/// `FROM` and `TO` are prefixes of URLs (`https://charts.example.com`, `oci://ghcr.io/team`). A prefix ends at a path
/// segment: `https://a.example` does not match `https://a.example.org`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrors {
    /// Longest `FROM` first.
    rules: Vec<(String, String)>,
}

/// A rule that is not `FROM=TO`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid mirror `{rule}`: {reason}; write FROM=TO, e.g. https://charts.example.com=http://127.0.0.1:8879/charts"
)]
pub struct MirrorParseError {
    rule: String,
    reason: &'static str,
}

impl Mirrors {
    /// Reads rules of the form `FROM=TO`; a later rule for the same `FROM` replaces an earlier one.
    pub fn parse<S: AsRef<str>>(rules: &[S]) -> Result<Self, MirrorParseError> {
        let mut parsed: Vec<(String, String)> = Vec::new();
        for rule in rules {
            let rule = rule.as_ref();
            let error = |reason| MirrorParseError {
                rule: rule.to_owned(),
                reason,
            };
            let (from, to) = rule.split_once('=').ok_or_else(|| error("there is no `=`"))?;
            for side in [from, to] {
                if side
                    .split_once("://")
                    .is_none_or(|(scheme, rest)| scheme.is_empty() || rest.is_empty())
                {
                    return Err(error("both sides must be addresses with a scheme"));
                }
            }
            let (from, to) = (from.trim_end_matches('/'), to.trim_end_matches('/'));
            parsed.retain(|(known, _)| known != from);
            parsed.push((from.to_owned(), to.to_owned()));
        }
        parsed.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        Ok(Self { rules: parsed })
    }

    /// The address to ask instead of `address`, or the same where no rule fits.
    pub fn apply<'a>(&self, address: &'a str) -> Cow<'a, str> {
        for (from, to) in &self.rules {
            if let Some(rest) = strip_prefix_ignore_host_case(address, from)
                && (rest.is_empty() || rest.starts_with(['/', '?']))
            {
                return Cow::Owned(format!("{to}{rest}"));
            }
        }
        Cow::Borrowed(address)
    }
}

/// Scheme and host compare without regard to case, the path with it (RFC 3986, section 6.2.2.1).
fn strip_prefix_ignore_host_case<'a>(address: &'a str, prefix: &str) -> Option<&'a str> {
    let start = address.get(..prefix.len())?;
    let path = prefix.find("://").map_or(0, |scheme| {
        prefix[scheme + 3..]
            .find('/')
            .map_or(prefix.len(), |slash| scheme + 3 + slash)
    });
    let same =
        start.get(..path)?.eq_ignore_ascii_case(&prefix[..path]) && start.get(path..)? == &prefix[path..];
    same.then(|| &address[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rules: &[&str], address: &str, want: &str) {
        assert_eq!(Mirrors::parse(rules).unwrap().apply(address), want);
    }

    #[test]
    fn replaces_the_longest_prefix() {
        let rules = [
            "https://a.io=http://m/a",
            "https://a.io/charts/=http://m/charts",
            "oci://ghcr.io/x=oci://m:5000/y",
        ];
        check(
            &rules,
            "https://a.io/charts/index.yaml",
            "http://m/charts/index.yaml",
        );
        check(&rules, "https://a.io/other", "http://m/a/other");
        check(&rules, "https://A.IO/", "http://m/a/");
        check(&rules, "oci://ghcr.io/x/podinfo", "oci://m:5000/y/podinfo");
    }

    #[test]
    fn ends_at_a_segment() {
        check(
            &["https://a.io=http://m"],
            "https://a.io.evil/x",
            "https://a.io.evil/x",
        );
        check(
            &["https://a.io/ch=http://m"],
            "https://a.io/charts",
            "https://a.io/charts",
        );
        check(&["https://a.io=http://m"], "https://a.io", "http://m");
        check(&["https://a.io=http://m"], "http://a.io", "http://a.io");
    }

    #[test]
    fn refuses_what_is_no_rule() {
        for rule in [
            "",
            "https://a.io",
            "a.io=http://m",
            "https://a.io=",
            "https://=http://m",
        ] {
            assert!(Mirrors::parse(&[rule]).is_err(), "{rule}");
        }
    }
}
