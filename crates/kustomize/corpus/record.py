#!/usr/bin/env python3
"""Records what the real kustomize (5.8.1, on the PATH) makes of every case of cases/*.txt; other languages' stack traces stay out."""
import pathlib
import re
import subprocess
import tempfile


def record(case):
    head, *parts = re.split(r"(?m)^(?=>>> |<<< )", case)
    args = re.search(r"(?m)^@args (.*)$", head)
    files = [part for part in parts if part.startswith(">>> ")]
    other_words = any(part.startswith("<<< err [other words]") for part in parts)
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder, "case", "in").resolve()
        root.mkdir(parents=True)
        for part in files:
            first, text = part.split("\n", 1)
            path, _, flag = first[4:].partition(" [")
            data = text.encode("latin-1" if flag == "latin1]" else "utf-8")
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data.replace(b"\n", b"\r\n") if flag == "crlf]" else data)
        command = ["kustomize", "build", *(args[1].split() if args else ["."])]
        run = subprocess.run(command, cwd=root, capture_output=True, text=True, errors="replace")
        if run.returncode == 0:
            return head + "".join(files) + "<<< out\n" + run.stdout
        noise = re.compile(r"# Warning|Flag --|\d{4}/\d\d/\d\d ")
        said = [line for line in run.stderr.replace(str(root), "$IN").splitlines() if not noise.match(line)]
        return head + "".join(files) + "<<< err" + " [other words]" * other_words + "\n" + "\n".join(said).rstrip("\n") + "\n"


for path in sorted(pathlib.Path(__file__).parent.glob("cases/*.txt")):
    cases = re.split(r"(?m)^(?==== )", path.read_text())
    path.write_text("".join(record(case) for case in cases if case))
    print(path.name, len(cases) - 1)
