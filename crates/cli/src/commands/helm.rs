//! `kluctl helm`: charts without a project.

mod folder;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use clap::{ArgAction, Args, Subcommand};
use kluctl_helm::{
    Capabilities, Chart, KubeVersion, PrintOptions, RenderOptions, SchemaSource, chosen, name_from_template,
    pick_version, print, render_chart, strvals, values,
};
use serde_json::{Map, Value};

/// Work with Helm charts
#[derive(Debug, Args)]
pub(crate) struct HelmArgs {
    #[command(subcommand)]
    command: HelmCommand,
}

#[derive(Debug, Subcommand)]
enum HelmCommand {
    /// Render a chart's templates
    ///
    /// Prints what `helm template` prints. What would be read from a cluster is taken as empty.
    Template(Box<TemplateArgs>),
}

#[derive(Debug, Args)]
struct TemplateArgs {
    /// The release's name (optional) and the chart: a folder or a packed chart
    #[arg(value_name = "[NAME] CHART")]
    names: Vec<String>,

    /// The release's namespace
    #[arg(short, long, default_value = "default")]
    namespace: String,

    #[command(flatten)]
    values: ValueArgs,

    #[command(flatten)]
    rendering: RenderArgs,

    #[command(flatten)]
    printing: PrintArgs,

    #[command(flatten)]
    location: LocationArgs,

    #[command(flatten)]
    without_meaning: WithoutMeaning,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Values")]
struct ValueArgs {
    /// Read values from a YAML file (can be given several times; `-` is standard input)
    #[arg(short = 'f', long = "values", value_delimiter = ',')]
    files: Vec<String>,

    /// Set values: `key1=val1,key2=val2`
    #[arg(long)]
    set: Vec<String>,

    /// Set text: `key1=val1,key2=val2`
    #[arg(long)]
    set_string: Vec<String>,

    /// Set values to the content of files: `key1=path1,key2=path2`
    #[arg(long)]
    set_file: Vec<String>,

    /// Set JSON: `key1=json1,key2=json2`, or a whole JSON object
    #[arg(long)]
    set_json: Vec<String>,

    /// Set text in which nothing has a special meaning
    #[arg(long)]
    set_literal: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Rendering")]
struct RenderArgs {
    /// The Kubernetes version that templates see
    #[arg(long)]
    kube_version: Option<String>,

    /// API versions that templates see beside the usual ones
    #[arg(short = 'a', long, value_delimiter = ',')]
    api_versions: Vec<String>,

    /// Set .Release.IsUpgrade instead of .Release.IsInstall
    #[arg(long)]
    is_upgrade: bool,

    /// Do not check values against the chart's schema
    #[arg(long)]
    skip_schema_validation: bool,

    /// Let templates look up host names
    #[arg(long)]
    enable_dns: bool,

    /// Render the notes of subcharts; they are not printed
    #[arg(long)]
    render_subchart_notes: bool,

    /// Make up a name for the release
    #[arg(short, long)]
    generate_name: bool,

    /// A template that makes the release's name
    #[arg(long, default_value = "", hide_default_value = true)]
    name_template: String,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Printing")]
struct PrintArgs {
    /// Print the chart's CRDs too
    #[arg(long)]
    include_crds: bool,

    /// Accepted without effect, as in Helm: CRDs are only printed with `--include-crds`
    #[arg(long)]
    skip_crds: bool,

    /// Do not print hooks
    #[arg(long)]
    no_hooks: bool,

    /// Do not print tests
    #[arg(long)]
    skip_tests: bool,

    /// Only print what these templates render
    #[arg(short, long)]
    show_only: Vec<String>,

    /// Write files into this folder instead of printing
    #[arg(long, default_value = "", hide_default_value = true)]
    output_dir: String,

    /// Put a folder with the release's name into the folder of `--output-dir`
    #[arg(long)]
    release_name: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Where the chart comes from")]
struct LocationArgs {
    /// The address of a chart repository
    #[arg(long, default_value = "", hide_default_value = true)]
    repo: String,

