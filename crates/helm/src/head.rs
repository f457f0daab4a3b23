//! What Helm looks at of a manifest: its kind, its name and its annotations.

use kluctl_yaml::{DuplicateKeys, Node, Options, Outline, Outlined, OutlinedKey, Resolved, resolve_plain};

use crate::go_json::{self, Target, TypeErrors, text_field};

/// What is looked at of a manifest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Those of Helm at least.
    pub(crate) annotations: Vec<(String, String)>,
}

impl Head {
    /// Reads a manifest's head and makes sure that the rest of it is YAML.
    pub(crate) fn read(document: &str) -> Result<Self, String> {
        match Self::read_simple(document) {
            Some(head) => Ok(head),
            None => Self::read_any(document),
        }
    }

    /// Reads a manifest of the kind that nearly all are of, without a tree of it.
    fn read_simple(document: &str) -> Option<Self> {
        let mut listener = Listener::default();
        kluctl_yaml::outline(document, &mut listener).then_some(listener.head)
    }

    fn read_any(document: &str) -> Result<Self, String> {
        let Some(node) = kluctl_yaml::parse_first(document).map_err(|error| error.go_text())? else {
            return Ok(Self::default());
        };
        // Finds what JSON does not allow.
        const LENIENT: Options = Options {
            duplicate_keys: DuplicateKeys::LastWins,
        };
        node.check(&LENIENT).map_err(|error| error.go_text())?;
        let mut errors = TypeErrors::default();
        let head = Self::of(&node, &mut errors);
        errors.finish()?;
        Ok(head)
    }

    fn of(node: &Node, errors: &mut TypeErrors) -> Self {
        if go_json::is_null(node) {
            return Self::default();
        }
        if node.entries().is_none() {
            let target = Target {
                structure: "",
                field: "",
                go_type: "util.SimpleHead",
            };
            errors.add(go_json::kind_of(node), target);
            return Self::default();
        }
        let mut head = Self {
            api_version: text_field(node, "apiVersion", "SimpleHead", "", errors),
            kind: text_field(node, "kind", "SimpleHead", "", errors),
            ..Self::default()
        };
        let Some(metadata) = go_json::field(node, "metadata").filter(|node| !go_json::is_null(node)) else {
            return head;
        };
        if metadata.entries().is_none() {
            let target = Target {
                structure: "SimpleHead",
                field: "metadata",
                go_type: METADATA_TYPE,
            };
            errors.add(go_json::kind_of(metadata), target);
            return head;
        }
        head.name = text_field(metadata, "name", "", "metadata.", errors);
        let Some(annotations) =
            go_json::field(metadata, "annotations").filter(|node| !go_json::is_null(node))
        else {
            return head;
        };
        let target = |go_type| Target {
            structure: "",
            field: "metadata.annotations",
            go_type,
        };
        match annotations.entries() {
            None => errors.add(go_json::kind_of(annotations), target("map[string]string")),
            Some(entries) => {
                for (key, value) in entries {
                    let key = key.as_str().unwrap_or_default().to_owned();
                    let value = go_json::text(value, target("string"), errors);
                    head.annotations.retain(|(known, _)| *known != key);
                    head.annotations.push((key, value));
                }
            }
        }
        head
    }
}

const METADATA_TYPE: &str = "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \"json:\\\"annotations\\\"\" }";

/// Takes the head out of what is told of a manifest.
#[derive(Default)]
struct Listener {
    head: Head,
    seen: Vec<&'static str>,
    in_metadata: bool,
    in_annotations: bool,
}

