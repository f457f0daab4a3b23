//! Repositories that a project takes files from.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::checked;

/// Which state of a git repository: exactly one of branch, tag and commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct GitRef {
    /// A branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// A tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// A commit, as its full hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

checked!(GitRef);

impl GitRef {
    fn check(&self) -> Result<(), String> {
        let given = [&self.branch, &self.tag, &self.commit]
            .into_iter()
            .filter(|part| part.as_deref().is_some_and(|text| !text.is_empty()))
            .count();
        match given {
            1 => Ok(()),
            0 => Err("either branch, tag or commit must be set".to_owned()),
            _ => Err("only one of branch, tag or commit can be set".to_owned()),
        }
    }
}

impl fmt::Display for GitRef {
    /// `refs/heads/x`, `refs/tags/x` or the commit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.branch, &self.tag, &self.commit) {
            (Some(branch), _, _) => write!(f, "refs/heads/{branch}"),
            (_, Some(tag), _) => write!(f, "refs/tags/{tag}"),
            (_, _, commit) => f.write_str(commit.as_deref().unwrap_or_default()),
        }
    }
}

/// A folder of a git repository: a URL, or a map with `url`, `ref` and `subDir`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GitSource {
    /// URL of the repository.
    pub url: String,
    /// Which state of it; the remote's HEAD when missing.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<GitRef>,
    /// Folder in the repository.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sub_dir: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GitSourceMap {
    /// URL of the repository.
    url: String,
    /// Which state of it; the remote's HEAD when missing.
    #[serde(default, rename = "ref")]
    reference: Option<GitRef>,
    /// Folder in the repository.
    #[serde(default)]
    sub_dir: String,
}

impl<'de> Deserialize<'de> for GitSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GitSourceVisitor)
    }
}

struct GitSourceVisitor;

impl<'de> Visitor<'de> for GitSourceVisitor {
    type Value = GitSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL or a map with url, ref and subDir")
    }

    fn visit_str<E>(self, url: &str) -> Result<GitSource, E> {
        Ok(GitSource {
            url: url.to_owned(),
            ..GitSource::default()
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<GitSource, A::Error> {
        let map = GitSourceMap::deserialize(MapAccessDeserializer::new(map))?;
        check_sub_dir("git", &map.sub_dir).map_err(serde::de::Error::custom)?;
        Ok(GitSource {
            url: map.url,
            reference: map.reference,
            sub_dir: map.sub_dir,
        })
    }
}

impl JsonSchema for GitSource {
    fn schema_name() -> Cow<'static, str> {
        "GitSource".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<GitSourceMap>();
        schemars::json_schema!({
            "description": "A folder of a git repository: a URL, or a map with url, ref and subDir",
            "anyOf": [{"type": "string"}, map]
        })
    }
}

/// Which artifact of an OCI repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OciRef {
    /// A digest such as `sha256:…`; wins over the tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// A tag, `latest` when neither is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// A range of versions such as `>=1.0.0 <2.0.0`; the tag with the highest one in it is taken. An addition of ours, as
    /// Flux has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
}

impl fmt::Display for OciRef {
    /// `tag`, `tag@digest` or `@digest`; `latest` when nothing is given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tag = self.tag.as_deref().unwrap_or_default();
        match self.digest.as_deref().unwrap_or_default() {
            "" if self.semver.as_ref().is_some_and(|range| !range.is_empty()) => {
                f.write_str(self.semver.as_deref().unwrap_or_default())
            }
            "" if tag.is_empty() => f.write_str("latest"),
            "" => f.write_str(tag),
            digest => write!(f, "{tag}@{digest}"),
        }
    }
}

/// A folder of an OCI artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct OciSource {
    /// URL of the repository, `oci://…`.
    pub url: String,
    /// Which artifact; tag `latest` when missing.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<OciRef>,
    /// Folder in the artifact.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sub_dir: String,
}

checked!(OciSource);

impl OciSource {
    fn check(&self) -> Result<(), String> {
        check_sub_dir("oci", &self.sub_dir)
    }
}

fn check_sub_dir(kind: &str, sub_dir: &str) -> Result<(), String> {
    let wrong = |c: char| c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '^');
    if sub_dir.contains(wrong) {
        return Err(format!("'{sub_dir}' is not valid {kind} subdirectory path"));
    }
    Ok(())
}
