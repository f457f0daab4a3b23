//! `.Capabilities`: what the cluster, and the Helm that is imitated, can do.

use std::any::Any;

use kluctl_gotemplate::types::{Kind, NamedType, STRING_LIST, Type};
use kluctl_gotemplate::{Context, Error as TemplateError, List, Object, Signature, Text, Value};

use crate::error::Error;

/// The version of Helm whose output is matched.
const HELM_VERSION: &str = "v4.2";
/// The version of Go that it says it was built with.
const GO_VERSION: &str = "go1.26.8";
/// The Kubernetes version that Helm takes when none is given.
const DEFAULT_KUBE_VERSION: &str = "v1.36.0";

/// The API versions that Helm knows without asking a cluster, in its order.
const DEFAULT_API_VERSIONS: &str = "\
    v1 admissionregistration.k8s.io/v1 admissionregistration.k8s.io/v1alpha1 admissionregistration.k8s.io/v1beta1 \
    internal.apiserver.k8s.io/v1alpha1 apps/v1 apps/v1beta1 apps/v1beta2 authentication.k8s.io/v1 \
    authentication.k8s.io/v1alpha1 authentication.k8s.io/v1beta1 authorization.k8s.io/v1 authorization.k8s.io/v1beta1 \
    autoscaling/v1 autoscaling/v2 batch/v1 batch/v1beta1 certificates.k8s.io/v1 certificates.k8s.io/v1beta1 \
    certificates.k8s.io/v1alpha1 coordination.k8s.io/v1alpha2 coordination.k8s.io/v1beta1 coordination.k8s.io/v1 \
    discovery.k8s.io/v1 discovery.k8s.io/v1beta1 events.k8s.io/v1 events.k8s.io/v1beta1 extensions/v1beta1 \
    flowcontrol.apiserver.k8s.io/v1 flowcontrol.apiserver.k8s.io/v1beta1 flowcontrol.apiserver.k8s.io/v1beta2 \
    flowcontrol.apiserver.k8s.io/v1beta3 networking.k8s.io/v1 networking.k8s.io/v1beta1 node.k8s.io/v1 \
    node.k8s.io/v1alpha1 node.k8s.io/v1beta1 policy/v1 policy/v1beta1 rbac.authorization.k8s.io/v1 \
    rbac.authorization.k8s.io/v1beta1 rbac.authorization.k8s.io/v1alpha1 resource.k8s.io/v1 resource.k8s.io/v1beta2 \
    resource.k8s.io/v1beta1 resource.k8s.io/v1alpha3 scheduling.k8s.io/v1alpha2 scheduling.k8s.io/v1beta1 \
    scheduling.k8s.io/v1 storage.k8s.io/v1beta1 storage.k8s.io/v1 storage.k8s.io/v1alpha1 \
    storagemigration.k8s.io/v1beta1 apiextensions.k8s.io/v1beta1 apiextensions.k8s.io/v1";

/// A Kubernetes version as templates see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// The version as given, with a `v` (`v1.33.4-gke.1245000`).
    pub version: String,
    /// The version without what a vendor added (`v1.33.4`), for constraints.
    pub normalized: String,
    /// `1`
    pub major: String,
    /// `33`
    pub minor: String,
}

