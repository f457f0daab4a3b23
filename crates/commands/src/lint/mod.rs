//! `lint`: what is wrong with rendered objects, before anything is deployed.
//!
//! Objects are checked against the schemas of a Kubernetes version and of CustomResourceDefinitions ([`Kinds`]), against each
//! other, and by a server of the run's own that is asked what it would refuse. Findings name a field of a rendered
//! object; where that comes from is found out by rendering once more ([`Flaw::requests`]).

mod kinds;
mod object;
mod report;
mod server;
mod whole;

use std::collections::BTreeSet;
use std::fmt;

use kluctl_api::LintLevel;
use kluctl_object::{KeyPath, Object, ObjectRef};
use kluctl_project::{FieldRequest, Rendered};
use serde_json::Value;

pub use kinds::Kinds;
pub use report::{Linted, report};
pub use server::{Checked, definitions, refused};

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The target cannot be rendered.
    Render,
    /// The kind, or its version, does not exist.
    UnknownKind,
    /// Nothing is known of the kind, so its fields were not checked.
    NoSchema,
    /// The kind has no such field.
    UnknownField,
    /// The value has another type.
    WrongType,
    /// A field that must be there is missing.
    MissingField,
    /// The value is not allowed.
    InvalidValue,
    /// The version of the kind will be gone one day.
    DeprecatedApi,
    /// The version of the kind is gone.
    RemovedApi,
    /// Two objects have the same name.
    DuplicateObject,
    /// The namespace is not among the objects.
    MissingNamespace,
    /// A field changes that may not.
    ImmutableField,
    /// The server would refuse the object for another reason.
    Refused,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 13] = [
        Self::Render,
        Self::UnknownKind,
        Self::NoSchema,
        Self::UnknownField,
        Self::WrongType,
        Self::MissingField,
        Self::InvalidValue,
        Self::DeprecatedApi,
        Self::RemovedApi,
        Self::DuplicateObject,
        Self::MissingNamespace,
        Self::ImmutableField,
        Self::Refused,
    ];

    /// The name under which it is reported and switched off.
    pub fn name(self) -> &'static str {
        match self {
            Self::Render => "render",
            Self::UnknownKind => "unknown-kind",
            Self::NoSchema => "no-schema",
            Self::UnknownField => "unknown-field",
            Self::WrongType => "wrong-type",
            Self::MissingField => "missing-field",
            Self::InvalidValue => "invalid-value",
            Self::DeprecatedApi => "deprecated-api",
            Self::RemovedApi => "removed-api",
            Self::DuplicateObject => "duplicate-object",
            Self::MissingNamespace => "missing-namespace",
            Self::ImmutableField => "immutable-field",
            Self::Refused => "refused",
        }
    }

    /// How bad its findings are, unless one says otherwise.
    pub fn level(self) -> LintLevel {
        match self {
            Self::NoSchema | Self::DeprecatedApi | Self::MissingNamespace => LintLevel::Warning,
            _ => LintLevel::Error,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something wrong with a field of a rendered object.
#[derive(Clone, Debug, PartialEq)]
pub struct Flaw {
    /// The rule that found it.
    pub rule: Rule,
    /// How bad it is.
    pub level: LintLevel,
    /// The object.
    pub object: ObjectRef,
    /// The field, in the rendered item's object.
    pub at: FieldRequest,
    /// What is wrong.
    pub message: String,
    /// Another place that the message is about, with the words before it.
    pub other: Option<(&'static str, FieldRequest)>,
}

impl Flaw {
    fn new(rule: Rule, subject: &Subject<'_>, path: KeyPath, message: impl Into<String>) -> Self {
        Self {
            rule,
            level: rule.level(),
            object: subject.object.reference(),
            at: subject.at(path),
            message: message.into(),
            other: None,
        }
    }

    /// The fields whose places are needed to report it.
    pub fn requests(&self) -> impl Iterator<Item = &FieldRequest> {
        std::iter::once(&self.at).chain(self.other.as_ref().map(|(_, at)| at))
    }
}

/// An object to check.
pub(super) struct Subject<'r> {
    item: usize,
    index: usize,
    /// Where it stands in the rendered object, which may be a list.
    inside: KeyPath,
    object: Object,
    rendered: &'r Rendered,
}

impl Subject<'_> {
    fn at(&self, path: KeyPath) -> FieldRequest {
        let mut keys = self.inside.0.clone();
        keys.extend(path.0);
        FieldRequest {
            item: self.item,
            object: self.index,
            path: KeyPath(keys),
        }
    }

    /// Whether a text holds the placeholder of a source that could not be asked, so that nothing can be said of it.
    fn is_assumed(&self, text: &str) -> bool {
        let mut assumed = self.rendered.assumed.iter();
        assumed.any(|name| text.contains(&format!("⟨{name}")))
    }
}

/// All objects that are applied, lists opened; those that a project wants deleted are not looked at.
pub(super) fn subjects(rendered: &Rendered) -> Vec<Subject<'_>> {
    let mut all = Vec::new();
    for (item, items) in rendered.items.iter().enumerate() {
        if items.only_render {
            continue;
        }
        for (index, object) in items.objects.iter().enumerate() {
            let subject = |object: Object, inside: KeyPath| Subject {
                item,
                index,
                inside,
                object,
                rendered,
            };
            match object.at(&["items"]) {
                Some(Value::Array(entries)) if object.kind() == "List" => {
                    let entries = entries.iter().enumerate().filter_map(|(at, entry)| {
                        let inside = KeyPath::default().child("items").child(at);
                        Some(subject(Object::try_from(entry.clone()).ok()?, inside))
                    });
                    all.extend(entries);
                }
                _ => all.push(subject(object.clone(), KeyPath::default())),
            }
        }
    }
    all.retain(|subject| subject.object.annotation("kluctl.io/delete") != Some("true"));
    all
}

