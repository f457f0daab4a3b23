//! Any bytes are a packed chart, or give an error; half of the inputs are packed first, to reach what lies behind gzip.

#![no_main]

use std::io::Write;

use kluctl_helm::{Chart, RenderOptions, render_chart};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let chart = match data.split_first() {
        Some((0, packed)) => Chart::from_archive(packed),
        Some((_, plain)) => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(plain).expect("memory takes all");
            Chart::from_archive(&gzip.finish().expect("memory takes all"))
        }
        None => return,
    };
    if let Ok(chart) = chart {
        let options = RenderOptions { release_name: "r".to_owned(), ..RenderOptions::default() };
        let _ = render_chart(&chart, &serde_json::Map::new(), &options);
    }
});
