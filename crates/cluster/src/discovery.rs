//! Which kinds a server knows, under which paths and in which scope.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use kluctl_object::{Gvk, ObjectRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{ApiError, Reason};
use crate::send::{Call, Cluster};

/// Whether objects of a kind live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Objects have a namespace.
    Namespaced,
    /// Objects have none.
    Cluster,
}

/// One kind as the server serves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiResource {
    /// API group; empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Name in paths, e.g. `deployments`.
    pub plural: String,
    /// Scope.
    pub scope: Scope,
    /// Verbs, e.g. `list`.
    pub verbs: Vec<String>,
    /// Subresources, e.g. `status`.
    pub subresources: Vec<String>,
}

impl ApiResource {
    /// Group, version and kind.
    pub fn gvk(&self) -> Gvk {
        Gvk::new(&self.group, &self.version, &self.kind)
    }

    /// Whether the server offers a verb.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }

    /// The path of all objects, or of those in one namespace.
    pub(crate) fn collection_path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        match namespace.filter(|_| self.scope == Scope::Namespaced) {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{}", self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }

    /// The path of one object.
    pub(crate) fn object_path(&self, namespace: Option<&str>, name: &str) -> String {
        let mut path = self.collection_path(namespace);
        path.push('/');
        push_escaped(&mut path, name, b":@$");
        path
    }
}

/// Appends a text with what may not stand in a URL escaped, but for the characters in `also`.
pub(crate) fn push_escaped(url: &mut String, text: &str, also: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also.contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.push(char::from(HEX[usize::from(byte >> 4)]));
            url.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// All kinds of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Discovery {
    /// Kinds in the server's order: groups as listed, each group's preferred version first.
    resources: Vec<ApiResource>,
    /// Whether this comes from a cache and may be older than the server's state.
    #[serde(skip)]
    cached: bool,
}

impl Discovery {
    /// Builds from resources whose group's preferred version comes first.
    pub fn from_resources(resources: Vec<ApiResource>) -> Self {
        Self {
            resources,
            cached: false,
        }
    }

    /// Finds a kind in exactly one version.
    pub fn find(&self, gvk: &Gvk) -> Option<&ApiResource> {
        self.resources
            .iter()
            .find(|r| r.kind == gvk.kind && r.group == gvk.group && r.version == gvk.version)
    }

    /// Finds a reference's kind: its version if it has one, else the preferred one.
    pub fn find_ref(&self, reference: &ObjectRef) -> Option<&ApiResource> {
        if reference.version.is_empty() {
            self.resources
                .iter()
                .find(|r| r.kind == reference.kind && r.group == reference.group)
        } else {
            self.find(&reference.gvk())
        }
    }

    /// The scope of a kind in any version, `None` when unknown.
    pub fn scope(&self, group: &str, kind: &str) -> Option<Scope> {
        self.resources
            .iter()
            .find(|r| r.kind == kind && r.group == group)
            .map(|r| r.scope)
    }

    /// Every kind in every version.
    pub fn all(&self) -> &[ApiResource] {
        &self.resources
    }

    /// Every kind once, in its preferred version, without kinds that only repeat others
    /// (`extensions/ingresses`, `componentstatuses`).
    pub fn preferred(&self) -> Vec<&ApiResource> {
        let mut seen = std::collections::BTreeSet::new();
        self.resources
            .iter()
            .filter(|r| {
                !matches!(
                    (&*r.group, &*r.plural),
                    ("extensions", "ingresses") | ("", "componentstatuses")
                )
            })
            .filter(|r| seen.insert((&r.group, &r.plural)))
            .collect()
    }

    /// Adds kinds that are known to appear, such as those of CRDs of the same run; known ones stay as they are.
    pub fn with(&self, resources: impl IntoIterator<Item = ApiResource>) -> Self {
        let mut more = self.clone();
        for resource in resources {
            if more.find(&resource.gvk()).is_none() {
                more.resources.push(resource);
            }
        }
        more
    }
}

/// Where discovery is kept between runs.
#[derive(Clone, Debug)]
pub(crate) struct DiskCache {
    pub(crate) file: PathBuf,
    pub(crate) max_age: Duration,
}

impl DiskCache {
    fn read(&self) -> Option<Discovery> {
        let modified = std::fs::metadata(&self.file).ok()?.modified().ok()?;
        let age = SystemTime::now().duration_since(modified).unwrap_or_default();
        if age > self.max_age {
            return None;
        }
        let mut discovery: Discovery = serde_json::from_slice(&std::fs::read(&self.file).ok()?).ok()?;
        discovery.cached = true;
        Some(discovery)
    }

