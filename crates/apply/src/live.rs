//! What the cluster has of the objects that a run is about.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use kluctl_cluster::{Answer, ApiError, ApiResource, Cluster, Discovery, Scope};
use kluctl_object::{GroupKind, Object, ObjectRef};

use crate::event::{Event, Events, Step, StepEnd};
use crate::problem::Problems;

/// Label that names the target that an object belongs to.
pub const DISCRIMINATOR: &str = "kluctl.io/discriminator";

/// Objects by reference (without version), and the namespaces there are.
#[derive(Clone, Debug, Default)]
pub struct LiveObjects {
    objects: BTreeMap<ObjectRef, Object>,
    namespaces: Option<BTreeSet<String>>,
}

/// What to read.
#[derive(Clone, Copy, Debug)]
pub struct Fetch<'a> {
    /// Read everything that carries this discriminator.
    pub discriminator: Option<&'a str>,
    /// Objects to read in any case.
    pub local: &'a [&'a Object],
    /// Read only kinds that the local objects have.
    pub only_local_kinds: bool,
}

/// From how many objects of one kind and namespace on it pays to list instead of reading one by one.
const WORTH_LISTING: usize = 4;

impl LiveObjects {
    /// Builds from objects, for tests and simulations.
    pub fn from_objects(objects: impl IntoIterator<Item = Object>, namespaces: &[&str]) -> Self {
        Self {
            objects: objects
                .into_iter()
                .map(|o| (o.reference().identity(), o))
                .collect(),
            namespaces: Some(namespaces.iter().map(|&n| n.to_owned()).collect()),
        }
    }

    /// The object with this reference, whatever its version.
    pub fn get(&self, reference: &ObjectRef) -> Option<&Object> {
        self.objects.get(&reference.identity())
    }

    /// All objects, sorted by reference.
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// Whether a namespace is known not to exist.
    pub fn lacks_namespace(&self, name: &str) -> bool {
        self.namespaces
            .as_ref()
            .is_some_and(|known| !known.contains(name))
    }

    /// Puts an object in place of what is known of it.
    pub fn insert(&mut self, object: Object) {
        self.objects.insert(object.reference().identity(), object);
    }

    /// Forgets an object, so that the next [`LiveObjects::fetch_missing`] reads it again.
    pub fn forget(&mut self, reference: &ObjectRef) {
        self.objects.remove(&reference.identity());
    }

    /// Reads what a run needs: by discriminator, then what is still missing, then the namespaces.
    pub async fn fetch(
        cluster: &Cluster,
        what: &Fetch<'_>,
        events: &Events,
    ) -> Result<(Self, Problems), ApiError> {
        let mut live = Self::default();
        let mut problems = Problems::default();
        let discovery = if what.local.is_empty() {
            // whatever carries the discriminator is searched for, of kinds that are new too
            cluster.fresh_discovery().await?
        } else {
            let kinds = what.local.iter().map(|object| object.reference());
            cluster.discovery_with(kinds).await?
        };
        let reader = Reader {
            cluster,
            discovery: &discovery,
            what,
        };
        let namespaces = reader.namespaces();
        match what.discriminator {
            None => live.namespaces = namespaces.await?,
            Some("") => {
                let text =
                    "No discriminator configured for target, retrieval of remote objects will be slow.";
                events.send(Event::Warning(text.to_owned()));
                live.namespaces = namespaces.await?;
            }
            Some(discriminator) => {
                events.send(Event::StepStarted(Step::ReadByDiscriminator));
                let by_label = reader.by_discriminator(discriminator, &mut problems);
                let (namespaces, (found, failures)) = futures::join!(namespaces, by_label);
                let end = if failures == 0 {
                    StepEnd::Succeeded
                } else {
                    let text =
                        format!("Getting remote objects by discriminator: Failed with {failures} errors");
                    StepEnd::Warned(Some(text))
                };
                events.send(Event::StepEnded(Step::ReadByDiscriminator, end));
                live.namespaces = namespaces?;
                live.extend(found);
            }
        }
        let by_tags = (what.discriminator == Some("")).then_some(&reader);
        live.read_missing(cluster, what.local, by_tags, events, &mut problems)
            .await?;
        events.send(Event::StepStarted(Step::ReadNamespaces));
        events.send(Event::StepEnded(Step::ReadNamespaces, StepEnd::Succeeded));
        Ok((live, problems))
    }

    fn extend(&mut self, objects: Vec<Object>) {
        for object in objects {
            self.insert(object);
        }
    }

    /// Reads local objects that are not known yet.
    pub async fn fetch_missing(
        &mut self,
        cluster: &Cluster,
        local: &[&Object],
        events: &Events,
        problems: &mut Problems,
    ) -> Result<(), ApiError> {
        self.read_missing(cluster, local, None, events, problems).await
    }

