//! Renders many small files, as a project's are, and says how long it took: `render_many [FILES] [THREADS]`.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use camino::Utf8PathBuf;
use kluctl_jinja::{Context, Engine, Limits};
use serde_json::json;

/// Six lines of a manifest, each file another one.
fn file(index: usize) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ args.name }}}}-{index}\n  labels: {{{{ labels | to_json }}}}\ndata:\n  \
         {{% for key, value in settings.items() %}}{{{{ key }}}}: \"{{{{ value | upper }}}}\"\n  {{% endfor %}}replicas: \
         \"{{{{ args.replicas + {index} }}}}\"\n"
    )
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse::<usize>().ok());
    let count = arguments.next().unwrap_or(10_000);
    let threads = arguments.next().unwrap_or(2);
    let filler: Vec<_> = (0..500)
        .map(|index| json!({ "name": format!("entry{index}"), "value": [index, index * 2] }))
        .collect();
    let context = Context::from_value(&json!({
        "args": { "name": "demo", "replicas": 3 },
        "labels": { "app": "demo", "tier": "backend" },
        "settings": { "a": "one", "b": "two", "c": "three" },
        "large": filler,
    }));
    let files: Vec<String> = (0..count).map(file).collect();
    let renderer = Engine::new(Limits {
        stack: 8 << 20,
        ..Limits::default()
    })
    .renderer(&context);
    let next = AtomicUsize::new(0);
    let bytes = AtomicUsize::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let work = || {
                while let Some(text) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let path = Utf8PathBuf::from("/project/file.yaml");
                    let rendered = renderer.render_content(&path, text.as_bytes());
                    bytes.fetch_add(rendered.map_or(0, |text| text.len()), Ordering::Relaxed);
                }
            };
            if std::thread::Builder::new()
                .stack_size(16 << 20)
                .spawn_scoped(scope, work)
                .is_err()
            {
                work();
            }
        }
    });
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    drop(writeln!(
        std::io::stdout(),
        "{count} files on {threads} threads: {milliseconds:.0} ms, {} bytes",
        bytes.into_inner()
    ));
}