impl KubeVersion {
    /// Reads a version such as `1.33`, `v1.33.4` or `1.31.2-gke.100`.
    ///
    /// Source: helm `pkg/chart/common/capabilities.go`, `ParseKubeVersion`; k8s.io/apimachinery `pkg/util/version`.
    pub fn parse(version: &str) -> Result<Self, Error> {
        let quoted = kluctl_gotemplate::quote(version.as_bytes());
        let invalid = |reason: String| Error::new(format!("invalid kube version '{version}': {reason}"));
        let text = version.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let numbers = text[..end].trim_end_matches('.');
        if !numbers.starts_with(|c: char| c.is_ascii_digit()) || numbers.split('.').any(str::is_empty) {
            return Err(invalid(format!("could not parse {quoted} as version")));
        }
        let parts: Vec<&str> = numbers.split('.').collect();
        if parts.len() < 2 {
            return Err(invalid(format!("illegal version string {quoted}")));
        }
        for part in &parts {
            if part.len() > 1 && part.starts_with('0') {
                let part = kluctl_gotemplate::quote(part.as_bytes());
                return Err(invalid(format!(
                    "illegal zero-prefixed version component {part} in {quoted}"
                )));
            }
            if part.parse::<u32>().is_err() {
                return Err(invalid(format!(
                    "illegal non-numeric version component in {quoted}"
                )));
            }
        }
        Ok(Self {
            version: if version.starts_with('v') {
                version.to_owned()
            } else {
                format!("v{version}")
            },
            normalized: format!("v{}", parts.join(".")),
            major: parts[0].to_owned(),
            minor: parts[1].to_owned(),
        })
    }

    /// What a cluster told about itself, word for word.
    pub fn of_cluster(git_version: &str, major: &str, minor: &str) -> Self {
        Self {
            version: git_version.to_owned(),
            normalized: String::new(),
            major: major.to_owned(),
            minor: minor.to_owned(),
        }
    }

    /// The version that constraints are checked against.
    pub(crate) fn to_check(&self) -> &str {
        if self.normalized.is_empty() {
            &self.version
        } else {
            &self.normalized
        }
    }
}

/// What a cluster can do.
#[derive(Debug, Clone)]
pub struct Capabilities {
    /// The cluster's version.
    pub kube_version: KubeVersion,
    /// API versions (`apps/v1`) and kinds (`apps/v1/Deployment`).
    pub api_versions: Vec<String>,
}

impl Default for Capabilities {
    /// What Helm takes without a cluster.
    fn default() -> Self {
        Self {
            kube_version: KubeVersion {
                version: DEFAULT_KUBE_VERSION.to_owned(),
                normalized: DEFAULT_KUBE_VERSION.to_owned(),
                major: "1".to_owned(),
                minor: "36".to_owned(),
            },
            api_versions: DEFAULT_API_VERSIONS.split(' ').map(str::to_owned).collect(),
        }
    }
}

static CAPABILITIES: NamedType = NamedType {
    name: "*common.Capabilities",
    underlying: None,
    kind: Kind::Pointer,
};
static KUBE_VERSION: NamedType = NamedType {
    name: "common.KubeVersion",
    underlying: None,
    kind: Kind::Struct,
};
static VERSION_SET: NamedType = NamedType {
    name: "common.VersionSet",
    underlying: Some(STRING_LIST),
    kind: Kind::Slice,
};
static BUILD_INFO: NamedType = NamedType {
    name: "version.BuildInfo",
    underlying: None,
    kind: Kind::Struct,
};
static NO_PARAMETERS: Signature = Signature::fixed(&[]);
static ONE_STRING: Signature = Signature::fixed(&[Type::String]);

/// Makes `.Capabilities`.
pub(crate) fn to_value(capabilities: &Capabilities) -> Value {
    let versions: Vec<Text> = capabilities
        .api_versions
        .iter()
        .map(|version| version.as_str().into())
        .collect();
    Value::object(CapabilitiesObject {
        kube_version: Value::object(KubeVersionObject {
            version: capabilities.kube_version.clone(),
            copied: false,
        }),
        api_versions: Value::object(VersionSet(List::of_strings(versions))),
        helm_version: Value::object(BuildInfo),
    })
}

struct CapabilitiesObject {
    kube_version: Value,
    api_versions: Value,
    helm_version: Value,
}

