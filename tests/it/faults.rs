//! Deploys, prunes and deletes through a proxy that hurts single requests, and kills commands in their middle.
//!
//! Each run must end in success or a clear error, never hang past its timeout, never delete what it should not, and a second
//! run without faults must lead to what an undisturbed one leads to. A seeded part runs with every test run; with
//! `KLUCTL_FAULTS=some` the same part runs on both servers, and with `KLUCTL_FAULTS=all` (`cargo xtask faults`) every position
//! of a run is tried; `KLUCTL_FAULTS_DOING=deploy|prune|delete` and `KLUCTL_FAULTS_REAL_ONLY` limit that.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use kluctl_testkit::{Backend, Environment, Fault, FaultProxy, Request};
use serde_json::{Value, json};

use crate::faults_project::project;
use crate::faults_run::{Ended, difference, start, state, wait};
use crate::servers::{Served, Server};

/// Everything that a run may end with.
#[derive(Debug, Default)]
struct Tally {
    runs: AtomicUsize,
    succeeded: AtomicUsize,
    failed: AtomicUsize,
    killed: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

/// The command that is hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// The second round of the project, with everything that a deploy can do.
    Deploy,
    /// The second round's orphans go.
    Prune,
    /// Everything goes but the Namespace, which nobody empties on a server without controllers.
    Delete,
}

impl Doing {
    /// What names of runs begin with.
    fn letter(self) -> char {
        match self {
            Self::Deploy => 'd',
            Self::Prune => 'p',
            Self::Delete => 'x',
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Deploy => &[
                "deploy",
                "--readiness-timeout",
                "15s",
                "--prune",
                "--force-replace-on-error",
            ],
            Self::Prune => &["prune"],
            Self::Delete => &["delete", "--exclude-deployment-dir", "namespace"],
        }
    }

    /// Whether an object of this name may be gone afterwards.
    fn may_take(self, name: &str) -> bool {
        match self {
            Self::Deploy => ["retired", "orphan-1", "orphan-2", "fixed", "stays", "migrate"].contains(&name),
            Self::Prune => ["retired", "orphan-1", "orphan-2"].contains(&name),
            Self::Delete => {
                let is_namespace = name.starts_with(&format!("{}0", self.letter()));
                !["foreign", "copied", "owned", "protected"].contains(&name) && !is_namespace
            }
        }
    }

    /// What must be gone in the end.
    fn takes(self) -> &'static [&'static str] {
        match self {
            Self::Deploy => &["retired", "orphan-1", "orphan-2", "migrate"],
            Self::Prune => &["retired", "orphan-1", "orphan-2"],
            Self::Delete => &[
                "retired", "orphan-1", "settings", "secret", "web", "thing", "fixed",
            ],
        }
    }
}

struct Stage<'a> {
    doing: Doing,
    backend: Backend,
    project: &'a Environment,
    next: AtomicUsize,
    tally: Tally,
}

/// What a faulted run is compared with.
struct Undisturbed {
    state: BTreeMap<String, Value>,
    requests: Vec<Request>,
}

