//! `kluctl lint`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use camino::Utf8PathBuf;
use clap::Args;
use kluctl_cluster::Cluster;
use kluctl_commands::Target;
use kluctl_commands::lint::{Kinds, Linted, Rule, check, count, definitions, refused, report};
use kluctl_object::Object;
use kluctl_project::config::TargetConfig;
use kluctl_project::{FieldRequest, Problem, RenderOptions};

use crate::assumed::{Assumed, notes};
use crate::opened::{OpenChoices, OpenFlags, State};
use crate::opening::project_dir;
use crate::options::args::ArgsFlags;
use crate::options::credentials::{GitCredentials, HelmCredentials, RegistryCredentials};
use crate::options::global::GlobalFlags;
use crate::options::images::ImageFlags;
use crate::options::inclusion::InclusionFlags;
use crate::options::output::MISC;
use crate::options::project::{ProjectDirFlags, ProjectFlags};
use crate::options::sources::MirrorFlags;
use crate::options::target::TargetFlags;
use crate::results::write_lint;
use crate::running::Running;

/// Check the objects of all targets against their schemas, without a cluster
///
/// Renders every target and looks for unknown fields, wrong types, missing fields, deprecated and removed API versions,
/// duplicate objects, missing namespaces, and with --from for fields that may not change. Each finding names the file and line
/// it comes from. No cluster is contacted. Exits with 1 when there is an error.
#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    #[command(flatten)]
    project: ProjectFlags,
    #[command(flatten)]
    args: ArgsFlags,
    #[command(flatten)]
    images: ImageFlags,
    #[command(flatten)]
    inclusion: InclusionFlags,
    #[command(flatten)]
    git: GitCredentials,
    #[command(flatten)]
    helm: HelmCredentials,
    #[command(flatten)]
    registry: RegistryCredentials,
    #[command(flatten)]
    mirrors: MirrorFlags,

    /// Targets to look at; all when none is named. Can be specified multiple times
    #[arg(long, short = 't', value_name = "stringArray", help_heading = MISC)]
    target: Vec<String>,

    /// Look for fields that may not change, too: the state before, as a branch, tag, commit or any other revision of the
    /// project's repository
    #[arg(long, value_name = "revision", help_heading = MISC)]
    from: Option<String>,

    /// The Kubernetes version that objects must fit and charts are rendered for; the newest known one when not given
    #[arg(long, value_name = "string", help_heading = MISC)]
    kubernetes_version: Option<String>,

    /// File with what the project takes from outside: 'objects' of the cluster (such as namespaces and definitions), and
    /// 'vars' of sources that cannot be asked
    #[arg(long, value_name = "existingfile", value_parser = crate::options::values::existing_file, help_heading = MISC)]
    assume: Option<Utf8PathBuf>,

    /// Exit with 1 for warnings, too
    #[arg(long, help_heading = MISC)]
    strict: bool,

    /// Leave the findings of a rule out. Can be specified multiple times
    #[arg(long, value_name = "rule", value_parser = rules(), help_heading = MISC)]
    skip_rule: Vec<String>,

    /// Specify output format and target file, in the format 'format=path': text, json, yaml or github. Can be specified
    /// multiple times
    #[arg(long, short = 'o', value_name = "stringArray", help_heading = MISC)]
    output_format: Vec<String>,
}

fn rules() -> clap::builder::PossibleValuesParser {
    Rule::ALL.map(Rule::name).into()
}

/// Renders the targets and reports what is wrong with them.
pub(crate) fn run(args: &LintArgs, global: &GlobalFlags) -> ExitCode {
    Running::run(global, args.project.timeout, |running| run_lint(args, running))
}

impl LintArgs {
    fn open_flags(&self) -> OpenFlags {
        OpenFlags {
            project: self.project.clone(),
            args: self.args.clone(),
            inclusion: self.inclusion.clone(),
            git: self.git.clone(),
            helm: self.helm.clone(),
            registry: self.registry.clone(),
            mirrors: self.mirrors.clone(),
            ..OpenFlags::default()
        }
    }
}

