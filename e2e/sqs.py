"""Queues of events, as EventBridge puts them there."""

import functools
import json
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor

import batch
import boto3
from fake_aws import REGION
from http_server import HttpServer
from waiting import wait_until


@functools.cache
def in_short(url):
    """The same SQS, at which nobody waits for longer than a second: a worker that is told to stop waits for its call to end."""

    def answer(path, headers, body):
        request = json.loads(body)
        if request.get("WaitTimeSeconds"):
            body = json.dumps({**request, "WaitTimeSeconds": 1}).encode()
        own = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length", "connection")}
        try:
            with urllib.request.urlopen(urllib.request.Request(url + path, body, own, method="POST"), timeout=60) as found:
                return found.status, {"Content-Type": found.headers["Content-Type"]}, found.read()
        except urllib.error.HTTPError as error:
            return error.code, {"Content-Type": error.headers["Content-Type"]}, error.read()
        except OSError:
            return HttpServer.HANG_UP

    return HttpServer(answer).url


class Queue:
    """A queue with a dead-letter queue behind it."""

    def __init__(self, server, receives=50):
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        self.sqs = boto3.client("sqs", endpoint_url=server.url, region_name=REGION, **keys)
        self.endpoint = in_short(server.url)
        self.dead = self.sqs.create_queue(QueueName=f"dead-{uuid.uuid4().hex}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(receives)})
        self.url = self.sqs.create_queue(QueueName=f"ecs-{uuid.uuid4().hex}", Attributes={"RedrivePolicy": policy})["QueueUrl"]

    def send(self, *bodies):
        def send(start):
            entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies[start : start + 10])]
            assert not self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries).get("Failed")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, range(0, len(bodies), 10)))

    def count(self, *names):
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(names))["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def visible(self):
        return self.count("ApproximateNumberOfMessages")

    def hidden(self):
        return self.count("ApproximateNumberOfMessagesNotVisible")

    def left(self):
        return self.count("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")

    def wait_until(self, what, is_so, within=60):
        wait_until(lambda: f"{what} ({self.visible()} messages are visible, {self.hidden()} hidden)", is_so, within, pause=0.1)

    def wait_until_empty(self, within=60):
        self.wait_until("an empty queue", lambda: not self.left(), within)

    def dead_letters(self):
        """Takes them out: each is given once."""
        bodies = []
        while messages := self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=self.dead, ReceiptHandle=message["ReceiptHandle"])
        return bodies


def event(task, **more):
    return json.dumps({
        "version": "0", "id": str(uuid.uuid4()), "detail-type": "ECS Task State Change", "source": "aws.ecs", "account": "123456789012",
        "region": REGION, "resources": [task["taskArn"]], "detail": {**task, "version": 7, **more},
    })


def stopped_tasks(path, count):
    return batch.tasks_in(batch.write(path, count, seconds_ago=3_600))
