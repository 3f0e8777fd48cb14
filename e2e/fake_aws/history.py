"""Log groups that keep ECS's events, as event capture and rules fill them: FilterLogEvents with filter patterns, DescribeLogGroups and Logs
Insights over lines that are made when they are asked for, so that a million of them is no burden."""

import bisect
import datetime as dt
import json
import re
import threading
import time
import uuid

from .seed import ACCOUNT, REGION, UTC

CAPTURED = "/aws/events/ecs/containerinsights/{}/performance"
#: A page of FilterLogEvents holds so many bytes and events.
PAGE_BYTES, PAGE_EVENTS = 1_048_576, 10_000
DAY = 86_400_000


def iso(at):
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now_ms():
    return round(time.time() * 1000)


TIMES = {
    "connectivityAt": "connectivity_at", "pullStartedAt": "pull_started_at", "pullStoppedAt": "pull_stopped_at", "startedAt": "started_at",
    "stoppingAt": "stopping_at", "executionStoppedAt": "execution_stopped_at", "stoppedAt": "stopped_at",
}


def detail(task):
    """The Task object as an event has it."""
    return {
        "attachments": [{**a, "type": "eni"} for a in task.attachments], "availabilityZone": task.availability_zone,
        "clusterArn": task.cluster_arn, "containers": [{k: v for k, v in c.items() if k != "healthStatus"} for c in task.containers],
        "cpu": task.cpu, "createdAt": iso(task.created_at), "desiredStatus": task.desired_status, "group": task.group,
        "launchType": task.launch_type, "lastStatus": task.last_status, "memory": task.memory, "overrides": task.overrides,
        "platformVersion": task.platform_version, "startedBy": task.started_by, "taskArn": task.task_arn,
        "taskDefinitionArn": task.task_definition_arn, "version": task.version,
        **{name: iso(getattr(task, key)) for name, key in TIMES.items() if getattr(task, key, None)},
        **({"stopCode": task.stop_code} if task.stop_code else {}), **({"stoppedReason": task.stopped_reason} if task.stopped_reason else {}),
    }


def event(detail, at, kind="ECS Task State Change", resource=None):
    return {
        "version": "0", "id": str(uuid.uuid4()), "detail-type": kind, "source": "aws.ecs", "account": ACCOUNT, "time": iso(at)[:19] + "Z",
        "region": REGION, "resources": [resource or detail.get("taskArn")], "detail": {**detail, "updatedAt": iso(at)},
    }


class Group:
    """A log group. `lines` are (epoch milliseconds, message); `searched`: a call looks through so many at most, and so pages may be empty."""

    def __init__(self, name, *, retention=7, age=30, account=ACCOUNT, region=REGION):
        self.name, self.retention, self.created, self.account = name, retention, now_ms() - age * DAY, account
        self.arn = f"arn:aws:logs:{region}:{account}:log-group:{name}"
        self.lines, self.times, self.searched, self.empty, self.stored = [], None, 20_000, 0, 1

    def put(self, at, message):
        self.lines.append((round(at.timestamp() * 1000), message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))))
        self.times = None

    def task(self, task, *, twice=False, form=lambda event: event, last=True):
        """Its life as events: each time that it has, and all before it."""
        whole = detail(task)
        known = [(getattr(task, key), name) for name, key in TIMES.items() if getattr(task, key, None)]
        moments = [task.created_at, *sorted(at for at, _ in known)]
        events = []
        for number, at in enumerate(moments, 1):
            later = {name for moment, name in known if moment > at}
            so_far = {key: value for key, value in whole.items() if key not in later}
            is_last = number == len(moments)
            status = whole["lastStatus"] if is_last else "RUNNING" if "startedAt" in so_far else "PENDING"
            if not is_last:
                so_far.pop("stopCode", None), so_far.pop("stoppedReason", None)
                so_far["containers"] = [{k: v for k, v in c.items() if k not in ("exitCode", "reason")} | {"lastStatus": status} for c in so_far["containers"]]
            # Versions skip.
            events.append((at, {**so_far, "lastStatus": status, "version": number * 2}))
        for at, one in events if last else events[:-1]:
            made = form(event(one, at + dt.timedelta(milliseconds=400)))
            for _ in range(1 + twice):
                self.put(at + dt.timedelta(milliseconds=900), made)
        return len(events)

    def sorted(self):
        if self.times is None:
            self.lines.sort(key=lambda line: line[0])
            self.times = [at for at, _ in self.lines]
        return self.lines

    def oldest(self):
        return now_ms() - self.retention * DAY if self.retention else 0

    def between(self, start, end):
        """Indexes; both ends belong to it, and what is older than the group keeps is gone."""
        self.sorted()
        start = max(start or 0, self.oldest())
        return bisect.bisect_left(self.times, start), len(self.times) if end is None else bisect.bisect_right(self.times, end)

    def line(self, index):
        return self.lines[index]


