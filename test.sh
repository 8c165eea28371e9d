#!/usr/bin/env bash
# ./test.sh        the fast tests (12 minutes at most on 2 cores)
# ./test.sh --all  every test, the quickstart and the real servers (45 minutes at most); what is missing is a failure there
# The last line is "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

filter=(--filter-not-trait "Category=Slow")
export VOLLEY_REQUIRE_ALL=0
# Idle OpenMP threads sleep instead of spinning: a test program that loads libtorch is one of several on these cores.
export GOMP_SPINCOUNT=0
case "${1:-}" in
  "") ;;
  --all) filter=(); export VOLLEY_REQUIRE_ALL=1 ;;
  *) echo "usage: ./test.sh [--all]" >&2; exit 2 ;;
esac

# Project, and its time budget in seconds: fast, --all. One after the other: cluster tests must not share the cores.
projects=(
  "Architecture.Tests  60   60"
  "Shared.Tests        60  120"
  "Models.Tests       150  360"
  "GpuNode.Tests      240  900"
  "Coordinator.Tests  150  420"
  "Simulation.Tests   150  700"
  "Cluster.Tests      120 2700"
)

passed=0 failed=0 skipped=0
finish() { echo "$passed passed, $failed failed, $skipped skipped"; [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]; exit; }

build_log=$(mktemp)
trap 'rm -f "$build_log"' EXIT
if ! dotnet build Distributed.sln -c Release --nologo -v minimal --disable-build-servers >"$build_log" 2>&1 || ! ./volley --version >/dev/null; then
  grep -E 'error' "$build_log" | sort -u | head -40
  echo "the build failed"; failed=1; finish
fi

for line in "${projects[@]}"; do
  read -r project fast_seconds all_seconds <<<"$line"
  seconds=$fast_seconds; [ "$VOLLEY_REQUIRE_ALL" = 1 ] && seconds=$all_seconds
  log=$(mktemp); started=$SECONDS
  timeout --kill-after=10 "$seconds" "artifacts/bin/$project/release_linux-x64/$project" --no-ansi --no-progress "${filter[@]}" >"$log" 2>&1
  code=$?
  count() { grep -E "^ +$1: [0-9]+$" "$log" | tail -n 1 | grep -oE '[0-9]+' || echo 0; }
  p=$(count succeeded) f=$(count failed) s=$(count skipped)
  if [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; then
    f=1
    [ "$code" -eq 124 ] && echo "$project: stopped after its budget of $seconds s"
  fi
  [ "$code" -ne 0 ] && cat "$log"
  grep -E '^skipped ' "$log"
  printf '%-20s %4d passed %3d failed %3d skipped %5d s of %d\n' "$project" "$p" "$f" "$s" $((SECONDS - started)) "$seconds"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  rm -f "$log"
done
finish
