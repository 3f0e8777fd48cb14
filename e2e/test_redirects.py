"""The metadata endpoint and the agent are this machine's: where they redirect to another host, that is not asked."""

from agent import Agent
from conftest import told_to_stop
from http_server import HttpServer
from waiting import line_with


def redirecting(to):
    """Sends everybody who asks to another place."""
    return HttpServer(lambda path, headers, body: (302, {"Location": to + path}, b""), method="GET")


def test_the_metadata_endpoint_leads_to_no_other_host(ecspan):
    asked = []
    elsewhere = HttpServer(lambda path, *_: (asked.append(path), (200, {"Content-Type": "application/json"}, b"{}"))[1], method="GET")
    server = redirecting(elsewhere.url)
    env = {"ECS_CONTAINER_METADATA_URI_V4": f"{server.url}/v4/xyz"}
    process = ecspan.start("sidecar", "--health-file", ecspan.home / "health", "--stop-timeout", "1s", env=env)
    line_with(b"the task metadata endpoint does not answer: it redirects to another host", process.stderr)
    told_to_stop(process)
    assert asked == []
    server.stop()
    elsewhere.stop()


def test_the_agent_leads_to_no_other_host(ecspan):
    elsewhere = Agent([])
    server = redirecting(elsewhere.url)
    run = ecspan("agent", "--once", "--agent-url", server.url, "--docker", "none", "--to", "file:-")
    assert run.code == 1 and "the ECS agent does not answer: it redirects to another host" in run.err, run
    assert elsewhere.polls == 0
    server.stop()
    elsewhere.stop()


def test_a_redirect_within_the_host_is_followed(ecspan):
    agent = Agent([])
    answer = agent.answer

    def moved(path, headers, body):
        return (302, {"Location": path.removeprefix("/old")}, b"") if path.startswith("/old") else answer(path, headers, body)

    server = HttpServer(moved, method="GET")
    run = ecspan("agent", "--once", "--agent-url", f"{server.url}/old", "--docker", "none", "--to", "file:-")
    assert "does not answer" not in run.err and agent.polls == 1, run
    server.stop()
    agent.stop()
