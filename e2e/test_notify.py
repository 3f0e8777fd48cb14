"""`--notify`: people are told of what failed, by a topic and by a webhook, no more often than they bear, and never with a secret."""

import json
import socket
from urllib.parse import parse_qs

import pytest
from conftest import told_to_stop as drained
from http_server import HttpServer
from making import making
from proxy import Proxy
from servers import LambdaApi, free_port
from sqs import Queue, event, stopped_tasks
from test_worker import start
from test_worker_deployments import ended

#: The part of a webhook's URL that nobody may see.
KEY = "T00000000/B00000000/XXXXtopsecretXXXX"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:failures"


class Taker(HttpServer):
    """Answers one after the other, the last again and again, and keeps what it was sent."""

    def __init__(self, *answers):
        self.bodies, self.answers = [], list(answers or [(200, {}, "ok")])
        super().__init__(self.take)

    def take(self, path, headers, body):
        self.bodies.append((path, dict(headers), body.decode()))
        status, headers, text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return status, headers, text.encode()

    @property
    def hook(self):
        return f"{self.url}/services/{KEY}"

    def texts(self):
        return [json.loads(body)["text"] for _, _, body in self.bodies]


@pytest.fixture
def taker():
    with making(Taker) as make:
        yield make


def failed(path, count=1, **more):
    why = {"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: no such image <!channel> & more"}
    return [event({**task, **why, **more}) for task in stopped_tasks(path, count)]


def worked(ecspan, queue, tmp_path, *arguments, within=60, **options):
    process = start(ecspan, queue, "--to", f"file:{tmp_path / 'out'}", "--logs-settle", "0s", *arguments, **options)
    queue.wait_until_empty(within)
    code, told = drained(process)
    assert code == 0, told
    assert "topsecret" not in told, told
    return told


def test_a_failed_task_is_told_once_and_others_are_not(ecspan, elasticmq, taker, tmp_path):
    hook, queue, otlp = taker(), Queue(elasticmq, receives=1), taker((200, {"Content-Type": "application/json"}, "{}"))
    [one] = failed(tmp_path / "tasks")
    queue.send(one, *map(event, stopped_tasks(tmp_path / "ok", 2)), one)
    sent = ("--to", "otlp", "--endpoint", otlp.url, "--protocol", "http/json")
    told = worked(ecspan, queue, tmp_path, "--ui-url", "http://jaeger:16686/", *sent, env={"ECSPAN_NOTIFY": hook.hook})
    [text] = hook.texts()
    id = json.loads(one)["detail"]["taskArn"].rsplit("/", 1)[-1]
    assert ": CannotPullContainerError: no such image &lt;!channel&gt; &amp; more*\n" in text and text.count("CannotPull") == 1, text
    assert f"/{id}`\n" in text and "\n`ecspan show " in text, text
    assert "image pull 6.5 s" in text and f"<http://jaeger:16686/trace/{id}|trace>" in text, text
    assert "msg=notified sent=1 failed=0 counted=0" in told, told
    [(path, headers, _)] = hook.bodies
    assert path == f"/services/{KEY}" and headers["content-type"] == "application/json"


def test_in_a_file_nobody_looks_a_trace_up(ecspan, elasticmq, taker, tmp_path):
    hook, queue = taker(), Queue(elasticmq, receives=1)
    queue.send(*failed(tmp_path / "tasks"))
    worked(ecspan, queue, tmp_path, "--ui-url", "http://jaeger:16686/", "--notify", hook.hook)
    [text] = hook.texts()
    assert "jaeger" not in text and "ecspan show " in text, text


def test_the_last_lines_are_there_and_no_key_of_theirs(ecspan, aws, elasticmq, taker, tmp_path):
    hook, queue = taker(), Queue(elasticmq, receives=1)
    made = aws.rollouts.rolled_back()
    begin = round((made.at.timestamp() + 30) * 1000)
    signed = "https://bucket.s3.amazonaws.com/x?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261120&X-Amz-Signature=" + "ab12" * 16
    for task in made.new:
        aws.seed.lines(task, "app", [(begin, f"GET {signed}"), (begin + 1, "fatal: ```no``` *way*\x1b[31m")])
    queue.send(ended(made.id, "FAILED"))
    worked(ecspan, queue, tmp_path, "--notify", hook.hook, logs="failed")
    [text] = hook.texts()
    assert text.startswith("*deployment prod/web rolled back: 10 tasks failed: Essential container in task exited"), text
    assert text.count("tasks failed: ") == 1 and f"\n{made.id} after " in text and "`ecspan show prod/" in text, text
    assert "app: fatal: '''no''' *way*" in text, text
    assert "AKIA" not in text and "ab12" * 3 not in text and "\x1b" not in text, text
    assert text.count("```") == 2, text


