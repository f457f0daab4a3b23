//! Answers where fields of the rendered objects come from.

use std::collections::BTreeMap;

use kluctl_object::Object;
use rayon::prelude::*;

use super::helm::Charts;
use super::kustomization::RenderedTree;
use super::run::Run;
use crate::load::LoadedItem;
use crate::outside::Files;
use crate::problem::Problem;
use crate::trace::{self, FieldPlace, Places, Trace, TraceRequest};

impl Run<'_> {
    /// Follows an object back through the steps.
    pub(super) fn trace(
        &self,
        request: &TraceRequest,
        items: &[&LoadedItem],
        files: &[Option<Files>],
        objects: &[Vec<Object>],
    ) -> Result<Trace, Problem> {
        let all = items.iter().zip(files).zip(objects);
        let found = all.clone().find_map(|((item, files), objects)| {
            let object = objects.iter().find(|object| trace::is_asked(request, object))?;
            Some((*item, files.as_ref()?, object))
        });
        let Some((item, own, object)) = found else {
            let names = objects
                .iter()
                .flatten()
                .map(|object| object.reference().to_string());
            let kind = request
                .object
                .rsplit('/')
                .nth(1)
                .unwrap_or_default()
                .to_lowercase();
            let similar = names.filter(|name| name.to_lowercase().contains(&format!("{kind}/")));
            let similar: Vec<String> = similar.take(10).collect();
            let problem = Problem::new(format!("there is no object {}", request.object));
            return Err(match similar.as_slice() {
                [] => problem.hint("write NAMESPACE/KIND/NAME or KIND/NAME"),
                names => problem.hint(format!("there are {}", names.join(", "))),
            });
        };
        let tree = same_source(item, items, files);
        let charts = self.charts()?;
        let traced = trace::Traced {
            loader: self.loader,
            charts: &charts,
            root: self.root,
            item,
            files: own,
            all: &tree,
            object,
        };
        trace::explain(&traced, request)
    }

    /// Finds the places that are asked for, item by item; `None` for objects that are not there.
    pub(super) fn places(
        &self,
        items: &[&LoadedItem],
        files: &[Option<Files>],
        objects: &[Vec<Object>],
    ) -> Result<Vec<Option<FieldPlace>>, Problem> {
        let requests = &self.options.places;
        let mut found = vec![None; requests.len()];
        if requests.is_empty() {
            return Ok(found);
        }
        let charts = self.charts()?;
        let mut by_item: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, request) in requests.iter().enumerate() {
            by_item.entry(request.item).or_default().push(index);
        }
        let by_item: Vec<(usize, Vec<usize>)> = by_item.into_iter().collect();
        let of_item = |(index, wanted): &(usize, Vec<usize>)| -> Vec<(usize, FieldPlace)> {
            let (Some(item), Some(Some(own)), Some(objects)) =
                (items.get(*index), files.get(*index), objects.get(*index))
            else {
                return Vec::new();
            };
            let tree = same_source(item, items, files);
            let mut places = Places::default();
            let place = |wanted: &usize| {
                let traced = trace::Traced {
                    loader: self.loader,
                    charts: &charts,
                    root: self.root,
                    item,
                    files: own,
                    all: &tree,
                    object: objects.get(requests[*wanted].object)?,
                };
                Some((*wanted, places.find(&traced, &requests[*wanted].path)))
            };
            wanted.iter().filter_map(place).collect()
        };
        let all: Vec<_> = by_item.par_iter().map(of_item).collect();
        for (index, place) in all.into_iter().flatten() {
            found[index] = Some(place);
        }
        Ok(found)
    }

    pub(super) fn charts(&self) -> Result<Charts, Problem> {
        let version = self.options.kubernetes_version.as_deref();
        Charts::new(&self.loader.sources, self.loader.cluster.as_ref(), version)
    }
}

/// The rendered files of all items that lie in the same repository.
fn same_source<'f>(item: &LoadedItem, items: &[&LoadedItem], files: &'f [Option<Files>]) -> RenderedTree<'f> {
    let same = items.iter().zip(files).filter_map(|(other, files)| {
        let same = other.tree.root() == item.tree.root();
        Some((other.rendered_dir().filter(|_| same)?, files.as_ref()?))
    });
    RenderedTree::new(same)
}