    /// The chart's version, or a constraint for it
    #[arg(long, default_value = "", hide_default_value = true)]
    version: String,

    /// Take pre-releases too
    #[arg(long)]
    devel: bool,

    /// Bring missing dependencies
    #[arg(long)]
    dependency_update: bool,

    #[command(flatten)]
    access: AccessArgs,

    /// Check the chart's signature
    #[arg(long)]
    verify: bool,

    /// Keys for `--verify`
    #[arg(long, default_value = "", hide_default_value = true)]
    keyring: String,
}

/// How servers with charts are spoken to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where the chart comes from")]
pub(crate) struct AccessArgs {
    /// User for the repository
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) username: String,

    /// Password for the repository
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) password: String,

    /// Send credentials to all hosts
    #[arg(long)]
    pub(crate) pass_credentials: bool,

    /// Client certificate for HTTPS
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) cert_file: String,

    /// Key of the client certificate
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) key_file: String,

    /// Certificates to trust
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) ca_file: String,

    /// Do not check certificates
    #[arg(long)]
    pub(crate) insecure_skip_tls_verify: bool,

    /// Use HTTP for registries
    #[arg(long)]
    pub(crate) plain_http: bool,

    /// Docker's configuration file with registry credentials
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) registry_config: String,

    /// Helm's file with the names of repositories
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) repository_config: String,

    /// Helm's folder with indexes of repositories
    #[arg(long, default_value = "", hide_default_value = true)]
    repository_cache: String,

    /// Helm's folder with downloaded charts
    #[arg(long, default_value = "", hide_default_value = true)]
    content_cache: String,
}

/// A chart that is not on this disk.
pub(crate) struct ChartRequest<'a> {
    /// The address of a repository, or nothing.
    pub(crate) repo: &'a str,
    /// The chart's name in the repository, `repository/name`, or an address.
    pub(crate) name: &'a str,
    /// The version or a constraint; nothing stands for the newest.
    pub(crate) version: &'a str,
    /// How to speak to servers.
    pub(crate) access: &'a AccessArgs,
}

/// Brings what is not on this disk.
pub(crate) trait Fetch {
    /// A packed chart.
    fn chart(&self, request: &ChartRequest<'_>) -> Result<Bytes, String>;
    /// A file of values.
    fn file(&self, url: &str, request: &ChartRequest<'_>) -> Result<Bytes, String>;
    /// What brings the documents that schemas refer to.
    fn schemas(&self) -> Arc<dyn SchemaSource>;
}

/// Flags of `helm template` that have no meaning where nothing is installed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Accepted without effect")]
struct WithoutMeaning {
    /// No release is stored
    #[arg(long, hide = true)]
    create_namespace: bool,
    /// Nothing is replaced
    #[arg(long, hide = true, alias = "force")]
    force_replace: bool,
    /// Nothing is applied
    #[arg(long, hide = true)]
    force_conflicts: bool,
    /// Nothing is applied
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    server_side: String,
    /// Names are not looked up
    #[arg(long, hide = true)]
    replace: bool,
    /// Nothing is waited for
    #[arg(long, hide = true, default_value = "5m0s")]
    timeout: String,
    /// Nothing is waited for
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "watcher", default_value = "hookOnly")]
    wait: String,
    /// Nothing is waited for
    #[arg(long, hide = true)]
    wait_for_jobs: bool,
    /// No release is stored
    #[arg(long, hide = true, default_value = "")]
    description: String,
    /// Nothing is validated by a server
    #[arg(long, hide = true)]
    disable_openapi_validation: bool,
    /// Nothing is rolled back
    #[arg(long, hide = true, alias = "atomic")]
    rollback_on_failure: bool,
    /// No release is stored
    #[arg(short, long, hide = true, value_delimiter = ',', value_parser = label)]
    labels: Vec<String>,
    /// Notes are not printed
    #[arg(long, hide = true)]
    hide_notes: bool,
    /// Nothing is owned
    #[arg(long, hide = true)]
    take_ownership: bool,
    /// Refused but for `client`: there is no server here
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "client", default_value = "client")]
    dry_run: String,
    /// Refused: there is no server here
    #[arg(long, hide = true)]
    validate: bool,
    /// Refused: use a kustomization to change what is rendered
    #[arg(long, hide = true, default_value = "")]
    post_renderer: String,
    /// Refused with `--post-renderer`
    #[arg(long, hide = true, action = ArgAction::Append)]
    post_renderer_args: Vec<String>,
    /// No cluster is contacted
    #[arg(long, hide = true, default_value = "")]
    kubeconfig: String,
    /// No cluster is contacted
    #[arg(long, hide = true, default_value = "")]
    kube_context: String,
    /// No cluster is contacted
    #[arg(long, hide = true, default_value = "")]
    kube_token: String,
    /// No cluster is contacted
    #[arg(long, hide = true, default_value = "")]
    kube_as_user: String,
    /// No cluster is contacted
    #[arg(long, hide = true)]
    kube_as_group: Vec<String>,
    /// No cluster is contacted
    #[arg(long, hide = true, default_value = "")]
    kube_apiserver: String,
    /// No cluster is contacted
    #[arg(long, hide = true, default_value = "")]
    kube_ca_file: String,
    /// No cluster is contacted
    #[arg(long, hide = true, default_value = "")]
    kube_tls_server_name: String,
    /// No cluster is contacted
    #[arg(long, hide = true)]
    kube_insecure_skip_tls_verify: bool,
    /// No cluster is contacted
    #[arg(long, hide = true, default_value_t = 100)]
    burst_limit: i64,
    /// No cluster is contacted
    #[arg(long, hide = true, default_value_t = 0.0)]
    qps: f32,
    /// Manifests are not coloured
    #[arg(long, hide = true, alias = "colour", default_value = "auto")]
    color: String,
}

