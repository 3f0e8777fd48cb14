//! What is no answer is named, with the command that gives one.

use super::*;

#[test]
fn what_is_no_answer_is_named_with_the_command_that_gives_one() {
    let python = "{'tasks': [{'taskArn': 'arn:aws:ecs:x:1:task/a', 'createdAt': datetime.datetime(2026, 1, 1, tzinfo=tzlocal())}]}";
    for (text, named, hint) in [
        (python, "Python's repr", "json.dumps(answer, default=str)"),
        (&format!("Response: {python}"), "Python's repr", "json.dumps"),
        ("{\n  tasks: [ { taskArn: 'arn', containers: [Array] } ]\n}", "JavaScript", "JSON.stringify"),
        ("{\n  Tasks: [{\n      TaskArn: \"arn\"\n    }]\n}", "JavaScript, Go", "--output json"),
        ("DescribeTasksResponse(Tasks=[Task(TaskArn=arn, Attachments=[])])", "Java or Ruby", "--output json"),
        ("{:tasks=>[{:task_arn=>\"arn\"}]}", "Java or Ruby", "to_json"),
        ("Output { tasks: Some([Task { task_arn: Some(\"arn\") }]) }", "Rust's debug print", "--output json"),
        ("LastStatus : RUNNING\nTaskArn    : arn\nTags       : {}\n", "PowerShell", "ConvertTo-Json"),
        (
            "{\n  '$metadata': { attempts: 1 },\n  tasks: [\n    {\n      attachments: [Array],\n      taskArn: 'arn'\n    }\n  ]\n}",
            "JavaScript",
            "JSON.stringify",
        ),
        (
            "&{Failures:[] Tasks:[{Attachments:[] ClusterArn:0xc00012 noSmithyDocumentSerde:{}}]}",
            "Go prints",
            "json.Marshal",
        ),
        (
            "{Attachments:[{Details:[{Name:subnetId Value:subnet-1}] Id:a1}] LastStatus:STOPPED}",
            "Go prints",
            "json.Marshal",
        ),
        ("&ecs.Task{Attachments:[]*ecs.Attachment{(*ecs.Attachment)(0xc0001)}}", "Go prints", "json.Marshal"),
        ("map[tasks:[map[taskArn:arn:aws:ecs:x:1:task/a]]]", "Go prints", "json.Marshal"),
        (
            "Task { attachments: Some([Attachment { id: Some(\"a\") }]), group: None }",
            "Rust's debug print",
            "--output json",
        ),
        ("Array\n(\n    [tasks] => Array\n        (\n        )\n)\n", "PHP prints", "json_encode"),
        ("%{\"tasks\" => [%{\"taskArn\" => \"arn\"}]}", "Elixir prints", "--output json"),
        ("#<struct Aws::ECS::Types::Task task_arn=\"arn\">", "Java or Ruby", "to_json"),
        (
            "{Tasks: [{TaskArn: arn:aws:ecs:x:1:task/a,CreatedAt: Fri Nov 20 10:00:00 UTC 2026}]}",
            "Java or Ruby",
            "--output json",
        ),
        ("Tasks : {Amazon.ECS.Model.Task}\r\n", "PowerShell", "ConvertTo-Json"),
        (
            "\nFailures Tasks      HttpStatusCode\n-------- -----      --------------\n{}       {A.Task}   OK\n",
            "PowerShell",
            "ConvertTo-Json",
        ),
        ("@{tasks=System.Object[]; failures=System.Object[]}", "PowerShell", "ConvertTo-Json"),
        (
            "resource \"aws_ecs_service\" \"web\" {\n  name = \"web\"\n  tags = {}\n}\n",
            "HCL, as Terraform",
            "--output json",
        ),
        (
            "terraform {\n  required_providers {\n    aws = { source = \"hashicorp/aws\" }\n  }\n}\n",
            "HCL, as Terraform",
            "--output json",
        ),
        (
            "  ~ resource \"a\" \"b\" {\n    + x = {}\n  }\n\nPlan: 0 to add, 1 to change, 0 to destroy.\n",
            "a plan of Terraform",
            "--output json",
        ),
        (
            "{\"terraform_version\": \"1.9\", \"resources\": [{\"name\": \"web\", \"desired_count\": 2}]}",
            "of Terraform",
            "",
        ),
        ("cluster = \"prod\"\nsubnets = [\"a\"]\n", "a list of settings", "--output json"),
        (
            "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY",
            "a part of its credentials",
            "--output json",
        ),
        ("The security token included in the request is expired", "expired", "--output json"),
        ("zsh: command not found: aws", "the AWS CLI's own error, not an answer: it is not installed", "--output json"),
        ("bash: aws: command not found", "it is not installed", "--output json"),
        ("sh: 1: aws: not found", "it is not installed", "--output json"),
        ("bash: line 1: jq: command not found", "jq is not installed", "--output json"),
        ("jq: error (at <stdin>:1): Cannot iterate over null (null)", "jq's own error", "without jq"),
        ("parse error: Invalid numeric literal at line 1, column 6", "jq's own error", "without jq"),
        (
            "Traceback (most recent call last):\n  File \"x.py\", line 3, in <module>\n    print({\"a\": r})\nbotocore.exceptions.ClientError: An \
             error occurred (ExpiredTokenException) when calling the DescribeTasks operation: x\n",
            "a traceback of Python, not an answer: ExpiredTokenException of DescribeTasks",
            "json.dumps",
        ),
        (
            "Traceback (most recent call last):\n  File \"x.py\", line 3\nTypeError: not serializable\n",
            "TypeError",
            "json.dumps",
        ),
        ("ssh: connect to host 10.0.0.1 port 22: Connection timed out", "ssh says", "--output json"),
        ("NAME   READY   STATUS    RESTARTS\nweb    0/1     Error     5\n", "kubectl says", "--output json"),
        ("apiVersion: v1\nkind: Pod\nspec: {}\n", "an object of Kubernetes", ""),
        ("CONTAINER ID   IMAGE     COMMAND\nabcdef012345   nginx     \"/x\"\n", "a list of docker", "docker inspect"),
        ("| task | status |\n|---|---|\n| a | b |\n", "a table, not an answer", "--output json"),
        (
            "ClusterNotFoundException: Cluster not found.\n  at x {\n  '$fault': 'client',\n  '$metadata': {\n    attempts: 1\n  }\n}\n",
            "an error of an AWS SDK, not an answer: ClusterNotFoundException",
            "--output json",
        ),
        (
            "operation error ECS: DescribeTasks, StatusCode: 400, ClusterNotFoundException: x",
            "an AWS SDK",
            "--output json",
        ),
        ("body { color: red; }\n", "no JSON was found: it begins with `body`", "--output json"),
        ("01:00 started {port=8080} in {x: 5}\n", "no JSON was found", "--output json"),
        ("AKIAIOSFODNN7EXAMPLE and so on", "text in which no JSON was found", "--output json"),
        ("------\n| RunTask |\n+-----+\n||  taskArn | arn ||\n", "--output table", "--output json"),
        ("TASKS\tarn\t256\nCONTAINERS\tarn\tapp\n", "--output text", "--output json"),
        ("--- a\n+++ b\n@@ -1,2 +1,2 @@\n {\n-  \"a\": 1\n+  \"a\": 2\n }\n", "a diff", "whole"),
        (
            "\nAn error occurred (ClusterNotFoundException) when calling the DescribeTasks operation: Cluster not found.\n",
            "the AWS CLI's own error, not an answer: ClusterNotFoundException of DescribeTasks",
            "--output json",
        ),
        (
            "Unable to locate credentials. You can configure credentials by running \"aws login\".",
            "no credentials",
            "--output json",
        ),
        ("<!DOCTYPE html>\n<html><script>var a = {\"b\": [1]};</script></html>", "HTML", "--output json"),
        ("{\"tasks\": [{\"taskArn\": \"arn\", ...}]}", "shortened by hand", "--output json"),
        ("{\"tasks\": [{\"taskArn\": \"arn\", \"containers\": [<snip>]}]}", "shortened by hand", "--output json"),
        ("{\"tasks\": [{\"taskArn\": \"arn\",", "ends in the middle", "whole"),
        ("\"name\": \"app\", \"x\": [{\"a\": 1}]}]}", "no beginning", "whole"),
        (
            "{\"tasks\": [{\"taskArn\": \"arn\" \"lastStatus\": \"X\"}]}",
            "a comma, a quote or a bracket",
            "--output json",
        ),
        ("tasks:\n- taskArn: \"arn:aws\n", "the YAML ends in the middle", "whole"),
        ("[INFO]\tx\t{'a': 1, 'arn': 'arn:aws:ecs'}", "Python's repr", "json.dumps"),
        ("hello world", "no JSON was found", "--output json"),
        ("{\"taskArns\": [\"arn:aws:ecs:x:1:task/a\"]}", "the names of tasks alone", "describe-tasks"),
        ("[]", "an answer without tasks", "forgotten"),
        ("null", "an answer without tasks", "forgotten"),
        ("{\"tasks\": [], \"failures\": []}", "an answer without tasks", "forgotten"),
        ("[[\"arn:aws:ecs:x:1:task/a\", \"STOPPED\"]]", "some fields of a task", "--query"),
        ("[{\"serviceName\": \"web\", \"serviceArn\": \"a\"}]", "some fields of a service", "--query"),
        ("{\"__type\": \"ClusterNotFoundException\", \"message\": \"x\"}", "an error of AWS", ""),
    ] {
        let (told, hinted) = error(text);
        assert!(told.starts_with('f') && told.contains(named), "{text}: {told}");
        assert!(hinted.contains(hint), "{text}: {hinted}");
        for words in ["EOF", "expected value", "key must be", "trailing characters", "AKIA"] {
            assert!(!told.contains(words), "a parser's words: {told}");
        }
    }
}
