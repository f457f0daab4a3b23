//! Variables from objects in the cluster.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kluctl_object::{JsonPath, Object};
use serde_json::{Map, Value};

use super::Vars;
use super::load::{Loaded, VarsLoader};
use crate::config::{ClusterKey, ClusterObject};
use crate::outside::{ClusterReader, KindQuery};
use crate::problem::{Problem, Problems};
use crate::templates;

impl VarsLoader {
    fn connected(&self) -> Result<&dyn ClusterReader, Problem> {
        self.cluster.as_deref().ok_or_else(|| {
            Problem::new("loading vars from cluster is disabled")
                .hint("there is no connection to a cluster; `ignoreMissing` does not change that, `when` can")
        })
    }

    /// Finds the one ConfigMap or Secret; `None` when it is not there.
    fn find_one(&self, key: &ClusterKey, kind: &str) -> Result<Option<Object>, Problem> {
        let cluster = self.connected()?;
        let query = KindQuery {
            group: Some(String::new()),
            version: Some("v1".to_owned()),
            kind: kind.to_owned(),
        };
        if !key.name.is_empty() {
            return Ok(cluster.get(&query, Some(&key.namespace), &key.name)?);
        }
        let mut found = cluster.list(&query, Some(&key.namespace), &key.labels)?;
        if found.len() > 1 {
            return Err(Problem::new(format!(
                "found more than one objects with labels {:?}",
                key.labels
            )));
        }
        Ok(found.pop())
    }

    pub(super) fn load_cluster_key(
        &self,
        vars: &Vars,
        key: &ClusterKey,
        kind: &str,
        ignore_missing: bool,
        multidoc: bool,
    ) -> Result<Loaded, Problem> {
        let sensitive = kind == "Secret";
        let named = if key.name.is_empty() {
            format!("with labels {:?}", key.labels)
        } else {
            key.name.clone()
        };
        let Some(object) = self.find_one(key, kind)? else {
            if ignore_missing {
                return Ok(Loaded::skipped(sensitive));
            }
            return Err(Problem::new(format!(
                "{kind} {named} not found in namespace {}",
                key.namespace
            )));
        };
        let reference = object.reference();
        let Some(text) = object.str_at(&["data", &key.key]) else {
            if ignore_missing {
                return Ok(Loaded::skipped(sensitive));
            }
            return Err(Problem::new(format!(
                "key {} not found in {reference} on cluster",
                key.key
            )));
        };
        let context = format!(
            "failed to load vars from kubernetes object {reference} and key {}",
            key.key
        );
        let text = if sensitive {
            let bytes = STANDARD
                .decode(text)
                .map_err(|error| Problem::new(error.to_string()).context(&context))?;
            String::from_utf8(bytes).map_err(|_| Problem::new("the value is not text").context(&context))?
        } else {
            text.to_owned()
        };
        let name = format!("{reference} key {}", key.key);
        let mut value = self
            .render_and_parse(vars, &text, multidoc, &name, sensitive)
            .map_err(|problem| problem.context(&context))?;
        if !key.target_path.is_empty() {
            self.warn(
                "'targetPath' in clusterConfigMap and clusterSecret is deprecated, use the common 'targetPath' property \
                 from one level above instead."
                    .to_owned(),
            );
            let path = JsonPath::parse(&key.target_path)
                .map_err(|error| Problem::new(error.to_string()).context(&context))?;
            let mut tree = Value::Object(Map::new());
            path.set(&mut tree, &value)
                .map_err(|error| Problem::new(error.to_string()).context(&context))?;
            value = tree;
        }
        Ok(Loaded::new(value, sensitive))
    }

    pub(super) fn load_cluster_object(
        &self,
        vars: &Vars,
        wanted: &ClusterObject,
        ignore_missing: bool,
    ) -> Result<Loaded, Problem> {
        let cluster = self.connected()?;
        let query = match wanted.api_version.as_str() {
            "" => KindQuery {
                kind: wanted.kind.clone(),
                ..KindQuery::default()
            },
            api_version => {
                let gvk = kluctl_object::Gvk::from_api_version(api_version, &wanted.kind)
                    .map_err(|error| Problem::new(error.to_string()))?;
                KindQuery {
                    group: Some(gvk.group),
                    version: Some(gvk.version),
                    kind: gvk.kind,
                }
            }
        };
        let namespace = Some(wanted.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let mut objects = if wanted.name.is_empty() {
            cluster.list(&query, namespace, &wanted.labels)?
        } else {
            cluster
                .get(&query, namespace, &wanted.name)?
                .into_iter()
                .collect()
        };
        objects.sort_by_key(Object::reference);
        if objects.is_empty() {
            return if ignore_missing {
                Ok(Loaded::skipped(true))
            } else {
                Err(Problem::new(
                    format!("no object found: {query} {}", wanted.name)
                        .trim_end()
                        .to_owned(),
                ))
            };
        }
        if objects.len() > 1 && !wanted.list {
            return Err(Problem::new("found more than one object")
                .hint("set `list: true` to take them all as a list"));
        }
        let path = JsonPath::parse(&wanted.path)
            .map_err(|error| Problem::new(format!("invalid json path {}: {error}", wanted.path)))?;
        let mut values = Vec::with_capacity(objects.len());
        for object in objects {
            match self.part_of_object(vars, wanted, &path, object, ignore_missing)? {
                Some(value) => values.push(value),
                None => return Ok(Loaded::skipped(true)),
            }
        }
        let value = if wanted.list {
            Value::Array(values)
        } else {
            values.pop().unwrap_or_default()
        };
        Ok(Loaded::new(value, true))
    }

    fn part_of_object(
        &self,
        vars: &Vars,
        wanted: &ClusterObject,
        path: &JsonPath,
        object: Object,
        ignore_missing: bool,
    ) -> Result<Option<Value>, Problem> {
        let reference = object.reference();
        let context = format!("failed to load vars from kubernetes object {reference} and json path {path}");
        let whole = Value::from(object);
        let found = path.get(&whole);
        let mut value = match found.as_slice() {
            [] if ignore_missing => return Ok(None),
            [] => return Err(Problem::new("json path not found").context(context)),
            [value] => (*value).clone(),
            _ => return Err(Problem::new("json path resulted in multiple matches").context(context)),
        };
        if wanted.render {
            let renderer = self.templates.plain(vars.context());
            value = renderer.render_struct(&value).map_err(|errors| {
                let problems: Problems = templates::problems_within(&errors, &reference.to_string(), "");
                let first = problems.into_vec().into_iter().next();
                first
                    .unwrap_or_else(|| Problem::new("rendering failed"))
                    .context(&context)
            })?;
        }
        if wanted.parse_yaml {
            let Value::String(text) = &value else {
                return Err(
                    Problem::new("value is not a string, but parsing YAML was requested").context(context),
                );
            };
            value = kluctl_yaml::from_str(text)
                .map_err(|error| Problem::new(error.message()).context(&context))?;
        }
        Ok(Some(value))
    }
}