impl Stage<'_> {
    fn name(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}{number:05}", self.doing.letter())
    }

    /// The command in the second round, through a proxy.
    fn command(&self, run: &str, proxy: &FaultProxy, timeout: &str, more: &[&str]) -> Command {
        self.start_with(self.doing.arguments(), run, 2, proxy, timeout, more)
    }

    fn start_with(
        &self,
        arguments: &[&str],
        run: &str,
        round: u8,
        proxy: &FaultProxy,
        timeout: &str,
        more: &[&str],
    ) -> Command {
        let kubeconfig = self
            .project
            .home()
            .join(format!("{run}-{}.yaml", more.join("-").replace(['=', ' '], "-")));
        proxy.write_kubeconfig(&kubeconfig);
        let mut command = self.project.command(arguments);
        command
            .args(["--yes", "--timeout", timeout])
            .args(["--arg", &format!("run={run}"), "--arg", &format!("round={round}")])
            .args(more)
            .env("KUBECONFIG", kubeconfig)
            .env("KLUCTL_CACHE_DIR", self.project.home().join("cache").join(run));
        command
    }

    fn run(&self, run: &str) -> Ended {
        let proxy = FaultProxy::start(&self.backend, Box::new(|_, _| None));
        wait(start(self.command(run, &proxy, "60s", &[])), None)
    }

    /// Deploys the first round and adds what is nobody's business.
    fn prepare(&self, run: &str) {
        let proxy = FaultProxy::start(&self.backend, Box::new(|_, _| None));
        let first = self.start_with(&["deploy"], run, 1, &proxy, "60s", &[]);
        let first = wait(start(first), None);
        assert_eq!(first.code, Some(0), "{}", first.text);
        let path = format!("/api/v1/namespaces/{run}/configmaps");
        let create = |manager: &str, metadata: Value| {
            let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}).to_string();
            let (status, object) =
                self.backend
                    .call("POST", &format!("{path}?fieldManager={manager}"), &body);
            assert_eq!(status, 201, "{object}");
            object["metadata"]["uid"].clone()
        };
        let label = json!({"kluctl.io/discriminator": format!("faults-{run}")});
        let uid = create("other", json!({"name": "foreign"}));
        create("other", json!({"name": "copied", "labels": label}));
        let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "foreign", "uid": uid}]);
        create(
            "kluctl",
            json!({"name": "owned", "labels": label, "ownerReferences": owner}),
        );
    }

    /// Every object of a run, by its path.
    fn objects(&self, run: &str) -> BTreeMap<String, Value> {
        let mut objects = BTreeMap::new();
        for collection in [
            format!("/api/v1/namespaces/{run}/configmaps"),
            format!("/api/v1/namespaces/{run}/secrets"),
            format!("/apis/apps/v1/namespaces/{run}/deployments"),
            format!("/apis/batch/v1/namespaces/{run}/jobs"),
            format!("/apis/{run}.faults.example.com/v1/namespaces/{run}/things"),
        ] {
            let (_, list) = self.backend.call("GET", &collection, "");
            for object in list["items"].as_array().into_iter().flatten() {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                if name != "kube-root-ca.crt" {
                    objects.insert(format!("{collection}/{name}"), object.clone());
                }
            }
        }
        for single in [
            format!("/api/v1/namespaces/{run}"),
            format!(
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{run}.faults.example.com"
            ),
        ] {
            let (status, object) = self.backend.call("GET", &single, "");
            if status == 200 {
                objects.insert(single, object);
            }
        }
        objects
    }

    /// Looks at a run that has been hurt, and then whether a second one mends it.
    fn judge(
        &self,
        run: &str,
        what: &str,
        before: &BTreeMap<String, Value>,
        ended: &Ended,
        expected: &Undisturbed,
    ) {
        self.tally.runs.fetch_add(1, Ordering::Relaxed);
        let wrong = |text: String| {
            let text = format!("{what}: {text}\n{}", ended.text);
            eprintln!("WRONG {text}");
            self.tally.wrong.lock().expect("no panic before").push(text);
        };
        match ended.code {
            None => self.tally.killed.fetch_add(1, Ordering::Relaxed),
            Some(0) => self.tally.succeeded.fetch_add(1, Ordering::Relaxed),
            Some(_) => self.tally.failed.fetch_add(1, Ordering::Relaxed),
        };
        match ended.code {
            Some(0) | None => {}
            Some(1) if ended.text.contains("command failed") || ended.text.contains("stopped") => {}
            Some(1) if !ended.text.trim().is_empty() && !ended.text.contains("panicked") => {}
            Some(code) => wrong(format!("ended with {code}")),
        }
        let after = self.objects(run);
        for (path, object) in before {
            let name = path.rsplit('/').next().unwrap_or_default();
            let may_go = self.doing.may_take(name);
            let uid = |object: &Value| object["metadata"]["uid"].clone();
            if !may_go && after.get(path).map(uid) != Some(uid(object)) {
                wrong(format!("{path} was deleted"));
            }
        }
        if ended.code == Some(0)
            && !what.contains("Late")
            && let Some(difference) = difference(&expected.state, &state(&after, run))
        {
            wrong(format!("said it succeeded, but {difference}"));
        }
        let second = self.run(run);
        if second.code != Some(0) {
            wrong(format!("the second run failed:\n{}", second.text));
        }
        if let Some(difference) = difference(&expected.state, &state(&self.objects(run), run)) {
            wrong(format!("after a second run {difference}"));
        }
        self.clean(run);
    }

    /// Takes the kind away, so that later runs do not have to list it.
    fn clean(&self, run: &str) {
        let path = format!(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{run}.faults.example.com"
        );
        let _ = self.backend.call("DELETE", &path, "");
    }

    /// Deploys the second round without faults.
    fn undisturbed(&self) -> Undisturbed {
        let run = self.name();
        self.prepare(&run);
        let proxy = FaultProxy::start(&self.backend, Box::new(|_, _| None));
        let ended = wait(start(self.command(&run, &proxy, "60s", &[])), None);
        assert_eq!(ended.code, Some(0), "{}", ended.text);
        let state = state(&self.objects(&run), &run);
        for gone in self.doing.takes() {
            assert!(
                !state.keys().any(|path| path.ends_with(&format!("/{gone}"))),
                "{gone} is left"
            );
        }
        self.clean(&run);
        Undisturbed {
            state,
            requests: proxy.requests(),
        }
    }

    fn hurt(&self, at: usize, fault: Fault, expected: &Undisturbed) {
        let run = self.name();
        self.prepare(&run);
        let before = self.objects(&run);
        let proxy = FaultProxy::start(
            &self.backend,
            Box::new(move |number, _| (number == at).then_some(fault)),
        );
        let timeout = if fault == Fault::Hang { "3s" } else { "20s" };
        let ended = wait(start(self.command(&run, &proxy, timeout, &[])), None);
        let what = format!(
            "{:?}, {fault:?} at request {at} ({})",
            self.doing,
            named(proxy.requests().get(at))
        );
        self.judge(&run, &what, &before, &ended, expected);
    }

    /// Kills the process when its request of this number arrives.
    fn kill(&self, at: usize, expected: &Undisturbed) {
        let run = self.name();
        self.prepare(&run);
        let before = self.objects(&run);
        let (send, arrived) = mpsc::channel();
        let send = Mutex::new(send);
        let proxy = FaultProxy::start(
            &self.backend,
            Box::new(move |number, _| {
                (number == at).then(|| {
                    let _ = send.lock().expect("no panic before").send(());
                    Fault::Hang
                })
            }),
        );
        let child = start(self.command(&run, &proxy, "20s", &[]));
        let ended = wait(child, Some(&arrived));
        let what = format!(
            "{:?} killed at request {at} ({})",
            self.doing,
            named(proxy.requests().get(at))
        );
        self.judge(&run, &what, &before, &ended, expected);
    }

    /// Two commands on one target at once, with different values.
    fn both(&self, expected: &Undisturbed) {
        let run = self.name();
        self.prepare(&run);
        let before = self.objects(&run);
        let proxy = FaultProxy::start(&self.backend, Box::new(|_, _| None));
        let children =
            ["more=one", "more=two"].map(|more| start(self.command(&run, &proxy, "60s", &["--arg", more])));
        let [one, two] = children.map(|child| wait(child, None));
        // either may lose a race for an object that both replace, but must say so
        let ended = Ended {
            code: one.code.max(two.code).map(|code| code.max(1)),
            text: format!("{}\n{}", one.text, two.text),
        };
        self.judge(
            &run,
            &format!("two at once: {:?}", self.doing),
            &before,
            &ended,
            expected,
        );
    }
}

