"""Clusters, tasks, logs and service events with times of our choosing, straight into moto's models."""

import datetime as dt
import functools
import threading
import uuid
import zlib

import moto.ecs.models as ecs_models
import moto.logs.models as logs_models

ACCOUNT, REGION = "123456789012", "ap-northeast-1"
UTC = dt.timezone.utc
#: When the scenarios were created, unless they say otherwise.
CREATED = dt.datetime(2026, 11, 20, 1, 2, 3, 456000, tzinfo=UTC)

#: The normal life of a task, in seconds after it was created.
LAUNCH = {"connected": 2.1, "pull_started": 8.25, "pull_stopped": 21.5, "started": 23.75}

#: Nothing is answered while it is held: what is changed meanwhile is seen together, or not yet.
still = threading.RLock()


def at_once(change):
    """The change with nobody looking on."""
    @functools.wraps(change)
    def made(*arguments, **options):
        with still:
            return change(*arguments, **options)

    return made


class Seed:
    def __init__(self, ecs):
        self.ecs = ecs
        self.definitions = {}

    def reset(self):
        self.definitions.clear()
        self.ecs.reset()
        for account in list(logs_models.logs_backends.values()):
            for backend in account.values():
                backend.reset()

    def cluster(self, name):
        if name not in self.ecs.clusters:
            self.ecs.create_cluster(name)
        return self.ecs.clusters[name]

    def definition(self, family, containers, *, group="/ecs/demo", prefix="pfx", region=REGION):
        definitions = []
        for container in containers:
            options = {"awslogs-group": group, "awslogs-region": region}
            if prefix:
                options["awslogs-stream-prefix"] = prefix
            log = {"logDriver": container.get("driver", "awslogs"), "options": options}
            definitions.append({
                "name": container["name"],
                "image": container["image"],
                "cpu": 128,
                "memory": 256,
                "essential": container.get("essential", True),
                "logConfiguration": log,
                **container.get("definition", {}),
            })
        # Tasks with the same containers run the same revision.
        key = (family, repr(definitions))
        if key not in self.definitions:
            self.definitions[key] = self.ecs.register_task_definition(family, definitions, network_mode="bridge", cpu="512", memory="1024")
        return self.definitions[key]

    @at_once
    def task(self, cluster, containers, *, family="web", created=CREATED, service=None, started_by="", times=None, stop_code=None,
             stopped_reason=None, overrides=None, streams=True, **where):
        """A task. `times` are seconds after `created`, by the names of LAUNCH and `stopping`, `execution_stopped`,
        `stopped`; what is not there has not happened."""
        times = LAUNCH if times is None else times
        definition = self.definition(family, containers, **where)
        definition.network_mode = "bridge"
        task = ecs_models.Task(
            cluster=self.cluster(cluster), task_definition=definition, container_instance_arn=None, resource_requirements=None,
            backend=self.ecs, group=f"service:{service}" if service else f"family:{family}", launch_type="FARGATE",
            started_by=started_by, platform_version="1.4.0",
        )
        # Set afterwards: a Task of an awsvpc definition wants an EC2 network interface.
        definition.network_mode, definition.requires_compatibilities = "awsvpc", ["FARGATE"]
        task.id = uuid.uuid4().hex
        self.set_times(task, created, times)
        task.stop_code, task.stopped_reason = stop_code, stopped_reason
        task.availability_zone, task.cpu, task.memory, task.platform_family = REGION + "a", "512", "1024", "Linux"
        task.health_status, task.enable_execute_command = "UNKNOWN", False
        task.overrides = {"containerOverrides": overrides or [{"name": c["name"]} for c in containers]}
        task.attributes = []
        interface = str(uuid.uuid4())
        task.attachments = [{
            "id": interface, "type": "ElasticNetworkInterface", "status": "ATTACHED",
            "details": [{"name": "subnetId", "value": "subnet-0a1b2c3d"}, {"name": "privateIPv4Address", "value": "10.0.1.23"}],
        }]
        task.containers = [self._container(task, cluster, interface, container) for container in containers]
        self.ecs.tasks.setdefault(cluster, {})[task.task_arn] = task
        if streams and "started" in times:
            # The awslogs driver makes the stream when the container starts.
            for container in containers:
                place = {key: value for key, value in where.items() if key in ("group", "prefix", "region")}
                self.lines(task, container["name"], [], **place)
        return task

    @staticmethod
    @at_once
    def set_times(task, created, times):
        """The task as it is when these times are known."""
        def at(name):
            return created + dt.timedelta(seconds=times[name]) if name in times else None

        task.created_at = created
        task.connectivity, task.connectivity_at = ("CONNECTED", at("connected")) if "connected" in times else (None, None)
        task.pull_started_at, task.pull_stopped_at, task.started_at = at("pull_started"), at("pull_stopped"), at("started")
        task.stopping_at, task.execution_stopped_at, task.stopped_at = at("stopping"), at("execution_stopped"), at("stopped")
        states = [("stopped", "STOPPED"), ("execution_stopped", "DEPROVISIONING"), ("stopping", "DEACTIVATING"),
                  ("started", "RUNNING"), ("pull_started", "PENDING")]
        task.last_status = next((state for name, state in states if name in times), "PROVISIONING")
        task.desired_status = "STOPPED" if {"stopping", "stopped"} & times.keys() else "RUNNING"
        task.version = len(times)

    @staticmethod
    def _container(task, cluster, interface, container):
        number = zlib.crc32(container["name"].encode())
        answer = {
            "containerArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:container/{cluster}/{task.id}/{uuid.uuid4()}",
            "taskArn": task.task_arn, "name": container["name"], "image": container["image"],
            "imageDigest": "sha256:" + "ab" * 32, "runtimeId": f"{task.id}-{number:010}",
            "lastStatus": "STOPPED" if task.last_status == "STOPPED" else task.last_status, "healthStatus": "UNKNOWN",
            "networkInterfaces": [{"attachmentId": interface, "privateIpv4Address": "10.0.1.23"}], "cpu": "128", "memory": "256",
        }
        if not task.started_at and not task.pull_started_at:
            del answer["imageDigest"], answer["runtimeId"]
        answer |= {key: container[key] for key in ("exitCode", "reason") if key in container}
        if not container.get("pulled", True):
            answer.pop("imageDigest", None)
            answer.pop("runtimeId", None)
        return answer

    @at_once
    def forget(self, task):
        """ECS does not know it any more."""
        del self.ecs.tasks[task.task_arn.split("/")[1]][task.task_arn]

    def lines(self, task, container, lines, *, group="/ecs/demo", prefix="pfx", region=REGION):
        """`lines` yields (epoch milliseconds, message)."""
        self.stream(group, f"{prefix}/{container}/{task.id}", lines, region=region)

    @at_once
    def stream(self, group, stream, lines, *, region=REGION, account=ACCOUNT):
        """As `lines`, into any stream."""
        logs = logs_models.logs_backends[account][region]
        if group not in logs.groups:
            logs.create_log_group(group, {})
        streams = logs.groups[group].streams
        if stream not in streams:
            logs.create_log_stream(group, stream)
        streams[stream].events += [logs_models.LogEvent(at + 350, {"timestamp": at, "message": text}) for at, text in lines]

    def service(self, cluster, name, family, events):
        service = self.ecs.create_service(cluster, name, 1, family, launch_type="FARGATE")
        # Newest first, as ECS gives them.
        service.events = [{"id": str(uuid.uuid4()), "createdAt": at, "message": text} for at, text in sorted(events, reverse=True)]


def millis(created, seconds):
    return int(created.timestamp() * 1000) + round(seconds * 1000)