class History:
    def __init__(self):
        self.reset()

    def reset(self):
        self.groups, self.queries, self.scanned = {}, {}, 0
        #: How queries end, in the place of Complete.
        self.ends = "Complete"

    def group(self, cluster="prod", *, name=None, **more):
        """One of the account's; with `account`, one that another shares with it."""
        made = Group(name or CAPTURED.format(cluster), **more)
        return self.groups.setdefault(made.name if made.account == ACCOUNT else made.arn, made)

    def answer(self, operation, request):
        """Status and answer; `None`: moto's."""
        if wrong := misnamed(request):
            return "400 Bad Request", {"__type": "InvalidParameterException", "message": wrong}
        known = {
            "FilterLogEvents": self.filter_log_events, "DescribeLogGroups": self.describe_log_groups, "StartQuery": self.start_query,
            "GetQueryResults": self.get_query_results, "StopQuery": self.stop_query,
        }
        return known[operation](request) if operation in known else None

    def find(self, request):
        return self.named(request.get("logGroupName") or request.get("logGroupIdentifier", ""))

    def named(self, name):
        """By its name, or its ARN."""
        return self.groups.get(name) or next((group for group in self.groups.values() if group.arn == name), None)

    def describe_log_groups(self, request):
        prefix, part = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
        accounts = request.get("accountIdentifiers", [ACCOUNT]) if request.get("includeLinkedAccounts") else [ACCOUNT]
        fits = lambda group: group.account in accounts and group.name.startswith(prefix) and part in group.name
        groups = sorted(filter(fits, self.groups.values()), key=lambda group: group.name)
        start, size = int(request.get("nextToken") or 0), request.get("limit") or 50
        answer = {"logGroups": [
            {"logGroupName": group.name, "creationTime": group.created, "storedBytes": group.stored, "arn": f"{group.arn}:*",
             **({"retentionInDays": group.retention} if group.retention else {})}
            for group in groups[start : start + size]
        ]}
        if start + size < len(groups):
            answer["nextToken"] = str(start + size)
        return "200 OK", answer

    def filter_log_events(self, request):
        group = self.find(request)
        if group is None:
            # One of moto's, or none; of other accounts' it has none.
            return missing(request["logGroupIdentifier"]) if "logGroupIdentifier" in request else None
        fits = pattern(request.get("filterPattern", ""))
        low, high = group.between(request.get("startTime"), request.get("endTime"))
        index = int(request["nextToken"].split("/")[0]) if request.get("nextToken") else low
        if group.empty > 0:
            group.empty -= 1
            return "200 OK", {"events": [], "searchedLogStreams": [], "nextToken": f"{index}/{group.empty}"}
        events, size, limit, begin = [], 0, min(request.get("limit") or PAGE_EVENTS, PAGE_EVENTS), index
        while index < high and index - begin < group.searched and len(events) < limit:
            at, message = group.line(index)
            if fits(message):
                size += len(message)
                if size > PAGE_BYTES and events:
                    break
                events.append({"logStreamName": "stream", "timestamp": at, "message": message, "ingestionTime": at + 300, "eventId": f"{index:056}"})
            index += 1
        answer = {"events": events, "searchedLogStreams": []}
        if index < high:
            answer["nextToken"] = f"{index}/-"
        return "200 OK", answer

    def start_query(self, request):
        name = [*request.get("logGroupNames", []), *request.get("logGroupIdentifiers", []), request.get("logGroupName")][0]
        group, query = self.named(name), request["queryString"]
        if group is None:
            return missing(name)
        fits = condition(re.search(r"\bfilter (.*?)(\||$)", query)[1])
        # A query's times are seconds.
        low, high = group.between(request["startTime"] * 1000, request["endTime"] * 1000 + 999)
        limit = int((re.search(r"\blimit (\d+)", query) or [0, request.get("limit") or 1000])[1])
        id = str(uuid.uuid4())
        running = self.queries[id] = {"rows": [], "scanned": 0, "records": high - low, "matched": 0, "over": threading.Event()}

        def look():
            for index in range(low, high):
                at, message = group.line(index)
                running["scanned"] += len(message)
                if fits(message):
                    running["matched"] += 1
                    if len(running["rows"]) < limit:
                        running["rows"].append((at, message))
            self.scanned += running["scanned"]
            running["over"].set()

        threading.Thread(target=look, daemon=True).start()
        return "200 OK", {"queryId": id}

    def get_query_results(self, request):
        query = self.queries.get(request["queryId"])
        if query is None:
            return "400 Bad Request", {"__type": "ResourceNotFoundException", "message": "The specified query does not exist"}
        status = self.ends if query["over"].is_set() else "Running"
        start, size = int(request.get("nextToken") or 0), request.get("maxItems") or 10_000
        rows = query["rows"][start : start + size] if status == "Complete" else []
        stamp = lambda at: dt.datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{at % 1000:03}"
        answer = {
            "status": status,
            "results": [[{"field": "@timestamp", "value": stamp(at)}, {"field": "@message", "value": message}, {"field": "@ptr", "value": "p"}] for at, message in rows],
            "statistics": {"recordsMatched": float(query["matched"]), "recordsScanned": float(query["records"]), "bytesScanned": float(query["scanned"])},
        }
        if status == "Complete" and start + size < len(query["rows"]):
            answer["nextToken"] = str(start + size)
        return "200 OK", answer

    def stop_query(self, request):
        return "200 OK", {"success": self.queries.pop(request["queryId"], None) is not None}


