//! Which fields the transformers change: the built-in lists and users' additions.
//!
//! Source: kustomize `api/internal/plugins/builtinconfig/`, `api/internal/konfig/builtinpluginconsts/`,
//! `api/internal/accumulator/loadconfigfromcrds.go`.

use std::rc::Rc;
use std::sync::OnceLock;

use serde_json::Value;

use crate::decode::{Fields, decode_field_spec, decode_gvk_into};
use crate::error::{Result, fail};
use crate::fieldspec::{FieldSpec, merge_specs};
use crate::resid::Gvk;

/// A kind, and the fields of other kinds that hold the name of one of its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameReference {
    pub(crate) target: Gvk,
    pub(crate) referrers: Vec<FieldSpec>,
}

/// All lists of fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) name_prefix: Vec<FieldSpec>,
    pub(crate) name_suffix: Vec<FieldSpec>,
    pub(crate) namespace: Vec<FieldSpec>,
    pub(crate) common_labels: Vec<FieldSpec>,
    pub(crate) labels: Vec<FieldSpec>,
    pub(crate) template_labels: Vec<FieldSpec>,
    pub(crate) common_annotations: Vec<FieldSpec>,
    pub(crate) name_reference: Vec<NameReference>,
    pub(crate) var_reference: Vec<FieldSpec>,
    pub(crate) images: Vec<FieldSpec>,
    pub(crate) replicas: Vec<FieldSpec>,
}

const DEFAULTS: &str = include_str!("default_fields.txt");

thread_local! {
    static SHARED_DEFAULT: Rc<Config> = Rc::new(default_config().clone());
}

fn default_config() -> &'static Config {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    CONFIG.get_or_init(read_defaults)
}

/// The built-in lists, shared by all kustomizations that add nothing to them.
pub(crate) fn defaults() -> Rc<Config> {
    SHARED_DEFAULT.with(Rc::clone)
}

/// Reads the committed lists: `list`, then `path create|keep group version kind`; name references under `target …`.
fn read_defaults() -> Config {
    let mut config = Config::default();
    let mut list = "";
    for line in DEFAULTS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let part = |part: &str| {
            if part == "-" {
                String::new()
            } else {
                part.to_owned()
            }
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [name] => list = name,
            ["target", group, version, kind] => config.name_reference.push(NameReference {
                target: Gvk {
                    group: part(group),
                    version: part(version),
                    kind: part(kind),
                },
                referrers: Vec::new(),
            }),
            [path, create, group, version, kind] => {
                let spec = FieldSpec {
                    gvk: Gvk {
                        group: part(group),
                        version: part(version),
                        kind: part(kind),
                    },
                    path: (*path).to_owned(),
                    create: *create == "create",
                };
                if list == "nameReference" {
                    if let Some(reference) = config.name_reference.last_mut() {
                        reference.referrers.push(spec);
                    }
                } else if let Some(list) = config.list_mut(list) {
                    list.push(spec);
                }
            }
            _ => {}
        }
    }
    config.sort();
    config
}

impl Config {
    fn list_mut(&mut self, name: &str) -> Option<&mut Vec<FieldSpec>> {
        Some(match name.to_ascii_lowercase().as_str() {
            "nameprefix" => &mut self.name_prefix,
            "namesuffix" => &mut self.name_suffix,
            "namespace" => &mut self.namespace,
            "commonlabels" => &mut self.common_labels,
            "labels" => &mut self.labels,
            "templatelabels" => &mut self.template_labels,
            "commonannotations" => &mut self.common_annotations,
            "varreference" => &mut self.var_reference,
            "images" => &mut self.images,
            "replicas" => &mut self.replicas,
            _ => return None,
        })
    }

    fn lists_mut(&mut self) -> [(&'static str, &mut Vec<FieldSpec>); 10] {
        [
            ("NamePrefix", &mut self.name_prefix),
            ("NameSuffix", &mut self.name_suffix),
            ("NameSpace", &mut self.namespace),
            ("CommonAnnotations", &mut self.common_annotations),
            ("CommonLabels", &mut self.common_labels),
            ("Labels", &mut self.labels),
            ("TemplateLabels", &mut self.template_labels),
            ("VarReference", &mut self.var_reference),
            ("Images", &mut self.images),
            ("Replicas", &mut self.replicas),
        ]
    }

    /// Orders the lists by kind, as the order of messages depends on it.
    fn sort(&mut self) {
        for (_, list) in self.lists_mut() {
            list.sort_by_cached_key(|spec| order_key(&spec.gvk));
        }
        self.name_reference
            .sort_by_cached_key(|reference| order_key(&reference.target));
    }

    /// Adds the lists of another configuration.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<()> {
        let mut other = other.clone();
        for ((name, list), (_, more)) in self.lists_mut().into_iter().zip(other.lists_mut()) {
            merge_specs(list, more)
                .map_err(|error| error.within(format!("failed to merge {name} fieldSpec")))?;
        }
        for reference in &other.name_reference {
            self.add_reference(reference)
                .map_err(|error| error.within("failed to merge NameReference fieldSpec"))?;
        }
        self.sort();
        Ok(())
    }

    fn add_reference(&mut self, reference: &NameReference) -> Result<()> {
        let known = self
            .name_reference
            .iter_mut()
            .find(|known| known.target == reference.target);
        match known {
            Some(known) => merge_specs(&mut known.referrers, &reference.referrers),
            None => {
                self.name_reference.push(reference.clone());
                Ok(())
            }
        }
    }

