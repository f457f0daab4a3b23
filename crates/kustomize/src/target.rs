//! Builds one kustomization after the other, from the bases up.
//!
//! Source: kustomize `api/internal/target/kusttarget.go`, `api/internal/accumulator/resaccumulator.go`,
//! `api/krusty/kustomizer.go`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;

use crate::config::{self, Config};
use crate::document::objects;
use crate::error::{Error, Kind, Result, fail};
use crate::fieldspec::{FieldSpec, merge_specs};
use crate::generators;
use crate::helm::{Helm, Inflation};
use crate::kustomization::{COMPONENT, FILE_NAMES, Kustomization, SortOptions, Var};
use crate::loader::Loader;
use crate::node::Node;
use crate::origin::{self, Origin, note_origin, note_transformation};
use crate::plugins::{self, Generator, Transformer};
use crate::resid::ResId;
use crate::resmap::ResMap;
use crate::resource::{HELM_GENERATED, ORIGIN, Resource, TRANSFORMATIONS};
use crate::schema::Schema;
use crate::transform::{self, End, Namespace};

/// How deep kustomizations may stand in one another.
const MAX_DEPTH: usize = 200;

/// What all kustomizations of a build share.
pub(crate) struct Build<'a> {
    pub(crate) schema: RefCell<Schema>,
    pub(crate) helm: Option<&'a dyn Helm>,
    pub(crate) on_warning: Option<&'a dyn Fn(&str)>,
    /// How many kustomizations were loaded: those that name each other twice at every level would never end.
    pub(crate) loaded: Cell<usize>,
}

/// How many kustomizations, and how many objects, one build may have.
const MAX_KUSTOMIZATIONS: usize = 20_000;
const MAX_OBJECTS: usize = 200_000;

impl Build<'_> {
    fn warn(&self, message: &str) {
        if let Some(on_warning) = self.on_warning {
            on_warning(message);
        }
    }
}

/// Objects, and the rules that came with them.
#[derive(Debug, Default)]
pub(crate) struct Accumulator {
    pub(crate) map: ResMap,
    config: Option<Rc<Config>>,
    vars: BTreeMap<String, Var>,
}

impl Accumulator {
    fn merge_config(&mut self, other: &Rc<Config>) -> Result<()> {
        match &mut self.config {
            None => self.config = Some(other.clone()),
            // Whatever is there was made from the defaults, so that they add nothing.
            Some(own) if Rc::ptr_eq(own, other) || Rc::ptr_eq(other, &config::defaults()) => {}
            Some(own) => Rc::make_mut(own).merge(other)?,
        }
        Ok(())
    }

    fn config(&self) -> Rc<Config> {
        self.config.clone().unwrap_or_else(config::defaults)
    }

    fn merge(&mut self, other: Self, schema: &Schema) -> Result<()> {
        let objects = self.map.resources().len() + other.map.resources().len();
        if objects > MAX_OBJECTS {
            return Err(fail!(
                "more than {MAX_OBJECTS} objects are built for one kustomization"
            ));
        }
        self.map.append_all(other.map.into_resources(), schema)?;
        if let Some(config) = &other.config {
            self.merge_config(config)?;
        }
        for var in other.vars.into_values() {
            self.add_var(var)?;
        }
        Ok(())
    }

    fn add_var(&mut self, mut var: Var) -> Result<()> {
        if self.vars.contains_key(&var.name) {
            return Err(fail!("var '{}' already encountered", var.name));
        }
        if var.field_path.is_empty() {
            "metadata.name".clone_into(&mut var.field_path);
        }
        self.vars.insert(var.name.clone(), var);
        Ok(())
    }

