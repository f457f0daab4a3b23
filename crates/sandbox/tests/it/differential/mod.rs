//! The same requests to the sandbox and to a real kube-apiserver, and what they answer: codes, bodies, managed fields,
//! warnings and watch events, without uids, times and versions.
//!
//! `corpus/differential/kinds.yaml` is what random sequences are made of, `sequences/` holds those written by hand, and
//! `known.txt` the differences that stay, each with its reason. `KLUCTL_DIFFERENTIAL_STEPS` asks for more random steps
//! than the 300 of every run, `KLUCTL_DIFFERENTIAL_ONLY` for one kind (its plural) or one file.

mod random;
mod servers;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::{Value, json};

use random::{Kind, sequence};
use servers::{Answer, Ask, Real, Side, differences, plain};

/// The body of a step.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    None,
    Json(Value),
    /// The object at a path as the server has it, with changes; the last value is where lists come from.
    Live(String, Vec<(Vec<String>, Value)>, Value),
}

/// One request, before it is known what each server has.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    method: String,
    path: String,
    content_type: String,
    pub(crate) accept: String,
    body: Body,
    /// Parts of the answer that later steps name by `$key`.
    save: Vec<(String, String)>,
    /// Asked again until it is answered with 200, and not compared.
    wait: bool,
}

impl Step {
    pub(crate) fn new(method: &str, path: String, content_type: &str, body: Body) -> Self {
        Self {
            method: method.to_owned(),
            path,
            content_type: content_type.to_owned(),
            accept: String::new(),
            body,
            save: Vec::new(),
            wait: false,
        }
    }

    /// Reads an entry of a file of steps.
    fn read(entry: &Value) -> Self {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let request = text("do");
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let content_type = match text("type").as_str() {
            "apply" => "application/apply-patch+yaml",
            "merge" => "application/merge-patch+json",
            "strategic" => "application/strategic-merge-patch+json",
            "json" => "application/json-patch+json",
            "" => "application/json",
            other => other,
        }
        .to_owned();
        let body = match entry.get("body") {
            Some(body) => Body::Json(body.clone()),
            None => Body::None,
        };
        let save = entry["save"].as_object().into_iter().flatten();
        Self {
            accept: text("accept"),
            save: save
                .map(|(key, pointer)| (key.clone(), pointer.as_str().expect("a pointer").to_owned()))
                .collect(),
            wait: entry["wait"].as_bool().unwrap_or(false),
            ..Self::new(method, path.to_owned(), &content_type, body)
        }
    }

    /// The short name of what is done, as the list of known differences has it.
    fn verb(&self) -> &str {
        match self.content_type.as_str() {
            "application/apply-patch+yaml" => "apply",
            "application/merge-patch+json" => "merge",
            "application/strategic-merge-patch+json" => "strategic",
            "application/json-patch+json" => "json",
            _ => &self.method,
        }
    }
}

/// What a sequence is about and its steps.
struct Run {
    name: String,
    namespace: String,
    /// What is watched from the start, with its selector.
    watch: Option<String>,
    steps: Vec<Step>,
}

/// A difference: a line that `known.txt` may have a pattern for, and what it looks like.
struct Difference {
    signature: String,
    detail: String,
}

struct Servers {
    ours: Side,
    theirs: Side,
}

type Saved = BTreeMap<String, String>;

impl Servers {
    /// Sends a step to one side.
    async fn send(side: &Side, run: &Run, step: &Step, saved: &mut Saved) -> Answer {
        let filled = |text: &str| {
            let mut text = text.replace("$NS", &run.namespace);
            for (key, value) in saved.iter() {
                text = text.replace(&format!("${key}"), value);
            }
            text
        };
        let body = match &step.body {
            Body::None => None,
            Body::Json(body) => Some(filled(&body.to_string())),
            Body::Live(path, changes, base) => {
                let mut object = side.send(&Ask::get(filled(path))).await.body;
                for (path, value) in changes {
                    random::set(&mut object, base, path, value);
                }
                Some(filled(&object.to_string()))
            }
        };
        let ask = Ask {
            method: step.method.clone(),
            path: filled(&step.path),
            content_type: step.content_type.clone(),
            accept: step.accept.clone(),
            body,
        };
        let mut answer = side.send(&ask).await;
        // Definitions are established a moment later; nothing tells when.
        for _ in 0..100 {
            if !step.wait || answer.code == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            answer = side.send(&ask).await;
        }
        for (key, pointer) in &step.save {
            let value = answer.body.pointer(pointer).cloned().unwrap_or_default();
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            saved.insert(key.clone(), text);
        }
        answer
    }

    async fn both(&self, run: &Run, step: &Step, saved: &mut (Saved, Saved)) -> (Answer, Answer) {
        let (ours, theirs) = saved;
        futures::join!(
            Self::send(&self.ours, run, step, ours),
            Self::send(&self.theirs, run, step, theirs)
        )
    }

