//! `--cpu-profile`: samples of where the process spends its time, in the format of Google's pprof.
//!
//! `go tool pprof`, `pprof` and many viewers read it. Source: google/pprof `proto/profile.proto`.

use std::collections::BTreeMap;
use std::io::Write;

use camino::{Utf8Path, Utf8PathBuf};
use flate2::Compression;
use flate2::write::GzEncoder;
use nix::sys::signal::{Signal, raise};
use pprof::{ProfilerGuard, ProfilerGuardBuilder, UnresolvedReport};

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
        let guard = || {
            let guard = ProfilerGuardBuilder::default().frequency(FREQUENCY).build();
            guard.map_err(|error| format!("starting the CPU profile failed: {error}"))
        };
        // The handler reads the tables of stack frames at its first signal, which allocates: that one must not come by itself,
        // in the middle of the allocator.
        let first = guard()?;
        raise(Signal::SIGPROF).map_err(|error| format!("starting the CPU profile failed: {error}"))?;
        drop(first);
        Ok(Self {
            guard: guard()?,
            path: path.to_owned(),
        })
    }

    /// Writes the file.
    pub(crate) fn finish(self) -> Result<(), String> {
        let report = self.guard.report().build_unresolved();
        let report = report.map_err(|error| format!("taking the CPU profile failed: {error}"))?;
        let write = || -> std::io::Result<()> {
            let mut file = GzEncoder::new(std::fs::File::create(&self.path)?, Compression::default());
            file.write_all(&encode(&report, &mappings()))?;
            file.finish()?;
            Ok(())
        };
        write().map_err(|error| format!("{}: {error}", self.path))
    }
}

/// A part of a file that stands in memory as code.
struct Mapping {
    start: u64,
    limit: u64,
    offset: u64,
    file: String,
    /// Hexadecimal; empty where the file has none.
    build: String,
}

/// The code in memory, so that a viewer finds names for the addresses of a binary that has none: in a twin with the same build id.
fn mappings() -> Vec<Mapping> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mapping = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (start, limit) = words.next()?.split_once('-')?;
        let rights = words.next()?;
        let offset = words.next()?;
        let file = words.nth(2)?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        rights.contains('x').then_some(())?;
        Some(Mapping {
            start: number(start)?,
            limit: number(limit)?,
            offset: number(offset)?,
            file: file.to_owned(),
            build: build_id(file).unwrap_or_default(),
        })
    };
    let mut mappings: Vec<_> = maps.lines().filter_map(mapping).collect();
    // viewers take the first one for the program, and what the kernel put there has no file
    mappings.sort_by_key(|mapping| mapping.build.is_empty());
    mappings
}

fn build_id(file: &str) -> Option<String> {
    use object::Object;
    let bytes = std::fs::read(file).ok()?;
    let id = object::File::parse(&*bytes).ok()?.build_id().ok()??.to_vec();
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
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

/// How often each stack was met, as addresses, innermost first; sorted.
#[expect(clippy::iter_over_hash_type, reason = "the counts go into a sorted map")]
fn stacks(report: &UnresolvedReport) -> BTreeMap<Vec<u64>, u64> {
    let mut stacks: BTreeMap<Vec<u64>, u64> = BTreeMap::new();
    for (stack, count) in &report.data {
        // callers stand with the address they return to, which may be that of the next line
        let address = |(depth, address): (usize, usize)| (address - usize::from(depth > 0)) as u64;
        let addresses = stack.frames.iter().map(|frame| frame.ip).enumerate();
        *stacks.entry(addresses.map(address).collect()).or_default() += u64::try_from(*count).unwrap_or(0);
    }
    stacks
}

/// The functions that stand at an address, the inlined ones first; none in a binary without names.
fn places(address: u64) -> Vec<Place> {
    let mut places = Vec::new();
    backtrace::resolve(address as *mut std::ffi::c_void, |symbol| {
        let Some(name) = symbol.name() else { return };
        let file = symbol.filename().map(|path| path.display().to_string());
        places.push((
            format!("{name:#}"),
            file.unwrap_or_default(),
            symbol.lineno().unwrap_or(0),
        ));
    });
    places
}

/// Writes `proto/profile.proto`.
fn encode(report: &UnresolvedReport, mappings: &[Mapping]) -> Vec<u8> {
    let mut strings = Strings {
        index: BTreeMap::from([(String::new(), 0)]),
        list: vec![String::new()],
    };
    let mut profile = Message::default();
    profile.bytes(1, &value_type(&mut strings, "samples", "count"));
    profile.bytes(1, &value_type(&mut strings, "cpu", "nanoseconds"));
    let mut locations: BTreeMap<u64, u64> = BTreeMap::new();
    for (stack, count) in stacks(report) {
        let mut ids = Vec::with_capacity(stack.len());
        for address in stack {
            let next = locations.len() as u64 + 1;
            ids.push(*locations.entry(address).or_insert(next));
        }
        let mut sample = Message::default();
        sample.packed(1, &ids);
        sample.packed(2, &[count, count * NANOSECONDS_PER_SAMPLE]);
        profile.bytes(2, &sample.0);
    }
    let mut has_names = vec![false; mappings.len()];
    let mut functions: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (address, id) in locations {
        let mapping = mappings
            .iter()
            .position(|mapping| (mapping.start..mapping.limit).contains(&address));
        let mut location = Message::default();
        location.number(1, id);
        if let Some(mapping) = mapping {
            location.number(2, mapping as u64 + 1);
        }
        location.number(3, address);
        for (name, file, line) in places(address) {
            if let Some(mapping) = mapping {
                has_names[mapping] = true;
            }
            let next = functions.len() as u64 + 1;
            let mut at = Message::default();
            at.number(1, *functions.entry((name, file)).or_insert(next));
            at.number(2, u64::from(line));
            location.bytes(4, &at.0);
        }
        profile.bytes(4, &location.0);
    }
    for ((index, mapping), has_names) in mappings.iter().enumerate().zip(has_names) {
        let mut message = Message::default();
        message.number(1, index as u64 + 1);
        message.number(2, mapping.start);
        message.number(3, mapping.limit);
        message.number(4, mapping.offset);
        message.number(5, strings.of(&mapping.file));
        message.number(6, strings.of(&mapping.build));
        message.number(7, u64::from(has_names));
        profile.bytes(3, &message.0);
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

fn value_type(strings: &mut Strings, kind: &str, unit: &str) -> Vec<u8> {
    let mut message = Message::default();
    message.number(1, strings.of(kind));
    message.number(2, strings.of(unit));
    message.0
}