    /// Notes which objects the variables of a kustomization take their values from.
    fn merge_vars(&mut self, vars: &[Var], schema: &Schema) -> Result<()> {
        for var in vars {
            let wanted = &var.object;
            let anywhere = wanted.namespace.is_empty();
            let fits = |id: &ResId| {
                id.name == wanted.name && id.gvk == wanted.gvk && (anywhere || id.same_namespace(wanted))
            };
            let found: Vec<usize> = self
                .map
                .resources()
                .iter()
                .enumerate()
                .filter(|(_, resource)| {
                    let ids = resource.ids(schema);
                    !resource.is_empty() && (fits(&ids.current) || ids.previous.iter().any(fits))
                })
                .map(|(position, _)| position)
                .collect();
            match found.as_slice() {
                [] => {}
                [one] => self.map.contents_mut()[*one].variables.push(var.name.clone()),
                many => {
                    return Err(fail!(
                        "found {} resId matches for var {} (unable to disambiguate)",
                        many.len(),
                        var.name
                    ));
                }
            }
        }
        vars.iter().try_for_each(|var| self.add_var(var.clone()))
    }
}

/// One kustomization that is being built.
pub(crate) struct Target<'a, 'b> {
    build: &'b Build<'a>,
    loader: Rc<Loader<'a>>,
    pub(crate) kustomization: Kustomization,
    file_name: &'static str,
    origin: Option<Origin>,
    helm_namespace: String,
    depth: usize,
}

/// Says in which file a text is malformed.
pub(crate) fn in_file(error: Error, path: &str) -> Error {
    match error.kind {
        Kind::MalformedYaml => fail!("{error} in File: {path}").of_kind(Kind::MalformedYaml),
        _ => error,
    }
}

impl<'a, 'b> Target<'a, 'b> {
    /// Reads the kustomization of a folder.
    pub(crate) fn load(build: &'b Build<'a>, loader: Rc<Loader<'a>>, depth: usize) -> Result<Self> {
        let mut found = None;
        for name in FILE_NAMES {
            if let Some(content) = loader.load_if_present(name)?
                && found.replace((name, content)).is_some()
            {
                return Err(fail!(
                    "Found multiple kustomization files under: {}\n",
                    loader.root()
                ));
            }
        }
        let Some((file_name, content)) = found else {
            return Err(fail!(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{}'",
                loader.root()
            ));
        };
        let place = || format!(" (in '{}')", loader.root().join(file_name));
        let text = crate::document::text_of(&content).map_err(|error| {
            let message = error.message().trim_start_matches("MalformedYAMLError: ");
            fail!("invalid Kustomization: {message}{}", place())
        })?;
        let mut kustomization =
            Kustomization::from_yaml(&text).map_err(|error| fail!("{error}{}", place()))?;
        kustomization
            .warnings
            .iter()
            .for_each(|warning| build.warn(warning));
        kustomization.check(loader.root())?;
        Ok(Self {
            build,
            loader,
            kustomization,
            file_name,
            origin: None,
            helm_namespace: String::new(),
            depth,
        })
    }

    /// Makes the `openapi` document of this kustomization the one of the build, unless there is one already.
    pub(crate) fn choose_schema(&self) -> Result<()> {
        let openapi = &self.kustomization.openapi;
        let document = openapi
            .get("path")
            .map(|path| self.loader.load(path))
            .transpose()?;
        self.build
            .schema
            .borrow_mut()
            .choose(openapi.get("version").map(String::as_str), document.as_deref())
    }

    /// Builds the kustomization that was asked for: all of it, then what must come last.
    pub(crate) fn build(&mut self) -> Result<ResMap> {
        if !self.kustomization.build_metadata.is_empty() {
            self.origin = Some(Origin::default());
        }
        let mut accumulator = self.accumulate(Accumulator::default())?;
        let config = accumulator.config();
        let schema = self.build.schema.borrow();
        transform::hashes(&mut accumulator.map, &schema)?;
        crate::nameref::fix(&mut accumulator.map, &config, &schema)?;
        let warnings = crate::vars::resolve(&mut accumulator.map, &accumulator.vars, &config.var_reference)?;
        for warning in &warnings {
            self.build.warn(warning);
        }
        let mut map = accumulator.map;
        drop_local(&mut map)?;
        Ok(map)
    }

