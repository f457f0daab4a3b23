//! The objects of a kustomization in their order.
//!
//! Source: kustomize `api/resmap/reswrangler.go`. Lookups go through an index that is made when it is needed and thrown
//! away when an object may have changed its name, so that long lists cost no more per object than short ones.

use std::collections::HashMap;

use crate::error::{Result, fail};
use crate::resid::{IdKey, ResId};
use crate::resource::{Behavior, ORIGIN, Resource};
use crate::schema::Schema;
use crate::selector::Selector;

/// Objects in order, each id at most once when they were added.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResMap {
    list: Vec<Resource>,
    index: Option<Index>,
}

/// Where the objects with an id stand.
#[derive(Debug, Clone, Default)]
struct Index {
    current: HashMap<IdKey, Vec<usize>>,
    any: HashMap<IdKey, Vec<usize>>,
}

impl Index {
    fn add(&mut self, position: usize, resource: &Resource, schema: &Schema) {
        let ids = resource.ids(schema);
        let one = || Vec::with_capacity(1);
        self.current
            .entry(ids.current.key())
            .or_insert_with(one)
            .push(position);
        if resource.is_empty() {
            return;
        }
        for id in ids.previous.iter().chain(std::iter::once(&ids.current)) {
            let positions = self.any.entry(id.key()).or_insert_with(one);
            if positions.last() != Some(&position) {
                positions.push(position);
            }
        }
    }
}

impl ResMap {
    pub(crate) fn from_resources(resources: Vec<Resource>, schema: &Schema) -> Result<Self> {
        let mut map = Self::default();
        map.append_all(resources, schema)?;
        Ok(map)
    }

    pub(crate) fn resources(&self) -> &[Resource] {
        &self.list
    }

    pub(crate) fn into_resources(self) -> Vec<Resource> {
        self.list
    }

    /// The objects, to be changed; the index is made anew when it is needed again.
    pub(crate) fn resources_mut(&mut self) -> &mut [Resource] {
        self.index = None;
        &mut self.list
    }

    /// The objects, to be changed in places that have no part in their names.
    pub(crate) fn contents_mut(&mut self) -> &mut [Resource] {
        &mut self.list
    }

    pub(crate) fn set_resources(&mut self, resources: Vec<Resource>) {
        self.index = None;
        self.list = resources;
    }

    /// Throws the index away, since names may have changed.
    pub(crate) fn forget_names(&mut self) {
        self.index = None;
    }

    pub(crate) fn drop_empties(&mut self) {
        if self.list.iter().any(Resource::is_empty) {
            self.index = None;
            self.list.retain(|resource| !resource.is_empty());
        }
    }

    fn index(&mut self, schema: &Schema) -> &mut Index {
        let list = &self.list;
        self.index.get_or_insert_with(|| {
            let mut index = Index::default();
            for (position, resource) in list.iter().enumerate() {
                index.add(position, resource, schema);
            }
            index
        })
    }

    pub(crate) fn append(&mut self, resource: Resource, schema: &Schema) -> Result<()> {
        let id = resource.id(schema);
        let position = self.list.len();
        let index = self.index(schema);
        if index.current.contains_key(&id.key()) {
            return Err(fail!("may not add resource with an already registered id: {id}"));
        }
        index.add(position, &resource, schema);
        self.list.push(resource);
        Ok(())
    }

    pub(crate) fn append_all(&mut self, resources: Vec<Resource>, schema: &Schema) -> Result<()> {
        resources
            .into_iter()
            .try_for_each(|resource| self.append(resource, schema))
    }

    /// Where the objects stand that have this id now or had it earlier.
    pub(crate) fn with_any_id(&mut self, id: &ResId, schema: &Schema) -> Vec<usize> {
        self.index(schema).any.get(&id.key()).cloned().unwrap_or_default()
    }

    pub(crate) fn with_current_id(&mut self, id: &ResId, schema: &Schema) -> Vec<usize> {
        self.index(schema)
            .current
            .get(&id.key())
            .cloned()
            .unwrap_or_default()
    }

    /// The one object that a patch names.
    pub(crate) fn get_by_id(&mut self, id: &ResId, schema: &Schema) -> Result<usize> {
        let found = self.with_any_id(id, schema);
        let problem = match found.as_slice() {
            [one] => return Ok(*one),
            [] => "no matches",
            _ => "multiple matches",
        };
        Err(fail!(
            "{problem} for Id {id}; failed to find unique target for patch {id}"
        ))
    }