/// How many objects of a target are checked.
pub fn count(rendered: &Rendered) -> usize {
    subjects(rendered).len()
}

/// Checks the objects of a target against schemas and against each other.
///
/// `known` are objects that are taken for granted, such as namespaces.
pub fn check(rendered: &Rendered, kinds: &Kinds, known: &[Object]) -> Vec<Flaw> {
    let subjects = subjects(rendered);
    let mut flaws: Vec<Flaw> = subjects
        .iter()
        .flat_map(|subject| object::check(subject, kinds))
        .collect();
    flaws.extend(whole::without_schema(&subjects, kinds));
    flaws.extend(whole::duplicates(&subjects));
    flaws.extend(whole::namespaces(&subjects, kinds, known));
    allowed(&subjects, flaws)
}

/// The annotation that switches rules off for an object, as a list with commas; `*` is all of them.
const IGNORE: &str = "kluctl.io/lint-ignore";

/// Leaves out what an object's annotation allows, and masks what must not be shown.
fn allowed(subjects: &[Subject<'_>], mut flaws: Vec<Flaw>) -> Vec<Flaw> {
    let ignored: Vec<(FieldRequest, BTreeSet<&str>)> = subjects
        .iter()
        .filter_map(|subject| {
            let rules = subject.object.annotation(IGNORE)?;
            let rules = rules.split(',').map(str::trim).collect();
            Some((subject.at(KeyPath::default()), rules))
        })
        .collect();
    flaws.retain(|flaw| {
        !ignored.iter().any(|(at, rules)| {
            let same = at.item == flaw.at.item
                && at.object == flaw.at.object
                && flaw.at.path.0.starts_with(&at.path.0);
            same && (rules.contains("*") || rules.contains(flaw.rule.name()))
        })
    });
    if let Some(subject) = subjects.first() {
        let masks = subject.rendered.sensitive.masks();
        for flaw in &mut flaws {
            masks.mask_text(&mut flaw.message);
        }
    }
    flaws
}
