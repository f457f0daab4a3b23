//! The kustomization file: all fields, deprecated ones included.
//!
//! Source: kustomize `api/types/`.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde_json::Value;

use crate::decode::{
    Fields, boolean, decode_field_specs, decode_gvk_into, decode_id_into, decode_selector, integer, object,
    string, string_list, string_list_of, string_map, string_of, unknown,
};
use crate::error::{Result, fail};
use crate::fieldspec::FieldSpec;
use crate::resid::{Gvk, ResId};
use crate::resource::Behavior;
use crate::selector::Selector;

/// Names under which a kustomization is looked for; exactly one must be there.
pub(crate) const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

pub(crate) const COMPONENT: &str = "Component";
const KUSTOMIZATION: &str = "Kustomization";

/// One kustomization or component.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Kustomization {
    pub(crate) kind: String,
    pub(crate) api_version: String,
    has_metadata: bool,
    pub(crate) openapi: BTreeMap<String, String>,
    pub(crate) name_prefix: String,
    pub(crate) name_suffix: String,
    pub(crate) namespace: String,
    pub(crate) common_labels: BTreeMap<String, String>,
    pub(crate) labels: Vec<Label>,
    pub(crate) common_annotations: BTreeMap<String, String>,
    pub(crate) patches_strategic_merge: Vec<String>,
    pub(crate) patches_json6902: Vec<Patch>,
    pub(crate) patches: Vec<Patch>,
    pub(crate) images: Vec<Image>,
    pub(crate) replacements: Vec<ReplacementField>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) vars: Vec<Var>,
    pub(crate) sort_options: Option<SortOptions>,
    pub(crate) resources: Vec<String>,
    pub(crate) components: Vec<String>,
    pub(crate) crds: Vec<String>,
    pub(crate) config_maps: Vec<GeneratorArgs>,
    pub(crate) secrets: Vec<GeneratorArgs>,
    pub(crate) helm_globals: Option<HelmGlobals>,
    pub(crate) helm_charts: Vec<HelmChart>,
    pub(crate) generator_options: Option<GeneratorOptions>,
    pub(crate) configurations: Vec<String>,
    pub(crate) generators: Vec<String>,
    pub(crate) transformers: Vec<String>,
    pub(crate) validators: Vec<String>,
    pub(crate) build_metadata: Vec<String>,
    /// What is deprecated in it, as messages.
    pub(crate) warnings: Vec<&'static str>,
    /// Whether a field holds an empty list or map, which is not the same as nothing.
    has_empty: bool,
}

/// An entry of `labels`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Label {
    pub(crate) pairs: BTreeMap<String, String>,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    pub(crate) fields: Vec<FieldSpec>,
}

/// An entry of `patches` or `patchesJson6902`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Patch {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) target: Option<Selector>,
    pub(crate) options: Option<PatchOptions>,
}

/// What a patch may change besides the content.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct PatchOptions {
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
}

/// An entry of `images`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) new_name: String,
    pub(crate) tag_suffix: String,
    pub(crate) new_tag: String,
    pub(crate) digest: String,
}

/// An entry of `replicas`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) count: i64,
}

/// An entry of `replacements`: one written out, or a file of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ReplacementField {
    pub(crate) replacement: Replacement,
    pub(crate) path: String,
    /// The entry as it stands in the kustomization, for messages.
    pub(crate) written: Value,
}

/// Where a value comes from and where it goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Replacement {
    pub(crate) source: Option<Source>,
    pub(crate) source_value: Option<String>,
    pub(crate) targets: Option<Vec<Target>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Source {
    pub(crate) id: ResId,
    pub(crate) field_path: String,
    pub(crate) options: Option<FieldOptions>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Target {
    pub(crate) select: Option<Selector>,
    pub(crate) reject: Vec<Selector>,
    pub(crate) field_paths: Vec<String>,
    pub(crate) options: Option<FieldOptions>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FieldOptions {
    pub(crate) delimiter: String,
    pub(crate) index: i64,
    pub(crate) create: bool,
}

/// An entry of `vars`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Var {
    pub(crate) name: String,
    pub(crate) object: ResId,
    pub(crate) field_path: String,
}

/// `sortOptions`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SortOptions {
    pub(crate) order: String,
    pub(crate) legacy: Option<LegacyOrder>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LegacyOrder {
    pub(crate) first: Vec<String>,
    pub(crate) last: Vec<String>,
}

/// `generatorOptions`, or the `options` of one generator.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GeneratorOptions {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) disable_hash: bool,
    pub(crate) immutable: bool,
}