fn label(text: &str) -> Result<String, String> {
    if text.contains('=') {
        Ok(text.to_owned())
    } else {
        Err(format!("{text} must be formatted as key=value"))
    }
}

/// Why the command failed: what Helm says, what it logs before, and our excerpts.
#[derive(Debug, Default)]
struct Failure {
    logs: Vec<String>,
    message: String,
    excerpts: Vec<String>,
    rendering: bool,
    rendered: Option<String>,
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self {
            message,
            ..Self::default()
        }
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl From<kluctl_helm::Error> for Failure {
    fn from(error: kluctl_helm::Error) -> Self {
        Self {
            logs: error.logs().to_vec(),
            message: error.message().to_owned(),
            rendering: error.is_rendering(),
            rendered: error.rendered().map(str::to_owned),
            excerpts: error.excerpts().iter().map(ToString::to_string).collect(),
        }
    }
}

const NOTES_DEPRECATED: &str = "Flag --render-subchart-notes has been deprecated, this flag has no effect for 'helm template' \
                                and will be removed in Helm 5\n";

pub(crate) fn run(args: &HelmArgs, debug: bool, fetch: &dyn Fetch) -> ExitCode {
    let HelmCommand::Template(args) = &args.command;
    if args.rendering.render_subchart_notes {
        drop(std::io::stderr().write_all(NOTES_DEPRECATED.as_bytes()));
    }
    let Err(failure) = template(args, debug, fetch) else {
        return ExitCode::SUCCESS;
    };
    let mut text = String::new();
    for log in failure.logs.iter().filter(|log| debug || !is_debug(log)) {
        text.push_str(log);
        text.push('\n');
    }
    let mut failure = failure;
    if debug && failure.rendering {
        // What there is of the release is shown, as if it had been rendered.
        let rendered = format!("{}\n", failure.rendered.as_deref().unwrap_or_default().trim());
        let patterns = &args.printing.show_only;
        let shown = if patterns.is_empty() {
            Ok(rendered)
        } else {
            kluctl_helm::chosen(&rendered, patterns)
        };
        match shown {
            Ok(shown) => drop(std::io::stdout().write_all(shown.as_bytes())),
            Err(error) => {
                error.message().clone_into(&mut failure.message);
                failure.excerpts.clear();
            }
        }
    }
    let hint = if failure.rendering && !debug {
        "\n\nUse --debug flag to render out invalid YAML"
    } else {
        ""
    };
    text.push_str(&format!("Error: {}{hint}\n", failure.message));
    for excerpt in &failure.excerpts {
        text.push_str(&format!("\n{excerpt}\n"));
    }
    drop(std::io::stderr().write_all(text.as_bytes()));
    ExitCode::FAILURE
}

fn template(args: &TemplateArgs, debug: bool, fetch: &dyn Fetch) -> Result<(), Failure> {
    refuse(args)?;
    let mut capabilities = Capabilities::default();
    if let Some(version) = &args.rendering.kube_version {
        capabilities.kube_version = KubeVersion::parse(version)?;
    }
    capabilities
        .api_versions
        .extend(args.rendering.api_versions.iter().cloned());
    let (release_name, reference) = names(args)?;
    let version = match (args.location.version.trim(), args.location.devel) {
        ("", true) => ">0.0.0-0",
        (version, _) => version,
    };
    let request = ChartRequest {
        repo: &args.location.repo,
        name: reference.trim(),
        version,
        access: &args.location.access,
    };
    let path = locate(&request)?;
    if debug {
        let path = path
            .as_deref()
            .map_or_else(|| reference.clone(), |path| path.display().to_string());
        let lines = [
            format!(
                "level=DEBUG msg=\"Original chart version\" version={:?}",
                args.location.version
            ),
            format!("level=DEBUG msg=\"Chart path\" path={path}"),
        ];
        log(&lines, true);
    }
    let read_file = |name: &str| read_value_file(name, fetch, &request);
    let values = read_values(&args.values, &read_file)?;
    let chart = match &path {
        Some(path) => load(path)?,
        None => load_packed(Path::new(request.name), &fetch.chart(&request)?)?,
    };
    chart.check_installable()?;
    let mut logs = chart.logs();
    if chart.metadata.deprecated {
        logs.push("level=WARN msg=\"this chart is deprecated\"".to_owned());
    }
    log(&logs, debug);
    let chart = match chart.check_dependencies() {
        Err(_) if args.location.dependency_update => {
            with_dependencies(chart, path.as_deref(), fetch, &request)?
        }
        checked => {
            checked?;
            chart
        }
    };
    let options = RenderOptions {
        release_name,
        namespace: args.namespace.clone(),
        is_upgrade: args.rendering.is_upgrade,
        capabilities,
        skip_schema_validation: args.rendering.skip_schema_validation,
        enable_dns: args.rendering.enable_dns,
        subchart_notes: args.rendering.render_subchart_notes,
        lookup: None,
        schemas: Some(fetch.schemas()),
    };
    let release = render_chart(&chart, &values, &options)?;
    log(&release.logs, debug);
    let folder = &args.printing.output_dir;
    let to_files = (!folder.is_empty()).then(|| {
        let inner = if args.printing.release_name {
            format!("{}/{}", folder.trim_end_matches('/'), options.release_name)
        } else {
            folder.clone()
        };
        (folder.clone(), inner)
    });
    let printed = print(
        &release,
        &PrintOptions {
            include_crds: args.printing.include_crds,
            no_hooks: args.printing.no_hooks,
            skip_tests: args.printing.skip_tests,
            show_only: Vec::new(),
            to_files,
        },
    )?;
    drop(release);
    let mut stdout = std::io::stdout().lock();
    // All files are written, whatever is asked to be shown; none of them can be shown then.
    write_files(&printed.files, &mut stdout)?;
    let text = match args.printing.show_only.as_slice() {
        [] => printed.text,
        patterns => chosen(&printed.text, patterns)?,
    };
    drop(stdout.write_all(text.as_bytes()));
    drop(stdout.flush());
    Ok(())
}

fn is_debug(line: &str) -> bool {
    line.starts_with("level=DEBUG")
}

fn log(lines: &[String], debug: bool) {
    for line in lines.iter().filter(|line| debug || !is_debug(line)) {
        drop(writeln!(std::io::stderr(), "{line}"));
    }
}

/// Refuses by name what would need a server, a plugin or keys.
fn refuse(args: &TemplateArgs) -> Result<(), Failure> {
    let without = &args.without_meaning;
    let refused = if without.validate || without.dry_run == "server" {
        "--dry-run=server and --validate need a cluster; `kluctl helm template` never contacts one"
    } else if !matches!(
        without.dry_run.as_str(),
        "client" | "none" | "unset" | "true" | "false"
    ) {
        "invalid dry-run value. Must be either: \"client\", or \"server\""
    } else if !without.post_renderer.is_empty() || !without.post_renderer_args.is_empty() {
        "--post-renderer is not supported: use a kustomization to change what is rendered"
    } else if args.location.verify {
        "--verify is not supported: signatures of charts are not checked"
    } else {
        return Ok(());
    };
    Err(refused.into())
}

/// The release's name and the chart's reference.
///
/// Source: helm `pkg/action/install.go`, `NameAndChart`, where `helm template` has set a name already.
fn names(args: &TemplateArgs) -> Result<(String, String), Failure> {
    let rendering = &args.rendering;
    match args.names.as_slice() {
        [] => Err(
            "\"helm template\" requires at least 1 argument\n\nUsage:  helm template [NAME] [CHART] [flags]"
                .into(),
        ),
        [chart] if !rendering.name_template.is_empty() => {
            Ok((name_from_template(&rendering.name_template)?, chart.clone()))
        }
        [chart] => Ok(("release-name".to_owned(), chart.clone())),
        [_, _] if rendering.generate_name => Err("cannot set --generate-name and also specify a name".into()),
        [_, _] if !rendering.name_template.is_empty() => {
            Err("cannot set --name-template and also specify a name".into())
        }
        [name, chart] => Ok((name.clone(), chart.clone())),
        [_, _, others @ ..] => {
            let others = others.join(", ");
            Err(format!("expected at most two arguments, unexpected arguments: {others}").into())
        }
    }
}

/// Finds the chart on disk; `None` when it is elsewhere.
fn locate(request: &ChartRequest<'_>) -> Result<Option<PathBuf>, Failure> {
    if !request.repo.is_empty() {
        return Ok(None);
    }
    let path = Path::new(request.name);
    if path.exists() {
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        return Ok(Some(path));
    }
    if path.is_absolute() || request.name.starts_with('.') {
        return Err(format!("path {:?} not found", request.name).into());
    }
    Ok(None)
}

/// Brings the dependencies that are missing; the chart's folder is left as it is.
fn with_dependencies(
    mut chart: Chart,
    path: Option<&Path>,
    fetch: &dyn Fetch,
    request: &ChartRequest<'_>,
) -> Result<Chart, Failure> {
    let wanted: Vec<_> = chart.metadata.dependencies.iter().flatten().cloned().collect();
    for dependency in wanted {
        let fits = |known: &Chart| {
            let version = known.metadata.version.as_str();
            known.name() == dependency.name && pick_version(&[version], &dependency.version).is_some()
        };
        if dependency.repository.is_empty() || chart.dependencies.iter().any(fits) {
            continue;
        }
        let found = match dependency.repository.strip_prefix("file://") {
            Some(folder) => {
                let base = path.unwrap_or_else(|| Path::new("."));
                load(&base.join(folder))?
            }
            None => {
                let (repo, name) = if dependency.repository.starts_with("oci://") {
                    let base = dependency.repository.trim_end_matches('/');
                    (String::new(), format!("{base}/{}", dependency.name))
                } else if let Some(alias) = dependency.repository.strip_prefix(['@']) {
                    (String::new(), format!("{alias}/{}", dependency.name))
                } else if let Some(alias) = dependency.repository.strip_prefix("alias:") {
                    (String::new(), format!("{alias}/{}", dependency.name))
                } else {
                    (dependency.repository.clone(), dependency.name.clone())
                };
                let archive = fetch.chart(&ChartRequest {
                    repo: &repo,
                    name: &name,
                    version: &dependency.version,
                    access: request.access,
                })?;
                Chart::from_archive(&archive)?
            }
        };
        chart.dependencies.push(found);
    }
    chart.check_dependencies()?;
    Ok(chart)
}

fn load(path: &Path) -> Result<Chart, Failure> {
    if !path.is_dir() {
        let data = folder::read(path)?;
        return load_packed(path, &data);
    }
    folder::load(path)
}

fn load_packed(path: &Path, data: &Bytes) -> Result<Chart, Failure> {
    if !data.starts_with(&[0x1F, 0x8B, 0x08]) {
        let shown = path.display();
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        return Err(if is_yaml {
            format!("file '{shown}' seems to be a YAML file, but expected a gzipped archive").into()
        } else {
            // Go looks at the first bytes only, and at zeros after the end of a short file.
            let kind = if data.len() < 512 || data[..512].contains(&0) {
                "application/octet-stream"
            } else {
                "text/plain; charset=utf-8"
            };
            format!("file '{shown}' does not appear to be a gzipped archive; got '{kind}'").into()
        });
    }
    Ok(Chart::from_archive(data)?)
}

/// An error of the operating system in Go's words.
pub(crate) fn go_error(action: &str, path: &Path, error: &std::io::Error) -> String {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => {
            return format!("read {}: is a directory", path.display());
        }
        _ => error.to_string(),
    };
    format!("{action} {}: {reason}", path.display())
}

