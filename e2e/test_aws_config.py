"""AWS's own settings – profiles, variables, authorities, proxies – and what is said when something else than AWS answers."""

import datetime
import json
import os
import pty
import ssl
import time
from http.server import ThreadingHTTPServer

import pytest
from conftest import PROJECT
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from http_server import HttpServer
from making import making
from proxy import PAGE, PASSWORD
from receiver import black_hole
from servers import free_port
from waiting import line_with

JSON = {"Content-Type": "application/x-amz-json-1.1"}
PAGE_OF = {"Content-Type": "text/html; charset=utf-8"}
ROLE = "arn:aws:iam::123456789012:role/admin"
DEVICE = "arn:aws:iam::123456789012:mfa/me"
#: What is exported, in each test, and is another account's.
EXPORTED = "AKIDTESTTESTTESTTEST"

ASSUMED = f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>{ROLE}</Arn><AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>ASIAOFTHEROLE</AccessKeyId>
<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>""".encode()


class Account(HttpServer):
    """An AWS without clusters, which notes by whose key it was asked for what; or whatever else `answer` is."""

    def __init__(self, answer=None, server=None):
        self.answer, self.keys, self.forms = answer, [], []
        super().__init__(self.say, server=server)

    def say(self, path, headers, body):
        self.keys.append(headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0])
        if self.answer:
            return self.answer
        if b"Action=AssumeRole" in body:
            self.forms.append(body.decode())
            return 200, {"Content-Type": "text/xml"}, ASSUMED
        return 200, JSON, b'{"clusterArns": [], "clusters": []}'


@pytest.fixture
def account():
    with making(Account) as make:
        yield make


@pytest.fixture
def profiles(ecspan):
    def write(text, name="config"):
        folder = ecspan.home / ".aws"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    return write


def keys(name, key):
    return f"[profile {name}]\nregion = eu-west-1\naws_access_key_id = {key}\naws_secret_access_key = s\n"


def is_well(run):
    assert run.code == 0 and "there are no clusters" in run.err, run


def test_a_profile_that_is_typed_outranks_what_is_exported(ecspan, account, profiles):
    profiles(keys("other", "AKIDOFTHEPROFILE"))
    server = account()
    is_well(ecspan("ls", "--profile", "other", env={"AWS_ENDPOINT_URL": server.url}))
    assert set(server.keys) == {"AKIDOFTHEPROFILE"}
    is_well(ecspan("ls", env={"AWS_ENDPOINT_URL": server.url, "AWS_PROFILE": "other"}))
    assert server.keys[-1] == EXPORTED, "as for the AWS CLI, exported keys outrank an exported profile"


@pytest.mark.parametrize("env", [{}, {"AWS_ACCESS_KEY_ID": None}])
def test_a_profile_that_does_not_exist_is_named(ecspan, profiles, env):
    profiles(keys("prod", "AKIDOFTHEPROFILE") + keys("dev", "AKIDOFTHEPROFILE"))
    run = ecspan("ls", "--profile", "prd", env=env)
    assert run.code == 1 and "--profile names the AWS profile prd" in run.err and str(ecspan.home / ".aws/config") in run.err, run
    assert "there are dev, prod" in run.err, run
    run = ecspan("doctor", "--profile", "prd", "--endpoint", "http://127.0.0.1:9")
    assert "bad   settings" in run.out and "the AWS profile prd" in run.out, run


def test_an_exported_profile_that_does_not_exist_is_named_where_it_is_needed(ecspan):
    run = ecspan("ls", env={"AWS_PROFILE": "prd", "AWS_ACCESS_KEY_ID": None})
    assert run.code == 1 and "AWS_PROFILE names the AWS profile prd" in run.err, run


def test_a_broken_file_is_named_with_its_line(ecspan, profiles):
    profiles("[default]\nregion = eu-west-1\n[profile x\n")
    run = ecspan("ls")
    assert run.code == 1 and "config on line 3" in run.err, run


@pytest.mark.parametrize("name", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
def test_a_settings_file_that_is_a_folder_is_named_and_one_that_is_missing_is_none(ecspan, account, profiles, name):
    server = account()
    is_well(ecspan("ls", env={"AWS_ENDPOINT_URL": server.url, name: str(ecspan.home / "nosuch")}))
    run = ecspan("ls", env={"AWS_ENDPOINT_URL": server.url, name: str(ecspan.home)})
    assert run.code == 1 and f"error: {name} names {ecspan.home}, which cannot be read: " in run.err, run
    folder = ecspan.home / ".aws" / {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}[name]
    folder.mkdir(parents=True)
    run = ecspan("ls", env={"AWS_ENDPOINT_URL": server.url})
    assert run.code == 1 and f"error: AWS's settings: {folder}, which cannot be read: " in run.err, run


@pytest.mark.parametrize("where", ["profile", "env"])
def test_a_token_file_that_is_missing_is_named(ecspan, profiles, where):
    env, path = {"AWS_ACCESS_KEY_ID": None}, str(ecspan.home / "nosuch.token")
    if where == "profile":
        profiles(f"[default]\nrole_arn = {ROLE}\nweb_identity_token_file = {path}\n")
    else:
        env |= {"AWS_WEB_IDENTITY_TOKEN_FILE": path, "AWS_ROLE_ARN": ROLE}
    run = ecspan("ls", env=env)
    assert run.code == 1 and path in run.err and "token" in run.err.lower(), run


def test_a_source_profile_that_is_missing_is_named(ecspan, profiles):
    profiles(f"[default]\nrole_arn = {ROLE}\nsource_profile = gone\n")
    run = ecspan("ls", env={"AWS_ACCESS_KEY_ID": None})
    assert run.code == 1 and "the source profile gone, which does not exist" in run.err, run


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_ENDPOINT_URL_ECS", "AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_MAX_ATTEMPTS", "AWS_SESSION_TOKEN", "HTTP_PROXY", "AWS_CONFIG_FILE"])
def test_what_is_empty_is_not_set(ecspan, account, profiles, name):
    profiles("[default]\nregion = eu-west-1\n")
    server = account()
    is_well(ecspan("ls", env={"AWS_ENDPOINT_URL": server.url, name: ""}))


def test_an_empty_endpoint_is_that_of_aws(ecspan, proxy):
    through = proxy(answers=(403, "text/html", PAGE))
    env = {"AWS_ENDPOINT_URL": "", "NO_PROXY": "", "HTTPS_PROXY": through.url, "AWS_MAX_ATTEMPTS": "1"}
    run = ecspan("ls", env=env)
    assert run.code == 1 and through.seen[0] == ("CONNECT", "ecs.us-east-1.amazonaws.com:443".replace("us-east-1", ecspan.environment["AWS_REGION"])), run


@pytest.mark.parametrize("region", ["eu west 1", '"eu-west-1"', "eu-west-1\n", "eu-west-1a", "EU-WEST-1", "eu_west_1"])
@pytest.mark.parametrize("where", ["AWS_REGION", "AWS_DEFAULT_REGION", "--region", "profile", "--to"])
def test_a_region_that_cannot_be_meant_is_told_with_what_sets_it(ecspan, profiles, region, where):
    env, arguments, setting = {"AWS_REGION": None}, ["ls"], where
    if where == "profile":
        if region.endswith("\n"):
            pytest.skip("a file has it on one line")
        profiles(f"[default]\nregion = {region}\n")
        setting = f"region of profile default in {ecspan.home / '.aws/config'}"
    elif where == "--region":
        arguments += ["--region", region]
    elif where == "--to":
        arguments, setting = ["export", PROJECT / "examples/nginx/task.json", "--to", f"xray:{region}"], "the region of --to xray"
    else:
        env[where] = region
    run = ecspan(*arguments, env=env)
    assert run.code in (1, 2) and f"error: {setting} is " in run.err and "hint: write eu-west-1\n" in run.err, run


def test_a_region_that_cannot_be_meant_is_told_of_x_ray_and_by_the_doctor(ecspan):
    env = {"AWS_REGION": "eu-west-1a"}
    run = ecspan("export", PROJECT / "examples/nginx/task.json", "--to", "xray", env=env)
    assert run.code == 1 and 'AWS_REGION is "eu-west-1a", and that is an availability zone' in run.err, run
    run = ecspan("doctor", "--to", "file:-", env=env)
    assert run.code == 1 and 'AWS_REGION is "eu-west-1a"' in run.out, run


def test_a_stand_in_for_aws_may_have_a_region_of_any_name(ecspan, account):
    server = account()
    is_well(ecspan("ls", env={"AWS_ENDPOINT_URL": server.url, "AWS_REGION": "local"}))
    is_well(ecspan("ls", "--region", "us-iso-west-1", env={"AWS_ENDPOINT_URL": server.url}))


@pytest.mark.parametrize("url", ["localhost:4566", "https//aws", "http://a b", '"http://a"', "http://", "ftp://a", "http://a:99999", "http://me:hunter22@a"])
@pytest.mark.parametrize("where", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECS", "profile", "services"])
def test_an_endpoint_that_cannot_be_asked_is_told_with_what_sets_it(ecspan, profiles, url, where):
    env, setting = {"AWS_ENDPOINT_URL": None}, where
    if where == "profile":
        profiles(f"[default]\nendpoint_url = {url}\n")
        setting = f"endpoint_url of profile default in {ecspan.home / '.aws/config'}"
    elif where == "services":
        profiles(f"[default]\nservices = mine\n[services mine]\necs =\n  endpoint_url = {url}\n")
        setting = f"endpoint_url of ECS in {ecspan.home / '.aws/config'}"
    else:
        env[where] = url
    run = ecspan("ls", env=env)
    assert run.code == 1 and f"error: {setting} is " in run.err and "hint: write http://HOST:PORT" in run.err, run
    assert "hunter22" not in run.err, run


def test_what_names_a_host_that_does_not_answer_is_said(ecspan, account):
    nobody = f"http://127.0.0.1:{free_port()}/prefix"
    run = ecspan("ls", env={"AWS_ENDPOINT_URL_ECS": nobody, "AWS_MAX_ATTEMPTS": "1"})
    assert run.code == 1 and "refused; AWS_ENDPOINT_URL_ECS names it" in run.err, run
    run = ecspan("ls", env={"AWS_ENDPOINT_URL": account(answer=(404, PAGE_OF, PAGE)).url + "/prefix"})
    assert run.code == 1 and "answered 404 Not Found" in run.err and "AWS_ENDPOINT_URL names it" in run.err, run


@pytest.mark.parametrize("name", ["prod ", "profile prod", '"prod"', "Prod"])
def test_a_profile_that_is_nearly_there_is_named(ecspan, profiles, name):
    profiles(keys("prod", "AKIDOFTHEPROFILE") + keys("dev", "AKIDOFTHEPROFILE"))
    run = ecspan("ls", "--profile", name)
    assert run.code == 1 and "hint: write prod; there are dev, prod" in run.err, run


@pytest.mark.parametrize("body", [b"[]", b' [{"a": 1}]', b'"ok"', b"42", b"true", b"null"])
def test_json_that_is_no_answer_of_aws_is_told_as_such(ecspan, account, body):
    server = account(answer=(200, JSON, body))
    for command in (["ls"], ["ls", "prod"], ["show", f"prod/{'0123456789abcdef' * 2}"], ["deploy", "web", "--cluster", "prod"]):
        run = ecspan(*command, env={"AWS_ENDPOINT_URL": server.url})
        assert run.code == 1 and f"{server.url} answered 200 OK, with application/x-amz-json-1.1, which is not AWS's" in run.err, run
        assert f"({body.decode().strip()}); AWS_ENDPOINT_URL names it" in run.err and "docs/proxies.md" in run.err, run
        assert "mismatch" not in run.err and "parse" not in run.err, run


@pytest.mark.parametrize(("env", "said"), [
    ({"AWS_ACCESS_KEY_ID": "AKIDTEST\n"}, "AWS_ACCESS_KEY_ID holds quotes"),
    ({"AWS_SECRET_ACCESS_KEY": '"hunter22"'}, "AWS_SECRET_ACCESS_KEY holds quotes"),
    ({"AWS_SESSION_TOKEN": "hunter22\nmore"}, "AWS_SESSION_TOKEN holds quotes"),
    ({"AWS_SECRET_ACCESS_KEY": None}, "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not"),
])  # fmt: skip
def test_keys_that_are_none_are_named_and_a_profile_that_is_typed_does_not_care(ecspan, account, profiles, env, said):
    """The SDK panics at a line break in a key's id."""
    profiles(keys("other", "AKIDOFTHEPROFILE"))
    run = ecspan("ls", env=env)
    assert run.code == 1 and f"error: {said}" in run.err and "hunter22" not in run.err, run
    is_well(ecspan("ls", "--profile", "other", env={"AWS_ENDPOINT_URL": account().url, **env}))


