"""Queues of events, as EventBridge puts them there."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import batch
import boto3
from fake_aws import REGION
from waiting import wait_until


class Queue:
    """A queue with a dead-letter queue behind it."""

    def __init__(self, server, receives=50):
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        self.sqs = boto3.client("sqs", endpoint_url=server.url, region_name=REGION, **keys)
        self.endpoint = server.url
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

    def wait_until(self, what, is_so, within):
        wait_until(lambda: f"{what} ({self.visible()} messages are visible, {self.hidden()} hidden)", is_so, within, pause=0.1)

    def wait_until_empty(self, within):
        self.wait_until("an empty queue", lambda: not self.left(), within)

    def dead_letters(self):
        bodies = []
        while messages := self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10).get("Messages"):
            bodies += [message["Body"] for message in messages]
        return bodies


def event(task, **more):
    return json.dumps({
        "version": "0", "id": str(uuid.uuid4()), "detail-type": "ECS Task State Change", "source": "aws.ecs", "account": "123456789012",
        "region": REGION, "resources": [task["taskArn"]], "detail": {**task, "version": 7, **more},
    })


def stopped_tasks(path, count):
    return batch.tasks_in(batch.write(path, count, seconds_ago=3_600))
