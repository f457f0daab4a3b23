//! `--cpu-profile`: samples of where the process spends its time, in the format of Google's pprof.
//!
//! `go tool pprof`, `pprof` and many viewers read it. Source: google/pprof `proto/profile.proto`.

use std::collections::BTreeMap;
use std::io::Write;

use camino::{Utf8Path, Utf8PathBuf};
use flate2::Compression;
use flate2::write::GzEncoder;
use pprof::{ProfilerGuard, ProfilerGuardBuilder, Report};

/// Samples per second, as Go takes them.
const FREQUENCY: i32 = 100;
const NANOSECONDS_PER_SAMPLE: u64 = 1_000_000_000 / FREQUENCY as u64;

/// A profile that is being taken.
pub(crate) struct Profile {
    guard: ProfilerGuard<'static>,
    path: Utf8PathBuf,
}

impl Profile {
    /// Starts to take samples.
    pub(crate) fn start(path: &Utf8Path) -> Result<Self, String> {
        let guard = ProfilerGuardBuilder::default()
            .frequency(FREQUENCY)
            .blocklist(&["libc", "libgcc", "pthread", "vdso"])
            .build();
        Ok(Self {
            guard: guard.map_err(|error| format!("starting the CPU profile failed: {error}"))?,
            path: path.to_owned(),
        })
    }

    /// Writes the file.
    pub(crate) fn finish(self) -> Result<(), String> {
        let report = self.guard.report().build();
        let report = report.map_err(|error| format!("taking the CPU profile failed: {error}"))?;
        let write = || -> std::io::Result<()> {
            let mut file = GzEncoder::new(std::fs::File::create(&self.path)?, Compression::default());
            file.write_all(&encode(&report))?;
            file.finish()?;
            Ok(())
        };
        write().map_err(|error| format!("{}: {error}", self.path))
    }
}

/// A message of protocol buffers under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn packed(&mut self, field: u64, values: &[u64]) {
        let mut inner = Self::default();
        for value in values {
            inner.varint(*value);
        }
        self.bytes(field, &inner.0);
    }
}

/// Texts, each once; the first one is empty.
struct Strings {
    index: BTreeMap<String, u64>,
    list: Vec<String>,
}

impl Strings {
    fn of(&mut self, text: &str) -> u64 {
        if let Some(index) = self.index.get(text) {
            return *index;
        }
        let index = self.list.len() as u64;
        self.list.push(text.to_owned());
        self.index.insert(text.to_owned(), index);
        index
    }
}

/// A place in the code: name of the function, file, line.
type Place = (String, String, u32);

/// How often each stack was met, innermost place first; sorted.
#[expect(clippy::iter_over_hash_type, reason = "the counts go into a sorted map")]
fn stacks(report: &Report) -> BTreeMap<Vec<Place>, u64> {
    let mut stacks: BTreeMap<Vec<Place>, u64> = BTreeMap::new();
    for (frames, count) in &report.data {
        let places = frames.frames.iter().flatten().map(|symbol| {
            let file = symbol.filename.as_ref().map(|path| path.display().to_string());
            (
                symbol.name(),
                file.unwrap_or_default(),
                symbol.lineno.unwrap_or(0),
            )
        });
        *stacks.entry(places.collect()).or_default() += u64::try_from(*count).unwrap_or(0);
    }
    stacks
}

fn encode(report: &Report) -> Vec<u8> {
    let mut strings = Strings {
        index: BTreeMap::from([(String::new(), 0)]),
        list: vec![String::new()],
    };
    let mut profile = Message::default();
    let value_type = |strings: &mut Strings, kind: &str, unit: &str| {
        let mut message = Message::default();
        message.number(1, strings.of(kind));
        message.number(2, strings.of(unit));
        message.0
    };
    profile.bytes(1, &value_type(&mut strings, "samples", "count"));
    profile.bytes(1, &value_type(&mut strings, "cpu", "nanoseconds"));
    let mut locations: BTreeMap<Place, u64> = BTreeMap::new();
    for (stack, count) in stacks(report) {
        let mut ids = Vec::with_capacity(stack.len());
        for place in stack {
            let next = locations.len() as u64 + 1;
            ids.push(*locations.entry(place).or_insert(next));
        }
        let mut sample = Message::default();
        sample.packed(1, &ids);
        sample.packed(2, &[count, count * NANOSECONDS_PER_SAMPLE]);
        profile.bytes(2, &sample.0);
    }
    let mut functions: BTreeMap<(String, String), u64> = BTreeMap::new();
    for ((name, file, line), id) in locations {
        let next = functions.len() as u64 + 1;
        let function = *functions.entry((name, file)).or_insert(next);
        let mut at = Message::default();
        at.number(1, function);
        at.number(2, u64::from(line));
        let mut location = Message::default();
        location.number(1, id);
        location.bytes(4, &at.0);
        profile.bytes(4, &location.0);
    }
    for ((name, file), id) in functions {
        let mut function = Message::default();
        let name = strings.of(&name);
        function.number(1, id);
        function.number(2, name);
        function.number(3, name);
        function.number(4, strings.of(&file));
        profile.bytes(5, &function.0);
    }
    let period = value_type(&mut strings, "cpu", "nanoseconds");
    for text in &strings.list {
        profile.bytes(6, text.as_bytes());
    }
    let start = report.timing.start_time.duration_since(std::time::UNIX_EPOCH);
    profile.number(9, start.map_or(0, |since| since.as_nanos() as u64));
    profile.number(10, report.timing.duration.as_nanos() as u64);
    profile.bytes(11, &period);
    profile.number(12, NANOSECONDS_PER_SAMPLE);
    profile.0
}