def test_more_than_people_bear_is_counted(ecspan, elasticmq, taker, tmp_path):
    hook, queue = taker(), Queue(elasticmq, receives=1)
    queue.send(*failed(tmp_path / "tasks", 40))
    told = worked(ecspan, queue, tmp_path, "--notify", hook.hook, "--notify-rate", "3")
    texts = hook.texts()
    assert len(texts) == 4 and sum("37 more failed or were slow within a minute" in text for text in texts) == 1, texts
    assert "37 × task " in "".join(texts) and "sent=4 failed=0 counted=37" in told, told


def test_slow_launches_where_that_is_asked(ecspan, elasticmq, taker, tmp_path):
    hook, queue = taker(), Queue(elasticmq, receives=1)
    late = ("stoppingAt", "executionStoppedAt", "stoppedAt")
    running = [{**{k: v for k, v in task.items() if k not in late}, "lastStatus": "RUNNING", "desiredStatus": "RUNNING"} for task in stopped_tasks(tmp_path / "t", 2)]
    queue.send(event(running[0]))
    worked(ecspan, queue, tmp_path, "--notify", hook.hook, "--notify-slower-than", "30s")
    assert hook.texts() == [], "it took 22 s"
    queue.send(event(running[1]))
    worked(ecspan, queue, tmp_path, "--notify", hook.hook, "--notify-slower-than", "20s")
    [text] = hook.texts()
    assert "a slow launch" in text and "provisioning 14.5 s" in text, text


@pytest.mark.parametrize(
    ("answers", "why", "asked"),
    [
        ([(302, {"Location": "http://127.0.0.1:1/elsewhere"}, "")], "it redirects (HTTP 302), which is not followed", 1),
        ([(404, {}, f"no_service {KEY}")], "HTTP 404: no_service ***", 1),
        ([(503, {}, "busy")], "HTTP 503: busy", 2),
    ],
    ids=["redirects", "revoked", "down"],
)
def test_what_is_not_taken_is_told_and_nothing_else_fails(ecspan, elasticmq, taker, tmp_path, answers, why, asked):
    hook, queue = taker(*answers), Queue(elasticmq, receives=1)
    queue.send(*failed(tmp_path / "tasks"))
    told = worked(ecspan, queue, tmp_path, "--notify", hook.hook)
    assert f"a notification was not taken: {why}" in told and "sent=0 failed=1" in told and "tasks=1" in told, told
    assert "webhook of 127.0.0.1" in told and len(hook.bodies) == asked


def test_nobody_there_and_no_key_in_the_error(ecspan, elasticmq, tmp_path):
    queue = Queue(elasticmq, receives=1)
    queue.send(*failed(tmp_path / "tasks"))
    told = worked(ecspan, queue, tmp_path, "--notify", f"http://127.0.0.1:{free_port()}/services/{KEY}")
    assert "a notification was not taken: no answer: " in told and "tasks=1" in told, told


def test_through_a_proxy(ecspan, elasticmq, taker, tmp_path):
    hook, queue, proxy = taker(), Queue(elasticmq, receives=1), Proxy()
    queue.send(*failed(tmp_path / "tasks"))
    environment = {"HTTP_PROXY": proxy.url, "NO_PROXY": queue.endpoint.split("//")[1]}
    try:
        worked(ecspan, queue, tmp_path, "--notify", hook.hook, env=environment)
    finally:
        proxy.stop()
    assert len(hook.bodies) == 1
    assert proxy.seen, "it went around the proxy"


def test_a_topic(ecspan, elasticmq, taker, tmp_path):
    answer = '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>'
    sns, queue = taker((200, {"Content-Type": "text/xml"}, answer)), Queue(elasticmq, receives=1)
    queue.send(*failed(tmp_path / "tasks"))
    told = worked(ecspan, queue, tmp_path, "--notify", f"sns:{TOPIC}", env={"AWS_ENDPOINT_URL_SNS": sns.url})
    [(_, headers, body)] = sns.bodies
    form = {name: values[0] for name, values in parse_qs(body).items()}
    assert form["Action"] == "Publish" and form["TopicArn"] == TOPIC, form
    assert "CannotPullContainerError" in form["Message"] and form["Subject"].startswith("task ") and "Cannot" in form["Subject"] and len(form["Subject"]) <= 100, form
    assert "/eu-west-1/sns/" in headers["authorization"], "the topic's own region"
    assert "msg=notified sent=1 failed=0" in told, told


