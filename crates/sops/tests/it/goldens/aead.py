#!/usr/bin/env python3
"""aead.py FILE KEY: the SOPS file with its PGP message in OCB mode, as GnuPG 2.3 writes it for keys that want it.

KEY is the keyid of an RSA key whose secret is in GnuPG's keyring; the message is checked with gpg, which must open it.
Needs the package `cryptography`."""
import base64, os, re, subprocess, sys
from cryptography.hazmat.primitives.ciphers.aead import AESOCB3

file, keyid = sys.argv[1:]
text = open(file).read()
armored = re.search(r"( *)-----BEGIN PGP MESSAGE-----.*?-----END PGP MESSAGE-----", text, re.S)
indent = armored.group(1)
old = "\n".join(line[len(indent):] for line in armored.group().splitlines())
plain = subprocess.run(["gpg", "-q", "-d"], input=old.encode(), capture_output=True, check=True).stdout
session = subprocess.run(["gpg", "-q", "--show-session-key", "-d"], input=old.encode(), capture_output=True, check=True)
session = re.search(r"session key: '9:([0-9A-F]+)'", session.stderr.decode()).group(1)
wrapped = base64.b64decode("".join(l for l in old.split("\n\n", 1)[1].splitlines() if not l.startswith(("-", "="))))
length = 3 + int.from_bytes(wrapped[1:3], "big") if wrapped[0] == 0x85 else 2 + wrapped[1]
literal = b"b\0\0\0\0\0" + plain
content = bytes([0xCB, len(literal)]) + literal
start, size = os.urandom(15), 0
head = bytes([0xD4, 1, 9, 2, size])
ocb = AESOCB3(bytes.fromhex(session))
body = head[1:] + start
chunks = [content[at : at + 64] for at in range(0, len(content), 64)]
for index in range(len(chunks) + 1):
    nonce = start[:7] + bytes(a ^ b for a, b in zip(start[7:], index.to_bytes(8, "big")))
    last = index == len(chunks)
    more = index.to_bytes(8, "big") + (len(content).to_bytes(8, "big") if last else b"")
    body += ocb.encrypt(nonce, b"" if last else chunks[index], head + more)
message = wrapped[:length] + bytes([0xD4, 192 + ((len(body) - 192) >> 8), (len(body) - 192) & 255]) + body
if len(body) < 192:
    message = wrapped[:length] + bytes([0xD4, len(body)]) + body
lines = base64.encodebytes(message).decode().split()
new = "\n".join(["-----BEGIN PGP MESSAGE-----", "", *lines, "-----END PGP MESSAGE-----"])
check = subprocess.run(["gpg", "-q", "-d"], input=new.encode(), capture_output=True)
assert check.stdout == plain, check
sys.stdout.write(text.replace(armored.group(), "\n".join(indent + line for line in new.splitlines())))
