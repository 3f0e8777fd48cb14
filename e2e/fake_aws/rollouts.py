"""Deployments of services as scenarios: each puts a service, its deployments, its events and its tasks into the loopback AWS."""

import datetime as dt
import random
import uuid
from types import SimpleNamespace

from .seed import ACCOUNT, CREATED, REGION, at_once
from .services import SERVICES

APP = {"name": "app", "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:2026.11"}
OLD_APP = {**APP, "image": APP["image"].replace("2026.11", "2026.10")}
SCALING = "Scaling activity initiated by (deployment {})"
BREAKER = "ECS deployment circuit breaker: tasks failed to start."
#: A task is asked to stop, its execution stops, it has stopped: seconds after the request.
STOP = {"stopping": 0.0, "execution_stopped": 12.0, "stopped": 30.0}


def seconds(number):
    return dt.timedelta(seconds=number)


def launch(pull=13.25, extra=0.0):
    """The times of a launch, seconds after the task was created."""
    pulled = 8.25 + pull
    return {"connected": 2.1, "pull_started": 8.25, "pull_stopped": pulled, "started": pulled + 2.25 + extra}


class Rollouts:
    """Makes them, through a `Seed`."""

    def __init__(self, seed):
        self.seed = seed
        self.reset()

    def reset(self):
        """Other deployments: their traces have other ids."""
        first = random.randrange(10**17, 10**18)
        self.old, self.new, self.back = (f"ecs-svc/{number}{first}" for number in (1, 2, 3))

    def service(self, deployments, events, *, cluster="prod", name="web", desired=20, service_deployments=(), revisions=()):
        self.seed.cluster(cluster)
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{cluster}/{name}"
        cluster_arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{cluster}"
        events = [{"id": str(uuid.uuid4()), "createdAt": at, "message": f"(service {name}) {text}"} for at, text in sorted(events, reverse=True)]
        current = {
            "serviceArn": arn, "serviceName": name, "clusterArn": cluster_arn, "status": "ACTIVE", "desiredCount": desired,
            "runningCount": sum(one["runningCount"] for one in deployments), "pendingCount": sum(one["pendingCount"] for one in deployments),
            "launchType": "FARGATE", "taskDefinition": deployments[0]["taskDefinition"], "deployments": list(deployments),
            # ECS keeps the last hundred.
            "events": events[:100], "deploymentController": {"type": "ECS"}, "schedulingStrategy": "REPLICA",
        }
        for one in (*service_deployments, *revisions):
            one.update(serviceArn=arn, clusterArn=cluster_arn)
        SERVICES[cluster, name] = {"service": current, "service_deployments": list(service_deployments), "revisions": list(revisions)}
        return current

    @staticmethod
    def deployment(id, at, *, status="PRIMARY", state="COMPLETED", reason=None, revision=2, desired=20, running=20, pending=0, failed=0, updated=None):
        return {
            "id": id, "status": status, "taskDefinition": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:{revision}",
            "desiredCount": desired, "runningCount": running, "pendingCount": pending, "failedTasks": failed, "createdAt": at,
            "updatedAt": updated or at, "launchType": "FARGATE", "platformVersion": "1.4.0", "rolloutState": state,
            "rolloutStateReason": reason or f"ECS deployment {id} {'completed' if state == 'COMPLETED' else 'in progress'}.",
        }

    @staticmethod
    def service_deployment(id, at, status, *, started=2.0, finished=None, reason=None, cluster="prod", name="web", **more):
        """One of the new API. The number of its target revision is that of the deployment."""
        base = f"arn:aws:ecs:{REGION}:{ACCOUNT}:{{}}/{cluster}/{name}/"
        number = id.split("/")[-1]
        one = {
            "serviceDeploymentArn": base.format("service-deployment") + number[:4] + "deploymentOfTheNewApi", "createdAt": at,
            "startedAt": at + seconds(started), "updatedAt": finished or at, "status": status, "lifecycleStage": "SCALE_UP",
            "targetServiceRevision": {"arn": base.format("service-revision") + number, "requestedTaskCount": 20, "runningTaskCount": 20, "pendingTaskCount": 0},
            "deploymentCircuitBreaker": {"status": "MONITORING", "failureCount": 0, "threshold": 10}, **more,
        }
        if finished:
            one |= {"finishedAt": finished, "lifecycleStage": "CLEAN_UP"}
        if reason:
            one["statusReason"] = reason
        return one

    @staticmethod
    def revision(id, at, revision=2, cluster="prod", name="web"):
        number = id.split("/")[-1]
        return {
            "serviceRevisionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-revision/{cluster}/{name}/{number}", "createdAt": at,
            "taskDefinition": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:{revision}",
            "containerImages": [{"containerName": "app", "imageDigest": "sha256:" + "ab" * 32, "image": APP["image"]}],
        }

    def task(self, id, at, times, **more):
        return self.seed.task("prod", [more.pop("container", APP)], service="web", created=at, started_by=id, times=times, **{"streams": False, **more})

    def old_task(self, at, asked, *, created=-86_400.0, reason=None):
        """A task of the deployment before, asked to stop `asked` seconds after `at`; `None`: it runs."""
        end = {} if asked is None else {name: asked - created + offset for name, offset in STOP.items()}
        stop = {} if asked is None else {"stop_code": "ServiceSchedulerInitiated", "stopped_reason": reason or SCALING.format(self.old)}
        return self.task(self.old, at + seconds(created), {**launch(), **end}, container={**OLD_APP, **({"exitCode": 143} if end else {})}, **stop)

    def rolling(self, tasks=20, *, at=CREATED, pull=13.25, new_api=False, jitter=0.1):
        """A clean rolling deployment: tasks one after the other, an old one stopped for each that started."""
        new, old, events = [], [], []
        for number in range(tasks):
            created = 1.5 + number * 2.0 if tasks <= 100 else 1.5 + number * 0.1
            times = launch(pull + number % 10 * jitter)
            new.append(self.task(self.new, at + seconds(created), times))
            old.append(self.old_task(at, created + times["started"] + 5.0))
            if tasks <= 100:
                events.append((at + seconds(created), f"has started 1 tasks: (task {new[-1].id})."))
                events.append((at + seconds(created + times["started"] + 5.0), f"has stopped 1 running tasks: (task {old[-1].id})."))
        over = at + seconds(created + times["started"] + 60.0)
        events += [(over, f"(deployment {self.new}) deployment completed."), (over + seconds(1), "has reached a steady state.")]
        deployments = [self.deployment(self.new, at, desired=tasks, running=tasks, updated=over)]
        api = dict(
            service_deployments=[
                self.service_deployment(self.new, at - seconds(1), "SUCCESSFUL", finished=over),
                self.service_deployment(self.old, at - seconds(86_400), "SUCCESSFUL", finished=at - seconds(86_000)),
            ],
            revisions=[self.revision(self.new, at), self.revision(self.old, at - seconds(86_400), 1)],
        ) if new_api else {}
        self.service(deployments, events, desired=tasks, **api)
        return SimpleNamespace(id=self.new, new=new, old=old, at=at, over=over)

    def rolled_back(self, failures=10, *, at=CREATED, new_api=False, drained=True):
        """Each task of the new revision exits in a second: the circuit breaker counts to ten and ECS rolls back. Two old ones
        had been stopped and are started again. `drained`: the failed deployment has left DescribeServices."""
        new, events = [], []
        for number in range(failures):
            created = 1.5 + number * 20.0
            times = {**launch(), "execution_stopped": 25.0, "stopping": 26.5, "stopped": 40.0}
            container = {**APP, "exitCode": 1}
            task = self.task(self.new, at + seconds(created), times, container=container, stop_code="EssentialContainerExited",
                             stopped_reason="Essential container in task exited", streams=True)
            begin = round((at.timestamp() + created) * 1000)
            self.seed.lines(task, "app", [(begin + 23_800, "reading configuration"), (begin + 24_500, "fatal: DATABASE_URL is not set")])
            new.append(task)
            events.append((at + seconds(created), f"has started 1 tasks: (task {task.id})."))
        old = [self.old_task(at, 30.0), self.old_task(at, 31.0), *(self.old_task(at, None) for _ in range(18))]
        tripped = at + seconds(created + 40.0)
        back = [self.task(self.back, tripped + seconds(2.0 + n), launch(4.0), container=OLD_APP) for n in range(2)]
        over = tripped + seconds(90.0)
        events += [
            (tripped, f"(deployment {self.new}) deployment failed: tasks failed to start."),
            (tripped, f"rolling back to deployment {self.old}."),
            (over, f"(deployment {self.back}) deployment completed."),
        ]
        deployments = [self.deployment(self.back, tripped, revision=1, updated=over)]
        if not drained:
            deployments = [
                self.deployment(self.back, tripped, revision=1, state="IN_PROGRESS", running=18, pending=2, updated=tripped,
                                reason=f"ECS deployment circuit breaker: rolling back to deploymentId {self.old}."),
                self.deployment(self.new, at, status="ACTIVE", state="FAILED", reason=BREAKER, desired=0, running=0, failed=failures, updated=tripped),
            ]
            events = [event for event in events if event[0] <= tripped]
        api = dict(
            service_deployments=[
                self.service_deployment(
                    self.new, at - seconds(1), "ROLLBACK_SUCCESSFUL", finished=over,
                    reason=f"Service deployment rolled back because the circuit breaker threshold was exceeded.",
                    rollback={"reason": "Service deployment rolled back because of the circuit breaker.", "startedAt": tripped,
                              "serviceRevisionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-revision/prod/web/{self.old.split('/')[-1]}"},
                    deploymentCircuitBreaker={"status": "TRIGGERED", "failureCount": failures, "threshold": 10},
                ),
                self.service_deployment(self.old, at - seconds(86_400), "SUCCESSFUL", finished=at - seconds(86_000)),
            ],
            revisions=[self.revision(self.new, at), self.revision(self.old, at - seconds(86_400), 1)],
        ) if new_api else {}
        self.service(deployments, events, **api)
        return SimpleNamespace(id=self.new, new=new, old=old, back=back, at=at, over=over, tripped=tripped)

    @at_once
    def finish_rollback(self, made):
        """The rollback that went on is over, and the failed deployment has left DescribeServices."""
        over = made.tripped + seconds(90)
        service = SERVICES["prod", "web"]["service"]
        service["deployments"] = [self.deployment(self.back, made.tripped, revision=1, updated=over)]
        service["events"] = [{"id": str(uuid.uuid4()), "createdAt": over, "message": f"(service web) (deployment {self.back}) deployment completed."}, *service["events"]]

    def scale_in(self, *, at=CREATED, stopped=3):
        """A rolling deployment, and an hour after it the service was scaled in."""
        made = self.rolling(5, at=at)
        for task in made.new[:stopped]:
            asked = 3_600.0 + (at - task.created_at).total_seconds()
            self.seed.set_times(task, task.created_at, {**launch(), **{name: asked + offset for name, offset in STOP.items()}})
            task.stop_code, task.stopped_reason = "ServiceSchedulerInitiated", SCALING.format(self.new)
            task.containers[0]["exitCode"] = 143
        made.scaled_in = made.new[:stopped]
        return made

    def rebalancing(self, *, at=CREATED):
        """A rolling deployment, and later two tasks were moved to another availability zone; one more was replaced after it died."""
        made = self.rolling(6, at=at)
        later = made.over + seconds(600)
        made.started = [self.task(self.new, later + seconds(n), launch()) for n in range(2)]
        made.replacement = self.task(self.new, later + seconds(100), launch())
        for task in made.new[:2]:
            asked = (later - task.created_at).total_seconds() + 60
            self.seed.set_times(task, task.created_at, {**launch(), **{name: asked + offset for name, offset in STOP.items()}})
            task.stop_code, task.stopped_reason = "ServiceSchedulerInitiated", SCALING.format(self.new)
        ids = " ".join(f"(task {task.id})" for task in made.started)
        service = SERVICES["prod", "web"]["service"]
        service["events"] = [
            {"id": str(uuid.uuid4()), "createdAt": later + seconds(61),
             "message": f"(service web) has stopped 2 running tasks in {REGION}a due to AZ rebalancing: {made.new[0].id}, {made.new[1].id}."},
            {"id": str(uuid.uuid4()), "createdAt": later, "message": f"(service web) has started 2 tasks in {REGION}c to AZ Rebalance: {ids}."},
            {"id": str(uuid.uuid4()), "createdAt": later, "message": "(service web) is not AZ balanced with 4 tasks in a, 2 tasks in c. AZ Rebalancing in progress."},
            *service["events"],
        ]
        made.moved = made.new[:2]
        return made

    def in_progress(self, *, at=CREATED, tasks=20, started=8):
        """A deployment in which some tasks have started, one is on its way, and the rest are still to come."""
        new = [self.task(self.new, at + seconds(1.5 + 2 * n), launch()) for n in range(started)]
        new.append(self.task(self.new, at + seconds(1.5 + 2 * started), {"connected": 2.1, "pull_started": 8.25}))
        old = [self.old_task(at, 30.0 + 2 * n) for n in range(started)] + [self.old_task(at, None) for _ in range(tasks - started)]
        events = [(task.created_at, f"has started 1 tasks: (task {task.id}).") for task in new]
        self.service([
            self.deployment(self.new, at, state="IN_PROGRESS", desired=tasks, running=started, pending=1, updated=at + seconds(60)),
            self.deployment(self.old, at - seconds(86_400), status="ACTIVE", revision=1, running=tasks - started),
        ], events, desired=tasks)
        return SimpleNamespace(id=self.new, new=new, old=old, at=at)

    @at_once
    def finish(self, made, *, failed=False):
        """What was in progress is over."""
        over = made.at + seconds(300)
        for task in made.new:
            if task.started_at is None:
                self.seed.set_times(task, task.created_at, launch())
        service = SERVICES["prod", "web"]["service"]
        state, reason = ("FAILED", BREAKER) if failed else ("COMPLETED", None)
        service["deployments"] = [self.deployment(self.new, made.at, state=state, reason=reason, updated=over, failed=3 if failed else 0)]
        made.over = over

    def task_sets(self, controller="EXTERNAL", *, at=CREATED, primary="new", steady=True):
        """A service whose controller is another: two task sets, the new one beside the old one. `primary`: which gets the traffic."""
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-set/prod/web/"

        def task_set(id, created, revision, status, stability="STEADY_STATE"):
            return {
                "id": id, "taskSetArn": arn + id, "status": status, "createdAt": created, "updatedAt": at + seconds(240), "computedDesiredCount": 3,
                "runningCount": 3, "pendingCount": 0, "launchType": "FARGATE", "scale": {"value": 100.0, "unit": "PERCENT"},
                "stabilityStatus": stability, "stabilityStatusAt": at + seconds(200),
                "taskDefinition": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:{revision}",
            }

        new = [self.task(self.new, at + seconds(n), launch()) for n in range(3)]
        old = [self.old_task(at, None) for _ in range(3)]
        service = self.service([self.deployment(self.new, at)], [])
        statuses = {"new": ("PRIMARY", "DRAINING"), "old": ("DRAINING", "PRIMARY"), None: ("ACTIVE", "PRIMARY")}[primary]
        sets = [task_set(self.new, at, 2, statuses[0], "STEADY_STATE" if steady else "STABILIZING"), task_set(self.old, at - seconds(86_400), 1, statuses[1])]
        service.update(deployments=[], taskSets=sets, deploymentController={"type": controller})
        return SimpleNamespace(id=self.new, new=new, old=old, at=at, service=service)

    def behind_a_load_balancer(self, tasks=3, *, at=CREATED, healthy_after=100.0, drain=300.0):
        """A rolling deployment behind a target group: new tasks are healthy late, one target is called unhealthy meanwhile, and old ones drain."""
        group = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/web/6d0ecf831eec9f09"
        new = [self.task(self.new, at + seconds(1.5), launch()) for _ in range(tasks)]
        asked = 1.5 + launch()["started"] + healthy_after
        stop = {"stopping": 0.0, "execution_stopped": drain + 5.0, "stopped": drain + 25.0}
        end = {name: asked + 86_400.0 + offset for name, offset in stop.items()}
        old = [self.task(self.old, at - seconds(86_400), {**launch(), **end}, container={**OLD_APP, "exitCode": 143},
                         stop_code="ServiceSchedulerInitiated", stopped_reason=SCALING.format(self.old)) for _ in range(tasks)]
        over = at + seconds(asked + stop["stopped"] + 10.0)
        events = [
            (at + seconds(1.5), f"has started {tasks} tasks: " + " ".join(f"(task {task.id})" for task in new) + "."),
            (at + seconds(30.0), f"registered {tasks} targets in (target-group {group})"),
            (at + seconds(60.0), f"(port 8080) is unhealthy in (target-group {group}) due to (reason Health checks failed with these codes: [503])"),
            (at + seconds(asked + 1.0), f"has begun draining connections on {tasks} tasks."),
            (at + seconds(asked + 1.0), f"deregistered {tasks} targets in (target-group {group})"),
            (over, f"(deployment {self.new}) deployment completed."), (over, "has reached a steady state."),
        ]
        service = self.service([self.deployment(self.new, at, desired=tasks, running=tasks, updated=over)], events, desired=tasks)
        service["loadBalancers"] = [{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}]
        return SimpleNamespace(id=self.new, new=new, old=old, at=at, over=over)