/// An entry of `configMapGenerator` or `secretGenerator`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GeneratorArgs {
    pub(crate) namespace: String,
    pub(crate) name: String,
    behavior: String,
    pub(crate) literals: Vec<String>,
    pub(crate) files: Vec<String>,
    pub(crate) envs: Vec<String>,
    pub(crate) options: Option<GeneratorOptions>,
    /// Of a Secret.
    pub(crate) secret_type: String,
}

impl GeneratorArgs {
    pub(crate) fn behavior(&self) -> Behavior {
        Behavior::from_name(&self.behavior)
    }

    /// Adds the options that hold for all generators of the kustomization; its own win, but for what is switched on.
    pub(crate) fn with_global_options(&self, global: Option<&GeneratorOptions>) -> Self {
        let mut args = self.clone();
        if let Some(global) = global {
            let options = args.options.get_or_insert_default();
            for (key, value) in &global.labels {
                options.labels.entry(key.clone()).or_insert_with(|| value.clone());
            }
            for (key, value) in &global.annotations {
                options
                    .annotations
                    .entry(key.clone())
                    .or_insert_with(|| value.clone());
            }
            options.disable_hash |= global.disable_hash;
            options.immutable |= global.immutable;
        }
        args
    }
}

/// `helmGlobals`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HelmGlobals {
    /// Folder of charts, below the kustomization.
    pub chart_home: String,
    /// Where Helm keeps its configuration.
    pub config_home: String,
}

/// An entry of `helmCharts`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HelmChart {
    /// Name of the chart.
    pub name: String,
    /// Its version.
    pub version: String,
    /// URL of its repository.
    pub repo: String,
    /// Name of the release.
    pub release_name: String,
    /// Namespace of the release.
    pub namespace: String,
    /// A template for the release's name.
    pub name_template: String,
    /// Files of values, besides the chart's own or `values_file`.
    pub additional_values_files: Vec<String>,
    /// A file of values in place of the chart's own.
    pub values_file: String,
    /// Values written in the kustomization.
    pub values_inline: Option<Value>,
    /// How inline values meet those of the file: `merge`, `override` or `replace`.
    pub values_merge: String,
    /// Whether custom resource definitions are rendered.
    pub include_crds: bool,
    /// Whether hooks are left out.
    pub skip_hooks: bool,
    /// Whether tests are left out.
    pub skip_tests: bool,
    /// API versions that templates see.
    pub api_versions: Vec<String>,
    /// Kubernetes version that templates see.
    pub kube_version: String,
    /// Whether development versions of a chart may be used.
    pub devel: bool,
    /// Whether Helm tells what it does.
    pub debug: bool,
}

impl Kustomization {
    /// Reads a kustomization file.
    pub(crate) fn from_yaml(text: &str) -> Result<Self> {
        let value = kluctl_yaml::from_str_lenient(text)
            .map_err(|error| fail!("invalid Kustomization: {}", crate::document::yaml_message(&error)))?;
        let mut kustomization = Self::default();
        kustomization
            .read(&value)
            .map_err(|error| error.within("invalid Kustomization"))?;
        Ok(kustomization)
    }

