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
rounds=${2:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME="$work"

measure() {
    label=$1
    shift
    : >"$work/times"
    for _ in $(seq "$rounds"); do
        /usr/bin/time -a -f "%U %S %M" -o "$work/times" "$@" >"$work/out-$label" 2>/dev/null || true
    done
    awk '/^[0-9]/ { cpu += $1 + $2; if ($3 > peak) peak = $3; n++ } END { printf "%.4f %.1f\n", cpu / n, peak / 1024 }' "$work/times"
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