    fn accumulate(&mut self, mut accumulator: Accumulator) -> Result<Accumulator> {
        let resources = std::mem::take(&mut self.kustomization.resources);
        self.add_resources(&mut accumulator, &resources)
            .map_err(|error| error.within("accumulating resources"))?;
        accumulator.merge_config(&self.own_config()?)?;
        self.run_generators(&mut accumulator)?;
        let components = std::mem::take(&mut self.kustomization.components);
        for path in &components {
            accumulator = self
                .add_component(accumulator, path)
                .map_err(|error| error.within("accumulating components"))?;
        }
        self.run_transformers(&mut accumulator)?;
        self.run_validators(&mut accumulator)?;
        let schema = self.build.schema.borrow();
        accumulator
            .merge_vars(&self.kustomization.vars, &schema)
            .map_err(|error| error.within("merging vars"))?;
        drop(schema);
        Ok(accumulator)
    }

    /// The defaults with what this kustomization adds to them.
    fn own_config(&self) -> Result<Rc<Config>> {
        let kustomization = &self.kustomization;
        let mut config = config::defaults();
        let mut own = Config::default();
        for path in &kustomization.configurations {
            let content = self.loader.load(path)?;
            let text = crate::document::text_of(&content)?;
            let more = Config::from_yaml(&text).map_err(|error| fail!("{error} in file '{path}'"))?;
            own.merge(&more)?;
        }
        for path in &kustomization.crds {
            let within =
                |error: Error| error.within(format!("loading CRDs [{}]", kustomization.crds.join(" ")));
            let content = self.loader.load(path).map_err(within)?;
            let text = crate::document::text_of(&content)?;
            let more = config::from_crds(&text, path).map_err(within)?;
            own.merge(&more)?;
        }
        if own != Config::default() {
            Rc::make_mut(&mut config).merge(&own)?;
        }
        Ok(config)
    }

    fn add_resources(&mut self, accumulator: &mut Accumulator, paths: &[String]) -> Result<()> {
        for path in paths {
            let Err(of_file) = self.add_file(accumulator, path) else {
                continue;
            };
            if of_file.kind == Kind::Http {
                return Err(of_file);
            }
            let loader = match self.loader.descend(path) {
                Ok(loader) => loader,
                Err(error) if of_file.kind == Kind::MalformedYaml && error.kind != Kind::Timeout => {
                    return Err(of_file);
                }
                Err(error) => return Err(error.within(format!("accumulation err='{of_file}'"))),
            };
            let added = self.in_folder(path, |target| {
                let other = target.accumulate_folder(loader, None)?;
                let root = other.1;
                let schema = target.build.schema.borrow();
                accumulator
                    .merge(other.0, &schema)
                    .map_err(|error| error.within(format!("recursed merging from path '{root}'")))
            });
            added.map_err(|error| error.within(format!("accumulation err='{of_file}'")))?;
        }
        Ok(())
    }

    /// Does something while the origin is that of a folder.
    fn in_folder<T>(&mut self, path: &str, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = self.origin.clone();
        self.origin = before.as_ref().map(|origin| origin.append(path));
        let result = run(self);
        self.origin = before;
        result
    }

    fn add_component(&mut self, accumulator: Accumulator, path: &str) -> Result<Accumulator> {
        let loader = self
            .loader
            .descend(path)
            .map_err(|error| fail!("loader.New {:?}", error.message()))?;
        self.in_folder(path, |target| target.accumulate_folder(loader, Some(accumulator)))
            .map(|(accumulator, _)| accumulator)
            .map_err(|error| fail!("accumulateDirectory: {:?}", error.message()))
    }