def test_aws_login(ecspan, account, profiles):
    session = "arn:aws:iam::123456789012:user/me"
    profiles(f"[profile me]\nregion = eu-west-1\nlogin_session = {session}\n[profile role]\nregion = eu-west-1\nrole_arn = {ROLE}\nsource_profile = me\n")
    server = account()
    env = {"AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": None}
    run = ecspan("ls", "--profile", "me", env=env)
    assert run.code == 1 and "login/cache" in run.err and "aws login" in run.err, run
    cache = ecspan.home / ".aws/login/cache"
    cache.mkdir(parents=True)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(session.encode())
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    token = {"accessKeyId": "ASIAOFTHELOGIN", "secretAccessKey": "s", "sessionToken": "t", "accountId": "123456789012", "expiresAt": "2099-01-01T00:00:00Z"}
    known = {"accessToken": token, "tokenType": "aws_sigv4", "refreshToken": "r", "clientId": "c", "dpopKey": pem.decode()}
    (cache / f"{digest.finalize().hex()}.json").write_text(json.dumps(known))
    is_well(ecspan("ls", "--profile", "me", env=env))
    assert set(server.keys) == {"ASIAOFTHELOGIN"}
    is_well(ecspan("ls", "--profile", "role", env=env))
    assert server.keys[-1] == "ASIAOFTHEROLE"


