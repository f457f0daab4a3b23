//! What SOPS writes beside the values: keys, rules, checksum.
//!
//! Source: sops `stores/stores.go`, `metadata` and `ToInternal`.

use std::collections::BTreeMap;

use regex::Regex;

use crate::error::Error;
use crate::rules::Rules;
use crate::tree::{Branch, Entry, Value, get};

/// The key of the metadata in YAML, JSON and INI files, and the prefix in dotenv files.
pub(crate) const KEY: &str = "sops";

/// A key that can unwrap the key of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterKey {
    /// An age recipient, `age1…` or `ssh-…`.
    Age {
        /// The recipient.
        recipient: String,
    },
    /// A PGP key.
    Pgp {
        /// Its fingerprint.
        fingerprint: String,
    },
    /// A key of AWS KMS.
    AwsKms {
        /// Its ARN.
        arn: String,
        /// A role to assume.
        role: Option<String>,
        /// The encryption context.
        context: BTreeMap<String, String>,
        /// A profile of the AWS configuration.
        profile: Option<String>,
    },
    /// A key of Google Cloud KMS.
    GcpKms {
        /// `projects/…/locations/…/keyRings/…/cryptoKeys/…`
        resource_id: String,
    },
    /// A key of Azure Key Vault.
    AzureKeyVault {
        /// URL of the vault.
        vault_url: String,
        /// Name of the key.
        name: String,
        /// Version of the key.
        version: String,
    },
    /// A key of Vault's transit engine.
    VaultTransit {
        /// Address of the server.
        address: String,
        /// Path of the engine.
        engine: String,
        /// Name of the key.
        name: String,
    },
    /// A kind that is not supported.
    Other {
        /// Its name in the metadata.
        kind: String,
    },
}

impl MasterKey {
    /// Whether it is on this machine, so that it is tried first.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Age { .. } | Self::Pgp { .. })
    }

    /// How a person knows it.
    pub fn shown(&self) -> String {
        match self {
            Self::Age { recipient } => format!("age {recipient}"),
            Self::Pgp { fingerprint } => format!("PGP {fingerprint}"),
            Self::AwsKms { arn, .. } => format!("AWS KMS {arn}"),
            Self::GcpKms { resource_id } => format!("GCP KMS {resource_id}"),
            Self::AzureKeyVault {
                vault_url,
                name,
                version,
            } => format!("Azure Key Vault {vault_url}/keys/{name}/{version}"),
            Self::VaultTransit {
                address,
                engine,
                name,
            } => format!("Vault {address}/v1/{engine}/keys/{name}"),
            Self::Other { kind } => format!("`{kind}`"),
        }
    }
}

/// The key of a file, or a share of it, wrapped for one master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// Who can unwrap it.
    pub key: MasterKey,
    /// The wrapped key as it stands in the file: armour, base64, or Vault's form.
    pub data: String,
}

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) groups: Vec<Vec<Wrapped>>,
    /// How many groups are needed.
    pub(crate) threshold: usize,
    pub(crate) rules: Rules,
    pub(crate) mac: String,
    pub(crate) mac_only_encrypted: bool,
    pub(crate) last_modified: String,
}

impl Metadata {
    /// Whether a map is SOPS's metadata and not somebody's own entry of that name.
    pub(crate) fn fits(branch: &Branch) -> bool {
        let known = ["mac", "lastmodified", "version"];
        let found = known.iter().filter(|name| get(branch, name).is_some()).count();
        found >= 2
    }

    pub(crate) fn read(branch: &Branch) -> Result<Self, Error> {
        let text = |key: &str| text(branch, key);
        let last_modified = text("lastmodified").unwrap_or_default();
        let time: jiff::Timestamp = last_modified.parse().map_err(|_| {
            Error::new(format!(
                "`lastmodified` is `{last_modified}`, expected a time in RFC 3339"
            ))
        })?;
        let _ = time;
        let groups = groups(branch)?;
        let threshold = match text("shamir_threshold") {
            Some(text) => text
                .parse()
                .map_err(|_| Error::new(format!("`shamir_threshold` is `{text}`, expected a number")))?,
            None => 0,
        };
        Ok(Self {
            groups,
            threshold,
            rules: rules(branch)?,
            mac: text("mac").unwrap_or_default(),
            mac_only_encrypted: text("mac_only_encrypted").is_some_and(|text| text == "true" || text == "1"),
            last_modified,
        })
    }
}

