#!/usr/bin/env python3
"""canonical.py FILE: the key in one of GnuPG's newer key files, in the form that older versions wrote."""
import re, sys

text = open(sys.argv[1], "rb").read()
key = re.search(rb"^Key: (.*\n(?: .*\n)*)", text, re.M).group(1).replace(b"\n ", b"")
out = b""
for token in re.finditer(rb'[()]|#([^#]*)#|"([^"]*)"|([^\s()#"]+)', key):
    if token.group() in (b"(", b")"):
        out += token.group()
        continue
    value = next(group for group in token.groups() if group is not None)
    if token.group().startswith(b"#"):
        value = bytes.fromhex(re.sub(r"\s", "", value.decode()))
    out += b"%d:%s" % (len(value), value)
sys.stdout.buffer.write(out)
