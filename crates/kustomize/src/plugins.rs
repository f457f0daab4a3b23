//! Built-in plugins with settings of their own, as `generators`, `transformers` and `validators` name them.
//!
//! Source: kustomize `api/internal/plugins/loader/loader.go`, `api/internal/builtins/`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::decode::{
    Fields, boolean, decode_field_specs, decode_selector, integer, string, string_list, string_map,
};
use crate::error::{Result, fail};
use crate::fieldspec::{FieldSpec, split_path};
use crate::helm::Inflation;
use crate::kustomization::{
    GeneratorArgs, Image, Patch, Replacement, Replica, decode_generator_args, decode_helm_field,
    decode_image, decode_patch_options, decode_replacement_field, decode_replica,
};
use crate::loader::Loader;
use crate::node::Node;
use crate::origin::Origin;
use crate::patch::{LoadedJsonPatch, LoadedPatch};
use crate::path::{Shape, visit};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::scalar::{Scalar, Tag};
use crate::schema::Schema;
use crate::selector::Selector;
use crate::transform::{self, End, Namespace, Subjects};

/// Something that makes objects.
#[derive(Debug)]
pub(crate) enum Generator {
    ConfigMap(GeneratorArgs),
    Secret(GeneratorArgs),
    Helm(Box<Inflation>),
    /// The text of its objects.
    IamPolicy(String),
}

/// Something that changes objects.
#[derive(Debug)]
pub(crate) enum Transformer {
    Annotations(BTreeMap<String, String>, Vec<FieldSpec>),
    Labels(BTreeMap<String, String>, Vec<FieldSpec>),
    Hash,
    Images(Image, Vec<FieldSpec>),
    Namespace(Namespace),
    JsonPatch(LoadedJsonPatch),
    Merges(Vec<Resource>),
    Patch(LoadedPatch),
    Affix(String, End, Vec<FieldSpec>),
    Several(Vec<Transformer>),
    Replacements(Vec<Replacement>),
    Replicas(Replica, Vec<FieldSpec>),
    ValueAdd(String, Vec<ValueTarget>),
}

/// Where a value is added.
#[derive(Debug)]
pub(crate) struct ValueTarget {
    selector: Option<Selector>,
    field_path: String,
    position: i64,
}

impl Transformer {
    pub(crate) fn apply(&self, map: &mut ResMap, schema: &Schema) -> Result<()> {
        match self {
            Self::Annotations(entries, specs) | Self::Labels(entries, specs) => {
                transform::set_entries(map, entries, specs)
            }
            Self::Hash => transform::hashes(map, schema),
            Self::Images(image, specs) => transform::images(map, image, specs),
            Self::Namespace(settings) => transform::namespace(map, settings, schema),
            Self::JsonPatch(patch) => crate::patch::apply_json_patch(map, patch, schema),
            Self::Merges(patches) => crate::patch::apply_merges(map, patches, schema),
            Self::Patch(patch) => crate::patch::apply(map, patch, schema),
            Self::Affix(text, end, specs) => transform::affix(map, text, *end, specs, schema),
            Self::Several(all) => all.iter().try_for_each(|one| one.apply(map, schema)),
            Self::Replacements(replacements) => crate::replacement::apply(map, replacements, schema),
            Self::Replicas(replica, specs) => transform::replicas(map, replica, specs, schema),
            Self::ValueAdd(value, targets) => add_value(map, value, targets, schema),
        }
    }
}

/// Reads the settings of a generator.
pub(crate) fn generator(settings: &Resource, loader: &Loader<'_>) -> Result<(Generator, Option<Origin>)> {
    let value = configured(settings)?;
    let origin = Origin::of_plugin(settings);
    let id = crate::fieldspec::describe_id(settings.node());
    let fails = |error: crate::error::Error| error.within(format!("plugin {id} fails configuration"));
    let generator = match settings.kind() {
        "ConfigMapGenerator" => Generator::ConfigMap(generator_args(&value, false).map_err(fails)?),
        "SecretGenerator" => Generator::Secret(generator_args(&value, true).map_err(fails)?),
        "HelmChartInflationGenerator" => Generator::Helm(Box::new(inflation(&value, loader).map_err(fails)?)),
        "IAMPolicyGenerator" => iam_policy(&value).map_err(fails)?,
        kind if transformer_names().contains(&kind) => return Err(fail!("plugin {id} not a generator")),
        _ => return Err(fail!("unable to load builtin {}", settings.gvk())),
    };
    Ok((generator, origin))
}

