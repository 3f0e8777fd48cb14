#!/usr/bin/env bash
# Rolls out a task definition – or takes a deployment that somebody else began – and says whether that held. Ends with ecspan's exit code:
# 0 held, 10 rolled back, 11 failed, 12 not over in time, 13 a finding of FAIL_ON or FAIL_FAST. That it held and something could not be read (3) or
# delivered (4) is told and no failure of the job, but with STRICT=true.
#
#   CLUSTER=prod SERVICE=web TASK_DEFINITION=web:8 examples/ci/deploy-and-report.sh
#
# TASK_DEFINITION  what to roll out, with the AWS CLI. Without it: wait for DEPLOYMENT (latest)
# TIMEOUT          wait at most so long (15m)
# REPORTS          where reports are kept between runs (reports): SERVICE.json is what the next one is compared with
# SUMMARY          a file for the Markdown report (GitHub Actions: GITHUB_STEP_SUMMARY)
# FAIL_FAST        wait no longer than it takes to see that it can only fail: "yes", or what --fail-fast takes ("2", "out-of-memory")
# UNTIL            wait only until then: started, stable, bake, or a stage
# FAIL_ON          findings that fail the job, separated by spaces: "slower-than-baseline task-failed"
# ARGUMENTS        more of `ecspan deploy`'s, separated by spaces
#
# Where OTEL_EXPORTER_OTLP_ENDPOINT is set, the traces are sent there; with TRACEPARENT as children of the pipeline's span. In GitHub
# Actions (GITHUB_OUTPUT) the outputs are outcome, trace-id, report and exit-code: ../../action.yml runs this.
set -euo pipefail
: "${CLUSTER:?}" "${SERVICE:?}"
reports=${REPORTS:-reports}
summary=${SUMMARY:-${GITHUB_STEP_SUMMARY:-}}
# CLUSTER/NAME and ARNs are services, too.
name=${SERVICE##*/}

deployment=${DEPLOYMENT:-latest}
if [ -n "${TASK_DEFINITION:-}" ]; then
    # The deployment that this very call made: whatever somebody else rolls out meanwhile is not ours.
    # shellcheck disable=SC2016
    deployment=$(aws ecs update-service --cluster "$CLUSTER" --service "$SERVICE" --task-definition "$TASK_DEFINITION" \
        --query 'service.deployments[?status==`PRIMARY`].id | [0]' --output text)
fi
echo "deployment $deployment"

mkdir -p "$reports"
report=$reports/$name.new.json
# What a run before left says nothing of this one.
rm -f "$report"
arguments=(--cluster "$CLUSTER" --deployment "$deployment" --wait"${UNTIL:+=$UNTIL}" --wait-timeout "${TIMEOUT:-15m}" --report-file "json:$report")
case ${FAIL_FAST:-} in
"") ;;
yes) arguments+=(--fail-fast) ;;
*) arguments+=("--fail-fast=$FAIL_FAST") ;;
esac
if [ -n "$summary" ]; then
    arguments+=(--report-file "markdown:$summary")
fi
if [ -f "$reports/$name.json" ]; then
    arguments+=(--baseline "$reports/$name.json")
fi
for finding in ${FAIL_ON:-}; do
    # There is nothing to be slower than before the first one.
    if [ "$finding" != slower-than-baseline ] || [ -f "$reports/$name.json" ]; then
        arguments+=(--fail-on "$finding")
    fi
done
if [ -n "${OTEL_EXPORTER_OTLP_ENDPOINT:-}" ]; then
    arguments+=(--to otlp)
fi
for argument in ${ARGUMENTS:-}; do
    arguments+=("$argument")
done

code=0
ecspan deploy "$SERVICE" "${arguments[@]}" || code=$?
cause=
if [ -f "$report" ]; then
    cause=$(sed -n '/^  "headline": \[/,/^  \]/ s/^    "\(.*\)",\{0,1\}$/\1/p' "$report" | sed 's/\\\(["\\/]\)/\1/g')
    cause=${cause//$'\n'/; }
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    # The report's own lines: no other tool need be there.
    of_report() { [ ! -f "$report" ] || sed -n "s/^  \"$1\": \"\(.*\)\",\$/\1/p" "$report"; }
    outcome=$(of_report outcome) trace=$(of_report trace_id)
fi
case $code in
0 | 3 | 4)
    # What held is what the next one is compared with; of what still goes on that is not known.
    if [ -z "${UNTIL:-}" ]; then
        mv "$report" "$reports/$name.json"
        report=$reports/$name.json
    fi
    ;;
13)
    # Slower is what it is now: to compare with that from here on, move the file by hand.
    echo "to accept it: mv $report $reports/$name.json" >&2
    ;;
esac
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    [ -f "$report" ] || report=
    printf '%s\n' "outcome=${outcome:-unknown}" "trace-id=$trace" "report=$report" "exit-code=$code" >>"$GITHUB_OUTPUT"
fi
case $code in
3 | 4) [ "${STRICT:-false}" != false ] || code=0 ;;
esac
# The log of a job is read from its end, where the report has said what happened and why. GitHub shows it on the run's own page, too; of a
# finding alone the report's first lines say it.
if [ "$code" != 0 ] && [ -n "$cause" ]; then
    if [ "${GITHUB_ACTIONS:-}" = true ]; then
        echo "::error title=Deployment of $name::${cause//%/%25}"
    elif [ "$code" = 13 ]; then
        echo "$SERVICE: $cause" >&2
    fi
fi
exit "$code"