MFA = keys("base", "AKIDOFTHEBASE") + f"[profile admin]\nregion = eu-west-1\nrole_arn = {ROLE}\nsource_profile = base\nmfa_serial = {DEVICE}\n"


def test_without_a_terminal_nobody_is_asked_for_a_code(ecspan, account, profiles):
    profiles(MFA + f"[profile on]\nregion = eu-west-1\nrole_arn = {ROLE}2\nsource_profile = admin\n")
    server = account()
    for name in ("admin", "on"):
        run = ecspan("ls", "--profile", name, env={"AWS_ENDPOINT_URL": server.url})
        assert run.code == 1 and f"AWS profile {name} wants the code of an MFA device" in run.err, run
    assert server.keys == []


def test_on_a_terminal_the_code_is_asked_for_once(ecspan, account, profiles):
    profiles(MFA)
    server = account()
    ours, theirs = pty.openpty()
    process = ecspan.start("ls", "--profile", "admin", env={"AWS_ENDPOINT_URL": server.url}, stdin=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while b"code of the MFA device" not in said:
        said += os.read(ours, 1024)
    os.write(ours, b"123456\n")
    assert process.wait(60) == 0, said
    assert len(server.forms) == 1 and "TokenCode=123456" in server.forms[0] and "SerialNumber=arn" in server.forms[0]
    assert server.keys[0] == "AKIDOFTHEBASE" and set(server.keys[1:]) == {"ASIAOFTHEROLE"}
    os.close(ours)


@pytest.mark.parametrize("where", ["env", "profile"])
def test_attempts_are_those_that_are_set(ecspan, account, profiles, where):
    server = account((500, JSON, b'{"__type": "ServerException"}'))
    env = {"AWS_ENDPOINT_URL": server.url}
    if where == "env":
        env["AWS_MAX_ATTEMPTS"] = "2"
    else:
        profiles("[default]\nmax_attempts = 2\n")
    run = ecspan("ls", env=env)
    assert run.code == 1 and len(server.keys) == 2, run
    run = ecspan("ls", env={**env, "AWS_MAX_ATTEMPTS": "none"})
    assert run.code == 1 and "AWS_MAX_ATTEMPTS is" in run.err, run


def test_a_silent_host_is_said_to_be_waited_for_and_named(ecspan):
    hole = black_hole()
    started = time.monotonic()
    process = ecspan.start("ls", env={"AWS_ENDPOINT_URL": hole.url})
    line_with(f"waiting: for an answer of {hole.url}".encode(), process.stderr)
    assert time.monotonic() - started > 1.5, "not at once"
    err = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1, err
    assert f"{hole.url} did not answer in time" in err and "hint: check the network" in err, err
    assert "waiting:" not in err, "once"
    hole.stop()


def test_a_host_that_refuses_is_named(ecspan):
    url = f"http://127.0.0.1:{free_port()}"
    run = ecspan("ls", env={"AWS_ENDPOINT_URL": url})
    assert run.code == 1 and f"connection to {url} refused" in run.err and "hint: " in run.err, run


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((200, PAGE_OF, PAGE), "200 OK"), ((403, PAGE_OF, PAGE), "403 Forbidden"), ((403, {"Content-Type": "text/plain"}, b"no"), "403 Forbidden"),
        ((404, {}, b""), "404 Not Found"), ((302, {"Location": "http://login.example/"}, b""), "302 Found"),
    ],
)
def test_what_is_not_aws_s_is_told_with_status_and_host(ecspan, account, answer, status):
    server = account(answer)
    run = ecspan("ls", env={"AWS_ENDPOINT_URL": server.url})
    assert run.code == 1 and f"{server.url} answered {status}" in run.err and "docs/proxies.md" in run.err, run
    assert "malformed" not in run.err.lower() and len(server.keys) == 1, run