    /// Reads local objects that are not known yet; those of a kind with many of them at once, where their tags tell them.
    async fn read_missing(
        &mut self,
        cluster: &Cluster,
        local: &[&Object],
        by_tags: Option<&Reader<'_>>,
        events: &Events,
        problems: &mut Problems,
    ) -> Result<(), ApiError> {
        let unknown = |live: &Self| -> BTreeSet<ObjectRef> {
            local
                .iter()
                .map(|object| object.reference())
                .filter(|reference| !live.objects.contains_key(&reference.identity()))
                .collect()
        };
        let mut missing = unknown(self);
        if missing.is_empty() {
            return Ok(());
        }
        let step = Step::ReadByName(missing.len());
        events.send(Event::StepStarted(step.clone()));
        if let Some(reader) = by_tags {
            self.extend(reader.by_tags().await);
            missing = unknown(self);
        }
        let discovery = cluster.discovery().await?;
        let candidates = self.may_exist(cluster, &discovery, &missing).await;
        let reads = join_all(candidates.iter().map(|reference| cluster.get(reference))).await;
        let (mut failures, mut denied) = (0, 0);
        for (reference, read) in candidates.into_iter().zip(reads) {
            match read {
                Ok(answer) => {
                    problems.server_warnings(reference, &answer.warnings);
                    if let Some(object) = answer.value {
                        self.insert(object);
                    }
                }
                Err(error) if error.is_not_found() || error.is_unknown_kind() => {}
                Err(error) if error.is_denied() => denied += 1,
                Err(error) => {
                    failures += 1;
                    problems.error(Some(reference), error.to_string());
                }
            }
        }
        if denied > 0 {
            problems.warning(
                None,
                "at least one permission error was encountered while gathering known objects. \
                 This might result in orphan object detection and diffs to not work properly",
            );
        }
        let end = if failures == 0 {
            StepEnd::Succeeded
        } else {
            let text = format!(
                "Getting {} additional remote objects: Failed with {failures} errors",
                missing.len()
            );
            StepEnd::Warned(Some(text))
        };
        events.send(Event::StepEnded(step, end));
        Ok(())
    }

    /// Leaves out what cannot be there: no such namespace, no such kind, or not among the names of its kind.
    async fn may_exist<'a>(
        &self,
        cluster: &Cluster,
        discovery: &Discovery,
        missing: &'a BTreeSet<ObjectRef>,
    ) -> Vec<&'a ObjectRef> {
        let mut groups: BTreeMap<(GroupKind, Option<&str>), Vec<&ObjectRef>> = BTreeMap::new();
        for reference in missing {
            let namespace = reference.namespace.as_deref();
            if discovery.find_ref(reference).is_some()
                && !namespace.is_some_and(|name| self.lacks_namespace(name))
            {
                groups
                    .entry((reference.group_kind(), namespace))
                    .or_default()
                    .push(reference);
            }
        }
        let listings = groups.into_iter().map(|((_, namespace), references)| async move {
            let resource = references.first().and_then(|first| discovery.find_ref(first));
            let names = match resource {
                Some(resource) if references.len() >= WORTH_LISTING => {
                    cluster.list_metadata(resource, namespace).await.ok()
                }
                _ => None,
            };
            match names {
                None => references,
                Some(listed) => {
                    let names: BTreeSet<&str> = listed.value.iter().map(Object::name).collect();
                    references
                        .into_iter()
                        .filter(|r| names.contains(&*r.name))
                        .collect()
                }
            }
        });
        join_all(listings).await.into_iter().flatten().collect()
    }
}

/// The reads that one fetch consists of.
struct Reader<'a> {
    cluster: &'a Cluster,
    discovery: &'a Discovery,
    what: &'a Fetch<'a>,
}

