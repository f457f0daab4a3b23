//! One process at work, and the state of a cluster after it.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// After this long a run counts as hanging: its own timeout is 20 s.
const HANGS: Duration = Duration::from_secs(75);

/// How a run ended.
pub(crate) struct Ended {
    /// `None` when it was killed.
    pub(crate) code: Option<i32>,
    /// Standard error and output.
    pub(crate) text: String,
}

/// Starts a run whose texts are kept.
pub(crate) fn start(mut command: Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("starting the binary")
}

/// Waits for the end, killing the process when told to.
pub(crate) fn wait(mut child: Child, kill: Option<&mpsc::Receiver<()>>) -> Ended {
    let mut streams = Vec::new();
    let (out, err) = (
        child.stdout.take().expect("piped"),
        child.stderr.take().expect("piped"),
    );
    let read = |mut stream: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stream.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    streams.push(read(Box::new(err)));
    streams.push(read(Box::new(out)));
    let start = Instant::now();
    let mut killed = false;
    let status = loop {
        if let Some(status) = child.try_wait().expect("its state") {
            break status;
        }
        if kill.is_some_and(|arrived| arrived.try_recv().is_ok()) {
            killed = true;
            child.kill().expect("killing it");
        }
        if start.elapsed() > HANGS {
            let _ = child.kill();
            assert!(killed, "a run hangs past its timeout");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let texts = streams
        .into_iter()
        .map(|stream| stream.join().expect("reading its output"));
    Ended {
        code: status.code().filter(|_| !killed),
        text: texts.collect(),
    }
}

/// Objects without what differs from run to run.
pub(crate) fn state(objects: &BTreeMap<String, Value>, run: &str) -> BTreeMap<String, Value> {
    let strip = |object: &Value| {
        let mut object: Value = serde_json::from_str(&object.to_string().replace(run, "RUN")).expect("JSON");
        let fields = object.as_object_mut().expect("an object");
        fields.remove("status");
        let metadata = fields["metadata"].as_object_mut().expect("metadata");
        for key in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "generation",
            "ownerReferences",
            "finalizers",
        ] {
            metadata.remove(key);
        }
        if let Some(managers) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
            // owners are named by their uid
            managers.retain(|entry| {
                entry["manager"] == "kluctl" && !entry.to_string().contains("f:ownerReferences")
            });
            for entry in managers {
                entry.as_object_mut().expect("an entry").remove("time");
            }
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove("deployment.kubernetes.io/revision");
        }
        object
    };
    objects
        .iter()
        .map(|(path, object)| (path.replace(run, "RUN"), strip(object)))
        .collect()
}

/// What differs between two states, if anything does.
pub(crate) fn difference(
    expected: &BTreeMap<String, Value>,
    found: &BTreeMap<String, Value>,
) -> Option<String> {
    let missing = expected.keys().find(|path| !found.contains_key(*path));
    let missing = missing.map(|path| format!("{path} is missing"));
    let more = found.keys().find(|path| !expected.contains_key(*path));
    let more = more.map(|path| format!("{path} is left"));
    let other = expected
        .iter()
        .find(|(path, object)| found.get(*path).is_some_and(|other| other != *object));
    let other = other.map(|(path, object)| format!("{path} is\n{}\ninstead of\n{object}", found[path]));
    missing.or(more).or(other)
}