fn named(request: Option<&Request>) -> String {
    request.map_or("never came".to_owned(), |request| {
        format!("{} {}", request.method, request.target)
    })
}

/// Faults that a run may meet, a different one for each position and seed.
fn fault(position: usize, seed: usize) -> Fault {
    const KINDS: [Fault; 14] = [
        Fault::Cut,
        Fault::Lost,
        Fault::Twice,
        Fault::Busy(1),
        Fault::Status(500),
        Fault::Torn,
        Fault::Status(503),
        Fault::StatusAfter(504),
        Fault::Late(3),
        Fault::Status(409),
        Fault::Status(502),
        Fault::Delay(Duration::from_millis(700)),
        Fault::StatusAfter(500),
        Fault::Late(12),
    ];
    // a fixed mixing step, so that neighbouring positions meet different faults
    let mixed = (position * 31 + seed * 17 + 7).wrapping_mul(2_654_435_761) >> 7;
    KINDS[mixed % KINDS.len()]
}

enum Job {
    Hurt(usize, Fault),
    Kill(usize),
    Both,
}

/// Does the jobs on two threads and tells the figures.
fn play(server: &str, backend: &Backend, doing: Doing, jobs: impl Fn(Doing, usize) -> Vec<Job>) {
    let project = project();
    let stage = Stage {
        doing,
        backend: backend.clone(),
        project: &project,
        next: AtomicUsize::new(0),
        tally: Tally::default(),
    };
    let start = Instant::now();
    let expected = stage.undisturbed();
    let jobs = Mutex::new(jobs(doing, expected.requests.len()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(job) = { jobs.lock().expect("no panic before").pop() } {
                    match job {
                        Job::Hurt(at, fault) => stage.hurt(at, fault, &expected),
                        Job::Kill(at) => stage.kill(at, &expected),
                        Job::Both => stage.both(&expected),
                    }
                }
            });
        }
    });
    let tally = &stage.tally;
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    eprintln!(
        "{server}, {doing:?}: {} requests in an undisturbed run; {} runs in {} s: {} succeeded, {} ended in an error, {} were killed",
        expected.requests.len(),
        count(&tally.runs),
        start.elapsed().as_secs(),
        count(&tally.succeeded),
        count(&tally.failed),
        count(&tally.killed)
    );
    let wrong = tally.wrong.lock().expect("no panic before");
    assert!(
        wrong.is_empty(),
        "{} of them wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn everything(_: Doing, requests: usize) -> Vec<Job> {
    let mut jobs = vec![Job::Both, Job::Both, Job::Both];
    jobs.extend((0..requests).step_by(10).map(Job::Kill));
    for at in 0..requests {
        jobs.extend((0..4).map(|seed| Job::Hurt(at, fault(at, seed))));
    }
    jobs.extend((0..requests).step_by(8).map(|at| Job::Hurt(at, Fault::Hang)));
    jobs
}

