//! Runs all steps for a target.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use camino::Utf8PathBuf;
use kluctl_object::{MaskKey, Object};
use rayon::prelude::*;
use serde_json::Value;

use super::helm;
use super::images::Images;
use super::kustomization::{self, ItemFiles, Marks, RenderedTree};
use super::output::RenderedFiles;
use super::record;
use super::{objects, templates};
use crate::assumed::Assumed;
use crate::config::{FixedImage, HelmChart, TargetConfig};
use crate::inclusion::Inclusion;
use crate::load::{self, LoadedItem, LoadedProject};
use crate::outside::{ClusterReader, Files, Secrets, Sources};
use crate::problem::{Gathered, Problem, Problems, mask_all};
use crate::project::OpenProject;
use crate::rendered::{Rendered, RenderedItem, Sensitive};
use crate::trace::{FieldPlace, FieldRequest, Trace, TraceRequest};
use crate::vars::{Vars, VarsLoader};

/// What the world outside gives to one run.
#[derive(Clone)]
pub struct World {
    /// The cluster; `None` when offline.
    pub cluster: Option<Arc<dyn ClusterReader>>,
    /// Other people's files and values.
    pub sources: Arc<dyn Sources>,
    /// Secrets, and the keys of encrypted files.
    pub secrets: Arc<dyn Secrets>,
    /// What the fingerprints of secrets are made with.
    pub mask_key: MaskKey,
}

/// How a target is rendered.
#[derive(Clone, Debug, Default)]
pub struct RenderOptions {
    /// Images from files and the command line; they win over those of the target.
    pub images: Vec<FixedImage>,
    /// Which items are in.
    pub inclusion: Inclusion,
    /// `--kubernetes-version`
    pub kubernetes_version: Option<String>,
    /// Keeps the rendered files, for `--render-output-dir`.
    pub keep_files: bool,
    /// `--sops-strict`: a file whose checksum does not fit is an error.
    pub sops_strict: bool,
    /// Finds out where the fields of an object come from.
    pub trace: Option<TraceRequest>,
    /// Fields whose places are asked for.
    pub places: Vec<FieldRequest>,
    /// What sources of variables are assumed to give, where the world outside is not to be asked.
    pub assumed: Arc<Assumed>,
}

/// What is being done, for showing progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Variables, conditions and includes.
    Loading,
    /// `Rendering templates`
    Templates,
    /// `Rendering Helm Charts`
    Charts,
    /// `Building kustomize objects`
    Kustomize,
    /// `Postprocessing objects`
    Postprocessing,
}

impl Stage {
    /// The line of progress that upstream shows.
    pub fn text(self) -> &'static str {
        match self {
            Self::Loading => "Loading deployments",
            Self::Templates => "Rendering templates",
            Self::Charts => "Rendering Helm Charts",
            Self::Kustomize => "Building kustomize objects",
            Self::Postprocessing => "Postprocessing objects",
        }
    }
}

/// Stack of the threads that render: templates, charts and values recurse as deep as their limits allow.
const STACK_BYTES: usize = 64 << 20;

/// Renders a target of a project: everything that is wrong is in [`Rendered::errors`], except what keeps the tree of
/// projects from being loaded at all.
pub fn render(
    project: &OpenProject,
    target: &TargetConfig,
    options: &RenderOptions,
    world: &World,
    on_stage: &(dyn Fn(Stage) + Sync),
) -> Result<Rendered, Problems> {
    on_threads(0, || render_on_pool(project, target, options, world, on_stage))
}

/// Runs on threads whose stacks are large enough for templates; as many as there are processors for 0.
pub(crate) fn on_threads<T: Send>(
    count: usize,
    inside: impl FnOnce() -> Result<T, Problems> + Send,
) -> Result<T, Problems> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .stack_size(STACK_BYTES)
        .thread_name(|index| format!("render-{index}"))
        .build()
        .map_err(|error| Problem::new(format!("starting threads failed: {error}")))?;
    pool.install(inside)
}