def missing(name):
    return "400 Bad Request", {"__type": "ResourceNotFoundException", "message": f"Log group '{name}' does not exist for account ID '{ACCOUNT}'"}


def misnamed(request):
    """What AWS says where a log group is named in a way that the field does not take."""
    given = lambda one: [request[one]] if one in request else request.get(one + "s", [])
    names, arns = given("logGroupName"), given("logGroupIdentifier")
    for name in names:
        if not re.fullmatch(r"[\.\-_/#A-Za-z0-9]+", name):
            return f"1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
    if names and arns:
        return "LogGroupName and LogGroupIdentifier cannot be used together"
    if any(arn.endswith("*") for arn in arns):
        return "LogGroupIdentifier must not end with *"
    return None


def field(value, path):
    """What stands at `detail.taskArn` or `resources[0]`."""
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(value, list):
            value = value[int(part)] if part.isdigit() and int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def pattern(text):
    """A filter pattern: a term in quotes, or a condition on JSON fields; the others are not spoken here."""
    text = text.strip()
    if text.startswith("{"):
        return condition(text.removeprefix("{").removesuffix("}"))
    term = json.loads(text) if text else ""
    return lambda message: term in message


def condition(text):
    """`(a = "x" && b = "y*") || c like "z"` of a line's fields; `and`, `or` as Insights writes them."""
    tokens = re.findall(r'\(|\)|&&|\|\||\band\b|\bor\b|(?:[$\w@.\[\]-]+)\s*(?:=|like)\s*"(?:[^"\\]|\\.)*"', text)
    assert "".join(tokens).replace(" ", "") == text.replace(" ", ""), f"not understood: {text}"
    place = 0

    def peek():
        return tokens[place] if place < len(tokens) else None

    def take():
        nonlocal place
        place += 1
        return tokens[place - 1]

    def either():
        parts = [both()]
        while peek() in ("||", "or"):
            take()
            parts.append(both())
        return lambda line: any(part(line) for part in parts)

    def both():
        parts = [one()]
        while peek() in ("&&", "and"):
            take()
            parts.append(one())
        return lambda line: all(part(line) for part in parts)

    def one():
        token = take()
        if token == "(":
            inner = either()
            assert take() == ")", text
            return inner
        name, how, wanted = re.match(r'([$\w@.\[\]-]+)\s*(=|like)\s*(".*")$', token).groups()
        wanted = json.loads(wanted)
        name = name.removeprefix("$.")
        if name == "@message":
            return lambda line: wanted in line[0]
        if how == "like":
            return lambda line: wanted in str(field(line[1], name) or "")
        bare = wanted.strip("*")
        # What has to be in the text is looked for before the text is read.
        fits = {
            (False, False): lambda value: value == bare, (True, False): lambda value: value.endswith(bare),
            (False, True): lambda value: value.startswith(bare), (True, True): lambda value: bare in value,
        }[wanted.startswith("*"), len(wanted) > 1 and wanted.endswith("*")]

        def holds(line):
            value = field(line[1], name) if bare in line[0] else None
            return value is not None and fits(str(value))

        return holds

    whole = either()
    assert peek() is None, text

    def fits(message):
        # A line that is no JSON has no fields.
        line = Lazy(message)
        return whole((message, line))

    return fits


class Lazy(dict):
    """The JSON of a message, read when a field is asked for."""

    def __init__(self, message):
        self.message, self.read = message, False

    def get(self, key, default=None):
        if not self.read:
            self.read = True
            try:
                value = json.loads(self.message)
                self.update(value if isinstance(value, dict) else {})
            except ValueError:
                pass
        return super().get(key, default)