/// A scalar as text; empty ones count as missing.
fn text(branch: &Branch, key: &str) -> Option<String> {
    let text = match get(branch, key)? {
        Value::Text(text) | Value::Time(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

fn rules(branch: &Branch) -> Result<Rules, Error> {
    let regex = |key: &str| {
        let compile = |text: String| {
            let failed = |error| Error::new(format!("`{key}` is not a regular expression: {error}"));
            Regex::new(&text).map_err(failed)
        };
        text(branch, key).map(compile).transpose()
    };
    let mut rules = Rules {
        unencrypted_suffix: text(branch, "unencrypted_suffix"),
        encrypted_suffix: text(branch, "encrypted_suffix"),
        unencrypted_regex: regex("unencrypted_regex")?,
        encrypted_regex: regex("encrypted_regex")?,
        unencrypted_comment_regex: regex("unencrypted_comment_regex")?,
        encrypted_comment_regex: regex("encrypted_comment_regex")?,
    };
    let set = [
        rules.unencrypted_suffix.is_some(),
        rules.encrypted_suffix.is_some(),
        rules.unencrypted_regex.is_some(),
        rules.encrypted_regex.is_some(),
        rules.unencrypted_comment_regex.is_some(),
        rules.encrypted_comment_regex.is_some(),
    ];
    match set.iter().filter(|set| **set).count() {
        0 => rules.unencrypted_suffix = Some("_unencrypted".to_owned()),
        1 => {}
        _ => {
            return Err(Error::new(
                "cannot use more than one of encrypted_suffix, unencrypted_suffix, encrypted_regex, unencrypted_regex, \
                 encrypted_comment_regex, or unencrypted_comment_regex in the same file",
            ));
        }
    }
    Ok(rules)
}

/// The lists of keys, in the order in which SOPS joins them.
const KINDS: [&str; 7] = ["kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age"];

fn groups(branch: &Branch) -> Result<Vec<Vec<Wrapped>>, Error> {
    let single = group(branch);
    if !single.is_empty() {
        return Ok(vec![single]);
    }
    let several: Vec<Vec<Wrapped>> = match get(branch, "key_groups") {
        Some(Value::List(groups)) => groups.iter().filter_map(as_map).map(group).collect(),
        _ => Vec::new(),
    };
    if several.is_empty() {
        return Err(Error::new("no keys found in the file's metadata"));
    }
    Ok(several)
}

fn as_map(value: &Value) -> Option<&Branch> {
    match value {
        Value::Map(branch) => Some(branch),
        _ => None,
    }
}

/// The keys of a group.
fn group(branch: &Branch) -> Vec<Wrapped> {
    let mut keys = Vec::new();
    for kind in KINDS {
        if let Some(Value::List(list)) = get(branch, kind) {
            keys.extend(list.iter().filter_map(as_map).map(|key| wrapped(kind, key)));
        }
    }
    keys
}

fn wrapped(kind: &str, key: &Branch) -> Wrapped {
    let optional = |name: &str| text(key, name);
    let required = |name: &str| text(key, name).unwrap_or_default();
    let master = match kind {
        "age" => MasterKey::Age {
            recipient: required("recipient"),
        },
        "pgp" => MasterKey::Pgp {
            fingerprint: required("fp"),
        },
        "kms" => MasterKey::AwsKms {
            arn: required("arn").replace(' ', ""),
            role: optional("role"),
            context: context(key),
            profile: optional("aws_profile"),
        },
        "gcp_kms" => MasterKey::GcpKms {
            resource_id: required("resource_id"),
        },
        "azure_kv" => MasterKey::AzureKeyVault {
            vault_url: required("vault_url"),
            name: required("name"),
            version: required("version"),
        },
        "hc_vault" => MasterKey::VaultTransit {
            address: required("vault_address"),
            engine: required("engine_path"),
            name: required("key_name"),
        },
        other => MasterKey::Other {
            kind: other.to_owned(),
        },
    };
    Wrapped {
        key: master,
        data: required("enc"),
    }
}

fn context(key: &Branch) -> BTreeMap<String, String> {
    let Some(Value::Map(context)) = get(key, "context") else {
        return BTreeMap::new();
    };
    let entries = context.iter().filter_map(|entry| match entry {
        Entry::Item(name, value) => Some((name.clone(), value.as_text()?.to_owned())),
        Entry::Comment(_) => None,
    });
    entries.collect()
}
