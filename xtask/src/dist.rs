//! `cargo xtask dist`: the static release binary with checksums, completions and manual pages.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

const SHELLS: [(&str, &str); 4] = [
    ("bash", "kluctl.bash"),
    ("zsh", "_kluctl"),
    ("fish", "kluctl.fish"),
    ("powershell", "kluctl.ps1"),
];

/// Builds one target (default: musl on this machine's architecture) into `dist/` and checks that it is static.
pub(crate) fn run(target: Option<&str>) -> Result<()> {
    let own = format!("{}-unknown-linux-musl", env::consts::ARCH);
    let target = target.unwrap_or(&own);
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let built = Command::new(cargo)
        .envs(cross_compilers(target))
        .args([
            "rustc",
            "--locked",
            "--package",
            "kluctl",
            "--bin",
            "kluctl",
            "--profile",
            "dist",
            "--target",
            target,
        ])
        // At a fixed address, as Go's programs are: otherwise each start puts 49,000 addresses right, which is a fifth of its
        // memory and of its time.
        .args(["--", "-C", "relocation-model=static"])
        .status()?;
    if !built.success() {
        bail!(
            "the build for {target} failed (it needs `rustup target add {target}` and a C compiler for it: Debian's musl-tools, or gcc-aarch64-linux-gnu and libc6-dev-arm64-cross for aarch64)"
        );
    }
    let target_dir = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let binary = target_dir.join(target).join("dist/kluctl");
    let folder = Path::new("dist").join(format!("kluctl-{}-{target}", env!("CARGO_PKG_VERSION")));
    fs::create_dir_all(folder.join("completions"))?;
    fs::copy(&binary, folder.join("kluctl")).with_context(|| format!("copying {}", binary.display()))?;
    check_static(&folder.join("kluctl"))?;
    if target == own {
        for (shell, file) in SHELLS {
            let output = Command::new(folder.join("kluctl"))
                .args(["completion", shell])
                .output()?;
            if !output.status.success() {
                bail!(
                    "kluctl completion {shell}: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
            }
            fs::write(folder.join("completions").join(file), output.stdout)?;
        }
        let written = Command::new(folder.join("kluctl"))
            .args(["man", "--output-dir"])
            .arg(folder.join("man"))
            .status()?;
        if !written.success() {
            bail!("kluctl man failed");
        }
    }
    let size = fs::metadata(folder.join("kluctl"))?.len();
    checksums(&folder)?;
    eprintln!(
        "{}: {:.1} MB, static",
        folder.join("kluctl").display(),
        size as f64 / 1e6
    );
    Ok(())
}

/// The variables that name Debian's C compiler and linker for another architecture, unless the caller has set them.
///
/// A binary for musl needs no C library of the compiler's: rustc brings its own start files and libc.
fn cross_compilers(target: &str) -> Vec<(String, String)> {
    let Some((arch, _)) = target.split_once("-unknown-linux-musl") else {
        return Vec::new();
    };
    if arch == env::consts::ARCH {
        return Vec::new();
    }
    let lower = target.replace('-', "_");
    [
        (format!("CC_{lower}"), "gcc"),
        (format!("AR_{lower}"), "ar"),
        (format!("CARGO_TARGET_{}_LINKER", lower.to_uppercase()), "gcc"),
    ]
    .into_iter()
    .filter(|(variable, _)| env::var_os(variable).is_none())
    .map(|(variable, tool)| (variable, format!("{arch}-linux-gnu-{tool}")))
    .collect()
}

/// An ELF file without a program interpreter needs no library at run time.
fn check_static(binary: &Path) -> Result<()> {
    const PT_INTERP: u32 = 3;
    let data = fs::read(binary)?;
    let word = |at: usize, len: usize| -> Result<u64> {
        let bytes = data.get(at..at + len).context("a truncated ELF file")?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)))
    };
    if data.get(..5) != Some(b"\x7fELF\x02") {
        bail!("{} is not a 64-bit ELF file", binary.display());
    }
    let (start, size, count) = (
        word(32, 8)? as usize,
        word(54, 2)? as usize,
        word(56, 2)? as usize,
    );
    for index in 0..count {
        if word(start + index * size, 4)? == u64::from(PT_INTERP) {
            bail!(
                "{} asks for a dynamic loader, so it is not static",
                binary.display()
            );
        }
    }
    Ok(())
}

/// Writes `SHA256SUMS`, in the form that `sha256sum --check` reads, over all files of the folder.
fn checksums(folder: &Path) -> Result<()> {
    let mut names = vec!["kluctl".to_owned()];
    names.extend(SHELLS.iter().map(|(_, file)| format!("completions/{file}")));
    if let Ok(pages) = fs::read_dir(folder.join("man")) {
        let pages = pages.filter_map(|page| page.ok()?.file_name().into_string().ok());
        let mut pages: Vec<String> = pages.map(|page| format!("man/{page}")).collect();
        pages.sort();
        names.extend(pages);
    }
    let mut text = String::new();
    for name in names {
        if let Ok(data) = fs::read(folder.join(&name)) {
            let mut hex = String::new();
            for byte in Sha256::digest(&data) {
                write!(hex, "{byte:02x}")?;
            }
            writeln!(text, "{hex}  {name}")?;
        }
    }
    fs::write(folder.join("SHA256SUMS"), text)?;
    Ok(())
}
