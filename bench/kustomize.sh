#!/bin/sh
# Compares `kluctl kustomize build` with `kustomize build`, both on the PATH (or in $KLUCTL and $KUSTOMIZE).
#
# First curve: N kustomizations of 5 ConfigMaps each under one root. Second curve: N objects in one kustomization, half of
# them Deployments that refer to ConfigMaps whose names get a prefix and a namespace. Prints CPU seconds and peak memory.
#
#     bench/kustomize.sh [SIZE]...        sizes of both curves, default 100 300 1000
set -eu
KLUCTL=${KLUCTL:-kluctl}
KUSTOMIZE=${KUSTOMIZE:-kustomize}
[ $# -gt 0 ] || set -- 100 300 1000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

many_folders() {
    mkdir -p "$2"
    echo 'resources:' >"$2/kustomization.yaml"
    for i in $(seq "$1"); do
        mkdir "$2/k$i"
        echo "- k$i" >>"$2/kustomization.yaml"
        printf 'namePrefix: k%s-\nresources:\n- cm.yaml\n' "$i" >"$2/k$i/kustomization.yaml"
        for j in 1 2 3 4 5; do
            printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c%s\ndata:\n  key: value\n' "$j"
        done >"$2/k$i/cm.yaml"
    done
}

many_objects() {
    mkdir -p "$2"
    printf 'namePrefix: p-\nnamespace: team\nresources:\n- all.yaml\n' >"$2/kustomization.yaml"
    for i in $(seq $(($1 / 2))); do
        printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c%s\n' "$i"
        printf -- '---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d%s\nspec:\n  template:\n    spec:\n' "$i"
        printf '      containers:\n      - name: a\n        image: a\n        envFrom:\n        - configMapRef:\n            name: c%s\n' "$i"
    done >"$2/all.yaml"
}

measure() {
    label=$1
    shift
    /usr/bin/time -f "%U %S %M" -o "$work/time" "$@" >"$work/out-$label"
    awk -v label="$label" '{ printf "  %-10s %8.2f s CPU %8.1f MB\n", label, $1 + $2, $3 / 1024 }' "$work/time"
}

for curve in many_folders many_objects; do
    for size in "$@"; do
        echo "$curve $size"
        $curve "$size" "$work/$curve-$size"
        measure kluctl "$KLUCTL" kustomize build "$work/$curve-$size"
        measure kustomize "$KUSTOMIZE" build "$work/$curve-$size"
        cmp "$work/out-kluctl" "$work/out-kustomize"
    done
done