def test_a_topic_that_may_not_be_published_to(ecspan, elasticmq, taker, tmp_path):
    error = "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>not authorized to perform: SNS:Publish</Message></Error></ErrorResponse>"
    sns, queue = taker((403, {"Content-Type": "text/xml"}, error)), Queue(elasticmq, receives=1)
    queue.send(*failed(tmp_path / "tasks"))
    told = worked(ecspan, queue, tmp_path, "--notify", f"sns:{TOPIC}", env={"AWS_ENDPOINT_URL_SNS": sns.url})
    assert f"to=sns:{TOPIC}" in told and "sns:Publish" in told and "sent=0 failed=1" in told and "tasks=1" in told, told


def test_deploy_tells_of_what_did_not_hold(ecspan, aws, taker):
    hook = taker()
    aws.rollouts.rolled_back()
    # Named twice by accident: told once.
    run = ecspan("deploy", "web", "--cluster", "prod", "--notify", hook.hook, "--notify", hook.hook)
    assert run.code == 10 and "topsecret" not in run.out + run.err, run
    [text] = hook.texts()
    assert "rolled back" in text and "app: fatal: DATABASE_URL is not set" in text and text.count("Essential container") == 1, text
    aws.reset()
    aws.rollouts.rolling(2)
    run = ecspan("deploy", "web", "--cluster", "prod", "--notify", hook.hook)
    assert run.code == 0 and len(hook.bodies) == 1, run


@pytest.mark.parametrize("named", [f"hooks.slack.com/services/{KEY}", f"ftp://x/{KEY}", f"arn:aws:sqs:eu-west-1:123456789012:{KEY}"])
def test_what_is_nobody_is_refused_and_not_repeated(ecspan, named):
    run = ecspan("deploy", "web", "--cluster", "prod", "--notify", named)
    assert run.code == 2 and "--notify" in run.err and "hooks.slack.com/services/…" in run.err and "topsecret" not in run.err, run
    shown = ecspan("worker", "--help", env={"ECSPAN_NOTIFY": f"https://hooks.slack.com/services/{KEY}"})
    assert "ECSPAN_NOTIFY" in shown.out and "topsecret" not in shown.out


def test_who_does_not_answer_is_not_waited_for_in_silence(ecspan, aws):
    """Nobody accepts: the connection is made, and no answer comes."""
    aws.rollouts.rolled_back()
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        run = ecspan("deploy", "web", "--cluster", "prod", "--notify", f"http://127.0.0.1:{deaf.getsockname()[1]}/{KEY}")
    assert run.code == 10 and "note: waiting for whoever --notify names" in run.err, run
    assert run.err.count("a notification was not taken: no answer") == 1, run


def test_which_of_several_is_nobody(ecspan, aws):
    run = ecspan("deploy", "web", "--cluster", "prod", env={"ECSPAN_NOTIFY": f"https://ok.example/{KEY},nonsense-topsecret"})
    assert run.code == 2 and "ECSPAN_NOTIFY, number 2 of 2: it is neither" in run.err and "topsecret" not in run.err, run


def test_a_flag_that_names_nobody_is_told_and_an_empty_variable_is_unset(ecspan, aws):
    aws.rollouts.rolled_back()
    run = ecspan("deploy", "web", "--cluster", "prod", "--notify", "")
    assert run.code == 10 and "warning: --notify is empty: nobody is told" in run.err, run
    run = ecspan("deploy", "web", "--cluster", "prod", env={"ECSPAN_NOTIFY": ""})
    assert run.code == 10 and "nobody is told" not in run.err, run


def test_a_secret_in_the_clear_is_told(ecspan, aws, taker):
    hook = taker()
    aws.rollouts.rolling(2)
    for url, is_told in (f"http://chat.example/{KEY}", True), (hook.hook, False), (hook.hook.replace("127.0.0.1", "localhost"), False), (f"https://chat.example/{KEY}", False):
        run = ecspan("deploy", "web", "--cluster", "prod", "--notify", url)
        assert ("warning: --notify: the webhook of chat.example is reached by http://" in run.err) == is_told, run
        assert "topsecret" not in run.out + run.err


def test_a_function_tells_before_it_answers(ecspan, elasticmq, taker, tmp_path):
    hook, runtime = taker(), LambdaApi(tmp_path)
    try:
        settings = {"ECSPAN_LOGS": "none", "ECSPAN_TO": f"file:{tmp_path / 'out'}", "ECSPAN_NOTIFY": hook.hook, "ECSPAN_NOTIFY_RATE": "2"}
        process = ecspan.start(env={**runtime.environment(), **settings})
        records = [{"messageId": f"m{i}", "body": body, "eventSource": "aws:sqs", "attributes": {"ApproximateReceiveCount": "1"}} for i, body in enumerate(failed(tmp_path / "t", 5))]
        assert runtime.invoke({"Records": records}) == (200, {"batchItemFailures": []})
        assert len(hook.bodies) == 3 and any("3 more failed" in text for text in hook.texts()), hook.texts()
        assert drained(process)[0] == 0
    finally:
        runtime.stop()