impl Object for CapabilitiesObject {
    fn go_type(&self) -> &'static NamedType {
        &CAPABILITIES
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn method(&self, name: &str) -> Option<&'static Signature> {
        (name == "Copy").then_some(&NO_PARAMETERS)
    }

    fn call(&self, _: &str, _: &[Value], _: &mut Context<'_>) -> Result<Value, TemplateError> {
        Ok(Value::object(Self {
            kube_version: self.kube_version.clone(),
            api_versions: self.api_versions.clone(),
            helm_version: self.helm_version.clone(),
        }))
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "KubeVersion" => Some(self.kube_version.clone()),
            "APIVersions" => Some(self.api_versions.clone()),
            "HelmVersion" => Some(self.helm_version.clone()),
            _ => None,
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let copied = match &self.kube_version {
            Value::Object(version) => version.passed_on(),
            _ => None,
        };
        vec![
            ("KubeVersion", copied.unwrap_or_default()),
            ("APIVersions", self.api_versions.clone()),
            ("HelmVersion", self.helm_version.clone()),
        ]
    }
}

/// A version, which has methods only while it is a field of the capabilities.
struct KubeVersionObject {
    version: KubeVersion,
    copied: bool,
}

impl Object for KubeVersionObject {
    fn go_type(&self) -> &'static NamedType {
        &KUBE_VERSION
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn method(&self, name: &str) -> Option<&'static Signature> {
        (!self.copied && matches!(name, "String" | "GitVersion")).then_some(&NO_PARAMETERS)
    }

    fn call(&self, name: &str, _: &[Value], _: &mut Context<'_>) -> Result<Value, TemplateError> {
        Ok(match name {
            "String" => self.version.to_check().into(),
            _ => self.version.version.as_str().into(),
        })
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Version" => Some(self.version.version.as_str().into()),
            "Major" => Some(self.version.major.as_str().into()),
            "Minor" => Some(self.version.minor.as_str().into()),
            _ => None,
        }
    }

    fn has_hidden_field(&self, name: &str) -> bool {
        name == "normalizedVersion"
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", self.version.version.as_str().into()),
            ("normalizedVersion", self.version.to_check().into()),
            ("Major", self.version.major.as_str().into()),
            ("Minor", self.version.minor.as_str().into()),
        ]
    }

    fn json_fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", self.version.version.as_str().into()),
            ("Major", self.version.major.as_str().into()),
            ("Minor", self.version.minor.as_str().into()),
        ]
    }

    fn display(&self) -> Option<Text> {
        (!self.copied).then(|| self.version.to_check().into())
    }

    fn passed_on(&self) -> Option<Value> {
        Some(Value::object(Self {
            version: self.version.clone(),
            copied: true,
        }))
    }
}

struct VersionSet(List);

impl Object for VersionSet {
    fn go_type(&self) -> &'static NamedType {
        &VERSION_SET
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn method(&self, name: &str) -> Option<&'static Signature> {
        (name == "Has").then_some(&ONE_STRING)
    }

    fn call(&self, _: &str, arguments: &[Value], _: &mut Context<'_>) -> Result<Value, TemplateError> {
        let wanted = arguments.first().and_then(Value::as_text);
        let known = self.0.borrow();
        let found = known.is_some_and(|known| known.iter().any(|version| version.as_text() == wanted));
        Ok(found.into())
    }

    fn as_list(&self) -> Option<List> {
        Some(self.0.clone())
    }
}

struct BuildInfo;

impl Object for BuildInfo {
    fn go_type(&self) -> &'static NamedType {
        &BUILD_INFO
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields()
            .into_iter()
            .find_map(|(known, value)| (known == name).then_some(value))
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", HELM_VERSION.into()),
            ("GitCommit", "".into()),
            ("GitTreeState", "".into()),
            ("GoVersion", GO_VERSION.into()),
            ("KubeClientVersion", "v1.36".into()),
        ]
    }

    fn json_fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("version", HELM_VERSION.into()),
            ("go_version", GO_VERSION.into()),
            ("kube_client_version", "v1.36".into()),
        ]
    }
}