    /// Builds another folder. A component continues with the objects of the kustomization that names it.
    fn accumulate_folder(
        &self,
        loader: Rc<Loader<'a>>,
        component: Option<Accumulator>,
    ) -> Result<(Accumulator, String)> {
        let root = loader.root().to_string();
        let loaded = self.build.loaded.get() + 1;
        self.build.loaded.set(loaded);
        if loaded > MAX_KUSTOMIZATIONS {
            return Err(fail!(
                "more than {MAX_KUSTOMIZATIONS} kustomizations are built for one, at path '{root}'"
            ));
        }
        if self.depth >= MAX_DEPTH {
            return Err(fail!("kustomizations are nested too deep at path '{root}'"));
        }
        let mut target = Target::load(self.build, loader, self.depth + 1)
            .map_err(|error| error.within(format!("couldn't make target for path '{root}'")))?;
        target
            .kustomization
            .build_metadata
            .clone_from(&self.kustomization.build_metadata);
        target.origin.clone_from(&self.origin);
        target.helm_namespace = if self.kustomization.namespace.is_empty() {
            self.helm_namespace.clone()
        } else {
            self.kustomization.namespace.clone()
        };
        target.choose_schema()?;
        let kind = &target.kustomization.kind;
        if component.is_some() && kind != COMPONENT {
            return Err(fail!(
                "expected kind '{COMPONENT}' for path '{root}' but got '{kind}'"
            ));
        }
        if component.is_none() && kind == COMPONENT {
            return Err(fail!("expected kind != '{COMPONENT}' for path '{root}'"));
        }
        let accumulator = target
            .accumulate(component.unwrap_or_default())
            .map_err(|error| error.within(format!("recursed accumulation of path '{root}'")))?;
        Ok((accumulator, root))
    }

    fn add_file(&self, accumulator: &mut Accumulator, path: &str) -> Result<()> {
        let within = |error: Error| {
            let kind = error.kind;
            error
                .within(format!("accumulating resources from '{path}'"))
                .of_kind(kind)
        };
        let content = self.loader.load(path).map_err(within)?;
        let nodes = objects(&content).map_err(|error| within(in_file(error, path)))?;
        let schema = self.build.schema.borrow();
        let file: Rc<str> = self.loader.shown(path).into();
        let resources = nodes
            .into_iter()
            .map(|node| Resource::from_file(node, &file))
            .collect();
        let own = ResMap::from_resources(resources, &schema).map_err(within)?;
        let mut resources = own.into_resources();
        if let Some(origin) = &self.origin {
            let text = origin.append(path).to_text();
            for resource in &mut resources {
                let annotations = resource
                    .node_mut()
                    .expect_map_mut()?
                    .map_or_create("metadata")?
                    .map_or_create("annotations")?;
                annotations.set(ORIGIN, Node::string(text.clone()));
            }
        }
        accumulator
            .map
            .append_all(resources, &schema)
            .map_err(|error| error.within(format!("merging resources from '{path}'")))
    }

    fn run_generators(&mut self, accumulator: &mut Accumulator) -> Result<()> {
        let mut all = self.builtin_generators()?;
        let paths = self.kustomization.generators.clone();
        let settings = self
            .plugin_settings(&paths, "generator")
            .and_then(|settings| {
                settings
                    .iter()
                    .map(|settings| {
                        plugins::generator(settings, &self.loader)
                            .map_err(|error| error.within("failed to load generator"))
                    })
                    .collect::<Result<Vec<_>>>()
            })
            .map_err(|error| error.within("loading generator plugins"))?;
        all.extend(settings);
        for (generator, origin) in all {
            let mut resources = self.generate(&generator)?;
            if let Some(origin) = &origin {
                note_origin(&mut resources, origin)?;
            }
            let schema = self.build.schema.borrow();
            for resource in resources {
                accumulator.map.absorb(resource, &schema).map_err(|error| {
                    error.within(format!("merging from generator of '{}'", self.loader.root()))
                })?;
            }
        }
        Ok(())
    }

