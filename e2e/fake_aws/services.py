"""Services with deployments, in the old API (DescribeServices) and, where it is switched on, in the new one: plain answers, as AWS
gives them. moto has deployments without a rollout state and nothing of the new API."""

import moto.ecs.models as ecs_models
import moto.ecs.responses as ecs_responses
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult

from .strict import _page

#: What is known of services, by cluster and name: `service` is the answer's object, the others are lists.
SERVICES = {}
#: Whether the account (or the region) has the service deployments API.
SWITCH = {"on": False}
#: ARNs in a call.
DESCRIBED_AT_ONCE = 20


class ServiceNotFoundException(JsonRESTError):
    code = 400

    def __init__(self):
        super().__init__("ServiceNotFoundException", "Service not found.")


class UnknownOperation(JsonRESTError):
    code = 400

    def __init__(self):
        super().__init__("UnknownOperationException", "")


def install():
    response = ecs_responses.EC2ContainerServiceResponse
    moto_describe_services = response.describe_services

    def describe_services(self):
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default")).name
        names = [name.split("/")[-1] for name in self._get_param("services", [])]
        if not any((cluster, name) in SERVICES for name in names):
            return moto_describe_services(self)
        found = [SERVICES[cluster, name]["service"] for name in names if (cluster, name) in SERVICES]
        missing = [{"arn": f"{self.ecs_backend.region_name}:service/{name}", "reason": "MISSING"} for name in names if (cluster, name) not in SERVICES]
        return ActionResult({"services": found, "failures": missing})

    response.describe_services = describe_services
    response.list_services = list_services
    response.list_service_deployments = list_service_deployments
    response.describe_service_deployments = describe_service_deployments
    response.describe_service_revisions = describe_service_revisions


def list_services(self):
    cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default")).name
    arns = [made["service"]["serviceArn"] for (of, _), made in SERVICES.items() if of == cluster]
    return ActionResult(_page(arns + self.ecs_backend.list_services(cluster), "serviceArns", self._get_param))


def _known(self):
    if not SWITCH["on"]:
        raise UnknownOperation()
    cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default")).name
    service = SERVICES.get((cluster, self._get_param("service").split("/")[-1]))
    if service is None:
        raise ServiceNotFoundException()
    return service


BRIEF = ("serviceDeploymentArn", "serviceArn", "clusterArn", "createdAt", "startedAt", "finishedAt", "status", "statusReason")


def list_service_deployments(self):
    """Newest first, paged."""
    deployments = _known(self)["service_deployments"]
    briefs = [
        {**{key: one[key] for key in BRIEF if key in one}, "targetServiceRevisionArn": one["targetServiceRevision"]["arn"]}
        for one in sorted(deployments, key=lambda one: one["createdAt"], reverse=True)
    ]
    return ActionResult(_page(briefs, "serviceDeployments", self._get_param))


def _described(self, parameter, key, kind, arn_of):
    if not SWITCH["on"]:
        raise UnknownOperation()
    wanted = self._get_param(parameter, [])
    if len(wanted) > DESCRIBED_AT_ONCE:
        raise ecs_models.InvalidParameterException(f"{parameter} cannot have more than {DESCRIBED_AT_ONCE} elements")
    known = {one[arn_of]: one for service in SERVICES.values() for one in service[kind]}
    failures = [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in known]
    return ActionResult({key: [known[arn] for arn in wanted if arn in known], "failures": failures})


def describe_service_deployments(self):
    return _described(self, "serviceDeploymentArns", "serviceDeployments", "service_deployments", "serviceDeploymentArn")


def describe_service_revisions(self):
    return _described(self, "serviceRevisionArns", "serviceRevisions", "revisions", "serviceRevisionArn")
