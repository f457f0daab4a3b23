#!/bin/sh
# Records what the real kustomize (5.8.1, on the PATH) makes of every case.
set -u
cd "$(dirname "$0")" || exit 1
for case in */; do
    case=${case%/}
    # shellcheck disable=SC2046 # the file holds words
    set -- $(cat "$case/args" 2>/dev/null || echo .)
    here=$(pwd)/$case/in
    rm -f "$case/out.yaml" "$case/err.txt"
    if (cd "$here" && kustomize build "$@") >"$case/out.yaml" 2>"$case/err.txt"; then
        rm "$case/err.txt"
    else
        rm "$case/out.yaml"
        sed -i "s|$here|\$IN|g" "$case/err.txt"
    fi
done
