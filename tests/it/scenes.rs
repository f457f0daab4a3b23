//! Small projects through every command, compared with what Kluctl 2.28.2 printed and left behind on a kube-apiserver.
//!
//! A scene is `tests/scenes/NAME.yaml`: files, commands, and what others do to the server meanwhile. `NAME.out` holds the answers,
//! written by upstream's binary: `KLUCTL_RECORD=/path/to/upstream cargo test -p kluctl --test e2e scenes` writes those that
//! are missing (`KLUCTL_RECORD_ALL` set: all). Where we differ on purpose, the scene says so.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use kluctl_testkit::{ApiServer, Backend, Environment};
use serde_json::Value;

use crate::scenes_text::{Masks, object_text, plain_text, result_text, stored_text};
use crate::servers::Served;
use crate::start::environment;
use crate::transcripts::{sorted_progress, sorted_result};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenes")
}

/// A server, and the scene that is played on it.
struct Stage<'a> {
    backend: &'a Backend,
    environment: &'a Environment,
    name: &'a str,
    masks: Masks,
    out: String,
}

impl Stage<'_> {
    fn step(&mut self, step: &Value) {
        let map = step.as_object().expect("a step is a map");
        for (path, text) in map.get("write").and_then(Value::as_object).into_iter().flatten() {
            match text.as_str() {
                Some(text) => self.environment.write(path, text),
                None => std::fs::remove_file(self.environment.work().join(path)).expect("removing a file"),
            }
        }
        call_all(self.backend, map.get("call"));
        if let Some(line) = map.get("run").and_then(Value::as_str) {
            self.run(line, step);
        }
        for path in map.get("show").and_then(Value::as_array).into_iter().flatten() {
            let path = path.as_str().expect("a path");
            let (status, object) = self.backend.call("GET", path, "");
            let text = if status == 200 {
                object_text(object)
            } else {
                format!("{status}\n")
            };
            self.out
                .push_str(&format!("$ show {path}\n{}\n", self.masks.mask(&text)));
        }
        if map.contains_key("stored") {
            let (_, list) = self.backend.call(
                "GET",
                "/api/v1/namespaces/kluctl-results/secrets?labelSelector=kluctl.io/result",
                "",
            );
            let text = stored_text(&list, self.name);
            self.out
                .push_str(&format!("$ stored\n{}\n", self.masks.mask(&text)));
        }
    }

    fn run(&mut self, line: &str, step: &Value) {
        let mut command = self.environment.command(words(line));
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            let limited = self.environment.home().join("limited.yaml").display().to_string();
            command.env(
                name,
                value.as_str().expect("a text").replace("<limited>", &limited),
            );
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("starting the binary");
        let input = step["stdin"].as_str().unwrap_or_default();
        let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
        let stderr = child.stderr.take().expect("its standard error");
        let (meanwhile, backend) = (step["meanwhile"].clone(), self.backend.clone());
        let reader = std::thread::spawn(move || {
            let mut waiting = meanwhile.as_array().cloned().unwrap_or_default();
            let mut text = String::new();
            for line in BufReader::new(stderr).lines() {
                let line = line.expect("text");
                let due = |step: &Value| line.contains(step["when"].as_str().expect("a text"));
                while let Some(at) = waiting.iter().position(due) {
                    call_all(&backend, waiting.remove(at).get("call"));
                }
                text.push_str(&line);
                text.push('\n');
            }
            assert!(waiting.is_empty(), "never said: {waiting:?}\n{text}");
            text
        });
        let output = child.wait_with_output().expect("its output");
        let stderr = reader.join().expect("its standard error");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stdout = if step["yaml"].as_bool() == Some(true) {
            result_text(&stdout)
        } else {
            plain_text(&sorted_result(&stdout))
        };
        let code = output.status.code().expect("an exit code");
        self.out.push_str(&format!("$ kluctl {line}\nexit {code}\n"));
        for (title, text) in [
            ("stdout", stdout),
            ("stderr", sorted_progress(&plain_text(&stderr))),
        ] {
            let text = self.masks.mask(text.trim_end_matches('\n'));
            if !text.is_empty() {
                self.out.push_str(&format!("--- {title}\n{text}\n"));
            }
        }
        self.out.push('\n');
    }
}

