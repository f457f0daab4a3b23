//! Writes the columns of tables (`kubectl get`) that `crates/sandbox` carries, as a real kube-apiserver describes them.
//!
//! One row a column: name, type, format, priority, description; the descriptions that nearly all kinds share stand once.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, bail};
use kluctl_testkit::ApiServer;
use serde_json::{Value, json};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// Asks a server for a table of every kind it can list and writes what it says of the columns to `output`.
pub(crate) fn generate(output: &Path) -> Result<()> {
    let server = ApiServer::start_with(&["--runtime-config=api/all=true"])
        .context("no etcd, kube-apiserver and kubectl here: KUBEBUILDER_ASSETS names their folder")?;
    let proxy = Proxy::start(&server)?;
    let mut kinds = BTreeMap::new();
    for path in versions(&proxy)? {
        let group = path
            .strip_prefix("/apis/")
            .and_then(|rest| rest.split_once('/'))
            .map_or("", |(group, _)| group);
        for resource in items(&proxy.get(&path, "application/json")?["resources"]) {
            let plural = resource["name"].as_str().unwrap_or_default();
            let lists = items(&resource["verbs"]).iter().any(|verb| verb == "list");
            let key = match group {
                "" => plural.to_owned(),
                group => format!("{plural}.{group}"),
            };
            // Versions come with the preferred one first.
            if lists && !kinds.contains_key(&key) {
                let table = proxy.get(&format!("{path}/{plural}"), TABLE)?;
                kinds.insert(key, rows(&table));
            }
        }
    }
    fs::write(output, text(&kinds)?).with_context(|| format!("writing {}", output.display()))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The paths of all groups' versions.
fn versions(proxy: &Proxy) -> Result<Vec<String>> {
    let mut paths = vec!["/api/v1".to_owned()];
    for group in items(&proxy.get("/apis", "application/json")?["groups"]) {
        let preferred = &group["preferredVersion"]["groupVersion"];
        let others = items(&group["versions"])
            .iter()
            .map(|version| &version["groupVersion"])
            .filter(|version| *version != preferred);
        for version in std::iter::once(preferred).chain(others) {
            paths.push(format!("/apis/{}", version.as_str().unwrap_or_default()));
        }
    }
    Ok(paths)
}

fn rows(table: &Value) -> Vec<Value> {
    items(&table["columnDefinitions"])
        .iter()
        .map(|column| {
            json!([
                column["name"],
                column["type"],
                column["format"],
                column["priority"],
                column["description"]
            ])
        })
        .collect()
}

/// The description that starts with some words.
fn shared(kinds: &BTreeMap<String, Vec<Value>>, start: &str) -> Result<Value> {
    kinds
        .values()
        .flatten()
        .map(|row| &row[4])
        .find(|text| text.as_str().is_some_and(|text| text.starts_with(start)))
        .cloned()
        .with_context(|| format!("no description starts with {start:?}"))
}

/// One column a line, so that a difference between versions can be read.
fn text(kinds: &BTreeMap<String, Vec<Value>>) -> Result<String> {
    let marks = [
        ("$name", shared(kinds, "Name must be unique")?),
        ("$age", shared(kinds, "CreationTimestamp is")?),
    ];
    let mut parts: Vec<String> = marks
        .iter()
        .map(|(mark, text)| format!("  {}: {text}", json!(mark)))
        .collect();
    for (kind, rows) in kinds {
        let lines: Vec<String> = rows.iter().map(|row| line(row, &marks)).collect();
        parts.push(format!("  {}: [\n{}\n  ]", json!(kind), lines.join(",\n")));
    }
    Ok(format!("{{\n{}\n}}\n", parts.join(",\n")))
}

fn line(row: &Value, marks: &[(&str, Value)]) -> String {
    let cells: Vec<String> = items(row)
        .iter()
        .map(|cell| match marks.iter().find(|(_, text)| text == cell) {
            Some((mark, _)) => json!(mark).to_string(),
            None => cell.to_string(),
        })
        .collect();
    format!("    [{}]", cells.join(", "))
}

/// `kubectl proxy`, which speaks plain HTTP; it ends when this is dropped.
struct Proxy {
    child: Child,
    address: String,
}

impl Proxy {
    fn start(server: &ApiServer) -> Result<Self> {
        let mut child = server
            .kubectl()
            .args(["proxy", "--port=0", "--address=127.0.0.1"])
            .stdout(Stdio::piped())
            .spawn()
            .context("starting kubectl proxy")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        Ok(Self { child, address })
    }

    fn get(&self, path: &str, accept: &str) -> Result<Value> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let Some((head, body)) = answer.split_once("\r\n\r\n") else {
            bail!("{path}: no answer");
        };
        if !head.lines().next().unwrap_or_default().contains(" 200 ") {
            bail!("{path}: {head}");
        }
        serde_json::from_str(body).with_context(|| format!("{path}: {body:.200}"))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