impl Reader<'_> {
    /// All namespaces by name; where listing is denied, those of the local objects are read one by one.
    async fn namespaces(&self) -> Result<Option<BTreeSet<String>>, ApiError> {
        let kind = ObjectRef {
            version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            ..ObjectRef::default()
        };
        let resource = self.cluster.resource(&kind).await?;
        match self.cluster.list_metadata(&resource, None).await {
            Ok(answer) => Ok(Some(answer.value.iter().map(|o| o.name().to_owned()).collect())),
            Err(error) if error.is_denied() => {
                let mut found = BTreeSet::new();
                for name in self.used_namespaces() {
                    let reference = ObjectRef {
                        name: name.clone(),
                        ..kind.clone()
                    };
                    match self.cluster.get(&reference).await {
                        Ok(answer) if answer.value.is_none() => {}
                        // not even that is allowed: assume that it is there and let the server say otherwise
                        Err(error) if !error.is_denied() => return Err(error),
                        _ => drop(found.insert(name)),
                    }
                }
                Ok(Some(found))
            }
            Err(error) => Err(error),
        }
    }

    fn used_namespaces(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for object in self.what.local {
            if object.kind() == "Namespace" && object.api_version() == "v1" {
                names.insert(object.name().to_owned());
            }
            names.extend(object.namespace().map(str::to_owned));
        }
        names
    }

    /// The kinds to list: those of local objects in the versions they use, all others in the preferred one.
    fn kinds(&self) -> Vec<&ApiResource> {
        let mut kinds: Vec<&ApiResource> = Vec::new();
        let mut used = BTreeSet::new();
        for object in self.what.local {
            if let Some(resource) = self.discovery.find_ref(&object.reference()) {
                used.insert((&resource.group, &resource.kind));
                if !kinds.contains(&resource) {
                    kinds.push(resource);
                }
            }
        }
        if !self.what.only_local_kinds {
            let others = self.discovery.preferred();
            // nobody deploys events, and there are many
            kinds.extend(
                others
                    .into_iter()
                    .filter(|r| !used.contains(&(&r.group, &r.kind)) && r.kind != "Event"),
            );
        }
        kinds.retain(|resource| resource.has_verb("list"));
        kinds
    }

    /// Everything with the discriminator, and how many kinds could not be read.
    async fn by_discriminator(&self, discriminator: &str, problems: &mut Problems) -> (Vec<Object>, usize) {
        let labels = format!("{DISCRIMINATOR}={discriminator}");
        let kinds = self.kinds();
        let lists = join_all(
            kinds
                .iter()
                .map(|resource| self.cluster.list(resource, None, &labels)),
        )
        .await;
        let (mut found, mut failures, mut denied) = (Vec::new(), 0, 0);
        for (resource, list) in kinds.into_iter().zip(lists) {
            match list {
                Ok(Answer { value, .. }) => found.extend(value),
                Err(error) if error.is_not_found() => {}
                Err(error) if error.is_denied() => {
                    failures += 1;
                    denied += 1;
                    let by_namespace = self.by_namespace(resource, &labels).await;
                    if !by_namespace.is_empty() {
                        problems.warning(
                            None,
                            "listing objects by discriminator on global level failed due to permission errors, so Kluctl \
                             reverted to listing on namespace level. This is not realiable and might end up missing \
                             detection for some orphan object",
                        );
                    }
                    found.extend(by_namespace);
                }
                Err(error) => {
                    failures += 1;
                    let kind = ObjectRef::new(&resource.gvk(), None, "");
                    problems.warning(Some(&kind), error.to_string());
                }
            }
        }
        if denied > 0 {
            problems.warning(
                None,
                "at least one permission error was encountered while gathering objects by discriminator labels. \
                 This might result in orphan object detection to not work properly",
            );
        }
        (found, failures)
    }

    async fn by_namespace(&self, resource: &ApiResource, labels: &str) -> Vec<Object> {
        if resource.scope == Scope::Cluster {
            return Vec::new();
        }
        let namespaces = self.used_namespaces();
        let lists = namespaces
            .iter()
            .map(|name| self.cluster.list(resource, Some(name), labels));
        let lists = join_all(lists).await;
        lists
            .into_iter()
            .flatten()
            .flat_map(|answer| answer.value)
            .collect()
    }

    /// Without a discriminator: lists kinds with many local objects by the tags that those carry.
    async fn by_tags(&self) -> Vec<Object> {
        const TAG: &str = "kluctl.io/tag-0";
        let mut tags: BTreeMap<ObjectRef, (usize, BTreeSet<&str>)> = BTreeMap::new();
        for object in self.what.local {
            if let Some(tag) = object.label(TAG) {
                let kind = ObjectRef::new(&object.gvk(), None, "");
                let entry = tags.entry(kind).or_default();
                entry.0 += 1;
                entry.1.insert(tag);
            }
        }
        let lists = tags
            .iter()
            .filter(|(_, (count, _))| *count >= WORTH_LISTING)
            .filter_map(|(kind, (_, tags))| Some((self.discovery.find_ref(kind)?, tags)))
            .filter(|(resource, _)| resource.has_verb("list"))
            .map(|(resource, tags)| {
                let tags: Vec<_> = tags.iter().copied().collect();
                let selector = format!("{TAG} in ({})", tags.join(","));
                async move { self.cluster.list(resource, None, &selector).await }
            });
        let wanted: BTreeSet<ObjectRef> = self.what.local.iter().map(|o| o.reference().identity()).collect();
        // what cannot be listed is read one by one afterwards, and tells its errors then
        let found = join_all(lists)
            .await
            .into_iter()
            .flatten()
            .flat_map(|answer| answer.value);
        found
            .filter(|object| wanted.contains(&object.reference().identity()))
            .collect()
    }
}