fn transformer_names() -> [&'static str; 14] {
    [
        "AnnotationsTransformer",
        "HashTransformer",
        "ImageTagTransformer",
        "LabelTransformer",
        "NamespaceTransformer",
        "PatchJson6902Transformer",
        "PatchStrategicMergeTransformer",
        "PatchTransformer",
        "PrefixSuffixTransformer",
        "PrefixTransformer",
        "SuffixTransformer",
        "ReplacementTransformer",
        "ReplicaCountTransformer",
        "ValueAddTransformer",
    ]
}

/// The settings of a built-in plugin; all others are refused.
fn configured(settings: &Resource) -> Result<Value> {
    if settings.api_version() != "builtin" {
        return Err(fail!(
            "external plugins disabled; unable to load external plugin '{}'",
            settings.kind()
        ));
    }
    settings.node().to_value()
}

/// Settings with their names in lower case, as they may be written in any.
struct Settings<'v>(BTreeMap<String, (&'v str, &'v Value)>);

impl<'v> Settings<'v> {
    fn of(value: &'v Value) -> Result<Self> {
        let fields = Fields::of(value, "Plugin", "")?;
        Ok(Self(
            fields
                .entries()
                .into_iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), (name, value)))
                .collect(),
        ))
    }

    fn get(&self, name: &str) -> (&'v str, &'v Value) {
        const NULL: &Value = &Value::Null;
        self.0
            .get(&name.to_ascii_lowercase())
            .copied()
            .unwrap_or(("", NULL))
    }

    fn string(&self, name: &str) -> Result<String> {
        string(self.get(name).1, name)
    }

    fn strings(&self, name: &str) -> Result<Vec<String>> {
        string_list(self.get(name).1, name)
    }

    fn specs(&self) -> Result<Vec<FieldSpec>> {
        decode_field_specs(self.get("fieldSpecs").1, "fieldSpecs")
    }

    fn metadata(&self, field: &str) -> String {
        self.get("metadata").1[field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

fn generator_args(value: &Value, secret: bool) -> Result<GeneratorArgs> {
    let settings = Settings::of(value)?;
    let mut args = decode_generator_args(value, "", secret, false)?;
    if args.name.is_empty() {
        args.name = settings.metadata("name");
    }
    if args.namespace.is_empty() {
        args.namespace = settings.metadata("namespace");
    }
    Ok(args)
}

fn inflation(value: &Value, loader: &Loader<'_>) -> Result<Inflation> {
    let mut inflation = Inflation::default();
    let fields = Fields::of(value, "HelmChart", "")?;
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "charthome" => inflation.globals.chart_home = string(value, &path)?,
            "confighome" => inflation.globals.config_home = string(value, &path)?,
            _ => {
                decode_helm_field(&mut inflation.chart, name, value, &path)?;
            }
        }
    }
    inflation.check(loader)?;
    Ok(inflation)
}

fn iam_policy(value: &Value) -> Result<Generator> {
    let text = |parts: &[&str]| {
        let mut place = value;
        for part in parts {
            place = &place[*part];
        }
        place.as_str().unwrap_or_default().to_owned()
    };
    let cloud = text(&["cloud"]);
    if cloud != "gke" {
        return Err(fail!("cloud provider {cloud} not supported yet"));
    }
    let account = format!(
        "{}@{}.iam.gserviceaccount.com",
        text(&["serviceAccount", "name"]),
        text(&["serviceAccount", "projectId"])
    );
    let mut yaml = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  annotations:\n    iam.gke.io/gcp-service-account: {account}\n  name: {}\n",
        text(&["kubernetesService", "name"])
    );
    let namespace = text(&["kubernetesService", "namespace"]);
    if !namespace.is_empty() {
        yaml = format!("{yaml}  namespace: {namespace}\n");
    }
    Ok(Generator::IamPolicy(yaml))
}