fn read_value_file(name: &str, fetch: &dyn Fetch, request: &ChartRequest<'_>) -> Result<String, String> {
    let data = if name.trim() == "-" {
        let mut data = Vec::new();
        std::io::stdin()
            .read_to_end(&mut data)
            .map_err(|error| error.to_string())?;
        Bytes::from(data)
    } else if name.starts_with("http://") || name.starts_with("https://") {
        fetch.file(name, request)?
    } else {
        folder::read(Path::new(name))?
    };
    kluctl_yaml::text_of(&data)
        .map(std::borrow::Cow::into_owned)
        .map_err(|error| error.go_text())
}

/// Lays values over each other in Helm's order.
///
/// Source: helm `pkg/cli/values/options.go`, `MergeValues`.
fn read_values(
    args: &ValueArgs,
    read_file: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Map<String, Value>, Failure> {
    let mut all = Map::new();
    for file in &args.files {
        let text = read_file(file)?;
        let read = values::from_yaml(&text).map_err(|error| format!("failed to parse {file}: {error}"))?;
        values::merge(&mut all, read);
    }
    for text in &args.set_json {
        if text.trim().starts_with('{') {
            let object = values::from_json(text)
                .map_err(|_| format!("failed parsing --set-json data JSON: {text}"))?;
            values::merge(&mut all, object);
        } else {
            strvals::parse(&strvals::Kind::Json, text, &mut all)
                .map_err(|_| format!("failed parsing --set-json data {text}"))?;
        }
    }
    let groups = [
        ("set", &args.set, strvals::Kind::Typed),
        ("set-string", &args.set_string, strvals::Kind::Text),
        ("set-file", &args.set_file, strvals::Kind::File(read_file)),
        ("set-literal", &args.set_literal, strvals::Kind::Literal),
    ];
    for (flag, texts, kind) in &groups {
        for text in *texts {
            strvals::parse(kind, text, &mut all)
                .map_err(|error| format!("failed parsing --{flag} data: {error}"))?;
        }
    }
    Ok(all)
}

fn write_files(files: &[(String, String)], stdout: &mut impl Write) -> Result<(), Failure> {
    let mut written = std::collections::BTreeSet::new();
    for (name, text) in files {
        let path = Path::new(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| go_error("mkdir", folder, &error))?;
        }
        let mut options = std::fs::OpenOptions::new();
        if written.insert(name) {
            options.write(true).create(true).truncate(true);
        } else {
            options.append(true);
        }
        options
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| go_error("open", path, &error))?;
        drop(writeln!(stdout, "wrote {name}"));
    }
    Ok(())
}