@pytest.mark.parametrize("body", [b"{}", b'{"status": "ok"}', b""])
@pytest.mark.parametrize("command", ["ls", "ls prod", f"show prod/{'8' * 32}", "deploy web --cluster prod"])
def test_an_answer_without_what_was_asked_for_is_no_empty_one(ecspan, account, command, body):
    server = account((200, JSON, body))
    run = ecspan(*command.split(), env={"AWS_ENDPOINT_URL": server.url})
    assert run.code == 1 and run.out == "" and "docs/proxies.md" in run.err, run
    assert f"{server.url} answered 200 OK, with application/x-amz-json-1.1, which is not AWS's ({body.decode() or 'nothing'})" in run.err, run


@pytest.mark.parametrize("body", [b'{"message": "Forbidden"}', b'{"error": "blocked by policy"}'])
def test_a_refusal_without_a_code_is_not_aws_s(ecspan, account, body):
    server = account((403, JSON, body))
    run = ecspan("ls", env={"AWS_ENDPOINT_URL": server.url})
    assert run.code == 1 and "docs/proxies.md" in run.err and "Error {" not in run.err, run
    assert f"{server.url} answered 403 Forbidden, with application/x-amz-json-1.1, which is not AWS's ({body.decode()})" in run.err, run


@pytest.mark.parametrize(
    "answer", [(403, JSON, b"<html><title>Blocked</title></html>"), (403, {"Content-Type": "application/xml"}, b"<no/>"), (200, JSON, b""), (200, JSON, b"{}")]
)
def test_what_a_proxy_answers_in_aws_s_place_is_told_with_host_and_proxy(ecspan, account, proxy, answer):
    """Whatever it calls it."""
    server, through = account(answer), proxy()
    run = ecspan("ls", env={"AWS_ENDPOINT_URL": server.url, "NO_PROXY": None, "HTTP_PROXY": through.url})
    assert run.code == 1 and f"the proxy {through.url} (or what is behind it) answered for {server.url}: {answer[0]} " in run.err, run
    assert "docs/proxies.md" in run.err, run