fn render_on_pool(
    project: &OpenProject,
    target: &TargetConfig,
    options: &RenderOptions,
    world: &World,
    on_stage: &(dyn Fn(Stage) + Sync),
) -> Result<Rendered, Problems> {
    let mut loader = VarsLoader::new(world, options.sops_strict);
    loader.assumed = options.assumed.clone();
    loader.decrypter.assume(options.assumed.clone(), project.root());
    let rendered = render_with(&loader, project, target, options, on_stage);
    let sensitive = loader
        .sensitive
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let masks = sensitive.masks();
    let mut rendered = rendered.map_err(|problems| {
        let mut problems = problems.into_vec();
        mask_all(&mut problems, &masks);
        Problems::from(problems)
    })?;
    mask_all(&mut rendered.errors, &masks);
    rendered.warnings = loader.warnings.into_inner().unwrap_or_default();
    let locked = loader.decrypter.placeholders();
    rendered.warnings.extend(loader.decrypter.into_warnings());
    rendered.warnings.extend(world.secrets.take_warnings());
    for warning in &mut rendered.warnings {
        masks.mask_text(warning);
    }
    rendered.sensitive = sensitive;
    let mut placeholders = loader.placeholders.into_inner().unwrap_or_default();
    placeholders.extend(locked);
    rendered.assumed = placeholders.into_iter().collect();
    Ok(rendered)
}

fn render_with(
    loader: &VarsLoader,
    project: &OpenProject,
    target: &TargetConfig,
    options: &RenderOptions,
    on_stage: &(dyn Fn(Stage) + Sync),
) -> Result<Rendered, Problems> {
    on_stage(Stage::Loading);
    let globals = crate::target::globals(&project.file(), target, &project.args)?;
    let target_value = globals.get("target").cloned().unwrap_or_default();
    let vars = Arc::new(Vars::new(globals));
    let root = load::load_root(loader, &project.tree, &project.dir, vars)?;
    let all = root.items();
    let included: Vec<&LoadedItem> = all
        .into_iter()
        .filter(|item| is_in(item, &options.inclusion))
        .collect();
    let mut fixed = target.images.clone();
    fixed.extend(options.images.iter().cloned());
    let run = Run {
        loader,
        images: Images::new(fixed)?,
        discriminator: &target.discriminator,
        root: &root,
        on_stage,
        options,
    };
    let Made {
        items,
        files,
        problems,
        trace,
        places,
    } = run.all(&included)?;
    let deployment = record::project_value(&root, &included, &items);
    let Run { images, .. } = run;
    Ok(Rendered {
        errors: problems.into_vec(),
        warnings: Vec::new(),
        discriminator: target.discriminator.clone(),
        inclusion: options.inclusion.clone(),
        seen_images: images.into_seen(),
        sensitive: Sensitive::default(),
        target: target_value,
        assumed: Vec::new(),
        deployment,
        items: items.into_iter().map(|(item, _)| item).collect(),
        trace,
        places,
        files,
    })
}

/// Whether an item is in: by its tags and folder, or because it always is.
pub(crate) fn is_in(item: &LoadedItem, inclusion: &Inclusion) -> bool {
    let config = &item.config;
    config.only_render
        || config.always_deploy
        || config.barrier
        || inclusion.contains(&item.tags, item.dir.as_deref().map(crate::tree::named))
}

/// What all steps share.
pub(super) struct Run<'r> {
    pub(super) loader: &'r VarsLoader,
    images: Images,
    discriminator: &'r str,
    pub(super) root: &'r LoadedProject,
    on_stage: &'r (dyn Fn(Stage) + Sync),
    pub(super) options: &'r RenderOptions,
}

/// An item and what its chart's description said.
pub(super) type Finished = (RenderedItem, Option<HelmChart>);

/// What came of all steps.
struct Made {
    items: Vec<Finished>,
    files: RenderedFiles,
    problems: Gathered,
    trace: Option<Trace>,
    places: Vec<Option<FieldPlace>>,
}

