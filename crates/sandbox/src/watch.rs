//! Watches: what has happened since a version, and what happens from then on.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream};
use http_body::Frame;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::Sandbox;
use crate::answer::Form;
use crate::read::{Selection, parse_version, render};
use crate::request::Query;
use crate::resources::Resource;
use crate::status::{ApiError, Cause};
use crate::store::{Compacted, Event, Key, Stored};
use crate::table;

/// Parameters of a watch.
#[derive(Clone, Debug)]
pub(crate) struct WatchOptions {
    selection: Selection,
    version: Option<u64>,
    bookmarks: bool,
    initial: Option<bool>,
    timeout: Option<Duration>,
}

impl WatchOptions {
    /// Reads and checks the parameters.
    pub(crate) fn read(query: &Query, resource: &Resource, name: Option<&str>) -> Result<Self, ApiError> {
        let initial = match query.get("sendInitialEvents") {
            "" => None,
            text => Some(text == "true"),
        };
        let version_match = query.get("resourceVersionMatch");
        let mut causes = Vec::new();
        if initial.is_some() && version_match != "NotOlderThan" {
            let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            causes.push(Cause::forbidden("resourceVersionMatch", detail));
        }
        if initial.is_none() && !version_match.is_empty() {
            let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            causes.push(Cause::forbidden("resourceVersionMatch", detail));
        }
        if !causes.is_empty() {
            return Err(ApiError::invalid("meta.k8s.io", "ListOptions", "", &causes));
        }
        let mut selection = Selection::read(query, resource)?;
        if let Some(name) = name {
            selection.fields.0.push(crate::selector::FieldTerm {
                field: "metadata.name".to_owned(),
                equal: true,
                value: name.to_owned(),
            });
        }
        Ok(Self {
            selection,
            version: parse_version(query.get("resourceVersion"))?.filter(|version| *version > 0),
            bookmarks: query.flag("allowWatchBookmarks"),
            initial,
            timeout: query
                .get("timeoutSeconds")
                .parse()
                .ok()
                .filter(|s| *s > 0)
                .map(Duration::from_secs),
        })
    }
}

/// A running watch.
struct Watch {
    sandbox: Arc<Sandbox>,
    resource: Arc<Resource>,
    namespace: Option<String>,
    selection: Selection,
    form: Form,
    bookmarks: bool,
    at: u64,
    queue: std::collections::VecDeque<Bytes>,
    changed: tokio::sync::watch::Receiver<u64>,
    ends: Option<Instant>,
    next_bookmark: Instant,
    done: bool,
}

const BOOKMARK_EVERY: Duration = Duration::from_mins(1);

fn line(kind: &str, object: &[u8]) -> Bytes {
    let mut text = format!("{{\"type\":\"{kind}\",\"object\":").into_bytes();
    text.extend_from_slice(object);
    text.extend_from_slice(b"}\n");
    text.into()
}

impl Watch {
    fn push(&mut self, kind: &str, key: &Key, stored: &Stored) {
        let text = match &self.form {
            Form::Object => render(&self.resource, stored, true),
            form => {
                let mut object = crate::convert::to_version(stored.parse(), &self.resource);
                let columns = matches!(form, Form::Table { .. }) && self.queue.is_empty();
                let value = table::shape(&self.resource, &mut object, form, columns);
                serde_json::to_vec(&value).unwrap_or_default()
            }
        };
        let _ = key;
        self.queue.push_back(line(kind, &text));
    }

    fn bookmark(&mut self, initial_end: bool) {
        let mut metadata = json!({"resourceVersion": self.at.to_string()});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let mut object = json!({
            "apiVersion": self.resource.api_version(), "kind": self.resource.kind, "metadata": metadata,
        });
        if self.resource.custom.is_none()
            && let Value::Object(zero) = kluctl_schema::zero(&self.resource.ty)
        {
            for (key, value) in zero {
                if key != "metadata" {
                    object[key] = value;
                }
            }
        }
        let text = match &self.form {
            Form::Object => object.to_string(),
            form => {
                let mut object = kluctl_object::Object::try_from(object).unwrap_or_default();
                table::shape(&self.resource, &mut object, form, false).to_string()
            }
        };
        self.queue.push_back(line("BOOKMARK", text.as_bytes()));
    }

