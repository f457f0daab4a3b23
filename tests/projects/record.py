#!/usr/bin/env python3
"""Writes what upstream's Kluctl makes of the projects in *.txt into *.golden: KLUCTL_UPSTREAM=... record.py [GROUP]...

A group is a file of projects; `tests/it/projects.rs` reads it, too:

    ##### NAME [git]          a project, with `git` in a repository with one commit
    $ ARGUMENTS               a run; NAME=VALUE words in front set variables, cd:FOLDER the working folder
    === PATH                  a file of the project, up to the next line that begins like one of these

Renders and image lists get `--offline-kubernetes`. A golden has `##### NAME INDEX EXIT LINES` and that many lines of standard
output for each run."""
import os, re, shlex, subprocess, sys, tempfile
from pathlib import Path

HERE = Path(__file__).parent
UPSTREAM = os.environ.get("KLUCTL_UPSTREAM", "kluctl-upstream")


def projects(text):
    for block in re.split(r"^##### ", text, flags=re.M)[1:]:
        head, _, body = block.partition("\n")
        start, *files = re.split(r"^=== ", body, flags=re.M)
        runs = [line[2:] for line in start.splitlines() if line.startswith("$ ")]
        yield head.split(), runs or ["render --print-all"], [file.partition("\n")[::2] for file in files]


def run(folder, line, home):
    words = shlex.split(line)
    environment = {"PATH": os.environ["PATH"], "HOME": home, "KUBECONFIG": home + "/no-kubeconfig"}
    environment["KLUCTL_CACHE_DIR"] = os.environ.get("KLUCTL_CACHE_DIR", home + "/cache")
    while re.match(r"cd:|[A-Z_0-9]+=", words[0]):
        word = words.pop(0)
        if word.startswith("cd:"):
            folder = folder + "/" + word[3:]
        else:
            name, _, value = word.partition("=")
            environment[name] = value
    if words[0] in ("render", "list-images"):
        words.append("--offline-kubernetes")
    return subprocess.run([UPSTREAM, *words, "--no-update-check"], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)


for group in sys.argv[1:] or [file.stem for file in sorted(HERE.glob("*.txt"))]:
    golden = []
    for (name, *flags), runs, files in projects((HERE / f"{group}.txt").read_text()):
        with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder:
            for path, content in files:
                file = Path(folder) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content)
            if "git" in flags:
                commit = "git init -q . && git add -A && git -c user.name=a -c user.email=a@b commit -qm x"
                subprocess.run(commit, shell=True, cwd=folder, check=True)
            for index, line in enumerate(runs):
                ended = run(folder, line, home)
                lines = ended.stdout.count("\n")
                assert ended.stdout in ("",) or ended.stdout.endswith("\n"), (name, ended)
                golden.append(f"##### {name} {index} {ended.returncode} {lines}\n{ended.stdout}")
    (HERE / f"{group}.golden").write_text("".join(golden))
version = subprocess.run([UPSTREAM, "version"], capture_output=True, text=True).stdout
(HERE / "VERSION").write_text(f"kluctl {version}")