    /// Runs a sequence; gives the number of steps compared and what differs.
    async fn run(&self, run: &Run) -> (usize, Vec<Difference>) {
        let mut saved = (Saved::new(), Saved::new());
        let mut found = Vec::new();
        let mut count = 0;
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": run.namespace}});
        let make = Step::new(
            "POST",
            "/api/v1/namespaces".to_owned(),
            "application/json",
            Body::Json(namespace),
        );
        self.both(run, &make, &mut saved).await;
        if let Some(watch) = &run.watch {
            let mut list = Step::new("GET", watch.clone(), "", Body::None);
            list.save
                .push(("from".to_owned(), "/metadata/resourceVersion".to_owned()));
            self.both(run, &list, &mut saved).await;
        }
        let mut apart = false;
        for (index, step) in run.steps.iter().enumerate() {
            let (ours, theirs) = self.both(run, step, &mut saved).await;
            if step.wait {
                continue;
            }
            count += 1;
            let at = format!("{} step {index}: {} {}", run.name, step.method, step.path);
            let body = match &step.body {
                Body::Json(body) => body.to_string(),
                Body::Live(_, changes, _) => format!("live with {changes:?}"),
                Body::None => String::new(),
            };
            for (place, detail) in compare(&ours, &theirs) {
                found.push(Difference {
                    signature: format!("{} {} {place}", run.name, step.verb()),
                    detail: format!("{at} {body}\n      {detail}"),
                });
            }
            if (ours.code < 300) != (theirs.code < 300) {
                // Their states differ from here on.
                apart = true;
                break;
            }
        }
        if let Some(watch) = run.watch.as_ref().filter(|_| !apart) {
            let sign = if watch.contains('?') { '&' } else { '?' };
            let path = format!("{watch}{sign}watch=true&timeoutSeconds=1&resourceVersion=$from");
            let step = Step::new("GET", path, "", Body::None);
            let (ours, theirs) = self.both(run, &step, &mut saved).await;
            count += 1;
            for (place, detail) in compare(&ours, &theirs) {
                found.push(Difference {
                    signature: format!("{} watch {place}", run.name),
                    detail: format!("{} watch\n      {detail}", run.name),
                });
            }
        }
        (count, found)
    }
}

fn compare(ours: &Answer, theirs: &Answer) -> Vec<(String, String)> {
    if ours.code != theirs.code {
        let text = |answer: &Answer| match answer.body["message"].as_str() {
            Some(message) => format!("{} {message}", answer.code),
            None => format!("{} {:.300}", answer.code, answer.body.to_string()),
        };
        let refusal = if theirs.code >= 300 { theirs } else { ours };
        let refusal = plain(&refusal.body)["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let what = refusal
            .split_once(" is invalid: ")
            .map_or(refusal.as_str(), |(_, what)| what);
        return vec![(
            format!("code {} {} {}", ours.code, theirs.code, what.replace('\n', " ")),
            format!("ours {}\n      theirs {}", text(ours), text(theirs)),
        )];
    }
    let mut found = Vec::new();
    let (left, right) = (plain(&ours.body), plain(&theirs.body));
    differences("", &left, &right, &mut found);
    if let Some(refusal) = other_causes(&left, &right) {
        found.retain(|(path, _)| path != "/message" && !path.starts_with("/details/causes"));
        found.push((refusal, format!("ours {left}\n      theirs {right}")));
    }
    let sorted = |answer: &Answer| {
        let mut list: Vec<_> = answer.warnings.iter().map(|text| plain(&json!(text))).collect();
        list.sort_by_key(ToString::to_string);
        Value::Array(list)
    };
    let (left, right) = (sorted(ours), sorted(theirs));
    if left != right {
        found.push((
            "warnings".to_owned(),
            format!("ours {left}\n      theirs {right}"),
        ));
    }
    found
        .into_iter()
        .map(|(path, detail)| {
            let place: Vec<&str> = path
                .split('/')
                .map(|part| if part.parse::<u32>().is_ok() { "N" } else { part })
                .collect();
            (place.join("/"), format!("{path}: {detail}"))
        })
        .collect()
}

/// Refusals for other reasons: those that only one side names, shortened.
fn other_causes(ours: &Value, theirs: &Value) -> Option<String> {
    const SHOWN: usize = 150;
    let causes = |status: &Value| -> Vec<String> {
        let causes = status["details"]["causes"].as_array().into_iter().flatten();
        let text = |cause: &Value, key: &str| cause[key].as_str().unwrap_or_default().to_owned();
        causes
            .map(|cause| format!("{}: {}", text(cause, "field"), text(cause, "message")))
            .collect()
    };
    let (left, right) = (causes(ours), causes(theirs));
    let only = |of: &[String], other: &[String]| {
        let list = of.iter().filter(|cause| !other.contains(cause));
        let list: Vec<String> = list
            .map(|cause| cause.replace('\n', " ").replace('/', "\u{2215}"))
            .map(|cause| cause.chars().take(SHOWN).collect())
            .collect();
        list.join(", ")
    };
    let (left, right) = (only(&left, &right), only(&right, &left));
    (!left.is_empty() || !right.is_empty()).then(|| format!("refusal ours [{left}] theirs [{right}]"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/differential")
}

fn read_yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a file of the corpus");
    kluctl_yaml::from_str(&text).expect("YAML")
}

/// Patterns of `known.txt`: a line is `pattern # reason`, where `*` stands for anything.
fn known() -> Vec<regex::Regex> {
    let text = fs::read_to_string(folder().join("known.txt")).expect("the list of differences");
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (pattern, reason) = line.split_once(" # ").expect("a pattern and a reason");
            assert!(!reason.trim().is_empty(), "{pattern} has no reason");
            let escaped = regex::escape(pattern).replace(r"\*", ".*");
            regex::Regex::new(&format!("^{escaped}$")).expect("a pattern")
        })
        .collect()
}

