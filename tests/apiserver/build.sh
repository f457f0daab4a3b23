#!/usr/bin/env bash
# Builds etcd, kube-apiserver and kubectl for the end-to-end tests and prints the folder that holds them.
#
# KUBEBUILDER_ASSETS, when it names a folder with the three, is used as it is. Otherwise they are built once (about
# seven minutes on two cores) from the versions in go.mod and kept in the user's cache folder. Needs Go.
set -euo pipefail
cd "$(dirname "$0")"

complete() { [ -x "$1/etcd" ] && [ -x "$1/kube-apiserver" ] && [ -x "$1/kubectl" ]; }

if [ -n "${KUBEBUILDER_ASSETS:-}" ] && complete "$KUBEBUILDER_ASSETS"; then
  echo "$KUBEBUILDER_ASSETS"
  exit
fi

version=$(sed -n 's/^\tk8s.io\/kubernetes v//p' go.mod)
out="${XDG_CACHE_HOME:-$HOME/.cache}/kluctl-tests/kubernetes-$version"
if ! complete "$out"; then
  command -v go >/dev/null || { echo "building kube-apiserver for the tests needs Go (or set KUBEBUILDER_ASSETS)" >&2; exit 1; }
  mkdir -p "$out"
  minor=${version#*.}
  variable=k8s.io/component-base/version
  flags="-s -w -X $variable.gitVersion=v$version -X $variable.gitMajor=${version%%.*} -X $variable.gitMinor=${minor%%.*}"
  for package in go.etcd.io/etcd/server/v3 k8s.io/kubernetes/cmd/kubectl k8s.io/kubernetes/cmd/kube-apiserver; do
    name=$(basename "$package"); [ "$name" = v3 ] && name=etcd
    echo "building $name $version" >&2
    CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags "$flags" -o "$out/$name.new" "$package" >&2
    mv "$out/$name.new" "$out/$name"
  done
fi
echo "$out"
