use std::fs;
use std::path::Path;

use kluctl_managedfields::{FieldSet, Request, Versions, update};
use kluctl_object::{Gvk, Object};
use kluctl_schema::{TypeRef, default_object, kubernetes};
use serde_json::Value;

struct OneVersion {
    ty: TypeRef,
    ignored: FieldSet,
}

impl Versions for OneVersion {
    fn type_of(&self, _api_version: &str) -> Option<TypeRef> {
        Some(self.ty.clone())
    }

    fn ignored(&self, _api_version: &str) -> Option<&FieldSet> {
        Some(&self.ignored)
    }
}

#[test]
fn creators_own_what_the_server_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/corpus/creations.json");
    let cases: Vec<Value> = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut differences = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let (mut object, response) = (case["body"].clone(), &case["response"]);
        let kind = object["kind"].as_str().unwrap().to_owned();
        let gvk = Gvk::from_api_version(object["apiVersion"].as_str().unwrap(), &kind).unwrap();
        let ty = kubernetes().type_of(&gvk).unwrap();
        default_object(&mut object, &ty);
        let versions = OneVersion {
            ty: ty.clone(),
            ignored: FieldSet::of_fields(&[&["status"]]),
        };
        let request = Request {
            gvk: &gvk,
            ty: &ty,
            versions: &versions,
            manager: "m",
            subresource: "",
            now: "2026-01-01T00:00:00Z",
        };
        let created = update(None, Object::try_from(object).unwrap(), &request);
        let fields = |value: Option<&Value>| value.and_then(|list| list.get(0)?.get("fieldsV1")).cloned();
        let ours = fields(created.at(&["metadata", "managedFields"]));
        let theirs = fields(response.pointer("/metadata/managedFields"));
        if ours != theirs {
            let text =
                |value: Option<Value>| value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
            differences.push(format!("{index} {kind}:\n   {}\n   {}", text(ours), text(theirs)));
        }
    }
    println!("{} objects, {} differences", cases.len(), differences.len());
    assert!(cases.len() > 60);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