    /// Reads a file of the `configurations` field.
    pub(crate) fn from_yaml(text: &str) -> Result<Self> {
        let value = kluctl_yaml::from_str(text).map_err(|error| {
            fail!(
                "error converting YAML to JSON: {}",
                crate::document::yaml_message(&error)
            )
        })?;
        let mut config = Self::default();
        let fields = Fields::of(&value, "TransformerConfig", "")?;
        for (name, value) in fields.entries() {
            let path = fields.path_of(name);
            if name.eq_ignore_ascii_case("nameReference") {
                for item in Fields::list(value, "NameBackReferences", &path)? {
                    config.name_reference.push(decode_reference(item, &path)?);
                }
            } else if let Some(list) = config.list_mut(name) {
                for item in Fields::list(value, "FieldSpec", &path)? {
                    list.push(decode_field_spec(item, &path)?);
                }
            } else {
                return Err(fail!(
                    "error unmarshaling JSON: while decoding JSON: json: unknown field {name:?}"
                ));
            }
        }
        config.sort();
        Ok(config)
    }
}

fn decode_reference(value: &Value, path: &str) -> Result<NameReference> {
    let fields = Fields::of(value, "NameBackReferences", path)?;
    let mut reference = NameReference {
        target: Gvk::default(),
        referrers: Vec::new(),
    };
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        if name.eq_ignore_ascii_case("fieldSpecs") {
            for item in Fields::list(value, "FieldSpec", &path)? {
                reference.referrers.push(decode_field_spec(item, &path)?);
            }
        } else if !decode_gvk_into(&mut reference.target, &fields, "Gvk", (name, value))? {
            return Err(fail!(
                "error unmarshaling JSON: while decoding JSON: json: unknown field {name:?}"
            ));
        }
    }
    Ok(reference)
}

/// Kinds that others need come first, webhooks last, the rest by name.
fn order_key(gvk: &Gvk) -> (i32, String) {
    (default_rank(&gvk.kind), gvk.sort_text())
}

/// The order of kinds when nothing else is asked for.
pub(crate) const ORDER_FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// The kinds that come last.
pub(crate) const ORDER_LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

fn default_rank(kind: &str) -> i32 {
    if let Some(index) = ORDER_FIRST.iter().position(|known| *known == kind) {
        return index as i32 - ORDER_FIRST.len() as i32;
    }
    ORDER_LAST
        .iter()
        .position(|known| *known == kind)
        .map_or(0, |index| 1 + index as i32)
}

/// Reads the field lists that an OpenAPI definition of a custom kind implies (`crds` field).
pub(crate) fn from_crds(text: &str, path: &str) -> Result<Config> {
    let value = kluctl_yaml::from_str_lenient(text).map_err(|error| {
        fail!(
            "unable to parse open API definition from '{path}': {}",
            crate::document::yaml_message(&error)
        )
    })?;
    let mut config = Config::default();
    let Some(types) = value.as_object() else {
        return Err(fail!(
            "unable to parse open API definition from '{path}': expected a map of type names"
        ));
    };
    if let Some(other) = types
        .values()
        .find(|value| !value.is_object() && !value.is_null())
    {
        return Err(fail!(
            "unable to parse open API definition from '{path}': error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type accumulator.OpenAPIDefinition",
            crate::decode::json_type(other)
        ));
    }
    let mut names: Vec<_> = types.keys().collect();
    names.sort_unstable();
    for name in names {
        let properties = &types[name]["Schema"]["properties"];
        if ["kind", "apiVersion", "metadata"]
            .iter()
            .any(|field| properties.get(field).is_none())
        {
            continue;
        }
        let gvk = Gvk {
            kind: name.rsplit('.').next().unwrap_or(name).to_owned(),
            ..Gvk::default()
        };
        add_crd_fields(&mut config, &gvk, types, name, &mut Vec::new())?;
    }
    config.sort();
    Ok(config)
}

fn add_crd_fields(
    config: &mut Config,
    gvk: &Gvk,
    types: &serde_json::Map<String, Value>,
    name: &str,
    path: &mut Vec<String>,
) -> Result<()> {
    if path.len() > 50 {
        return Err(fail!("the definition of type '{name}' refers to itself"));
    }
    let Some(properties) = types
        .get(name)
        .and_then(|definition| definition["Schema"]["properties"].as_object())
    else {
        return Ok(());
    };
    for (field, property) in properties {
        path.push(field.clone());
        let spec = |path: &[String]| FieldSpec {
            gvk: gvk.clone(),
            path: path.join("/"),
            create: false,
        };
        let text = |key: &str| property.get(key).and_then(Value::as_str);
        if text("x-kubernetes-annotation").is_some() {
            merge_specs(&mut config.common_annotations, &[spec(path)])?;
        }
        if text("x-kubernetes-label-selector").is_some() {
            merge_specs(&mut config.common_labels, &[spec(path)])?;
        }
        if text("x-kubernetes-identity").is_some() {
            merge_specs(&mut config.name_prefix, &[spec(path)])?;
        }
        if let (Some(version), Some(kind)) = (
            text("x-kubernetes-object-ref-api-version"),
            text("x-kubernetes-object-ref-kind"),
        ) {
            let name_key = text("x-kubernetes-object-ref-name-key").unwrap_or("name");
            let mut full = path.clone();
            full.push(name_key.to_owned());
            config.add_reference(&NameReference {
                target: Gvk {
                    version: version.to_owned(),
                    kind: kind.to_owned(),
                    ..Gvk::default()
                },
                referrers: vec![spec(&full)],
            })?;
        }
        if let Some(reference) = text("$ref") {
            add_crd_fields(config, gvk, types, reference, path)?;
        }
        path.pop();
    }
    Ok(())
}
