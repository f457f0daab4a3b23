//! A static Helm repository over folders of charts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Reply, Server};

/// Packs a chart's folder as `helm package` does: a gzipped tar whose files lie below the chart's name.
pub fn pack_chart(folder: &Path, name: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    tar.append_dir_all(name, folder)
        .unwrap_or_else(|error| panic!("cannot pack {}: {error}", folder.display()));
    tar.into_inner()
        .and_then(GzEncoder::finish)
        .expect("packing in memory")
}

/// A static chart repository: `index.yaml` and archives, as any web server would serve them.
pub struct ChartRepository {
    server: Server,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    entries: Mutex<BTreeMap<String, Vec<Value>>>,
    path: String,
}

impl ChartRepository {
    /// Serves an empty repository below a path (e.g. `/jetstack`).
    pub fn start(path: &str) -> Self {
        let files = Arc::new(Mutex::new(BTreeMap::<String, Vec<u8>>::new()));
        let served = files.clone();
        let server = Server::start(
            move |request| match served.lock().expect("files").get(request.path()) {
                Some(body) => Reply::new(200, body.clone()),
                None => Reply::new(404, "404 page not found\n"),
            },
        );
        Self {
            server,
            files,
            entries: Mutex::default(),
            path: path.to_owned(),
        }
    }

    /// The repository's address.
    pub fn url(&self) -> String {
        format!("{}{}", self.server.url(), self.path)
    }

    /// Adds one version of a chart and writes the index anew.
    pub fn add(&self, name: &str, version: &str, archive: Vec<u8>) {
        let file = format!("{name}-{version}.tgz");
        let entry = json!({
            "apiVersion": "v2", "name": name, "version": version, "urls": [format!("charts/{file}")],
            "digest": hex::encode(Sha256::digest(&archive)),
        });
        let mut entries = self.entries.lock().expect("entries");
        entries.entry(name.to_owned()).or_default().insert(0, entry);
        // JSON is YAML; block style is what repositories really serve.
        let mut index = String::from("apiVersion: v1\nentries:\n");
        for (name, versions) in entries.iter() {
            index.push_str(&format!("  {name}:\n"));
            for version in versions {
                index.push_str(&format!("  - {version}\n"));
            }
        }
        let mut files = self.files.lock().expect("files");
        files.insert(format!("{}/charts/{file}", self.path), archive);
        files.insert(format!("{}/index.yaml", self.path), index.into_bytes());
    }
}
