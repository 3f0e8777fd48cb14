//! Executions and trails that hold tasks, or tell of them.

use super::*;

pub(super) fn execution(detail: Value) -> Value {
    json!({"detail-type": "Step Functions Execution Status Change", "source": "aws.states", "region": "eu-west-1", "detail": detail})
}

#[test]
fn an_execution_is_read_for_its_task_and_told_for_its_failure() {
    let (expected, cause) = (tasks(&read(answer().to_string())), task().to_string());
    for detail in [
        json!({"status": "FAILED", "error": "States.TaskFailed", "cause": cause}),
        json!({"status": "SUCCEEDED", "input": "{}", "output": json!({"x": [task()]}).to_string(), "cause": null}),
    ] {
        let contents = read(execution(detail).to_string());
        assert_eq!((tasks(&contents), contents.passed_by.len()), (expected.clone(), 0), "{:?}", contents.errors);
    }
    let secret = "no answer of https://ann:hunter2@x/?X-Amz-Signature=0123456789abcdef0123456789abcdef";
    let failed = read(execution(json!({"status": "FAILED", "error": "States.Timeout", "cause": secret})).to_string());
    let said = "States.Timeout: no answer of https://***@x/?X-Amz-Signature=***";
    assert_eq!(
        (failed.errors.len(), failed.passed_by.len(), failed.notes.concat()),
        (0, 1, format!("the execution failed: {said}"))
    );
    let runs = read(execution(json!({"status": "RUNNING", "input": "{}"})).to_string());
    assert_eq!((runs.errors.len(), runs.passed_by.len(), runs.notes.len()), (0, 1, 0));
    for (value, place) in [
        (json!({"Error": "States.Timeout", "Cause": secret}), "$"),
        (json!({"executionArn": "x", "status": "FAILED", "error": "States.Timeout", "cause": secret}), "$"),
        (json!({"a": 1, "error": {"Error": "States.Timeout", "Cause": secret}}), "$.error"),
    ] {
        let (told, hint) = error(value.to_string());
        assert_eq!(told, format!("f: {place} is a failure without a task in it: {said}"));
        assert!(hint.contains("get-execution-history"), "{hint}");
    }
    let long = error(json!({"Error": "x", "Cause": "many words ".repeat(1_000)}).to_string()).0;
    assert!(long.ends_with('…') && long.len() < 400, "{long}");
}

#[test]
fn what_cloudtrail_recorded_is_named_with_its_tasks() {
    let record = |call: &str, answer: Value| {
        json!({"eventVersion": "1.08", "eventSource": "ecs.amazonaws.com", "eventName": call, "requestParameters": {"cluster": "prod"},
            "responseElements": answer})
    };
    let run = record(
        "RunTask",
        json!({"tasks": [{"taskArn": ARN, "createdAt": "Nov 20, 2026, 10:00:00 AM"}], "failures": []}),
    );
    let stop = record("StopTask", json!({"task": {"taskArn": ARN, "lastStatus": "RUNNING"}}));
    for (value, call) in [
        (json!({"Records": [run]}), "RunTask"),
        (json!({"Records": [stop]}), "StopTask"),
        (run.clone(), "RunTask"),
        (json!({"Events": [{"EventName": "RunTask", "CloudTrailEvent": run.to_string()}]}), "RunTask"),
    ] {
        let (told, hint) = error(value.to_string());
        assert!(told.contains(&format!("is what CloudTrail recorded of {call}")) && told.ends_with(ARN), "{told}");
        assert!(hint.contains(&format!("ecspan show {ARN}")), "{hint}");
    }
    let others = read(
        json!({"Records": [record("DescribeTasks", json!(null)), run, record("RunTask", json!(null))]}).to_string(),
    );
    assert_eq!((others.passed_by.len(), others.errors.len()), (2, 1));
}