/// Words of a command line; quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut quoted = false;
    let mut word: Option<String> = None;
    for character in line.chars() {
        match character {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

/// Requests of somebody else: `METHOD PATH`, and a body.
fn call_all(backend: &Backend, calls: Option<&Value>) {
    for call in calls.and_then(Value::as_array).into_iter().flatten() {
        let (line, body) = match call.as_object() {
            Some(map) => map.iter().next().expect("a request"),
            None => (&call.as_str().expect("a request").to_owned(), &Value::Null),
        };
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let (method, kind) = match method {
            "APPLY" => ("PATCH", "application/apply-patch+yaml"),
            "MERGE" => ("PATCH", "application/merge-patch+json"),
            other => (other, "application/json"),
        };
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let headers = [("content-type".to_owned(), kind.to_owned())];
        let reply = backend
            .connect()
            .send(method, path, &headers, body.as_bytes())
            .expect("an answer");
        let text = String::from_utf8_lossy(&reply.body);
        assert!((200..300).contains(&reply.status), "{line}: {text}");
    }
}

/// Plays a scene and gives everything that was seen.
fn play(name: &str, scene: &Value, backend: &Backend, kubeconfig: &Path, program: Option<&Path>) -> String {
    let mut environment = program.map_or_else(environment, Environment::new);
    // the same context's name on every server
    let text = std::fs::read_to_string(kubeconfig).expect("a kubeconfig");
    let own = environment.home().join("kubeconfig.yaml");
    std::fs::write(&own, text.replace("kluctl-sandbox", "test")).expect("writing it");
    environment.set("KUBECONFIG", own.display().to_string());
    environment.set("KLUCTL_NO_UPDATE_CHECK", "true");
    environment.set("COLUMNS", "100");
    if let Some(cache) = program.and_then(|_| std::env::var_os("KLUCTL_RECORD_CACHE")) {
        // what upstream unpacks for itself, once for all scenes
        let folder = environment.home().join(".cache/kluctl");
        std::fs::create_dir_all(&folder).expect("a folder");
        #[cfg(unix)]
        std::os::unix::fs::symlink(cache, folder.join("go-embed-jinja2")).expect("a link");
    }
    // the same server for a user who may do only what a scene allows
    let limited = std::fs::read_to_string(kubeconfig).expect("a kubeconfig");
    let limited = limited.replace("\n  user:\n", "\n  user:\n    as: limited\n");
    std::fs::write(environment.home().join("limited.yaml"), limited).expect("writing it");
    // upstream warns where there is no repository
    environment.write(".git/HEAD", "ref: refs/heads/main\n");
    environment.write(".git/config", "[core]\n\trepositoryformatversion = 0\n");
    for folder in ["objects", "refs"] {
        std::fs::create_dir(environment.work().join(".git").join(folder)).expect("a folder");
    }
    let mut stage = Stage {
        backend,
        environment: &environment,
        name,
        masks: Masks::new(&environment),
        out: String::new(),
    };
    for (path, text) in scene["files"].as_object().into_iter().flatten() {
        environment.write(path, text.as_str().expect("a text"));
    }
    for step in scene["steps"].as_array().expect("steps") {
        stage.step(step);
    }
    stage.out
}

/// The answers with our differences in place of upstream's words; each must be there.
fn with_differences(name: &str, scene: &Value, golden: &str) -> String {
    let mut expected = golden.to_owned();
    for difference in scene["differs"].as_array().into_iter().flatten() {
        let text = |key: &str| difference[key].as_str().unwrap_or_default();
        assert!(!text("why").is_empty(), "{name}: a difference says why");
        let (theirs, ours) = (text("theirs"), text("ours"));
        assert!(
            expected.contains(theirs),
            "{name}: upstream does not say:\n{theirs}"
        );
        expected = expected.replace(theirs, ours);
    }
    // where lines differ, so may their order
    expected
}

fn scenes() -> Vec<(String, Value)> {
    let only = std::env::var("KLUCTL_SCENES").unwrap_or_default();
    let mut scenes: Vec<(String, Value)> = std::fs::read_dir(folder())
        .expect("the scenes")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".yaml").map(str::to_owned))
        .filter(|name| only.is_empty() || only.split(',').any(|part| name.contains(part)))
        .map(|name| {
            let text = std::fs::read_to_string(folder().join(format!("{name}.yaml"))).expect("a scene");
            let scene = kluctl_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, scene)
        })
        .collect();
    scenes.sort_by(|(one, _), (other, _)| one.cmp(other));
    scenes
}

