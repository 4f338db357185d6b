#!/usr/bin/env bash
# Verifies what a CI job has downloaded, before anything of it is used. The GitHub Action, the GitLab
# template and the Jenkins stage of this repository run this script and no other.
#
# What is asked stands in variables, one value a line where several can be meant:
#
#   ATTEST_SUBJECTS      files, folders, checksum files; at least one
#   ATTEST_KEYS          expected keys: files or pins
#   ATTEST_SIGNERS       a signers file        ATTEST_POLICY   a policy
#   ATTEST_TRUSTED_ROOTS trusted roots: files, with or without @sha256:…
#   ATTEST_RELEASE       NAME@VERSION          ATTEST_FORMAT   human, json, sarif, junit or github
#   ATTEST_REPORT        where the answer is written as well
#   ATTEST_BIN           the program [default: attest], and its digest in ATTEST_BIN_SHA256
#
# Its exit code is attest's: 0 is the only yes.
set -euo pipefail

program=$(command -v -- "${ATTEST_BIN:-attest}") || {
  echo "error: there is no program ${ATTEST_BIN:-attest}" >&2
  exit 2
}
if [ -n "${ATTEST_BIN_SHA256:-}" ]; then
  found=$(sha256sum <"$program")
  if [ "${found%% *}" != "${ATTEST_BIN_SHA256#sha256:}" ]; then
    echo "error: $program has sha256:${found%% *}, wanted $ATTEST_BIN_SHA256" >&2
    exit 2
  fi
fi

arguments=(verify)
# Each line of a variable with a flag before it; blank lines say nothing.
add() {
  local flag=$1 line
  while IFS= read -r line; do
    line="${line#"${line%%[![:space:]]*}"}"
    line="${line%"${line##*[![:space:]]}"}"
    [ -n "$line" ] || continue
    if [ -n "$flag" ]; then arguments+=("$flag=$line"); else subjects+=("$line"); fi
  done <<<"${2:-}"
}
subjects=()
add "" "${ATTEST_SUBJECTS:-}"
if [ "${#subjects[@]}" -eq 0 ]; then
  echo "error: ATTEST_SUBJECTS names nothing to verify" >&2
  exit 2
fi
add --key "${ATTEST_KEYS:-}"
add --signers "${ATTEST_SIGNERS:-}"
add --policy "${ATTEST_POLICY:-}"
add --trusted-root "${ATTEST_TRUSTED_ROOTS:-}"
add --release "${ATTEST_RELEASE:-}"
add --format "${ATTEST_FORMAT:-}"

if [ -n "${ATTEST_REPORT:-}" ]; then
  # A report that cannot be written says nothing of what is verified: could not tell.
  if ! { : >"$ATTEST_REPORT"; } 2>/dev/null; then
    echo "error: the report cannot be written to $ATTEST_REPORT" >&2
    exit 3
  fi
  status=0
  "$program" "${arguments[@]}" -- "${subjects[@]}" >"$ATTEST_REPORT" || status=$?
  cat -- "$ATTEST_REPORT" || [ "$status" -ne 0 ] || status=3
  exit "$status"
fi
exec "$program" "${arguments[@]}" -- "${subjects[@]}"