    fn read(&mut self, value: &Value) -> Result<()> {
        let fields = Fields::of(value, KUSTOMIZATION, "")?;
        let mut bases = Vec::new();
        let mut image_tags = Vec::new();
        let mut old_charts = Vec::new();
        for (name, value) in fields.entries() {
            let path = fields.path_of(name);
            let name = name.to_ascii_lowercase();
            match (name.as_str(), value) {
                (_, Value::Array(items)) if items.is_empty() => self.has_empty = true,
                (_, Value::Object(map)) if map.is_empty() => self.has_empty = true,
                _ => {}
            }
            match name.as_str() {
                "bases" => bases = string_list(value, &path)?,
                "imagetags" => image_tags = list(value, "Image", &path, decode_image)?,
                "helmchartinflationgenerator" => {
                    old_charts = list(value, "HelmChartArgs", &path, decode_old_chart)?;
                }
                _ => self.read_field(&name, value, &path, &fields)?,
            }
            self.warn(&name, value);
        }
        self.resources.extend(bases);
        self.images.extend(image_tags);
        let (globals, charts): (Vec<_>, Vec<_>) = old_charts.into_iter().unzip();
        if self.helm_globals.is_none() {
            let pick = |part: fn(&HelmGlobals) -> &String| {
                globals
                    .iter()
                    .map(part)
                    .rfind(|text| !text.is_empty())
                    .cloned()
                    .unwrap_or_default()
            };
            let globals = HelmGlobals {
                chart_home: pick(|globals| &globals.chart_home),
                config_home: pick(|globals| &globals.config_home),
            };
            self.helm_globals = (globals != HelmGlobals::default()).then_some(globals);
        }
        self.helm_charts.extend(charts);
        Ok(())
    }

    fn read_field(&mut self, name: &str, value: &Value, path: &str, fields: &Fields<'_>) -> Result<()> {
        match name {
            "kind" => self.kind = string(value, &fields.path_in("TypeMeta", "kind"))?,
            "apiversion" => self.api_version = string(value, &fields.path_in("TypeMeta", "apiVersion"))?,
            "metadata" => self.has_metadata = check_metadata(value, path)?,
            "openapi" => self.openapi = string_map(value, path)?,
            "nameprefix" => self.name_prefix = string(value, path)?,
            "namesuffix" => self.name_suffix = string(value, path)?,
            "namespace" => self.namespace = string(value, path)?,
            "commonlabels" => self.common_labels = string_map(value, path)?,
            "labels" => self.labels = list(value, "Label", path, decode_label)?,
            "commonannotations" => self.common_annotations = string_map(value, path)?,
            "patchesstrategicmerge" => {
                self.patches_strategic_merge = string_list_of(value, path, "types.PatchStrategicMerge")?;
            }
            "patchesjson6902" => self.patches_json6902 = list(value, "Patch", path, decode_patch)?,
            "patches" => self.patches = list(value, "Patch", path, decode_patch)?,
            "images" => self.images = list(value, "Image", path, decode_image)?,
            "replacements" => {
                self.replacements = list(value, "ReplacementField", path, decode_replacement_field)?;
            }
            "replicas" => self.replicas = list(value, "Replica", path, decode_replica)?,
            "vars" => self.vars = list(value, "Var", path, decode_var)?,
            "sortoptions" => self.sort_options = decode_sort_options(value, path)?,
            "resources" => self.resources = string_list(value, path)?,
            "components" => self.components = string_list(value, path)?,
            "crds" => self.crds = string_list(value, path)?,
            "configmapgenerator" => {
                self.config_maps = list(value, "ConfigMapArgs", path, decode_config_map_args)?;
            }
            "secretgenerator" => self.secrets = list(value, "SecretArgs", path, decode_secret_args)?,
            "helmglobals" => self.helm_globals = decode_helm_globals(value, path)?,
            "helmcharts" => self.helm_charts = list(value, "HelmChart", path, decode_helm_chart)?,
            "generatoroptions" => self.generator_options = decode_generator_options(value, path)?,
            "configurations" => self.configurations = string_list(value, path)?,
            "generators" => self.generators = string_list(value, path)?,
            "transformers" => self.transformers = string_list(value, path)?,
            "validators" => self.validators = string_list(value, path)?,
            "buildmetadata" => self.build_metadata = string_list(value, path)?,
            _ => {
                let written = fields
                    .entries()
                    .into_iter()
                    .find(|(written, _)| written.eq_ignore_ascii_case(name));
                return Err(unknown(written.map_or(name, |(written, _)| written)));
            }
        }
        Ok(())
    }