/// Who owns what after a server-side apply, and who is refused: nothing there may differ.
fn is_about_ownership(signature: &str) -> bool {
    let conflicts = ["code 200 409", "code 201 409", "code 409 200", "code 409 201"];
    signature.contains(" apply ")
        && (signature.contains("managedFields")
            || conflicts
                .iter()
                .any(|code| signature.contains(&format!(" {code} "))))
}

fn runs(only: Option<&str>, steps: usize) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut files: Vec<PathBuf> = fs::read_dir(folder().join("sequences"))
        .expect("sequences")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    for file in files {
        let name = file
            .file_stem()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let entries = read_yaml(&file);
        runs.push(Run {
            name: name.to_owned(),
            namespace: format!("hand-{name}"),
            watch: None,
            steps: entries
                .as_array()
                .expect("a list of steps")
                .iter()
                .map(Step::read)
                .collect(),
        });
    }
    let kinds = Kind::read_all(&read_yaml(&folder().join("kinds.yaml")));
    let kinds: Vec<&Kind> = kinds
        .iter()
        .filter(|kind| only.is_none_or(|only| only == kind.plural()))
        .collect();
    if kinds.is_empty() {
        return runs;
    }
    const LENGTH: usize = 9;
    let first: u64 =
        std::env::var("KLUCTL_DIFFERENTIAL_SEED").map_or(0, |seed| seed.parse().expect("a number"));
    for seed in 0..steps.div_ceil(LENGTH + 1) {
        let kind = kinds[seed % kinds.len()];
        let seed = seed as u64 + first;
        runs.push(Run {
            name: kind.plural().to_owned(),
            namespace: format!("n{seed}"),
            watch: Some(format!("{}?labelSelector=seq%3Ds{seed}", kind.path)),
            steps: sequence(kind, seed, LENGTH),
        });
    }
    runs
}

/// Creates the custom resource definitions on both sides and waits until they are served.
async fn define(servers: &Servers) {
    let definitions = read_yaml(&folder().join("definitions.yaml"));
    let run = Run {
        name: "definitions".to_owned(),
        namespace: "default".to_owned(),
        watch: None,
        steps: Vec::new(),
    };
    let mut saved = (Saved::new(), Saved::new());
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for definition in definitions.as_array().expect("a list") {
        let create = Step::new(
            "POST",
            path.to_owned(),
            "application/json",
            Body::Json(definition.clone()),
        );
        let (ours, theirs) = servers.both(&run, &create, &mut saved).await;
        assert!(
            ours.code == 201 && theirs.code == 201,
            "{} {}",
            ours.body,
            theirs.body
        );
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        for version in spec["versions"].as_array().expect("versions") {
            let path = format!(
                "/apis/{}/{}/{}",
                text(&spec["group"]),
                text(&version["name"]),
                text(&spec["names"]["plural"])
            );
            let mut wait = Step::new("GET", path, "", Body::None);
            wait.wait = true;
            servers.both(&run, &wait, &mut saved).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_as_a_real_server() {
    let Some(real) = Real::start() else { return };
    let servers = Servers {
        ours: Side::sandbox(),
        theirs: Side::Real(real),
    };
    let steps =
        std::env::var("KLUCTL_DIFFERENTIAL_STEPS").map_or(300, |steps| steps.parse().expect("a number"));
    let only = std::env::var("KLUCTL_DIFFERENTIAL_ONLY").ok();
    define(&servers).await;
    let runs = runs(only.as_deref(), steps);
    let results: Vec<(usize, Vec<Difference>)> = futures::stream::iter(&runs)
        .map(|run| servers.run(run))
        .buffered(24)
        .collect()
        .await;
    let known = known();
    let mut count = 0;
    let mut unknown: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut listed = 0;
    for (steps, found) in results {
        count += steps;
        for difference in found {
            let is_listed = known.iter().any(|regex| regex.is_match(&difference.signature));
            if is_listed && !is_about_ownership(&difference.signature) {
                listed += 1;
            } else {
                let entry = unknown
                    .entry(difference.signature)
                    .or_insert((0, difference.detail));
                entry.0 += 1;
            }
        }
    }
    println!(
        "{count} steps in {} sequences: {listed} listed differences, {} others",
        runs.len(),
        unknown.len()
    );
    for (signature, (times, detail)) in &unknown {
        println!("{signature} ({times} times)\n   {detail}");
    }
    assert!(only.is_some() || count >= 300, "only {count} steps");
    assert!(unknown.is_empty(), "{} unlisted differences", unknown.len());
}