    fn builtin_generators(&self) -> Result<Vec<(Generator, Option<Origin>)>> {
        let kustomization = &self.kustomization;
        let origin = |kind| {
            self.origin
                .as_ref()
                .map(|origin| origin.builtin(self.file_name, kind))
        };
        let mut all = Vec::new();
        let options = kustomization.generator_options.as_ref();
        for args in &kustomization.config_maps {
            all.push((
                Generator::ConfigMap(args.with_global_options(options)),
                origin("ConfigMapGenerator"),
            ));
        }
        for args in &kustomization.secrets {
            all.push((
                Generator::Secret(args.with_global_options(options)),
                origin("SecretGenerator"),
            ));
        }
        for chart in &kustomization.helm_charts {
            let mut inflation = Inflation {
                chart: chart.clone(),
                globals: kustomization.helm_globals.clone().unwrap_or_default(),
            };
            let namespace = &mut inflation.chart.namespace;
            if namespace.is_empty() {
                namespace.clone_from(if kustomization.namespace.is_empty() {
                    &self.helm_namespace
                } else {
                    &kustomization.namespace
                });
            }
            let settings = inflation.settings();
            let trouble = |error: Error| {
                error.within(format!(
                    "trouble configuring builtin HelmChartInflationGenerator with config: `\n{settings}`"
                ))
            };
            if self.build.helm.is_none() {
                return Err(trouble(fail!("must specify --enable-helm")));
            }
            inflation.check(&self.loader).map_err(trouble)?;
            all.push((
                Generator::Helm(Box::new(inflation)),
                origin("HelmChartInflationGenerator"),
            ));
        }
        Ok(all)
    }

    fn generate(&self, generator: &Generator) -> Result<Vec<Resource>> {
        match generator {
            Generator::ConfigMap(args) => Ok(vec![generators::config_map(args, &self.loader)?]),
            Generator::Secret(args) => Ok(vec![generators::secret(args, &self.loader)?]),
            Generator::IamPolicy(text) => Ok(plugins::iam_policy_objects(text)?
                .into_iter()
                .map(Resource::new)
                .collect()),
            Generator::Helm(inflation) => {
                let Some(helm) = self.build.helm else {
                    return Err(fail!("must specify --enable-helm"));
                };
                let schema = self.build.schema.borrow();
                let mut resources = inflation.objects(&self.loader, helm, &schema)?;
                for resource in &mut resources {
                    resource.set_annotation(HELM_GENERATED, "true")?;
                }
                Ok(resources)
            }
        }
    }

    /// The settings of plugins: written out in the kustomization, or in files and folders.
    fn plugin_settings(&mut self, entries: &[String], what: &str) -> Result<Vec<Resource>> {
        let mut accumulator = Accumulator::default();
        let mut paths = Vec::new();
        for entry in entries {
            let Ok(nodes) = objects(&Bytes::from(entry.clone())) else {
                paths.push(entry.clone());
                continue;
            };
            for node in nodes {
                let mut resource = Resource::new(node);
                if let Some(origin) = &self.origin {
                    origin::set(&mut resource, ORIGIN, origin.append(self.file_name).to_text())?;
                }
                let schema = self.build.schema.borrow();
                accumulator
                    .map
                    .append(resource, &schema)
                    .map_err(|error| error.within(format!("configuring external {what}")))?;
            }
        }
        self.add_resources(&mut accumulator, &paths)?;
        Ok(accumulator.map.into_resources())
    }

    fn run_transformers(&mut self, accumulator: &mut Accumulator) -> Result<()> {
        let mut all = self.builtin_transformers(&accumulator.config())?;
        let entries = self.kustomization.transformers.clone();
        for settings in self.plugin_settings(&entries, "transformer")? {
            all.push(plugins::transformer(&settings, &self.loader)?);
        }
        for (transformer, origin) in all {
            let schema = self.build.schema.borrow();
            transformer.apply(&mut accumulator.map, &schema)?;
            if let Some(origin) = &origin {
                note_transformation(&mut accumulator.map, origin)?;
            }
            accumulator.map.drop_empties();
        }
        Ok(())
    }