impl Listener {
    /// Whether a key is one of those that are looked for; `Err` where Go would only take it for one in the end.
    fn known(&mut self, key: &str, names: &[&'static str]) -> Result<Option<&'static str>, ()> {
        let Some(name) = names.iter().find(|name| name.eq_ignore_ascii_case(key)) else {
            return Ok(None);
        };
        if *name != key || self.seen.contains(name) {
            return Err(());
        }
        self.seen.push(name);
        Ok(Some(name))
    }

    fn annotation(&mut self, key: &str, value: Outlined<'_>) -> bool {
        if !key.starts_with("helm.sh/") {
            return !matches!(value, Outlined::Flow(_));
        }
        let Some(value) = text_of(value) else {
            return false;
        };
        self.head.annotations.retain(|(known, _)| known != key);
        self.head.annotations.push((key.to_owned(), value));
        true
    }
}

/// The text of a field, where there is no doubt about it.
fn text_of(value: Outlined<'_>) -> Option<String> {
    match value {
        Outlined::Quoted(text) => Some(text.to_owned()),
        Outlined::Plain(text) => (resolve_plain(text) == Resolved::String).then(|| text.to_owned()),
        _ => None,
    }
}

impl Outline for Listener {
    fn entry(&mut self, depth: usize, key: OutlinedKey<'_>, value: Outlined<'_>) -> bool {
        let key = key.text;
        let field = match depth {
            1 => {
                (self.in_metadata, self.in_annotations) = (false, false);
                self.known(key, &["apiVersion", "kind", "metadata"])
            }
            2 if self.in_metadata => {
                self.in_annotations = false;
                self.known(key, &["name", "annotations"])
            }
            3 if self.in_annotations => return self.annotation(key, value),
            _ => return !self.in_annotations,
        };
        let target = match field {
            Err(()) => return false,
            Ok(None) => return true,
            Ok(Some("metadata")) => {
                self.in_metadata = true;
                return value == Outlined::Open;
            }
            Ok(Some("annotations")) => {
                self.in_annotations = true;
                return value == Outlined::Open;
            }
            Ok(Some("apiVersion")) => &mut self.head.api_version,
            Ok(Some("kind")) => &mut self.head.kind,
            Ok(Some(_)) => &mut self.head.name,
        };
        match text_of(value) {
            Some(text) => {
                *target = text;
                true
            }
            None => false,
        }
    }

    fn item(&mut self, depth: usize, _: Outlined<'_>) -> bool {
        depth > 1 && !(depth == 2 && self.in_metadata) && !self.in_annotations
    }

    fn late_text(&mut self, depth: usize, value: Outlined<'_>) -> bool {
        value == Outlined::Flow("{}")
            || !(depth == 1 && self.in_metadata || depth == 2 && self.in_annotations)
    }
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn simple_manifests_have_the_head_that_a_tree_of_them_has() {
        let kinds = [
            "kind: A\n",
            "kind: \"A\"\n",
            "kind: 1\n",
            "Kind: A\n",
            "kind:\n  a\n",
            "kind: A\nkind: B\n",
            "",
        ];
        let names = [
            "  name: n\n",
            "  name: 5\n",
            "  Name: n\n",
            "  name: [a]\n",
            "  name: 'n'\n  x: {}\n",
            "- name: n\n",
            "",
        ];
        let annotations = [
            "  annotations:\n    helm.sh/hook: test\n    a: |\n      b\n",
            "  annotations:\n    \"helm.sh/hook\": \"pre-install,post-install\"\n    helm.sh/hook-weight: 5\n",
            "  annotations:\n    \"helm.sh/hook\": >-\n      test\n",
            "  annotations:\n    a:\n      b: c\n",
            "  annotations:\n    a: [b]\n",
            "  annotations:\n    a:\n      b\n",
            "  annotations:\n    a:\n    - b\n",
            "  annotations:\n    - b\n",
            "  annotations:\n    b\n",
            "  annotations: {}\n",
            "  annotations:\n    {}\n",
            "  annotations:\n  labels:\n    helm.sh/hook: no\n",
            "  labels:\n    annotations:\n      helm.sh/hook: no\n",
        ];
        let mut simple = 0;
        for kind in kinds {
            for name in names {
                for annotation in annotations {
                    let texts = [
                        format!("{kind}metadata:\n{name}{annotation}spec:\n  metadata:\n    name: other\n"),
                        format!("metadata:\n{annotation}{name}{kind}"),
                        format!("{kind}metadata:\n  {{}}\nspec:\n{name}{annotation}"),
                    ];
                    for text in texts {
                        let Some(mut head) = Head::read_simple(&text) else {
                            continue;
                        };
                        let mut expected =
                            Head::read_any(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
                        expected
                            .annotations
                            .retain(|(key, _)| key.starts_with("helm.sh/"));
                        expected.annotations.sort();
                        head.annotations.sort();
                        assert_eq!(head, expected, "{text}");
                        simple += 1;
                    }
                }
            }
        }
        assert!(simple > 40, "{simple}");
    }
}
