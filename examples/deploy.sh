#!/usr/bin/env bash
# A change of deployment under load: workers of `blue` execute runs, workers of `green` are started beside them, and blue is
# told to end. What it does not finish in time, green goes on with; no client notices.
#
#   examples/deploy.sh                                     # with a file as the store
#   GENSX_SINK=redis://127.0.0.1 RUNS=50 examples/deploy.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly RUNS=${RUNS:-20}
readonly WAIT_SECONDS=60
logs=$(mktemp -d)
export GENSX_SINK=${GENSX_SINK:-sqlite:$logs/gensx.db}
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$logs"' EXIT

read -ra flags <<<"${CARGO_FLAGS:-}"
cargo build --quiet --example worker --example client "${flags[@]}"
bin=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/examples

# Waits until a log has a line with a text.
saw() {
    local end=$((SECONDS + WAIT_SECONDS))
    until grep -q "$2" "$logs/$1" 2>/dev/null; do
        ((SECONDS < end)) || { echo "no \"$2\" from $1 within $WAIT_SECONDS s" >&2; return 1; }
        sleep 0.05
    done
}

DEPLOYMENT=blue "$bin/worker" >"$logs/blue" &
blue=$!
saw blue works
clients=()
for ((n = 1; n <= RUNS; n++)); do
    "$bin/client" "$n-"{a,b,c,d,e,f,g,h} >"$logs/client-$n" &
    clients+=($!)
done
saw blue summarizes
echo "blue executes $RUNS runs; green is started beside it"
DEPLOYMENT=green "$bin/worker" >"$logs/green" &
green=$!
saw green works

echo "blue is told to end"
kill -TERM "$blue"
wait "$blue"
echo "blue has ended, and gave back what it had not finished"
for client in "${clients[@]}"; do wait "$client"; done
kill -TERM "$green"
wait "$green"

moved=$(grep -l '"moved_from":"blue"' "$logs"/client-* | wc -l)
ended=$(grep -l '"type":"run.ended".*"status":"succeeded"' "$logs"/client-* | wc -l)
echo "$ended of $RUNS runs succeeded; $moved of them moved from blue to green on their way"
