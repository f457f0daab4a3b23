//! What is taken for granted of the world outside, where a project is looked at without it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::Utf8Path;
use kluctl_sops::Encrypted;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::{VarsKind, VarsSource};

/// Stands in for what sources of variables would give.
#[derive(Clone, Debug, Default)]
pub struct Assumed {
    /// Known answers; the first that fits a source counts.
    pub vars: Vec<AssumedVars>,
    /// What encrypted files hold; the first that fits a file counts.
    pub files: Vec<AssumedFile>,
    /// Whether a source that cannot be asked gives a placeholder instead of an error.
    pub placeholders: bool,
}

/// What one source, or several alike, would give.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssumedVars {
    /// The source as it stands in the project, after rendering; what is left out here may be anything.
    pub source: Map<String, Value>,
    /// Its values.
    pub values: Value,
}

/// What a file that SOPS encrypted holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssumedFile {
    /// The file, or the end of its path.
    pub path: String,
    /// Its text after decryption.
    pub content: String,
}

impl Assumed {
    /// The text that an encrypted file is assumed to hold.
    pub(crate) fn content(&self, path: &Utf8Path) -> Option<&str> {
        let fits = |assumed: &&AssumedFile| path.ends_with(&assumed.path);
        self.files
            .iter()
            .find(fits)
            .map(|assumed| assumed.content.as_str())
    }

    /// The values that a source is assumed to give.
    pub(crate) fn values(&self, source: &VarsSource) -> Option<&Value> {
        if self.vars.is_empty() {
            return None;
        }
        let source = serde_json::to_value(source).ok()?;
        let fits = |assumed: &&AssumedVars| {
            !assumed.source.is_empty() && contains(&source, &Value::Object(assumed.source.clone()))
        };
        self.vars.iter().find(fits).map(|assumed| &assumed.values)
    }
}

/// Whether all that `part` has is in `whole`.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, part)| whole.get(key).is_some_and(|whole| contains(whole, part))),
        _ => whole == part,
    }
}

/// How a source that needs the world outside is called; `None` for one that does not.
pub(crate) fn outside_name(source: &VarsSource) -> Option<String> {
    let name = |parts: &[&str]| {
        let parts: Vec<_> = parts.iter().filter(|part| !part.is_empty()).copied().collect();
        Some(parts.join(" "))
    };
    match source.kind()? {
        VarsKind::ClusterConfigMap(key) => name(&["ConfigMap", &key.namespace, &key.name, &key.key]),
        VarsKind::ClusterSecret(key) => name(&["Secret", &key.namespace, &key.name, &key.key]),
        VarsKind::ClusterObject(object) => name(&[&object.kind, &object.namespace, &object.name]),
        VarsKind::Http(http) => name(&["http", &http.url]),
        VarsKind::Aws(secret) => name(&["awsSecretsManager", &secret.secret_name]),
        VarsKind::Gcp(secret) => name(&["gcpSecretManager", &secret.secret_name]),
        VarsKind::Azure(secret) => name(&["azureKeyVault", &secret.vault_uri, &secret.secret_name]),
        VarsKind::Vault(secret) => name(&["vault", &secret.address, &secret.path]),
        _ => None,
    }
}

/// The values of a source that could not be asked: templates see a text for every name that they look up.
pub(crate) fn placeholder(name: &str) -> Value {
    let mut map = Map::new();
    map.insert(kluctl_jinja::PLACEHOLDER.to_owned(), Value::from(name));
    Value::Object(map)
}

/// The text of a file whose key cannot be had: every encrypted text names itself, in base64 where a Secret wants that.
pub(crate) fn stand_in(name: &str, file: &Encrypted) -> Result<Vec<u8>, kluctl_sops::Error> {
    file.stand_in(&|path, kind| {
        let text = format!("⟨{name}.{}⟩", path.join("."));
        if kind == Some("Secret") && path.first().is_some_and(|key| key == "data") {
            return STANDARD.encode(text);
        }
        text
    })
}