    fn run_validators(&mut self, accumulator: &mut Accumulator) -> Result<()> {
        let entries = self.kustomization.validators.clone();
        for settings in self.plugin_settings(&entries, "transformer")? {
            let (validator, _) = plugins::transformer(&settings, &self.loader)?;
            let schema = self.build.schema.borrow();
            let before: Vec<_> = accumulator
                .map
                .resources()
                .iter()
                .map(|resource| resource.node().clone())
                .collect();
            validator.apply(&mut accumulator.map, &schema)?;
            let after = accumulator.map.resources();
            let unchanged = before.len() == after.len()
                && before.iter().zip(after).all(|(before, after)| {
                    without_validation_label(before) == without_validation_label(after.node())
                });
            if !unchanged {
                return Err(fail!("validator shouldn't modify the resource map"));
            }
        }
        Ok(())
    }

    fn builtin_transformers(&self, config: &Config) -> Result<Vec<(Transformer, Option<Origin>)>> {
        let kustomization = &self.kustomization;
        let loader = &*self.loader;
        let mut all: Vec<(Transformer, Option<Origin>)> = Vec::new();
        let mut push = |transformer, kind| {
            let origin = self
                .origin
                .as_ref()
                .map(|origin| origin.builtin(self.file_name, kind));
            all.push((transformer, origin));
        };
        let trouble = |kind: &str, settings: &str, error: Error| {
            error.within(format!(
                "trouble configuring builtin {kind} with config: `\n{settings}`"
            ))
        };
        if !kustomization.patches_strategic_merge.is_empty() {
            let paths = &kustomization.patches_strategic_merge;
            let patches = crate::patch::load_merges(paths, "", loader).map_err(|error| {
                let settings = kluctl_yaml::to_string(&serde_json::json!({ "paths": paths }));
                trouble("PatchStrategicMergeTransformer", &settings, error)
            })?;
            push(Transformer::Merges(patches), "PatchStrategicMergeTransformer");
        }
        for patch in &kustomization.patches {
            let loaded = crate::patch::load(patch, loader)
                .map_err(|error| trouble("PatchTransformer", &crate::patch::settings(patch), error))?;
            push(Transformer::Patch(loaded), "PatchTransformer");
        }
        if !kustomization.namespace.is_empty() {
            let settings = Namespace {
                name: kustomization.namespace.clone(),
                specs: config.namespace.clone(),
                ..Namespace::default()
            };
            push(Transformer::Namespace(settings), "NamespaceTransformer");
        }
        let affixes = [
            (
                &kustomization.name_prefix,
                End::Prefix,
                &config.name_prefix,
                "PrefixTransformer",
            ),
            (
                &kustomization.name_suffix,
                End::Suffix,
                &config.name_suffix,
                "SuffixTransformer",
            ),
        ];
        for (text, end, specs, kind) in affixes {
            if !text.is_empty() {
                push(Transformer::Affix(text.clone(), end, specs.clone()), kind);
            }
        }
        for label in &kustomization.labels {
            let specs = label_specs(label, config).map_err(|error| error.within("failed to merge labels"))?;
            push(
                Transformer::Labels(label.pairs.clone(), specs),
                "LabelTransformer",
            );
        }
        if !kustomization.labels.is_empty() || !kustomization.common_labels.is_empty() {
            push(
                Transformer::Labels(kustomization.common_labels.clone(), config.common_labels.clone()),
                "LabelTransformer",
            );
        }
        if !kustomization.common_annotations.is_empty() {
            push(
                Transformer::Annotations(
                    kustomization.common_annotations.clone(),
                    config.common_annotations.clone(),
                ),
                "AnnotationsTransformer",
            );
        }
        for patch in &kustomization.patches_json6902 {
            let loaded = crate::patch::load_json(patch.target.as_ref(), &patch.path, &patch.text, loader)
                .map_err(|error| {
                    trouble(
                        "PatchJson6902Transformer",
                        &crate::patch::json_settings(patch),
                        error,
                    )
                })?;
            push(Transformer::JsonPatch(loaded), "PatchJson6902Transformer");
        }
        for replica in &kustomization.replicas {
            push(
                Transformer::Replicas(replica.clone(), config.replicas.clone()),
                "ReplicaCountTransformer",
            );
        }
        for image in &kustomization.images {
            push(
                Transformer::Images(image.clone(), config.images.clone()),
                "ImageTagTransformer",
            );
        }
        if !kustomization.replacements.is_empty() {
            let replacements =
                crate::replacement::load(&kustomization.replacements, loader).map_err(|error| {
                    let entries: Vec<_> = kustomization
                        .replacements
                        .iter()
                        .map(|field| &field.written)
                        .collect();
                    let settings = kluctl_yaml::to_string(&serde_json::json!({ "Replacements": entries }));
                    trouble("ReplacementTransformer", &settings, error)
                })?;
            push(Transformer::Replacements(replacements), "ReplacementTransformer");
        }
        Ok(all)
    }