/// Reads the settings of a transformer.
pub(crate) fn transformer(settings: &Resource, loader: &Loader<'_>) -> Result<(Transformer, Option<Origin>)> {
    let value = configured(settings)?;
    let id = crate::fieldspec::describe_id(settings.node());
    let kind = settings.kind();
    if matches!(
        kind,
        "ConfigMapGenerator" | "SecretGenerator" | "HelmChartInflationGenerator" | "IAMPolicyGenerator"
    ) {
        return Err(fail!("plugin {id} not a transformer"));
    }
    if !transformer_names().contains(&kind) {
        return Err(fail!("unable to load builtin {}", settings.gvk()));
    }
    let transformer = read_transformer(kind, &value, loader)
        .map_err(|error| error.within(format!("plugin {id} fails configuration")))?;
    Ok((transformer, Origin::of_plugin(settings)))
}

fn read_transformer(kind: &str, value: &Value, loader: &Loader<'_>) -> Result<Transformer> {
    let settings = Settings::of(value)?;
    Ok(match kind {
        "AnnotationsTransformer" => Transformer::Annotations(
            string_map(settings.get("annotations").1, "annotations")?,
            settings.specs()?,
        ),
        "LabelTransformer" => {
            Transformer::Labels(string_map(settings.get("labels").1, "labels")?, settings.specs()?)
        }
        "HashTransformer" => Transformer::Hash,
        "ImageTagTransformer" => Transformer::Images(
            decode_image(settings.get("imageTag").1, "imageTag")?,
            settings.specs()?,
        ),
        "NamespaceTransformer" => Transformer::Namespace(namespace(&settings)?),
        "PatchJson6902Transformer" => Transformer::JsonPatch(crate::patch::load_json(
            decode_selector(settings.get("target").1, "target")?.as_ref(),
            &settings.string("path")?,
            &settings.string("jsonOp")?,
            loader,
        )?),
        "PatchStrategicMergeTransformer" => Transformer::Merges(crate::patch::load_merges(
            &settings.strings("paths")?,
            &settings.string("patches")?,
            loader,
        )?),
        "PatchTransformer" => Transformer::Patch(crate::patch::load(
            &Patch {
                path: settings.string("path")?,
                text: settings.string("patch")?,
                target: decode_selector(settings.get("target").1, "target")?,
                options: decode_patch_options(settings.get("options").1, "options")?,
            },
            loader,
        )?),
        "PrefixTransformer" => affix(&settings, "prefix", End::Prefix)?,
        "SuffixTransformer" => affix(&settings, "suffix", End::Suffix)?,
        "PrefixSuffixTransformer" => Transformer::Several(vec![
            affix(&settings, "prefix", End::Prefix)?,
            affix(&settings, "suffix", End::Suffix)?,
        ]),
        "ReplacementTransformer" => {
            let list = Fields::list(settings.get("replacements").1, "ReplacementField", "replacements")?;
            let fields: Vec<_> = list
                .iter()
                .map(|item| decode_replacement_field(item, "replacements"))
                .collect::<Result<_>>()?;
            Transformer::Replacements(crate::replacement::load(&fields, loader)?)
        }
        "ReplicaCountTransformer" => Transformer::Replicas(
            decode_replica(settings.get("replica").1, "replica")?,
            settings.specs()?,
        ),
        _ => value_add(&settings, loader)?,
    })
}

fn affix(settings: &Settings<'_>, name: &str, end: End) -> Result<Transformer> {
    if settings.get("fieldSpecs").1.is_null() {
        return Err(fail!("fieldSpecs is not expected to be nil"));
    }
    Ok(Transformer::Affix(settings.string(name)?, end, settings.specs()?))
}