    fn initial(&mut self, bookmark: bool) {
        let snapshot = self
            .sandbox
            .store
            .list(&self.resource.storage, self.namespace.as_deref());
        self.at = snapshot.version;
        for (key, stored) in &snapshot.items {
            if self.selection.matches(key, stored) {
                self.push("ADDED", key, stored);
            }
        }
        if bookmark {
            self.bookmark(true);
        }
    }

    fn event(&mut self, event: &Event) {
        let selected = |stored: &Option<Arc<Stored>>| {
            stored
                .clone()
                .filter(|stored| self.selection.matches(&event.key, stored))
        };
        let (before, after) = (selected(&event.before), selected(&event.after));
        match (before, after) {
            (None, Some(after)) => self.push("ADDED", &event.key, &after),
            (Some(_), Some(after)) => self.push("MODIFIED", &event.key, &after),
            (Some(before), None) => {
                let mut object = match &event.after {
                    // It is still there but no longer selected.
                    Some(after) => after.parse(),
                    None => before.parse(),
                };
                if event.after.is_some() {
                    object = before.parse();
                }
                object.set(
                    &["metadata", "resourceVersion"],
                    Value::from(event.version.to_string()),
                );
                self.push("DELETED", &event.key, &Stored::of(&object, event.version));
            }
            (None, None) => {}
        }
    }

    /// Takes in what has happened meanwhile.
    fn catch_up(&mut self) {
        match self
            .sandbox
            .store
            .events(&self.resource.storage, self.namespace.as_deref(), self.at)
        {
            Ok((events, version)) => {
                for event in &events {
                    self.event(event);
                }
                // It may have asked for a version yet to come.
                self.at = self.at.max(version);
            }
            Err(Compacted(oldest)) => {
                let error = ApiError::expired(format!("too old resource version: {} ({oldest})", self.at));
                self.queue
                    .push_back(line("ERROR", error.to_value().to_string().as_bytes()));
                self.done = true;
            }
        }
    }

    /// Whether the resource itself is gone.
    fn is_orphaned(&self) -> bool {
        let resource = &self.resource;
        resource.custom.is_some()
            && self
                .sandbox
                .resources
                .find(&resource.group, &resource.version, &resource.plural)
                .is_none()
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.queue.pop_front() {
                return Some(line);
            }
            if self.done {
                return None;
            }
            self.changed.mark_unchanged();
            self.catch_up();
            if !self.queue.is_empty() {
                continue;
            }
            if self.is_orphaned() {
                return None;
            }
            if self.sandbox.pass_time() {
                continue;
            }
            let far = Instant::now() + Duration::from_hours(24);
            let ends = self.ends.unwrap_or(far);
            let bookmark = if self.bookmarks { self.next_bookmark } else { far };
            tokio::select! {
                changed = self.changed.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                }
                () = tokio::time::sleep_until(ends) => {
                    self.done = true;
                }
                () = tokio::time::sleep_until(bookmark) => {
                    self.next_bookmark = Instant::now() + BOOKMARK_EVERY;
                    self.bookmark(false);
                }
            }
        }
    }
}

/// Starts a watch; the stream ends when its time is over.
pub(crate) fn start(
    sandbox: &Arc<Sandbox>,
    resource: &Arc<Resource>,
    namespace: Option<&str>,
    options: WatchOptions,
    form: Form,
) -> Result<impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + use<>, ApiError> {
    let current = sandbox.store.version();
    let now = Instant::now();
    let mut watch = Watch {
        sandbox: sandbox.clone(),
        resource: resource.clone(),
        namespace: namespace.map(str::to_owned),
        selection: options.selection,
        form,
        bookmarks: options.bookmarks,
        at: options.version.unwrap_or(current),
        queue: std::collections::VecDeque::new(),
        changed: sandbox.store.subscribe(),
        ends: options.timeout.map(|timeout| now + timeout),
        next_bookmark: now + BOOKMARK_EVERY,
        done: false,
    };
    match options.initial {
        Some(true) => watch.initial(options.bookmarks),
        Some(false) => {}
        None if options.version.is_none() => watch.initial(false),
        None => {}
    }
    Ok(stream::unfold(watch, |mut watch| async {
        let line = watch.next().await?;
        Some((Ok(Frame::data(line)), watch))
    }))
}