    /// What is done once, after everything else: order, labels and the notes of the build.
    pub(crate) fn finish(&self, map: &mut ResMap, options: &crate::Options<'_>) -> Result<()> {
        let schema = self.build.schema.borrow();
        let metadata = &self.kustomization.build_metadata;
        let asked = |what: &str| metadata.iter().any(|entry| entry == what);
        match (&self.kustomization.sort_options, options.reorder) {
            (Some(sort), _) => {
                if options.reorder_asked {
                    self.build.warn(concat!(
                        "Warning: Sorting order is set both in 'kustomization.yaml' ('sortOptions') and in a CLI flag ",
                        "('--reorder'). Using the kustomization file over the CLI flag."
                    ));
                }
                transform::sort(map, sort, &schema)?;
            }
            (None, crate::Reorder::Legacy) => {
                let sort = SortOptions {
                    order: "legacy".to_owned(),
                    legacy: None,
                };
                transform::sort(map, &sort, &schema)?;
            }
            (None, crate::Reorder::None) => {}
        }
        if options.managed_by_label || asked("managedByLabel") {
            let label = [(
                "app.kubernetes.io/managed-by".to_owned(),
                "kustomize-v5.8.1".to_owned(),
            )];
            transform::set_entries(map, &label.into(), &[FieldSpec::new("metadata/labels", true)])?;
        }
        let keep_origin = asked("originAnnotations");
        let keep_transformations = asked("transformerAnnotations");
        for resource in map.resources_mut() {
            resource.remove_build_annotations()?;
            if !keep_origin {
                resource.remove_annotation(ORIGIN)?;
            }
            if !keep_transformations {
                resource.remove_annotation(TRANSFORMATIONS)?;
            }
        }
        Ok(())
    }
}

fn label_specs(label: &crate::kustomization::Label, config: &Config) -> Result<Vec<FieldSpec>> {
    let mut specs = label.fields.clone();
    merge_specs(&mut specs, &config.labels)?;
    if label.include_selectors {
        merge_specs(&mut specs, &config.common_labels)?;
        return Ok(specs);
    }
    if label.include_templates {
        merge_specs(&mut specs, &config.template_labels)
            .map_err(|error| error.within("failed to merge template fieldSpec"))?;
    }
    merge_specs(&mut specs, &[FieldSpec::new("metadata/labels", true)])?;
    Ok(specs)
}

fn without_validation_label(node: &Node) -> Node {
    let mut node = node.clone();
    if let Some(metadata) = node
        .as_map_mut()
        .and_then(|map| map.get_mut("metadata"))
        .and_then(Node::as_map_mut)
    {
        let empty = match metadata.get_mut("labels").and_then(Node::as_map_mut) {
            Some(labels) => labels.remove("validated-by").is_some() && labels.is_empty(),
            None => false,
        };
        if empty {
            metadata.remove("labels");
        }
    }
    node
}

/// Drops objects that are meant for tools only.
fn drop_local(map: &mut ResMap) -> Result<()> {
    let mut kept = Vec::with_capacity(map.resources().len());
    for resource in std::mem::take(map).into_resources() {
        if resource.is_empty() {
            continue;
        }
        crate::document::validate(resource.node())?;
        let local = resource.annotation("config.kubernetes.io/local-config");
        if local.is_none_or(|local| local == "false") {
            kept.push(resource);
        }
    }
    map.set_resources(kept);
    Ok(())
}