fn namespace(settings: &Settings<'_>) -> Result<Namespace> {
    let subjects = match settings.string("setRoleBindingSubjects")?.as_str() {
        "" | "defaultOnly" => Subjects::NamedDefault,
        "allServiceAccounts" => Subjects::ServiceAccounts,
        "none" => Subjects::None,
        other => {
            return Err(fail!(
                "invalid value {other:?} for setRoleBindingSubjects: must be one of \"defaultOnly\", \"none\" or \"allServiceAccounts\""
            ));
        }
    };
    Ok(Namespace {
        name: settings.metadata("namespace"),
        specs: settings.specs()?,
        unset_only: boolean(settings.get("unsetOnly").1, "unsetOnly")?,
        subjects,
    })
}

fn value_add(settings: &Settings<'_>, loader: &Loader<'_>) -> Result<Transformer> {
    let mut value = settings.string("value")?.trim().to_owned();
    if value.is_empty() {
        loader
            .root()
            .file_name()
            .unwrap_or_default()
            .clone_into(&mut value);
    }
    let mut targets = value_targets(settings.get("targets").1)?;
    let path = settings.string("targetFilePath")?;
    if !path.is_empty() {
        let content = loader.load(&path)?;
        let text = crate::document::text_of(&content)?;
        let file = kluctl_yaml::from_str_lenient(&text)
            .map_err(|error| fail!("{path}: {}", crate::document::yaml_message(&error)))?;
        targets.extend(value_targets(Settings::of(&file)?.get("targets").1)?);
    }
    if targets.is_empty() {
        return Err(fail!("must specify at least one target"));
    }
    for target in &targets {
        if target.field_path.is_empty() {
            return Err(fail!("fieldPath cannot be empty"));
        }
        if target.position < 0 {
            return Err(fail!(
                "value of FilePathPosition ({}) cannot be negative",
                target.position
            ));
        }
    }
    Ok(Transformer::ValueAdd(value, targets))
}

fn value_targets(value: &Value) -> Result<Vec<ValueTarget>> {
    Fields::list(value, "Target", "targets")?
        .iter()
        .map(|item| {
            let settings = Settings::of(item)?;
            Ok(ValueTarget {
                selector: decode_selector(settings.get("selector").1, "targets.selector")?,
                field_path: settings.string("fieldPath")?,
                position: integer(
                    settings.get("filePathPosition").1,
                    "targets.filePathPosition",
                    "int",
                )?,
            })
        })
        .collect()
}

fn add_value(map: &mut ResMap, value: &str, targets: &[ValueTarget], schema: &Schema) -> Result<()> {
    for target in targets {
        let positions = match &target.selector {
            Some(selector) => map.select(selector, schema)?,
            None => (0..map.resources().len()).collect(),
        };
        for position in positions {
            let node = map.resources_mut()[position].node_mut();
            if target.field_path == "metadata/namespace" {
                let settings = Namespace {
                    name: value.to_owned(),
                    ..Namespace::default()
                };
                transform::set_namespace(node, &settings, schema)?;
                continue;
            }
            let path: Vec<_> = split_path(&target.field_path, '/');
            visit(node, &path, Some(Shape::Scalar), &mut |field| {
                let old = field.text().to_owned();
                let new = if target.position > 0 {
                    insert_part(&old, target.position as usize - 1, value)
                } else {
                    value.to_owned()
                };
                field.overwrite_scalar(Scalar::with_tag(new, Tag::None))
            })?;
        }
    }
    Ok(())
}

/// Inserts a part into a file path; an absolute one stays absolute.
///
/// Source: kustomize `kyaml/filesys/util.go`, `InsertPathPart`.
fn insert_part(path: &str, position: usize, part: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    let joined = parts.join("/");
    if absolute { format!("/{joined}") } else { joined }
}

/// The objects of the policy generator.
pub(crate) fn iam_policy_objects(yaml: &str) -> Result<Vec<Node>> {
    crate::document::objects(&yaml.to_owned().into())
}