    fn warn(&mut self, name: &str, value: &Value) {
        if value.is_null() {
            return;
        }
        // The order of the messages is that of this list, not that of the file.
        let warning = match name {
            "bases" => concat!(
                "# Warning: 'bases' is deprecated. Please use 'resources' instead. ",
                "Run 'kustomize edit fix' to update your Kustomization automatically."
            ),
            "commonlabels" => concat!(
                "# Warning: 'commonLabels' is deprecated. Please use 'labels' instead. ",
                "Run 'kustomize edit fix' to update your Kustomization automatically."
            ),
            "imagetags" => concat!(
                "# Warning: 'imageTags' is deprecated. Please use 'images' instead. ",
                "Run 'kustomize edit fix' to update your Kustomization automatically."
            ),
            "patchesjson6902" => concat!(
                "# Warning: 'patchesJson6902' is deprecated. Please use 'patches' instead. ",
                "Run 'kustomize edit fix' to update your Kustomization automatically."
            ),
            "patchesstrategicmerge" => concat!(
                "# Warning: 'patchesStrategicMerge' is deprecated. Please use 'patches' instead. ",
                "Run 'kustomize edit fix' to update your Kustomization automatically."
            ),
            "vars" => concat!(
                "# Warning: 'vars' is deprecated. Please use 'replacements' instead. [EXPERIMENTAL] ",
                "Run 'kustomize edit fix' to update your Kustomization automatically."
            ),
            _ => return,
        };
        self.warnings.push(warning);
    }

    /// Refuses what is empty, or of another kind or version. The folder stands in messages.
    pub(crate) fn check(&mut self, root: &Utf8Path) -> Result<()> {
        if self.kind.is_empty() {
            KUSTOMIZATION.clone_into(&mut self.kind);
        }
        let wanted = if self.kind == COMPONENT {
            "kustomize.config.k8s.io/v1alpha1"
        } else {
            "kustomize.config.k8s.io/v1beta1"
        };
        if self.api_version.is_empty() {
            wanted.clone_into(&mut self.api_version);
        }
        let nothing = Self {
            kind: self.kind.clone(),
            api_version: self.api_version.clone(),
            ..Self::default()
        };
        if *self == nothing {
            return Err(fail!("kustomization.yaml is empty"));
        }
        let mut problems = Vec::new();
        if self.kind != KUSTOMIZATION && self.kind != COMPONENT {
            problems.push(format!("kind should be {KUSTOMIZATION} or {COMPONENT}"));
        }
        if self.api_version != wanted {
            problems.push(format!("apiVersion for {} should be {wanted}", self.kind));
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(fail!(
                "Failed to read kustomization file under {root}:\n{}",
                problems.join("\n")
            ))
        }
    }
}

fn list<T>(value: &Value, item: &str, path: &str, decode: fn(&Value, &str) -> Result<T>) -> Result<Vec<T>> {
    Fields::list(value, item, path)?
        .iter()
        .map(|item| decode(item, path))
        .collect()
}

fn check_metadata(value: &Value, path: &str) -> Result<bool> {
    let fields = Fields::of(value, "ObjectMeta", path)?;
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "name" | "namespace" => {
                string(value, &path)?;
            }
            "labels" | "annotations" => {
                string_map(value, &path)?;
            }
            _ => return Err(unknown(name)),
        }
    }
    Ok(!value.is_null())
}

fn decode_label(value: &Value, path: &str) -> Result<Label> {
    let fields = Fields::of(value, "Label", path)?;
    let mut label = Label::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "pairs" => label.pairs = string_map(value, &path)?,
            "includeselectors" => label.include_selectors = boolean(value, &path)?,
            "includetemplates" => label.include_templates = boolean(value, &path)?,
            "fields" => label.fields = decode_field_specs(value, &path)?,
            _ => return Err(unknown(name)),
        }
    }
    Ok(label)
}

pub(crate) fn decode_patch_options(value: &Value, path: &str) -> Result<Option<PatchOptions>> {
    if value.is_null() {
        return Ok(None);
    }
    let fields = Fields::of(value, "PatchArgs", path)?;
    let mut options = PatchOptions::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "allownamechange" => options.allow_name_change = boolean(value, &path)?,
            "allowkindchange" => options.allow_kind_change = boolean(value, &path)?,
            _ => return Err(unknown(name)),
        }
    }
    Ok(Some(options))
}

fn decode_patch(value: &Value, path: &str) -> Result<Patch> {
    let fields = Fields::of(value, "Patch", path)?;
    let mut patch = Patch::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "path" => patch.path = string(value, &path)?,
            "patch" => patch.text = string(value, &path)?,
            "target" => patch.target = decode_selector(value, &path)?,
            "options" => patch.options = decode_patch_options(value, &path)?,
            _ => return Err(unknown(name)),
        }
    }
    Ok(patch)
}