/// Plays all scenes, four at a time, and gives what was seen in each.
fn play_all(
    scenes: &[(String, Value)],
    backend: &Backend,
    kubeconfig: &Path,
    program: Option<&Path>,
) -> Vec<String> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let seen: Vec<std::sync::Mutex<String>> = scenes.iter().map(|_| std::sync::Mutex::default()).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some((name, scene)) = scenes.get(at) else {
                        return;
                    };
                    let out = play(name, scene, backend, kubeconfig, program);
                    *seen[at].lock().expect("no panic before") = out;
                }
            });
        }
    });
    let seen = seen.into_iter();
    seen.map(|out| out.into_inner().expect("no panic before"))
        .collect()
}

/// Fails with the lines that differ, scene by scene.
fn compare(server: &str, scenes: &[(String, Value)], seen: &[String]) {
    let mut wrong = String::new();
    for ((name, scene), ours) in scenes.iter().zip(seen) {
        let golden = std::fs::read_to_string(folder().join(format!("{name}.out")))
            .unwrap_or_else(|error| panic!("{name}.out: {error}"));
        let expected = with_differences(name, scene, &golden);
        if expected == *ours {
            continue;
        }
        let diff = similar::TextDiff::from_lines(&expected, ours);
        let text = diff.unified_diff().context_radius(6).to_string();
        wrong.push_str(&format!("=== {name} on {server} (- upstream, + ours)\n{text}\n"));
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn record(program: &Path, all: bool) {
    let server = ApiServer::start().expect("a real server to record on");
    let backend = Backend::from_kubeconfig(&server.kubeconfig());
    let path = |name: &str| folder().join(format!("{name}.out"));
    let mut wanted = scenes();
    wanted.retain(|(name, _)| all || !path(name).is_file());
    let seen = play_all(&wanted, &backend, &server.kubeconfig(), Some(program));
    for ((name, _), out) in wanted.iter().zip(seen) {
        std::fs::write(path(name), out).expect("writing the answers");
    }
}

#[test]
fn every_scene_ends_as_with_upstream() {
    if let Some(program) = std::env::var_os("KLUCTL_RECORD") {
        record(
            Path::new(&program),
            std::env::var_os("KLUCTL_RECORD_ALL").is_some(),
        );
    }
    let scenes = scenes();
    if std::env::var_os("KLUCTL_SCENES_REAL_ONLY").is_none() {
        let served = Served::start(&["--no-controllers"]);
        let kubeconfig = served.kubeconfig();
        let everywhere: Vec<(String, Value)> = scenes
            .iter()
            .filter(|(_, scene)| scene["real"] != true)
            .cloned()
            .collect();
        let seen = play_all(
            &everywhere,
            &Backend::from_kubeconfig(&kubeconfig),
            &kubeconfig,
            None,
        );
        compare("the sandbox", &everywhere, &seen);
    }
    if let Some(server) = ApiServer::start() {
        let kubeconfig = server.kubeconfig();
        let seen = play_all(&scenes, &Backend::from_kubeconfig(&kubeconfig), &kubeconfig, None);
        compare("kube-apiserver", &scenes, &seen);
    }
}