    /// Writes beside the file and renames, so that a reader never sees half a file. Failing only costs the next run time.
    fn write(&self, discovery: &Discovery) {
        let write = || -> std::io::Result<()> {
            let folder = self.file.parent().unwrap_or(std::path::Path::new("."));
            std::fs::create_dir_all(folder)?;
            let beside = self.file.with_extension(format!("{}.tmp", std::process::id()));
            std::fs::write(&beside, serde_json::to_vec(discovery)?)?;
            std::fs::rename(&beside, &self.file)
        };
        if let Err(error) = write() {
            tracing::debug!(%error, file = %self.file.display(), "could not write the discovery cache");
        }
    }
}

/// What a process knows of the server's kinds.
#[derive(Debug, Default)]
pub(crate) struct Known {
    discovery: Option<Arc<Discovery>>,
    /// Kinds that are about to be served; they stay known when discovery is read anew before that.
    learnt: Vec<ApiResource>,
    /// When the last reading started.
    read_from: Option<Instant>,
}

impl Known {
    fn set(&mut self, discovery: Discovery) -> Arc<Discovery> {
        let discovery = if self.learnt.is_empty() {
            discovery
        } else {
            discovery.with(self.learnt.iter().cloned())
        };
        let discovery = Arc::new(discovery);
        self.discovery = Some(Arc::clone(&discovery));
        discovery
    }
}

impl Cluster {
    /// What the server serves, read once per process (or from the disk cache of a real cluster).
    pub async fn discovery(&self) -> Result<Arc<Discovery>, ApiError> {
        if let Some(known) = self.shared.discovery.read().await.discovery.as_ref() {
            return Ok(Arc::clone(known));
        }
        let mut slot = self.shared.discovery.write().await;
        if let Some(known) = slot.discovery.as_ref() {
            return Ok(Arc::clone(known));
        }
        match self.shared.cache.as_ref().and_then(DiskCache::read) {
            Some(cached) => Ok(slot.set(cached)),
            None => self.read_discovery(&mut slot).await,
        }
    }

    /// Reads discovery anew from the server; those who ask while it is being read share the answer.
    pub async fn refresh_discovery(&self) -> Result<Arc<Discovery>, ApiError> {
        let asked = Instant::now();
        let mut slot = self.shared.discovery.write().await;
        match &slot.discovery {
            Some(known) if slot.read_from.is_some_and(|at| at >= asked) => Ok(Arc::clone(known)),
            _ => self.read_discovery(&mut slot).await,
        }
    }

    async fn read_discovery(&self, slot: &mut Known) -> Result<Arc<Discovery>, ApiError> {
        let started = Instant::now();
        let discovery = self.discover().await?;
        slot.read_from = Some(started);
        Ok(slot.set(discovery))
    }

    /// Makes kinds usable before discovery shows them, e.g. those of a CRD that has just been applied.
    pub async fn learn(&self, resources: impl IntoIterator<Item = ApiResource>) -> Result<(), ApiError> {
        let known = self.discovery().await?;
        let mut slot = self.shared.discovery.write().await;
        slot.learnt.extend(resources);
        let known = slot.discovery.clone().unwrap_or(known);
        slot.set((*known).clone());
        Ok(())
    }

    /// Finds the kind of a reference, asking the server again where a cached answer may be too old.
    pub async fn resource(&self, reference: &ObjectRef) -> Result<ApiResource, ApiError> {
        let known = self.discovery().await?;
        if let Some(found) = known.find_ref(reference) {
            return Ok(found.clone());
        }
        if known.cached
            && let Some(found) = self.refresh_discovery().await?.find_ref(reference)
        {
            return Ok(found.clone());
        }
        Err(ApiError::no_match(
            &reference.kind,
            &reference.gvk().api_version(),
        ))
    }

    async fn discover(&self) -> Result<Discovery, ApiError> {
        let (core, groups) = futures::try_join!(self.aggregated("/api"), self.aggregated("/apis"))?;
        let mut resources = Vec::new();
        for (root, document) in [("/api", core), ("/apis", groups)] {
            if document["kind"] == "APIGroupDiscoveryList" {
                read_aggregated(&document, &mut resources);
            } else {
                self.read_single(root, &document, &mut resources).await?;
            }
        }
        let discovery = Discovery::from_resources(resources);
        if let Some(cache) = &self.shared.cache
            && !self.shared.kinds_changed.load(Ordering::SeqCst)
        {
            cache.write(&discovery);
        }
        Ok(discovery)
    }

    /// Forgets what is cached on disk after a change of a definition of kinds: the next process must see what came of it, and
    /// what this one reads meanwhile may be too early.
    pub(crate) fn note_change(&self, reference: &ObjectRef) {
        let defines = matches!(&*reference.kind, "CustomResourceDefinition" | "APIService");
        if defines && let Some(cache) = &self.shared.cache {
            self.shared.kinds_changed.store(true, Ordering::SeqCst);
            let _ = std::fs::remove_file(&cache.file);
        }
    }

    /// What the server serves, read anew where the cached answer lacks one of these kinds.
    pub async fn discovery_with(
        &self,
        mut kinds: impl Iterator<Item = ObjectRef>,
    ) -> Result<Arc<Discovery>, ApiError> {
        let known = self.discovery().await?;
        if known.cached && kinds.any(|reference| known.find_ref(&reference).is_none()) {
            return self.refresh_discovery().await;
        }
        Ok(known)
    }