impl Run<'_> {
    fn all(&self, items: &[&LoadedItem]) -> Result<Made, Problems> {
        let mut problems = Gathered::default();
        (self.on_stage)(Stage::Templates);
        let results: Vec<Result<Files, Problems>> = items
            .par_iter()
            .map(|item| templates::render_files(&self.loader.templates, item))
            .collect();
        let mut files: Vec<Option<Files>> = results.into_iter().map(|result| problems.keep(result)).collect();
        (self.on_stage)(Stage::Charts);
        let charts = self.render_charts(items, &mut files, &mut problems)?;
        (self.on_stage)(Stage::Kustomize);
        let marks = Self::prepare(items, &mut files, &mut problems);
        let objects = self.build(items, &files, &mut problems);
        (self.on_stage)(Stage::Postprocessing);
        let (objects, before) = self.finish(items, objects, &mut problems);
        let trace = match &self.options.trace {
            Some(request) => Some(self.trace(request, items, &files, &objects)?),
            None => None,
        };
        let places = self.places(items, &files, &objects)?;
        let kept = if self.options.keep_files {
            output_files(items, files, &before)
        } else {
            RenderedFiles::default()
        };
        let finished = items.iter().zip(objects).zip(marks).zip(charts);
        let finished = finished
            .map(|(((item, objects), marks), chart)| (rendered_item(item, objects, marks), chart))
            .collect();
        Ok(Made {
            items: finished,
            files: kept,
            problems,
            trace,
            places,
        })
    }

    fn render_charts(
        &self,
        items: &[&LoadedItem],
        files: &mut [Option<Files>],
        problems: &mut Gathered,
    ) -> Result<Vec<Option<HelmChart>>, Problems> {
        let any = files
            .iter()
            .flatten()
            .any(|files| files.keys().any(|path| helm::is_chart_file(path)));
        if !any {
            return Ok(items.iter().map(|_| None).collect());
        }
        let charts = self.charts()?;
        let results: Vec<Option<Result<Option<HelmChart>, Problems>>> = items
            .par_iter()
            .zip(files.par_iter_mut())
            .map(|(item, files)| Some(helm::render_charts(self.loader, &charts, item, files.as_mut()?)))
            .collect();
        let mut rendered = Vec::with_capacity(items.len());
        for (result, files) in results.into_iter().zip(files) {
            let failed = matches!(result, Some(Err(_)));
            rendered.push(result.and_then(|result| problems.keep(result)).flatten());
            if failed {
                *files = None;
            }
        }
        Ok(rendered)
    }

    fn prepare(items: &[&LoadedItem], files: &mut [Option<Files>], problems: &mut Gathered) -> Vec<Marks> {
        let results: Vec<Result<Marks, Problems>> = items
            .par_iter()
            .zip(files.par_iter_mut())
            .map(|(item, files)| match files {
                Some(files) if item.dir.is_some() && !item.config.only_render => {
                    kustomization::prepare(item, files)
                }
                _ => Ok(Marks::default()),
            })
            .collect();
        let mut marks = Vec::with_capacity(items.len());
        for (result, files) in results.into_iter().zip(files) {
            let failed = result.is_err();
            marks.push(problems.keep(result).unwrap_or_default());
            if failed {
                *files = None;
            }
        }
        marks
    }

    fn build(
        &self,
        items: &[&LoadedItem],
        files: &[Option<Files>],
        problems: &mut Gathered,
    ) -> Vec<Vec<Object>> {
        let mut by_source: BTreeMap<String, Vec<(Utf8PathBuf, &Files)>> = BTreeMap::new();
        for (item, files) in items.iter().zip(files) {
            if let (Some(dir), Some(files)) = (item.rendered_dir(), files) {
                by_source
                    .entry(item.tree.root().to_string())
                    .or_default()
                    .push((dir, files));
            }
        }
        let trees: BTreeMap<String, RenderedTree<'_>> = by_source
            .into_iter()
            .map(|(source, items)| (source, RenderedTree::new(items.into_iter())))
            .collect();
        let results: Vec<Result<Vec<Object>, Problem>> = items
            .par_iter()
            .zip(files.par_iter())
            .map(|(item, files)| {
                let (Some(files), Some(dir)) = (files, item.rendered_dir()) else {
                    return Ok(Vec::new());
                };
                let Some(all) = trees
                    .get(item.tree.root().as_str())
                    .filter(|_| !item.config.only_render)
                else {
                    return Ok(Vec::new());
                };
                let seen = ItemFiles {
                    own: (&dir, files),
                    all,
                };
                kustomization::build(item, &seen, self.loader)
            })
            .collect();
        let kept = results
            .into_iter()
            .map(|result| problems.keep(result).unwrap_or_default());
        kept.collect()
    }

    /// Gives the finished objects, and their text as it was before namespaces were fixed where that is asked for.
    fn finish(
        &self,
        items: &[&LoadedItem],
        mut objects: Vec<Vec<Object>>,
        problems: &mut Gathered,
    ) -> (Vec<Vec<Object>>, Vec<String>) {
        let cluster = self.loader.cluster.as_deref();
        let results: Vec<Result<(), Problems>> = items
            .par_iter()
            .zip(objects.par_iter_mut())
            .map(|(item, objects)| objects::finish(item, self.discriminator, &self.images, cluster, objects))
            .collect();
        for (item, result) in items.iter().zip(results) {
            let dir = item.tree.shown(item.dir.as_deref().unwrap_or("".into()));
            problems.keep(result.map_err(|problems| {
                let problems = problems.into_vec().into_iter();
                let context = format!("postprocessing kustomize objects for {dir} failed");
                Problems::from(
                    problems
                        .map(|problem| problem.context(&context))
                        .collect::<Vec<_>>(),
                )
            }));
        }
        let texts = if self.options.keep_files {
            objects.par_iter().map(|objects| documents(objects)).collect()
        } else {
            Vec::new()
        };
        if let Some(cluster) = cluster {
            let scopes = objects::scopes_of_crds(objects.iter().flatten());
            objects.par_iter_mut().flatten().for_each(|object| {
                objects::fix_namespace(object, &scopes, cluster);
            });
        }
        (objects, texts)
    }
}

