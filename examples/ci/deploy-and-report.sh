#!/usr/bin/env bash
# Rolls out a task definition and says whether that held. Ends with ecspan's exit code: 0 held, 10 rolled back, 11 failed,
# 12 not over in time, 13 a finding of FAIL_ON. That it held and something could not be read (3) or delivered (4) is told and no
# failure of the job, but with STRICT=1.
#
#   CLUSTER=prod SERVICE=web TASK_DEFINITION=web:8 examples/ci/deploy-and-report.sh
#
# TIMEOUT    wait at most so long (15m)
# REPORTS    where reports are kept between runs (reports): SERVICE.json is what the next one is compared with
# SUMMARY    a file for the Markdown report (GitHub Actions: GITHUB_STEP_SUMMARY)
# FAIL_ON    findings that fail the job, separated by spaces: "slower-than-baseline task-failed"
#
# Where OTEL_EXPORTER_OTLP_ENDPOINT is set, the traces are sent there; with TRACEPARENT as children of the pipeline's span.
set -euo pipefail
: "${CLUSTER:?}" "${SERVICE:?}" "${TASK_DEFINITION:?}"
reports=${REPORTS:-reports}
summary=${SUMMARY:-${GITHUB_STEP_SUMMARY:-}}

# The deployment that this very call made: whatever somebody else rolls out meanwhile is not ours.
deployment=$(aws ecs update-service --cluster "$CLUSTER" --service "$SERVICE" --task-definition "$TASK_DEFINITION" \
    --query 'service.deployments[?status==`PRIMARY`].id | [0]' --output text)
echo "deployment $deployment"

mkdir -p "$reports"
arguments=(--cluster "$CLUSTER" --deployment "$deployment" --wait --wait-timeout "${TIMEOUT:-15m}")
arguments+=(--report-file "json:$reports/$SERVICE.new.json")
if [ -n "$summary" ]; then
    arguments+=(--report-file "markdown:$summary")
fi
if [ -f "$reports/$SERVICE.json" ]; then
    arguments+=(--baseline "$reports/$SERVICE.json")
fi
for finding in ${FAIL_ON:-}; do
    # There is nothing to be slower than before the first one.
    if [ "$finding" != slower-than-baseline ] || [ -f "$reports/$SERVICE.json" ]; then
        arguments+=(--fail-on "$finding")
    fi
done
if [ -n "${OTEL_EXPORTER_OTLP_ENDPOINT:-}" ]; then
    arguments+=(--to otlp)
fi

code=0
ecspan deploy "$SERVICE" "${arguments[@]}" || code=$?
case $code in
0 | 3 | 4)
    # What held is what the next one is compared with.
    mv "$reports/$SERVICE.new.json" "$reports/$SERVICE.json"
    if [ -z "${STRICT:-}" ]; then code=0; fi
    ;;
13)
    # Slower is what it is now: to compare with that from here on, move the file by hand.
    echo "to accept it: mv $reports/$SERVICE.new.json $reports/$SERVICE.json" >&2
    ;;
esac
exit "$code"
