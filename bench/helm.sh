#!/bin/sh
# Compares `kluctl helm template` with `helm template`, both on the PATH (or in $KLUCTL and $HELM).
#
# Renders every chart of a folder ROUNDS times with default values and prints CPU time and peak memory of each, and how many times more
# Helm takes. The charts of ../shared/corpus/charts are taken where they are there; any folder of charts will do.
#
#     bench/helm.sh [CHARTS [ROUNDS]]
set -eu
KLUCTL=${KLUCTL:-kluctl}
HELM=${HELM:-helm}
charts=${1:-$(dirname "$0")/../../shared/corpus/charts}
rounds=${2:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME="$work"

# All rounds are timed as one, since `time` cuts what it prints to hundredths of a second.
measure() {
    label=$1
    shift
    /usr/bin/time -f "%U %S %M" -o "$work/times" sh -c '
        rounds=$1 out=$2
        shift 2
        while [ "$rounds" -gt 0 ]; do
            "$@" >"$out" 2>/dev/null || true
            rounds=$((rounds - 1))
        done' sh "$rounds" "$work/out-$label" "$@"
    awk -v n="$rounds" '/^[0-9]/ { printf "%.4f %.1f\n", ($1 + $2) / n, $3 / 1024 }' "$work/times"
}

printf '%-32s %9s %9s %6s %9s %9s %6s\n' chart 'ours ms' 'helm ms' ratio 'ours MB' 'helm MB' ratio
for chart in "$charts"/*/Chart.yaml; do
    chart=$(dirname "$chart")
    ours=$(measure ours "$KLUCTL" helm template bench "$chart")
    theirs=$(measure theirs "$HELM" template bench "$chart")
    cmp -s "$work/out-ours" "$work/out-theirs" && same='' || same=' (outputs differ: random names, or an error)'
    echo "$(basename "$chart") $ours $theirs$same" | awk '{
        note = ""; for (i = 6; i <= NF; i++) note = note " " $i
        printf "%-32s %9.1f %9.1f %6.1f %9.1f %9.1f %6.1f%s\n", $1, $2 * 1000, $4 * 1000, $4 / ($2 > 0 ? $2 : 0.001), $3, $5, $5 / $3, note }'
done