/// About sixty runs, spread over all positions.
fn some(doing: Doing, requests: usize) -> Vec<Job> {
    let spread =
        |count: usize, first: usize| (0..count).map(move |part| (first + part * requests / count) % requests);
    let (kills, hurts, hangs) = match doing {
        Doing::Deploy => (5, 30, 2),
        Doing::Prune | Doing::Delete => (2, 8, 1),
    };
    let mut jobs = vec![Job::Both];
    jobs.extend(spread(kills, 9).map(Job::Kill));
    jobs.extend(spread(hurts, 3).map(|at| Job::Hurt(at, fault(at, 0))));
    jobs.extend(spread(hangs, requests / 2).map(|at| Job::Hurt(at, Fault::Hang)));
    jobs
}

fn play_all(server: &str, backend: &Backend, jobs: impl Fn(Doing, usize) -> Vec<Job>) {
    let wanted = std::env::var("KLUCTL_FAULTS_DOING").unwrap_or_default();
    for doing in [Doing::Deploy, Doing::Prune, Doing::Delete] {
        if wanted.is_empty() || wanted.eq_ignore_ascii_case(&format!("{doing:?}")) {
            play(server, backend, doing, &jobs);
        }
    }
}

#[test]
fn a_hurt_command_says_so_and_a_second_one_mends_it() {
    let wanted = std::env::var("KLUCTL_FAULTS").unwrap_or_default();
    let jobs = if wanted == "all" { everything } else { some };
    if std::env::var_os("KLUCTL_FAULTS_REAL_ONLY").is_none() {
        let served = Served::start(&[]);
        play_all("sandbox", &Backend::from_kubeconfig(&served.kubeconfig()), jobs);
    }
    if wanted.is_empty() {
        return;
    }
    if let Some(Server::Real { server, _status }) = Server::real() {
        let backend = Backend::from_kubeconfig(&server.kubeconfig());
        play_all("kube-apiserver", &backend, jobs);
    }
}

#[test]
fn a_flag_bounds_the_requests_in_flight() {
    const ANSWER_TAKES: Duration = Duration::from_millis(10);
    let served = Served::start(&[]);
    let backend = Backend::from_kubeconfig(&served.kubeconfig());
    let environment = crate::start::environment();
    environment.write("deployment.yaml", "deployments:\n- path: app\n- path: other\n");
    for item in ["app", "other"] {
        let object = |at: usize| {
            format!(
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {item}-{at}, namespace: default}}\n"
            )
        };
        let objects: String = (0..10).map(object).collect();
        environment.write(&format!("{item}/all.yaml"), &objects);
    }
    let arrivals = std::sync::Arc::new(Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&arrivals);
    let proxy = FaultProxy::start(
        &backend,
        Box::new(move |_, _| {
            seen.lock().expect("no panic before").push(Instant::now());
            Some(Fault::Delay(ANSWER_TAKES))
        }),
    );
    let kubeconfig = environment.home().join("proxy.yaml");
    proxy.write_kubeconfig(&kubeconfig);
    let mut command = environment.command(["deploy", "--yes", "--max-requests-in-flight", "1"]);
    command.env("KUBECONFIG", kubeconfig);
    let ended = wait(start(command), None);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let arrivals = arrivals.lock().expect("no panic before");
    assert!(arrivals.len() > 20, "{} requests", arrivals.len());
    // the next one only comes when the answer is there
    for pair in arrivals.windows(2) {
        assert!(pair[1] - pair[0] >= ANSWER_TAKES, "{:?}", pair[1] - pair[0]);
    }
}