fn documents(objects: &[Object]) -> String {
    let values: Vec<Value> = objects.iter().map(Object::to_value).collect();
    kluctl_yaml::to_string_documents(&values)
}

fn output_files(items: &[&LoadedItem], files: Vec<Option<Files>>, texts: &[String]) -> RenderedFiles {
    let mut sources: Vec<&str> = Vec::new();
    let mut kept = Vec::new();
    for ((item, files), text) in items.iter().zip(files).zip(texts) {
        let (Some(dir), Some(files)) = (item.rendered_dir(), files) else {
            continue;
        };
        let root = item.tree.root().as_str();
        let source = sources
            .iter()
            .position(|known| *known == root)
            .unwrap_or_else(|| {
                sources.push(root);
                sources.len() - 1
            });
        let folder = Utf8PathBuf::from(source.to_string()).join(dir);
        kept.extend(
            files
                .into_iter()
                .map(|(path, content)| (folder.join(path), content)),
        );
        kept.push((folder.join(".rendered.yml"), text.clone().into()));
    }
    RenderedFiles(kept)
}

fn rendered_item(item: &LoadedItem, objects: Vec<Object>, marks: Marks) -> RenderedItem {
    let config = &item.config;
    RenderedItem {
        dir: item.dir.as_deref().map(|dir| crate::tree::named(dir).into()),
        dir_in_project: item.dir_in_project(),
        tags: item.tags.clone(),
        barrier: config.barrier || marks.barrier,
        message: config.message.clone(),
        wait_readiness: config.wait_readiness || marks.wait_readiness,
        wait_readiness_objects: config.wait_readiness_objects.clone(),
        delete_objects: config.delete_objects.clone(),
        only_render: config.only_render,
        always_deploy: config.always_deploy,
        skip_delete_if_tags: config.skip_delete_if_tags,
        objects,
        rules: item.inherited.rules.clone(),
    }
}