def test_a_page_that_may_pass_is_asked_past(ecspan, account):
    server = account((503, PAGE_OF, PAGE))
    run = ecspan("ls", env={"AWS_ENDPOINT_URL": server.url, "AWS_MAX_ATTEMPTS": "3"})
    assert run.code == 1 and f"{server.url} answered 503 Service Unavailable" in run.err and len(server.keys) == 3, run


def test_aws_is_asked_through_a_proxy(ecspan, account, proxy):
    server, through = account(), proxy(user=f"me:{PASSWORD}")
    env = {"AWS_ENDPOINT_URL": server.url, "NO_PROXY": None}
    is_well(ecspan("ls", env={**env, "HTTP_PROXY": f"http://me:{PASSWORD}@{through.address}"}))
    assert len(server.keys) == 1 and through.seen == [("POST", f"{server.url}/")]
    down = f"http://127.0.0.1:{free_port()}"
    for no_proxy in ("*", server.url.removeprefix("http://"), "127.0.0.0/8"):
        is_well(ecspan("ls", env={**env, "HTTP_PROXY": down, "NO_PROXY": no_proxy}))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_in_the_way_of_aws_is_named(ecspan, proxy, scheme):
    env = {"AWS_ENDPOINT_URL": f"{scheme}://ecs.example", "NO_PROXY": None, "AWS_MAX_ATTEMPTS": "2"}
    cases = [(proxy(answers=(403, "text/html", PAGE)), "403 Forbidden" if scheme == "http" else "refuses to connect"), (proxy(user="some:body"), "407")]
    for through, words in cases:
        run = ecspan("ls", env={**env, "ALL_PROXY": f"http://me:{PASSWORD}@{through.address}"})
        assert run.code == 1 and f"the proxy {through.url} " in run.err and words in run.err and "docs/proxies.md" in run.err, run
        assert PASSWORD not in run.err and "Basic" not in run.err and "malformed" not in run.err, run
    port = free_port()
    run = ecspan("ls", env={**env, "ALL_PROXY": f"http://me:{PASSWORD}@127.0.0.1:{port}"})
    assert run.code == 1 and f"the proxy http://127.0.0.1:{port} refuses connections" in run.err and PASSWORD not in run.err, run
    run = ecspan("ls", env={**env, "ALL_PROXY": f"socks5://me:{PASSWORD}@127.0.0.1:{port}"})
    assert run.code == 1 and "ALL_PROXY names no proxy that ecspan can use" in run.err and PASSWORD not in run.err, run