pub(crate) fn decode_image(value: &Value, path: &str) -> Result<Image> {
    let fields = Fields::of(value, "Image", path)?;
    let mut image = Image::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        let part = match name.to_ascii_lowercase().as_str() {
            "name" => &mut image.name,
            "newname" => &mut image.new_name,
            "tagsuffix" => &mut image.tag_suffix,
            "newtag" => &mut image.new_tag,
            "digest" => &mut image.digest,
            _ => return Err(unknown(name)),
        };
        *part = string(value, &path)?;
    }
    Ok(image)
}

pub(crate) fn decode_replica(value: &Value, path: &str) -> Result<Replica> {
    let fields = Fields::of(value, "Replica", path)?;
    let mut replica = Replica::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "name" => replica.name = string(value, &path)?,
            "count" => replica.count = integer(value, &path, "int64")?,
            _ => return Err(unknown(name)),
        }
    }
    Ok(replica)
}

pub(crate) fn decode_replacement_field(value: &Value, path: &str) -> Result<ReplacementField> {
    let fields = Fields::of(value, "ReplacementField", path)?;
    let mut field = ReplacementField {
        written: value.clone(),
        ..ReplacementField::default()
    };
    for (name, value) in fields.entries() {
        if name.eq_ignore_ascii_case("path") {
            field.path = string(value, &fields.path_of(name))?;
        } else if !decode_replacement_into(
            &mut field.replacement,
            name,
            value,
            &fields.path_in("Replacement", name),
        )? {
            return Err(unknown(name));
        }
    }
    Ok(field)
}

/// Reads a replacement from a file of its own, where unknown fields are passed over.
pub(crate) fn decode_replacement(value: &Value) -> Result<Replacement> {
    let fields = Fields::of(value, "Replacement", "")?;
    let mut replacement = Replacement::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        decode_replacement_into(&mut replacement, name, value, &path)?;
    }
    Ok(replacement)
}

fn decode_replacement_into(
    replacement: &mut Replacement,
    name: &str,
    value: &Value,
    path: &str,
) -> Result<bool> {
    match name.to_ascii_lowercase().as_str() {
        "source" => replacement.source = decode_source(value, path)?,
        "sourcevalue" => {
            replacement.source_value = if value.is_null() {
                None
            } else {
                Some(string(value, path)?)
            };
        }
        "targets" => {
            replacement.targets = if value.is_null() {
                None
            } else {
                Some(list(value, "TargetSelector", path, decode_target)?)
            };
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn decode_source(value: &Value, path: &str) -> Result<Option<Source>> {
    if value.is_null() {
        return Ok(None);
    }
    let fields = Fields::of(value, "SourceSelector", path)?;
    let mut source = Source::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "fieldpath" => source.field_path = string(value, &path)?,
            "options" => source.options = decode_field_options(value, &path)?,
            _ if decode_id_into(&mut source.id, &fields, (name, value))? => {}
            _ => return Err(unknown(name)),
        }
    }
    Ok(Some(source))
}

fn decode_target(value: &Value, path: &str) -> Result<Target> {
    let fields = Fields::of(value, "TargetSelector", path)?;
    let mut target = Target::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "select" => target.select = decode_selector(value, &path)?,
            "reject" => {
                target.reject = Fields::list(value, "Selector", &path)?
                    .iter()
                    .map(|item| decode_selector(item, &path).map(Option::unwrap_or_default))
                    .collect::<Result<_>>()?;
            }
            "fieldpaths" => target.field_paths = string_list(value, &path)?,
            "options" => target.options = decode_field_options(value, &path)?,
            _ => return Err(unknown(name)),
        }
    }
    Ok(target)
}

fn decode_field_options(value: &Value, path: &str) -> Result<Option<FieldOptions>> {
    if value.is_null() {
        return Ok(None);
    }
    let fields = Fields::of(value, "FieldOptions", path)?;
    let mut options = FieldOptions::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "delimiter" => options.delimiter = string(value, &path)?,
            "index" => options.index = integer(value, &path, "int")?,
            "encoding" => {
                string(value, &path)?;
            }
            "create" => options.create = boolean(value, &path)?,
            _ => return Err(unknown(name)),
        }
    }
    Ok(Some(options))
}