    /// Adds what a generator made: new objects, or new content for old ones.
    pub(crate) fn absorb(&mut self, resource: Resource, schema: &Schema) -> Result<()> {
        let id = resource.id(schema).clone();
        let found = self.with_any_id(&id, schema);
        let behavior = resource.behavior();
        match found.as_slice() {
            [] if matches!(behavior, Behavior::Merge | Behavior::Replace) => Err(fail!(
                "id {} does not exist; cannot merge or replace",
                go_syntax(&id)
            )),
            [] => self.append(resource, schema),
            [one] => self.replace_or_merge(*one, resource, behavior, schema),
            many => {
                let objects: Vec<_> = many
                    .iter()
                    .map(|&position| describe(&self.list[position]))
                    .collect();
                Err(fail!(
                    "found multiple objects [{}] that could accept merge of {id}",
                    objects.join(" ")
                ))
            }
        }
    }

    fn replace_or_merge(
        &mut self,
        position: usize,
        mut resource: Resource,
        behavior: Behavior,
        schema: &Schema,
    ) -> Result<()> {
        let old = &self.list[position];
        match behavior {
            Behavior::Replace => resource.merge_metadata_from(old)?,
            Behavior::Merge => {
                let origin = old.annotation(ORIGIN).map(str::to_owned);
                resource.merge_metadata_from(old)?;
                resource.merge_data_from(old)?;
                if let Some(origin) = origin {
                    let mut annotations = resource.annotations();
                    annotations.insert(ORIGIN.to_owned(), origin);
                    resource.set_annotations(annotations)?;
                }
            }
            Behavior::Create | Behavior::Unspecified => {
                return Err(fail!(
                    "id {} exists; can not use behavior: '{}', behavior must be merge or replace",
                    go_syntax(resource.id(schema)),
                    behavior.name()
                ));
            }
        }
        let places = self.with_current_id(resource.id(schema), schema);
        match places.as_slice() {
            [place] if *place == position => {}
            [_] => return Err(fail!("unexpected target index in replacement")),
            [] => {
                return Err(fail!(
                    "cannot find resource with id {} to replace",
                    resource.id(schema)
                ));
            }
            many => return Err(fail!("in Replace: id matched {} resources", many.len())),
        }
        if resource.ids(schema) != self.list[position].ids(schema) {
            self.index = None;
        }
        self.list[position] = resource;
        Ok(())
    }

    /// Merges a patch into the objects at some places, and drops those that it deletes.
    pub(crate) fn apply_patch(
        &mut self,
        positions: &[usize],
        patch: &Resource,
        schema: &Schema,
    ) -> Result<()> {
        let mut moved = false;
        for &position in positions {
            let target = &mut self.list[position];
            let before = target.ids(schema).clone();
            let mut copy = patch.clone();
            copy.merge_metadata_from(patch)?;
            copy.set_kind(target.kind());
            copy.set_api_version(target.api_version());
            copy.set_kind(patch.kind());
            target.apply_patch(&copy, schema)?;
            moved |= target.is_empty() || *target.ids(schema) != before;
        }
        if moved {
            self.index = None;
            self.list.retain(|resource| !resource.is_empty());
            self.reject_duplicates(schema)?;
        }
        Ok(())
    }

    /// Merges a patch into one object; a deleted one stays in the list until it is tidied up.
    pub(crate) fn patch_in_place(
        &mut self,
        position: usize,
        patch: &Resource,
        schema: &Schema,
    ) -> Result<()> {
        let target = &mut self.list[position];
        let before = target.ids(schema).clone();
        target.apply_patch(patch, schema)?;
        if target.is_empty() || *target.ids(schema) != before {
            self.index = None;
        }
        Ok(())
    }

    fn reject_duplicates(&mut self, schema: &Schema) -> Result<()> {
        let list = std::mem::take(&mut self.list);
        self.append_all(list, schema)
    }

    /// Where the objects stand that a selector selects.
    pub(crate) fn select(&self, selector: &Selector, schema: &Schema) -> Result<Vec<usize>> {
        let mut found = Vec::new();
        let matcher = selector.compile()?;
        for (position, resource) in self.list.iter().enumerate() {
            if matcher.selects(resource, schema)? {
                found.push(position);
            }
        }
        Ok(found)
    }
}

/// An object in one line, for messages.
pub(crate) fn describe(resource: &Resource) -> String {
    resource.node().to_value().map_or_else(
        |error| format!("<{error}>"),
        |value| kluctl_yaml::go_json::to_string(&value),
    )
}

/// An id as Go prints it with its types.
fn go_syntax(id: &ResId) -> String {
    format!(
        "resid.ResId{{Gvk:resid.Gvk{{Group:{:?}, Version:{:?}, Kind:{:?}, isClusterScoped:{}}}, Name:{:?}, Namespace:{:?}}}",
        id.gvk.group, id.gvk.version, id.gvk.kind, id.cluster_scoped, id.name, id.namespace
    )
}