/// The project, what is assumed of the world, and what to look for.
struct Lint<'r> {
    running: &'r Running,
    flags: OpenFlags,
    choices: OpenChoices,
    now: State,
    before: Option<State>,
    assumed: Assumed,
    skip: Vec<String>,
}

/// A target that could be rendered.
struct Ready {
    config: TargetConfig,
    options: RenderOptions,
    /// Where it was rendered, and will be rendered again.
    cluster: Cluster,
    target: Target,
}

fn run_lint(args: &LintArgs, running: &Running) -> Result<ExitCode, String> {
    let flags = args.open_flags();
    let before = args.from.as_ref();
    let before = before.map(|revision| State::at(running, &flags, revision));
    let lint = Lint {
        running,
        choices: OpenChoices {
            images: args.images.clone(),
            kubernetes_version: args.kubernetes_version.clone(),
            ..OpenChoices::default()
        },
        before: before.transpose()?,
        now: State::open(running, &flags, None)?,
        flags,
        assumed: Assumed::read(args.assume.as_deref())?,
        skip: args.skip_rule.clone(),
    };
    let (version, minor) = version(args.kubernetes_version.as_deref())?;
    let mut linted: Vec<(Linted, Option<Ready>)> = Vec::new();
    for name in lint.targets(&args.target)? {
        running.go_on()?;
        linted.push(lint.render(name)?);
    }
    let known = lint.assumed.objects();
    let ready = || linted.iter().filter_map(|(_, ready)| ready.as_ref());
    let objects = || ready().flat_map(|ready| ready.target.objects());
    let definitions = definitions(known.iter().chain(objects()));
    let kinds = Kinds::new(minor, &definitions);
    let mut results = Vec::new();
    for (mut linted, ready) in linted {
        running.go_on()?;
        if let Some(ready) = ready {
            lint.check(&mut linted, &ready, &kinds, &known, &definitions)?;
        }
        results.push(linted);
    }
    // Files are shown as seen from the current folder.
    let base = project_dir(&ProjectDirFlags::default()).map_err(|problem| problem.to_string())?;
    let base = base.canonicalize_utf8().unwrap_or(base);
    let mut result = report(results, &base);
    result.kubernetes_version = version;
    let color = running.color && std::io::IsTerminal::is_terminal(&std::io::stdout());
    write_lint(&running.terminal, &args.output_format, color, &result)?;
    let failed = result.errors > 0 || args.strict && result.warnings > 0;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The version that is checked for, and its second number.
fn version(given: Option<&str>) -> Result<(String, u32), String> {
    let version = given.map_or_else(
        || kluctl_schema::kubernetes().version().to_owned(),
        |text| text.trim_start_matches('v').to_owned(),
    );
    let minor = version
        .strip_prefix("1.")
        .and_then(|rest| rest.split('.').next()?.parse().ok());
    minor.map(|minor| (version.clone(), minor)).ok_or_else(|| {
        format!("`{version}` is not a Kubernetes version; expected one like `1.37.2` (--kubernetes-version)")
    })
}

impl Lint<'_> {
    /// Names of the targets to look at; `None` is the one of a project without targets.
    fn targets(&self, wanted: &[String]) -> Result<Vec<Option<String>>, String> {
        if let Some(name) = wanted.iter().find(|name| !self.now.has(Some(name))) {
            let known = self.now.project.targets().iter();
            let known: Vec<&str> = known.map(|target| target.name.as_str()).collect();
            return Err(format!(
                "target {name} not existent in kluctl project config; the project's targets are: {}",
                known.join(", ")
            ));
        }
        if !wanted.is_empty() {
            return Ok(wanted.iter().cloned().map(Some).collect());
        }
        let project = &self.now.project;
        let rendered = project.targets().iter().map(|target| target.name.clone());
        let failed = project.failed_targets().map(|(name, _)| name.to_owned());
        let mut names: Vec<String> = rendered.chain(failed).collect();
        names.sort();
        Ok(if names.is_empty() {
            vec![None]
        } else {
            names.into_iter().map(Some).collect()
        })
    }

    fn flags_of(&self, name: Option<&str>) -> OpenFlags {
        OpenFlags {
            target: TargetFlags {
                target: name.map(str::to_owned),
                ..TargetFlags::default()
            },
            ..self.flags.clone()
        }
    }

    fn cluster(&self) -> Result<Cluster, String> {
        let version = self.choices.kubernetes_version.as_deref();
        self.assumed.cluster(self.running, version)
    }

    /// Renders a target; what keeps it from being rendered is a finding.
    fn render(&self, name: Option<String>) -> Result<(Linted, Option<Ready>), String> {
        let shown = name
            .as_ref()
            .map_or_else(|| "the project".to_owned(), |name| format!("target {name}"));
        self.running.terminal.step(&format!("Checking {shown}"));
        let cluster = self.cluster()?;
        let flags = self.flags_of(name.as_deref());
        let mut linted = Linted {
            target: name.unwrap_or_default(),
            ..Linted::default()
        };
        let rendered = self
            .now
            .prepare(&flags, &self.choices, self.assumed.vars())
            .and_then(|(config, options)| {
                let rendered = self.now.render(self.running, &config, &options, &cluster)?;
                Ok((config, options, rendered))
            });
        let (config, options, mut rendered) = match rendered {
            Ok(rendered) => rendered,
            Err(problems) => {
                linted.problems = self.kept(problems.into_vec());
                return Ok((linted, None));
            }
        };
        linted.problems = self.kept(std::mem::take(&mut rendered.errors));
        linted.notes = notes(&rendered).collect();
        linted.notes.extend(rendered.warnings.iter().cloned());
        linted.objects = count(&rendered);
        let target = self.now.ready(self.running, &flags, &config, &options, rendered);
        let ready = Ready {
            config,
            options,
            cluster,
            target,
        };
        Ok((linted, Some(ready)))
    }

    fn kept(&self, problems: Vec<Problem>) -> Vec<Problem> {
        if self.skip.iter().any(|rule| rule == Rule::Render.name()) {
            return Vec::new();
        }
        problems
    }

    /// Finds what is wrong with a target, and where that comes from.
    fn check(
        &self,
        linted: &mut Linted,
        ready: &Ready,
        kinds: &Kinds,
        known: &[Object],
        definitions: &[Object],
    ) -> Result<(), String> {
        let before = self.before(linted);
        linted.flaws = check(&ready.target.rendered, kinds, known);
        let session = self.running.session(Some(self.cluster()?));
        let asked = refused(
            &session,
            before.as_ref(),
            &ready.target,
            definitions,
            &linted.flaws,
        );
        let asked = self.running.runtime.block_on(asked);
        linted.flaws.extend(asked.flaws);
        linted.notes.extend(asked.notes);
        linted
            .flaws
            .retain(|flaw| !self.skip.iter().any(|rule| rule == flaw.rule.name()));
        let requests = linted.flaws.iter().flat_map(|flaw| flaw.requests().cloned());
        let requests: Vec<FieldRequest> = requests.collect();
        if requests.is_empty() {
            return Ok(());
        }
        let options = RenderOptions {
            places: requests.clone(),
            ..ready.options.clone()
        };
        let again = self
            .now
            .render(self.running, &ready.config, &options, &ready.cluster);
        let again = again.map_err(|problems| problems.to_string())?;
        let places = requests.into_iter().zip(again.places);
        let places = places.filter_map(|(request, place)| Some((request, place?)));
        linted.places = places.collect::<BTreeMap<_, _>>();
        Ok(())
    }

    /// The target as it was, where that is asked for and it was there.
    fn before(&self, linted: &mut Linted) -> Option<Target> {
        let name = Some(linted.target.as_str()).filter(|name| !name.is_empty());
        let state = self.before.as_ref().filter(|state| state.has(name))?;
        let flags = self.flags_of(name);
        let rendered = self.cluster().and_then(|cluster| {
            state.target(self.running, &flags, &self.choices, &cluster, self.assumed.vars())
        });
        match rendered {
            Ok(target) => Some(target),
            Err(error) => {
                linted.notes.push(format!(
                    "the state before cannot be rendered, so fields that may not change were not looked for: {error}"
                ));
                None
            }
        }
    }
}
