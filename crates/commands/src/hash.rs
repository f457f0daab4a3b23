//! A hash that changes whenever what is deployed changes.

use kluctl_object::Object;
use sha2::{Digest, Sha256};

/// The hash of objects in their order: SHA-256 over the SHA-256 of each one's JSON.
///
/// Source: kluctl `pkg/deployment/deployment_collection.go`, `CalcObjectsHash`.
pub fn objects_hash<'a>(objects: impl IntoIterator<Item = &'a Object>) -> String {
    let mut hash = Sha256::new();
    for object in objects {
        hash.update(Sha256::digest(object.to_go_json()));
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn order_counts_and_keys_do_not() {
        let object = |value| Object::try_from(value).unwrap();
        let (a, b) = (object(json!({"x": 1, "y": "<"})), object(json!({"z": 2})));
        let same = object(json!({"y": "<", "x": 1}));
        assert_eq!(objects_hash([&a, &b]), objects_hash([&same, &b]));
        assert_ne!(objects_hash([&a, &b]), objects_hash([&b, &a]));
        assert_eq!(objects_hash([]).len(), 64);
    }
}
