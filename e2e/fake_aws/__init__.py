"""A loopback AWS: ECS and CloudWatch Logs as moto has them, closer to AWS where moto differs, with tasks that carry
every real timestamp, and faults on demand. Listens on 127.0.0.1 only."""

import os
import re
import threading
import time

# What this machine knows of AWS, of receivers and of proxies is nothing to us, nor to the servers that are started beside us. moto signs
# nothing, but the AWS libraries underneath look for a profile as they are imported, and want credentials to be there.
for name in list(os.environ):
    if re.fullmatch(r"(AWS|OTEL)_.+|(?i:.+_proxy)", name):
        del os.environ[name]
os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}

import moto.ecs.models as ecs_models
from moto.moto_api import state_manager
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from . import services, strict
from .front import Front
from .history import History
from .rollouts import Rollouts
from .seed import ACCOUNT, REGION, Seed


class FakeAWS:
    """The server. `url` is its endpoint, `front` has its faults and counts, `seed` makes clusters, tasks and logs,
    `rollouts` makes services with deployments, `history` log groups that keep events of ECS."""

    def __init__(self):
        # moto's own: every DescribeTasks moves a task one state on.
        state_manager.set_transition("ecs::task", {"progression": "manual", "times": 10**9})
        strict.install()
        services.install()
        self.history = History()
        self.front = Front(DomainDispatcherApplication(create_backend_app), self.history)
        front = self.front

        class Handler(MotoRequestHandler):
            def date_time_string(self, timestamp=None):
                return super().date_time_string(time.time() + front.skew)

        self.server = make_server("127.0.0.1", 0, self.front, threaded=True, request_handler=Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.seed = Seed(ecs_models.ecs_backends[ACCOUNT][REGION])
        self.rollouts = Rollouts(self.seed)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.server.shutdown()
        self.thread.join()

    def reset(self):
        """Forgets every task, log, fault and count."""
        self.front.reset()
        self.seed.reset()
        self.rollouts.reset()
        self.history.reset()
        services.SERVICES.clear()
        services.SWITCH["on"] = False

    def has_service_deployments(self):
        """From now on the account has the service deployments API."""
        services.SWITCH["on"] = True
