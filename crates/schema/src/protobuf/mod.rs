//! Objects of built-in kinds as protobuf messages, the form in which Go programs send and keep them.
//!
//! A message has numbers where JSON has names; the table says which is which. Where Go writes a type by a function of its
//! own (times, amounts, free-form JSON), so does this.

mod decode;
mod encode;
mod table;

pub use decode::{ProtobufError, decode_protobuf};
pub use encode::encode_protobuf;
pub use table::has_protobuf;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn there_and_back(name: &str, value: &Value) -> Value {
        let bytes = encode_protobuf(name, value).unwrap();
        decode_protobuf(name, &bytes).unwrap()
    }

    #[test]
    fn objects_come_back_as_they_were() {
        for (name, value) in [
            (
                "io.k8s.api.core.v1.ConfigMap",
                json!({"metadata": {"name": "a", "creationTimestamp": "2026-01-02T03:04:05Z",
                    "managedFields": [{"manager": "m", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {".": {}}}}]},
                    "data": {"a": "b", "c": ""}, "binaryData": {"x": "AAEC"}, "immutable": false}),
            ),
            (
                "io.k8s.api.apps.v1.Deployment",
                json!({"spec": {"replicas": 0, "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": -1}},
                    "template": {"spec": {
                        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "c", "configMap": {"name": "x", "defaultMode": 420}}],
                        "containers": [{"name": "c", "resources": {"limits": {"cpu": "1500m"}},
                            "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                            "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 3}}]}}}}),
            ),
            (
                "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
                json!({"spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "a": {"type": "array", "items": {"type": "string"}, "default": ["x"], "maximum": 1.5},
                    "b": {"x-kubernetes-preserve-unknown-fields": true, "additionalProperties": false, "enum": [1, "a", null]},
                    "c": {"additionalProperties": {"type": "string"}},
                    "d": {"$ref": "x", "items": [{"type": "string"}], "dependencies": {"a": ["b"], "c": {"type": "object"}}}}}}}]}}),
            ),
            (
                "io.k8s.api.coordination.v1.Lease",
                json!({"spec": {"renewTime": "2026-01-02T03:04:05.000006Z", "leaseTransitions": -3}}),
            ),
            (
                "io.k8s.api.authorization.v1.SubjectAccessReview",
                json!({"spec": {"extra": {"a": ["b", "c"]}, "groups": ["x"]}}),
            ),
            (
                "io.k8s.api.apps.v1.ControllerRevision",
                json!({"data": {"spec": [1, 2.5, null]}, "revision": 9_000_000_000_i64}),
            ),
        ] {
            assert_eq!(there_and_back(name, &value), value, "{name}");
        }
    }

    #[test]
    fn damage_is_told() {
        let name = "io.k8s.api.core.v1.ConfigMap";
        for bytes in [
            &[0x0a][..],
            &[0x0a, 0x05, 0x01],
            &[0x0f, 0x01],
            &[0xff; 12],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
        ] {
            assert!(decode_protobuf(name, bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn unknown_numbers_are_passed_over() {
        let name = "io.k8s.api.core.v1.ConfigMap";
        let bytes = [0xf8, 0x07, 0x01, 0xfa, 0x07, 0x01, 0x61, 0x20, 0x01];
        assert_eq!(decode_protobuf(name, &bytes).unwrap(), json!({"immutable": true}));
    }
}
