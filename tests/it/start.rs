//! What a person sees first.

use kluctl_testkit::Environment;

/// The binary under test in an environment of its own.
pub(crate) fn environment() -> Environment {
    Environment::new(env!("CARGO_BIN_EXE_kluctl"))
}

#[test]
fn version_is_one_line() {
    let output = environment().run(["version"]).expect(0);
    assert_eq!(output.stdout, format!("{}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(output.stderr, "");
}

#[test]
fn a_cpu_profile_is_one_that_pprof_reads() {
    use std::io::Read;
    let environment = environment();
    environment.write("deployment.yaml", "deployments:\n- path: app\n");
    environment.write(
        "app/many.yaml",
        "{% for i in range(3000) %}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm-{{ i }}\n{% endfor %}\n",
    );
    let render = [
        "render",
        "--offline-kubernetes",
        "--print-all",
        "--cpu-profile",
        "cpu.pprof",
    ];
    environment.run(render).expect(0).stdout.clear();
    let file = std::fs::File::open(environment.work().join("cpu.pprof")).expect("a profile");
    let mut profile = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut profile)
        .expect("gzip");
    let has = |text: &[u8]| profile.windows(text.len()).any(|window| window == text);
    // the fields of google/pprof's profile.proto: both sample types by name, and names of our functions
    assert_eq!(profile.first(), Some(&0x0a));
    assert!(has(b"samples") && has(b"nanoseconds"), "no sample types");
    assert!(has(b"kluctl"), "no functions");
    let fields = fields(&profile);
    let stacks = fields
        .iter()
        .filter(|(number, _)| *number == 2)
        .map(|(_, sample)| {
            let sample = self::fields(sample);
            let stack = sample.iter().find(|(number, _)| *number == 1);
            stack.map_or(0, |(_, ids)| ids.len())
        });
    assert!(
        stacks.max() > Some(3),
        "no sample has callers: {} bytes",
        profile.len()
    );
    assert!(fields.iter().any(|(number, _)| *number == 3), "no mapping");
}

/// The fields of a message of protocol buffers: numbers, and the bytes of those that have any.
fn fields(mut message: &[u8]) -> Vec<(u64, &[u8])> {
    fn varint(message: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        while let Some((byte, rest)) = message.split_first() {
            *message = rest;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let value = match key & 7 {
            0 => {
                varint(&mut message);
                &[][..]
            }
            2 => {
                let length = varint(&mut message) as usize;
                let (value, rest) = message.split_at(length);
                message = rest;
                value
            }
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, value));
    }
    fields
}
