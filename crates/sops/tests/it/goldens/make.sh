#!/usr/bin/env bash
# Encrypts plain/* with the real sops and writes what it decrypts them to. Keys in keys/ are for these tests only.
# Needs sops, age-keygen, gpg and ssh-keygen on the PATH; writes the version of sops to VERSION.
set -euo pipefail
cd "$(dirname "$0")"
export HOME=$(mktemp -d) SOPS_DISABLE_VERSION_CHECK=1
export GNUPGHOME=$HOME/gnupg
mkdir -m 700 "$GNUPGHOME"
trap 'gpgconf --kill all; rm -rf "$HOME"' EXIT
sops --version --disable-version-check | head -1 >VERSION

for n in 1 2 3; do [ -e keys/age-$n.txt ] || age-keygen -o keys/age-$n.txt 2>/dev/null; done
[ -e keys/id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -C test -f keys/id_ed25519
[ -e keys/id_rsa ] || ssh-keygen -q -t rsa -b 2048 -N '' -C test -f keys/id_rsa
for kind in rsa2048 future-default; do
  [ -e keys/pgp-$kind.asc ] || {
    gpg --batch --quiet --passphrase '' --quick-generate-key "test-$kind <$kind@example.com>" $kind default never
    [ $kind = rsa2048 ] && gpg --batch --quiet --passphrase '' --quick-add-key "$(gpg --list-keys --with-colons test-$kind | awk -F: '/^fpr/{print $10; exit}')" rsa2048 encr never
    gpg --batch --armor --export-secret-keys test-$kind >keys/pgp-$kind.asc
  }
  gpg --batch --quiet --import keys/pgp-$kind.asc
done
fingerprint() { gpg --list-keys --with-colons "test-$1" | awk -F: '/^fpr/{print $10; exit}'; }
age() { sed -n 's/^# public key: //p' "keys/age-$1.txt"; }

# encrypt NAME SOURCE OPTIONS... : encrypted/NAME, and decrypted/NAME as sops gives it back
encrypt() {
  local name=$1 source=$2; shift 2
  sops --config /dev/null encrypt "$@" "plain/$source" >"encrypted/$name"
  sops decrypt "encrypted/$name" >"decrypted/$name"
}
export SOPS_AGE_KEY_FILE=$HOME/keys.txt SOPS_AGE_SSH_PRIVATE_KEY_FILE=$PWD/keys/id_ed25519
cat keys/age-*.txt >"$SOPS_AGE_KEY_FILE"
rm -rf encrypted decrypted
mkdir -p encrypted decrypted "$HOME/.ssh"
cp keys/id_rsa "$HOME/.ssh/id_rsa"
one=$(age 1)
for file in types.yaml vars.yaml comments.yaml documents.yaml values.json app.env app.ini key.bin text.conf; do
  encrypt "$file" "$file" --age "$one"
done
encrypt encrypted-regex.yaml secret.yaml --age "$one" --encrypted-regex '^(data|stringData)$'
encrypt unencrypted-regex.yaml types.yaml --age "$one" --unencrypted-regex '^(list|number)'
encrypt encrypted-suffix.yaml suffix.yaml --age "$one" --encrypted-suffix _secret
encrypt unencrypted-suffix.yaml suffix.yaml --age "$one" --unencrypted-suffix _plain
encrypt default-suffix.json suffix.json --age "$one"
# with_rule NAME SOURCE RULES : the same, for rules that only a configuration can have
with_rule() {
  printf 'creation_rules:\n  - age: "%s"\n' "$one" >"$HOME/rule.yaml"
  printf '    %s\n' "${@:3}" >>"$HOME/rule.yaml"
  sops --config "$HOME/rule.yaml" encrypt "plain/$2" >"encrypted/$1"
  sops decrypt "encrypted/$1" >"decrypted/$1"
}
with_rule encrypted-comment-regex.yaml comments.yaml 'encrypted_comment_regex: sops:enc'
with_rule unencrypted-comment-regex.yaml comments.yaml 'unencrypted_comment_regex: sops:clear'
with_rule mac-only-encrypted.yaml secret.yaml 'encrypted_regex: ^(data|stringData)$' 'mac_only_encrypted: true'
with_rule mac-only-encrypted.env app.env 'encrypted_suffix: PASSWORD' 'mac_only_encrypted: true'
encrypt ssh-ed25519.yaml secret.yaml --age "$(cat keys/id_ed25519.pub)"
encrypt ssh-rsa.yaml secret.yaml --age "$(cat keys/id_rsa.pub)"
encrypt pgp-rsa.yaml secret.yaml --pgp "$(fingerprint rsa2048)"
encrypt pgp-ecc.yaml secret.yaml --pgp "$(fingerprint future-default)"
encrypt pgp.env app.env --pgp "$(fingerprint rsa2048)" --age "$one"
encrypt pgp.ini app.ini --pgp "$(fingerprint rsa2048)" --age "$one"
cat >"$HOME/groups.yaml" <<END
creation_rules:
  - shamir_threshold: 2
    key_groups:
      - age: ["$(age 1)"]
      - age: ["$(age 2)"]
      - age: ["$(age 3)"]
        pgp: ["$(fingerprint rsa2048)"]
END
for file in secret.yaml values.json app.env app.ini; do
  sops --config "$HOME/groups.yaml" encrypt "plain/$file" >"encrypted/groups-$file"
  sops decrypt "encrypted/groups-$file" >"decrypted/groups-$file"
done
