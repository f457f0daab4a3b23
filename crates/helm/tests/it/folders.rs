//! Charts whose files are read when they are asked for.

use bytes::Bytes;
use kluctl_helm::{Chart, Content, File, PrintOptions, RenderOptions, check_size, print, render_chart};
use serde_json::Map;

const CHART: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\n";

/// What is printed of a chart with one template, whose file `name` cannot be read any more.
fn rendered(template: &str, name: &str, include_crds: bool) -> Result<String, String> {
    let known = |text: &str| Content::from(Bytes::from(text.to_owned()));
    let file = |name: &str, data| File {
        name: name.to_owned(),
        data,
    };
    let gone = Content::later(|| Err("open gone: no such file or directory".to_owned()));
    let mut files = vec![
        file("Chart.yaml", known(CHART)),
        file(
            "a.txt",
            Content::later(|| Ok(Bytes::from_static(b"\xEF\xBB\xBFone\ntwo\n"))),
        ),
        file("templates/t.yaml", known(template)),
    ];
    files.push(file(name, gone));
    let chart = Chart::from_folder(&Bytes::from(CHART), files).map_err(|error| error.to_string())?;
    let options = RenderOptions {
        release_name: "r".to_owned(),
        namespace: "n".to_owned(),
        ..RenderOptions::default()
    };
    let release = render_chart(&chart, &Map::new(), &options).map_err(|error| error.to_string())?;
    let options = PrintOptions {
        include_crds,
        ..PrintOptions::default()
    };
    print(&release, &options)
        .map(|printed| printed.text)
        .map_err(|error| error.to_string())
}

#[test]
fn files_are_read_when_they_are_asked_for() {
    let text = r#"a: {{ .Files.Get "a.txt" | quote }}"#;
    for name in [
        "README.md",
        "crds/c.yaml",
        "files/x",
        "charts/_d/templates/t.yaml",
    ] {
        assert_eq!(
            rendered(text, name, false).unwrap(),
            "---\n# Source: c/templates/t.yaml\na: \"one\\ntwo\\n\"\n",
            "{name}"
        );
    }
}

#[test]
fn what_cannot_be_read_any_more_is_told_where_it_is_asked_for() {
    let gone = "open gone: no such file or directory";
    for template in [
        r#"{{ .Files.Get "x" }}"#,
        r#"{{ .Files.GetBytes "x" | toString }}"#,
        r#"{{ .Files.Lines "x" }}"#,
        r#"{{ (.Files.Glob "*").AsConfig }}"#,
        "{{ .Files.AsSecrets }}",
        r#"{{ index .Files "x" | toString }}"#,
        "{{ range $name, $data := .Files }}{{ $name }}{{ end }}",
        r#"{{ if .Files.Get "x" | not }}{{ fail "x is empty" }}{{ end }}"#,
    ] {
        assert_eq!(rendered(template, "x", false).unwrap_err(), gone, "{template}");
    }
    assert_eq!(rendered("a: 1", "crds/c.yaml", true).unwrap_err(), gone);
    assert_eq!(rendered("a: 1", "templates/u.yaml", false).unwrap_err(), gone);
    assert_eq!(rendered("a: 1", "values.schema.json", false).unwrap_err(), gone);
    assert_eq!(rendered("a: 1", "values.yaml", false).unwrap_err(), gone);
}

#[test]
fn large_files_are_refused() {
    const LARGEST: u64 = 5 * 1024 * 1024;
    assert!(check_size("a/b", LARGEST).is_ok());
    assert_eq!(
        check_size("a/b", LARGEST + 1).unwrap_err().message(),
        "chart file \"b\" is larger than the maximum file size 5242880"
    );
}