    /// What the server serves now, whatever is cached on disk.
    pub async fn fresh_discovery(&self) -> Result<Arc<Discovery>, ApiError> {
        let known = self.discovery().await?;
        if known.cached {
            return self.refresh_discovery().await;
        }
        Ok(known)
    }

    async fn aggregated(&self, path: &str) -> Result<Value, ApiError> {
        let mut call = Call::get(path.to_owned());
        call.accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
            application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
        self.call_json(&call).await.map(|answer| answer.value)
    }

    /// Reads one document per version, for servers older than 1.26.
    async fn read_single(
        &self,
        root: &str,
        document: &Value,
        resources: &mut Vec<ApiResource>,
    ) -> Result<(), ApiError> {
        let mut versions = Vec::new();
        for version in list(&document["versions"]).filter_map(Value::as_str) {
            versions.push((String::new(), version.to_owned()));
        }
        for group in list(&document["groups"]) {
            let name = text(&group["name"]);
            let preferred = text(&group["preferredVersion"]["version"]);
            let mut of_group: Vec<_> = list(&group["versions"]).map(|v| text(&v["version"])).collect();
            of_group.sort_by_key(|version| *version != preferred);
            versions.extend(of_group.into_iter().map(|version| (name.clone(), version)));
        }
        let reads = versions.iter().map(|(group, version)| {
            let path = if group.is_empty() {
                format!("{root}/{version}")
            } else {
                format!("{root}/{group}/{version}")
            };
            async move { self.call_json(&Call::get(path)).await }
        });
        for ((group, version), answer) in versions.iter().zip(futures::future::join_all(reads).await) {
            match answer {
                Ok(answer) => read_resource_list(group, version, &answer.value, resources),
                // an aggregated API whose server is down must not break everything else
                Err(error) if error.reason != Reason::Connection => {
                    tracing::debug!(group, version, %error, "skipping an API group");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    list(value).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn read_aggregated(document: &Value, resources: &mut Vec<ApiResource>) {
    for group in list(&document["items"]) {
        let name = text(&group["metadata"]["name"]);
        for version in list(&group["versions"]) {
            for resource in list(&version["resources"]) {
                resources.push(ApiResource {
                    group: name.clone(),
                    version: text(&version["version"]),
                    kind: text(&resource["responseKind"]["kind"]),
                    plural: text(&resource["resource"]),
                    scope: if resource["scope"] == "Cluster" {
                        Scope::Cluster
                    } else {
                        Scope::Namespaced
                    },
                    verbs: texts(&resource["verbs"]),
                    subresources: list(&resource["subresources"])
                        .map(|s| text(&s["subresource"]))
                        .collect(),
                });
            }
        }
    }
}

fn read_resource_list(group: &str, version: &str, document: &Value, resources: &mut Vec<ApiResource>) {
    let mut subresources: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in list(&document["resources"]) {
        if let Some((of, sub)) = text(&resource["name"]).split_once('/') {
            subresources
                .entry(of.to_owned())
                .or_default()
                .push(sub.to_owned());
        }
    }
    for resource in list(&document["resources"]) {
        let plural = text(&resource["name"]);
        if plural.contains('/') {
            continue;
        }
        resources.push(ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: text(&resource["kind"]),
            scope: if resource["namespaced"] == true {
                Scope::Namespaced
            } else {
                Scope::Cluster
            },
            verbs: texts(&resource["verbs"]),
            subresources: subresources.remove(&plural).unwrap_or_default(),
            plural,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn aggregated_documents_keep_the_preferred_version_first() {
        let document = json!({"items": [{"metadata": {"name": "autoscaling"}, "versions": [
            {"version": "v2", "resources": [{"resource": "horizontalpodautoscalers", "scope": "Namespaced",
                "responseKind": {"kind": "HorizontalPodAutoscaler"}, "verbs": ["get", "list"],
                "subresources": [{"subresource": "status"}]}]},
            {"version": "v1", "resources": [{"resource": "horizontalpodautoscalers", "scope": "Namespaced",
                "responseKind": {"kind": "HorizontalPodAutoscaler"}, "verbs": ["get"]}]}]}]});
        let mut resources = Vec::new();
        read_aggregated(&document, &mut resources);
        let discovery = Discovery::from_resources(resources);
        assert_eq!(discovery.all().len(), 2);
        let preferred = discovery.preferred();
        assert_eq!(preferred.len(), 1);
        assert_eq!(preferred[0].version, "v2");
        assert_eq!(preferred[0].subresources, ["status"]);
        assert_eq!(
            preferred[0].object_path(Some("ns"), "a:b%"),
            "/apis/autoscaling/v2/namespaces/ns/horizontalpodautoscalers/a:b%25"
        );
    }
}
