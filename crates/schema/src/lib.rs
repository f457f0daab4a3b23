//! What a Kubernetes version knows of each kind: scope, types, list keys, defaults, deprecations; and checks an object against it.
//!
//! Starts with the published OpenAPI documents of a Kubernetes version (as a compressed table in the binary) and with
//! the structural schemas of CRDs, and ends with types to look fields up in, findings with paths, defaults and discovery.
//!
//! Invariants:
//! - Fetches and reads nothing; the table is part of the program.
//! - A type is parsed when it is first looked at, so starting costs nothing and a command pays for the kinds it uses.
//! - Built-in types live as long as the program; types of CRDs are counted references.

mod builtin;
mod cel;
mod defaults;
mod deprecation;
mod discovery;
mod format;
mod introduced;
mod openapi;
mod protobuf;
mod prune;
mod quantity;
mod suggest;
mod table;
mod types;
mod validation;
mod zero;

pub use builtin::check_object;
pub use cel::{Rule, RuleFindings, check_rules};
pub use defaults::default_object;
pub use deprecation::{Deprecation, deprecation};
pub use discovery::{Group, GroupVersion, Resource, Subresource};
pub use introduced::introduced;
pub use openapi::{CustomKind, custom_definition_name, openapi_v2, openapi_v3, openapi_v3_path};
pub use protobuf::{ProtobufError, decode_protobuf, encode_protobuf, has_protobuf};
pub use prune::{default_fields, drop_nulls, prune, unknown_fields};
pub use quantity::{canonical_quantity, quantity_nano};
pub use suggest::suggest_field;
pub use table::{Definition, Kubernetes, kubernetes};
pub use types::{
    Field, GoField, GoKind, JsonType, Limits, List, Map, Patch, PatchStrategy, Rules, Scalar, Type, TypeRef,
    from_schema,
};
pub use validation::{Finding, FindingKind, validate};
pub use zero::{normalize, zero};