def signed(folder):
    """An authority's certificate, and a server's context with one that it signed."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(name, issuer, key, by, *extensions):
        made = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key()).serial_number(x509.random_serial_number())
        made = made.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
        for extension in extensions:
            made = made.add_extension(extension, False)
        return made.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def called(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca, own, private = folder / "ca.pem", folder / "own.pem", folder / "own.key"
    ca.write_bytes(certificate(called("CA"), called("CA"), authority, authority, x509.BasicConstraints(True, None)))
    own.write_bytes(certificate(called("localhost"), called("CA"), key, authority, x509.SubjectAlternativeName([x509.DNSName("localhost")])))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, private)
    return ca, context


def test_an_authority_of_one_s_own(ecspan, account, profiles, tmp_path, proxy):
    ca, context = signed(tmp_path)
    tried = []

    class Counting(ThreadingHTTPServer):
        def get_request(self):
            tried.append(1)
            return super().get_request()

    def tls(handler):
        server = Counting(("127.0.0.1", 0), handler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        return server

    url = account(server=tls).url.replace("http://127.0.0.1", "https://localhost")
    env = {"AWS_ENDPOINT_URL": url}
    run = ecspan("ls", env=env)
    assert run.code == 1 and f"tls handshake with {url} failed" in run.err and "AWS_CA_BUNDLE" in run.err, run
    assert len(tried) == 1, "no certificate gets better in a second"
    is_well(ecspan("ls", env={**env, "AWS_CA_BUNDLE": str(ca)}))
    through = proxy()
    is_well(ecspan("ls", env={**env, "AWS_CA_BUNDLE": str(ca), "NO_PROXY": None, "HTTPS_PROXY": through.url}))
    assert through.seen == [("CONNECT", url.removeprefix("https://"))]
    for wrong, words in ((tmp_path / "nosuch.pem", "cannot be read"), (tmp_path / "own.key", "no PEM certificate")):
        run = ecspan("ls", env={**env, "AWS_CA_BUNDLE": str(wrong)})
        assert run.code == 1 and str(wrong) in run.err and words in run.err, run
    profiles(f"[default]\nca_bundle = {ca}\n")
    is_well(ecspan("ls", env=env))
