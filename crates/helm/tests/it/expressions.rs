//! Single expressions and what Helm 4.2.2 made of them (`corpus/README.md` says how they are re-made).

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use camino::Utf8PathBuf;
use kluctl_helm::{Capabilities, Chart, KubeVersion, PrintOptions, RenderOptions, print, render_chart};
use serde_json::Value as Json;

fn render(chart: &BTreeMap<Utf8PathBuf, Bytes>, expression: &str) -> Result<String, String> {
    let mut files = chart.clone();
    let helpers = format!("{{{{- define \"e\" }}}}{expression}{{{{ end }}}}\n");
    files.insert("templates/_expression.tpl".into(), helpers.into());
    let chart = Chart::from_files(&files).map_err(|error| error.message().to_owned())?;
    let capabilities = Capabilities {
        kube_version: KubeVersion::parse("v1.33.0").unwrap(),
        ..Capabilities::default()
    };
    let options = RenderOptions {
        release_name: "e".to_owned(),
        namespace: "ns1".to_owned(),
        capabilities,
        ..RenderOptions::default()
    };
    render_chart(&chart, &serde_json::Map::new(), &options)
        .and_then(|release| print(&release, &PrintOptions::default()))
        .map(|printed| printed.text)
        .map_err(|error| error.message().to_owned())
}

#[test]
fn expressions_render_as_in_helm() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/expressions.json");
    let corpus: Json = serde_json::from_slice(&std::fs::read(corpus).unwrap()).unwrap();
    let chart: BTreeMap<Utf8PathBuf, Bytes> = corpus["chart"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, text)| (path.into(), text.as_str().unwrap().to_owned().into()))
        .collect();
    let mut wrong = Vec::new();
    let cases = corpus["cases"].as_array().unwrap();
    assert!(!cases.is_empty(), "no case found");
    for case in cases {
        let expression = case["e"].as_str().unwrap();
        let found = render(&chart, expression);
        let wanted = match case["out"].as_str() {
            Some(out) => Ok(out.to_owned()),
            None => Err(case["err"].as_str().unwrap().to_owned()),
        };
        if found != wanted {
            wrong.push(format!("{expression}\n  helm: {wanted:?}\n  ours: {found:?}"));
        }
    }
    crate::assert_none_differs(&wrong, cases.len());
}
