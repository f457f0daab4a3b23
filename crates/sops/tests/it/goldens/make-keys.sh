#!/usr/bin/env bash
# Makes what is needed to open files without any program: GnuPG's own folders, keys under a passphrase, and files for them.
# Needs sops, gpg, age with age-plugin-batchpass and ssh-keygen on the PATH; keeps keys that are there. Everything in
# protected/ has the passphrase `battery staple`. Writes the versions of the tools to VERSION-keys.
set -euo pipefail
cd "$(dirname "$0")"
export HOME=$(mktemp -d) SOPS_DISABLE_VERSION_CHECK=1
trap 'gpgconf --homedir "$HOME/g" --kill all; rm -rf "$HOME"' EXIT
{ sops --version --disable-version-check | head -1; gpg --version | head -1; echo "age $(age --version)"; } >VERSION-keys
passphrase='battery staple'
mkdir -p protected gnupg
export GNUPGHOME=$HOME/g
mkdir -m 700 "$GNUPGHOME"

# key NAME KIND PASSPHRASE : a secret key that encrypts, exported to NAME.asc
key() {
  [ -e "$1.asc" ] || {
    local id; id=$(basename "$1")
    gpg --batch --quiet --pinentry-mode loopback --passphrase "$3" --quick-generate-key "$id <$id@example.com>" "$2" default never
    local fingerprint; fingerprint=$(gpg --list-keys --with-colons "$id@" | awk -F: '/^fpr/{print $10; exit}')
    case $2 in
      nist*) gpg --batch --quiet --pinentry-mode loopback --passphrase "$3" --quick-add-key "$fingerprint" "$2" encr never ;;
      rsa*) gpg --batch --quiet --pinentry-mode loopback --passphrase "$3" --quick-add-key "$fingerprint" "$2" encr never ;;
    esac
    gpg --batch --pinentry-mode loopback --passphrase "$3" --armor --export-secret-keys "$id@" >"$1.asc"
  }
  gpg --batch --quiet --pinentry-mode loopback --passphrase "$3" --import "$1.asc"
}
key keys/pgp-rsa2048 rsa2048 ''
key keys/pgp-future-default future-default ''
for curve in nistp256 nistp384 nistp521; do key keys/pgp-$curve $curve ''; done
key protected/pgp-rsa rsa2048 "$passphrase"
key protected/pgp-ecc future-default "$passphrase"

# GnuPG's folders as it left them, each with the form of key files that this version writes: keys in the clear, under a
# passphrase, and imported ones that were not used yet. `make-keys.sh` keeps them, since it imports what it made before.
folder() {
  rm -rf "gnupg/$1"
  mkdir -p "gnupg/$1/private-keys-v1.d"
  cp "$GNUPGHOME/pubring.kbx" "gnupg/$1"
  for id in "${@:2}"; do
    for grip in $(gpg --list-keys --with-keygrip --with-colons "$id@" | awk -F: '/^grp/{print $10}'); do
      cp "$GNUPGHOME/private-keys-v1.d/$grip.key" "gnupg/$1/private-keys-v1.d"
    done
  done
}
[ -d gnupg/plain ] || folder plain pgp-nistp256 pgp-nistp384 pgp-nistp521
[ -d gnupg/protected ] || folder protected pgp-rsa pgp-ecc
gpgconf --kill all
rm -rf "$GNUPGHOME"
mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --import keys/*.asc protected/*.asc
folder imported rsa2048 future-default pgp-rsa pgp-ecc
# As GnuPG 1 had it.
rm -rf gnupg/old && mkdir gnupg/old
gpg --batch --export-secret-keys rsa2048@ >gnupg/old/secring.gpg

fingerprint() { gpg --list-keys --with-colons "$1@" | awk -F: '/^fpr/{print $10; exit}'; }
encrypt() { sops --config /dev/null encrypt "${@:2}" plain/secret.yaml >"encrypted/$1"; }
for curve in nistp256 nistp384 nistp521; do encrypt pgp-$curve.yaml --pgp "$(fingerprint pgp-$curve)"; done
encrypt pgp-protected-rsa.yaml --pgp "$(fingerprint pgp-rsa)"
encrypt pgp-protected-ecc.yaml --pgp "$(fingerprint pgp-ecc)"

# The identity of age-1 under the passphrase, in armour and not, and an SSH key under it.
[ -e protected/age-1.age ] || {
  AGE_PASSPHRASE=$passphrase AGE_PASSPHRASE_WORK_FACTOR=12 age -e -j batchpass -o protected/age-1.age keys/age-1.txt
  AGE_PASSPHRASE=$passphrase AGE_PASSPHRASE_WORK_FACTOR=12 age -e -a -j batchpass -o protected/age-1-armored.age keys/age-1.txt
  cp keys/id_ed25519 keys/id_rsa protected
  chmod 600 protected/id_*
  ssh-keygen -q -p -P '' -N "$passphrase" -f protected/id_ed25519
  ssh-keygen -q -p -P '' -N "$passphrase" -f protected/id_rsa
}
for file in encrypted/pgp-nist*.yaml encrypted/pgp-protected-*.yaml; do cp decrypted/pgp-rsa.yaml "decrypted/$(basename "$file")"; done

# Key files as GnuPG before 2.3 wrote them, under the passphrase in the older of its two forms.
[ -d gnupg/chained ] || {
  mkdir -p gnupg/chained/private-keys-v1.d
  cp gnupg/plain/pubring.kbx gnupg/chained
  for file in gnupg/plain/private-keys-v1.d/*.key; do
    ./canonical.py "$file" >"$HOME/key"
    /usr/lib/gnupg/gpg-protect-tool -P "$passphrase" -p "$HOME/key" >"gnupg/chained/private-keys-v1.d/$(basename "$file")"
  done
}
# A message in the form of GnuPG 2.3, which no tool of this list writes.
[ -e encrypted/pgp-aead.yaml ] || ./aead.py encrypted/pgp-rsa.yaml rsa2048 >encrypted/pgp-aead.yaml
cp decrypted/pgp-rsa.yaml decrypted/pgp-aead.yaml
