#!/bin/sh
# Compares `kluctl render --print-all` with upstream's, both on the PATH as `kluctl` and `kluctl-upstream` (or in $KLUCTL and $UPSTREAM).
#
# Renders projects of N items with 5 templated ConfigMaps each, ROUNDS times, and prints per size: CPU seconds, wall seconds and peak
# memory of each, and CPU per item, which stays the same where the curve is linear. Without upstream only ours is measured.
# Upstream is measured up to 1,000 items, its template processes' CPU time included.
#
#     bench/render.sh [SIZE]...           default 100 300 1000 2000 5000 10000
set -eu
KLUCTL=${KLUCTL:-kluctl}
UPSTREAM=${UPSTREAM:-kluctl-upstream}
ROUNDS=${ROUNDS:-3}
[ $# -gt 0 ] || set -- 100 300 1000 2000 5000 10000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/home"
export HOME="$work/home" KUBECONFIG=/nonexistent KLUCTL_CACHE_DIR="$work/cache"

project() {
    mkdir -p "$2"
    printf 'targets:\n- name: bench\n  args: {env: prod}\nargs:\n- name: env\n- name: replicas\n  default: 3\n' >"$2/.kluctl.yaml"
    printf 'app:\n  owner: team-{{ args.env }}\n  features:\n  - {name: a, enabled: true}\n  - {name: b, enabled: false}\n' >"$2/vars.yaml"
    printf 'vars:\n- file: vars.yaml\ncommonLabels: {env: "{{ args.env }}"}\ndeployments:\n' >"$2/deployment.yaml"
    for i in $(seq "$1"); do
        mkdir "$2/item-$i"
        printf -- '- path: item-%s\n  vars:\n  - values: {item: {index: %s, name: item-%s}}\n' "$i" "$i" "$i" >>"$2/deployment.yaml"
        for j in 1 2 3 4 5; do
            cat >"$2/item-$i/cm$j.yaml" <<END
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ item.name }}-cm$j
  annotations:
    hash: "{{ (item.name + '-$j') | sha256 }}"
data:
  owner: "{{ app.owner }}"
  replicas: "{{ args.replicas * (item.index + 1) }}"
  config.yaml: |
{%- for f in app.features if f.enabled %}
    - name: {{ f.name }}-{{ loop.index }}
      item: {{ item.name | upper }}
{%- endfor %}
END
        done
    done
}

# Prints CPU and wall seconds of the best round, and the peak of the largest process in MB.
measure() {
    : >"$work/times"
    for _ in $(seq "$ROUNDS"); do
        /usr/bin/time -a -f '%U %S %e %M' -o "$work/times" "$@" >"$work/out" 2>"$work/errors" || tail -n 3 "$work/errors" >&2
    done
    awk '/^[0-9]/ { cpu = $1 + $2; if (!n++ || cpu < best) { best = cpu; wall = $3 } if ($4 > peak) peak = $4 }
        END { printf "%.3f %.2f %.0f\n", best, wall, peak / 1024 }' "$work/times"
}

printf '%7s  %-10s %9s %9s %9s %14s\n' items program 'CPU s' 'wall s' 'peak MB' 'CPU ms/item'
for size in "$@"; do
    folder="$work/project-$size"
    project "$size" "$folder"
    for program in "$KLUCTL" "$UPSTREAM"; do
        command -v "$program" >/dev/null || continue
        if [ "$program" = "$UPSTREAM" ] && [ "$size" -gt 1000 ]; then continue; fi
        figures=$(measure "$program" render --offline-kubernetes --print-all -t bench --project-dir "$folder")
        echo "$size $(basename "$program") $figures" |
            awk '{ printf "%7d  %-10s %9.3f %9.2f %9.0f %14.3f\n", $1, substr($2, 1, 10), $3, $4, $5, 1000 * $3 / $1 }'
        mv "$work/out" "$work/out-$(basename "$program")"
    done
    if [ -f "$work/out-$(basename "$UPSTREAM")" ]; then
        cmp -s "$work/out-$(basename "$KLUCTL")" "$work/out-$(basename "$UPSTREAM")" || echo "        the outputs differ"
        rm -f "$work/out-$(basename "$UPSTREAM")"
    fi
    rm -rf "$folder"
done