fn decode_var(value: &Value, path: &str) -> Result<Var> {
    let fields = Fields::of(value, "Var", path)?;
    let mut var = Var::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "name" => var.name = string(value, &path)?,
            "objref" => var.object = decode_object_reference(value, &path)?,
            "fieldref" => {
                let fields = Fields::of(value, "FieldSelector", &path)?;
                for (name, value) in fields.entries() {
                    if !name.eq_ignore_ascii_case("fieldPath") {
                        return Err(unknown(name));
                    }
                    var.field_path = string(value, &fields.path_of(name))?;
                }
            }
            _ => return Err(unknown(name)),
        }
    }
    Ok(var)
}

fn decode_object_reference(value: &Value, path: &str) -> Result<ResId> {
    let fields = Fields::of(value, "Target", path)?;
    let mut id = ResId::default();
    let mut api_version = String::new();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "apiversion" => api_version = string(value, &path)?,
            "name" => id.name = string(value, &path)?,
            "namespace" => id.namespace = string(value, &path)?,
            _ if decode_gvk_into(&mut id.gvk, &fields, "Gvk", (name, value))? => {}
            _ => return Err(unknown(name)),
        }
    }
    let parts: Vec<&str> = api_version.split('/').collect();
    match parts.as_slice() {
        [""] => {}
        [version] => (*version).clone_into(&mut id.gvk.version),
        [group, version] => {
            id.gvk = Gvk {
                group: (*group).to_owned(),
                version: (*version).to_owned(),
                kind: id.gvk.kind,
            }
        }
        _ => {}
    }
    Ok(id)
}

fn decode_sort_options(value: &Value, path: &str) -> Result<Option<SortOptions>> {
    if value.is_null() {
        return Ok(None);
    }
    let fields = Fields::of(value, "SortOptions", path)?;
    let mut options = SortOptions::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "order" => options.order = string_of(value, &path, "types.SortOrder")?,
            "legacysortoptions" if value.is_null() => {}
            "legacysortoptions" => {
                let fields = Fields::of(value, "LegacySortOptions", &path)?;
                let mut legacy = LegacyOrder::default();
                for (name, value) in fields.entries() {
                    let path = fields.path_of(name);
                    match name.to_ascii_lowercase().as_str() {
                        "orderfirst" => legacy.first = string_list(value, &path)?,
                        "orderlast" => legacy.last = string_list(value, &path)?,
                        _ => return Err(unknown(name)),
                    }
                }
                options.legacy = Some(legacy);
            }
            _ => return Err(unknown(name)),
        }
    }
    Ok(Some(options))
}

fn decode_generator_options(value: &Value, path: &str) -> Result<Option<GeneratorOptions>> {
    if value.is_null() {
        return Ok(None);
    }
    let fields = Fields::of(value, "GeneratorOptions", path)?;
    let mut options = GeneratorOptions::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "labels" => options.labels = string_map(value, &path)?,
            "annotations" => options.annotations = string_map(value, &path)?,
            "disablenamesuffixhash" => options.disable_hash = boolean(value, &path)?,
            "immutable" => options.immutable = boolean(value, &path)?,
            _ => return Err(unknown(name)),
        }
    }
    Ok(Some(options))
}

fn decode_config_map_args(value: &Value, path: &str) -> Result<GeneratorArgs> {
    decode_generator_args(value, path, false, true)
}

fn decode_secret_args(value: &Value, path: &str) -> Result<GeneratorArgs> {
    decode_generator_args(value, path, true, true)
}

