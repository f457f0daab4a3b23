#!/usr/bin/env python3
"""Times many small templates: our engine beside Python's Jinja2.

    bench/templating.py [FILES]

Needs a Python with Jinja2 for the second figure. Ours: `cargo run --release -p kluctl-jinja --example render_many`.
"""
import json, subprocess, sys, time

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
FILE = """apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ args.name }}-%d
  labels: {{ labels | to_json }}
data:
  {%% for key, value in settings.items() %%}{{ key }}: "{{ value | upper }}"
  {%% endfor %%}replicas: "{{ args.replicas + %d }}"
"""


def ours():
    for threads in (1, 2):
        command = ["cargo", "run", "--release", "-q", "-p", "kluctl-jinja", "--example", "render_many", "--", str(COUNT), str(threads)]
        print("ours   ", subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def python():
    try:
        import jinja2
    except ImportError:
        print("python  no Jinja2 here")
        return
    count = max(COUNT // 10, 1)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    environment.filters["to_json"] = json.dumps
    environment.globals.update(args={"name": "demo", "replicas": 3}, labels={"app": "demo", "tier": "backend"},
                               settings={"a": "one", "b": "two", "c": "three"})
    texts = [FILE % (index, index) for index in range(count)]
    start = time.perf_counter()
    size = sum(len(environment.from_string(text).render()) for text in texts)
    spent = (time.perf_counter() - start) * 1000
    print("python  %d files in one process: %.0f ms, %d bytes (%d would take %.0f ms)" % (count, spent, size, COUNT, spent * COUNT / count))


ours()
python()