/// Reads a generator. Without `strict`, as in a file of its own, unknown fields are passed over.
pub(crate) fn decode_generator_args(
    value: &Value,
    path: &str,
    secret: bool,
    strict: bool,
) -> Result<GeneratorArgs> {
    let fields = Fields::of(value, if secret { "SecretArgs" } else { "ConfigMapArgs" }, path)?;
    let mut args = GeneratorArgs::default();
    let mut old_env = String::new();
    for (name, value) in fields.entries() {
        let lower = name.to_ascii_lowercase();
        let path = match lower.as_str() {
            _ if path.is_empty() => fields.path_of(name),
            "literals" | "files" | "envs" | "env" => fields.path_in("GeneratorArgs.KvPairSources", name),
            "type" => fields.path_of(name),
            _ => fields.path_in("GeneratorArgs", name),
        };
        match lower.as_str() {
            "name" => args.name = string(value, &path)?,
            "namespace" => args.namespace = string(value, &path)?,
            "behavior" => args.behavior = string(value, &path)?,
            "literals" => args.literals = string_list(value, &path)?,
            "files" => args.files = string_list(value, &path)?,
            "envs" => args.envs = string_list(value, &path)?,
            "env" => old_env = string(value, &path)?,
            "options" => args.options = decode_generator_options(value, &path)?,
            "type" if secret => args.secret_type = string(value, &path)?,
            _ if strict => return Err(unknown(name)),
            _ => {}
        }
    }
    if !old_env.is_empty() && strict {
        args.envs.push(old_env);
    }
    Ok(args)
}

fn decode_helm_globals(value: &Value, path: &str) -> Result<Option<HelmGlobals>> {
    if value.is_null() {
        return Ok(None);
    }
    let fields = Fields::of(value, "HelmGlobals", path)?;
    let mut globals = HelmGlobals::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "charthome" => globals.chart_home = string(value, &path)?,
            "confighome" => globals.config_home = string(value, &path)?,
            _ => return Err(unknown(name)),
        }
    }
    Ok(Some(globals))
}

fn decode_helm_chart(value: &Value, path: &str) -> Result<HelmChart> {
    let fields = Fields::of(value, "HelmChart", path)?;
    let mut chart = HelmChart::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        if !decode_helm_field(&mut chart, name, value, &path)? {
            return Err(unknown(name));
        }
    }
    Ok(chart)
}

/// Takes a field of a Helm chart; says whether it did.
pub(crate) fn decode_helm_field(
    chart: &mut HelmChart,
    name: &str,
    value: &Value,
    path: &str,
) -> Result<bool> {
    match name.to_ascii_lowercase().as_str() {
        "name" => chart.name = string(value, path)?,
        "version" => chart.version = string(value, path)?,
        "repo" => chart.repo = string(value, path)?,
        "releasename" => chart.release_name = string(value, path)?,
        "namespace" => chart.namespace = string(value, path)?,
        "nametemplate" => chart.name_template = string(value, path)?,
        "additionalvaluesfiles" => chart.additional_values_files = string_list(value, path)?,
        "valuesfile" => chart.values_file = string(value, path)?,
        "valuesinline" => chart.values_inline = object(value, path)?,
        "valuesmerge" => chart.values_merge = string(value, path)?,
        "includecrds" => chart.include_crds = boolean(value, path)?,
        "skiphooks" => chart.skip_hooks = boolean(value, path)?,
        "skiptests" => chart.skip_tests = boolean(value, path)?,
        "apiversions" => chart.api_versions = string_list(value, path)?,
        "kubeversion" => chart.kube_version = string(value, path)?,
        "devel" => chart.devel = boolean(value, path)?,
        "debug" => chart.debug = boolean(value, path)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// The old form of a chart, with what is a global setting now.
fn decode_old_chart(value: &Value, path: &str) -> Result<(HelmGlobals, HelmChart)> {
    let fields = Fields::of(value, "HelmChartArgs", path)?;
    let mut globals = HelmGlobals::default();
    let mut chart = HelmChart::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "chartname" => chart.name = string(value, &path)?,
            "chartversion" => chart.version = string(value, &path)?,
            "chartrepourl" => chart.repo = string(value, &path)?,
            "charthome" => globals.chart_home = string(value, &path)?,
            "helmhome" => globals.config_home = string(value, &path)?,
            "values" => chart.values_file = string(value, &path)?,
            "valueslocal" => chart.values_inline = object(value, &path)?,
            "valuesmerge" => chart.values_merge = string(value, &path)?,
            "releasename" => chart.release_name = string(value, &path)?,
            "chartreponame" | "helmbin" | "releasenamespace" => {
                string(value, &path)?;
            }
            "extraargs" => {
                string_list(value, &path)?;
            }
            _ => return Err(unknown(name)),
        }
    }
    Ok((globals, chart))
}
