"""AWS X-Ray's OTLP endpoint as far as a client can tell: it recomputes the SigV4 signature with botocore and keeps the
documented answers. In process; listens on loopback only."""

import datetime
import gzip
import hashlib
import hmac
import json
import re

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from http_server import HttpServer

#: Access key: secret key, session token.
KEYS = {"AKIDEXAMPLE": ("SECRETEXAMPLE", None), "ASIATOKEN": ("SECRETTOKEN", "TOKENEXAMPLE==")}
AUTHORIZATION = re.compile(
    r"^AWS4-HMAC-SHA256\s+Credential=([^/,\s]+)/(\d{8})/([^/,]+)/([^/,]+)/aws4_request,\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$"
)
SKEW = 300
MISMATCH = "The request signature we calculated does not match the signature you provided."


class Exact(SigV4Auth):
    """Signs exactly the headers that the client says it signed; botocore itself would leave some out and add others."""

    def __init__(self, credentials, service, region, names):
        super().__init__(credentials, service, region)
        self.names = names

    def headers_to_sign(self, request):
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            if name.lower() in self.names:
                headers[name.lower()] = value
        return headers


def objection(path, headers, body):
    """Why AWS would not accept this signature, and the region it is for; None when it would."""
    low = {name.lower(): value for name, value in headers}
    match = AUTHORIZATION.match(low.get("authorization", ""))
    if not match:
        return "MissingAuthenticationTokenException", None
    key, date, region, service, signed, signature = match.groups()
    names = signed.split(";")
    if names != sorted(names) or "host" not in names:
        return "IncompleteSignatureException", region
    unsigned = [name for name in low if name.startswith("x-amz-") and name not in names]
    if unsigned or [name for name in names if name not in low]:
        return f"signed headers and sent ones differ: {unsigned}", region
    if service != "xray":
        return "Credential should be scoped to correct service: 'xray'.", region
    time = low.get("x-amz-date", "")
    at = datetime.datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    if time[:8] != date or abs((datetime.datetime.now(datetime.timezone.utc) - at).total_seconds()) > SKEW:
        return "Signature expired", region
    if key not in KEYS:
        return "UnrecognizedClientException: The security token included in the request is invalid.", region
    secret, token = KEYS[key]
    if token != low.get("x-amz-security-token"):
        return "The security token included in the request is invalid.", region
    if low.get("x-amz-content-sha256") not in (None, hashlib.sha256(body).hexdigest()):
        # AWS hashes what it got; botocore would believe the header.
        return MISMATCH, region
    request = AWSRequest(method="POST", url=f"http://{low['host']}{path}", data=body)
    for name, value in headers:
        request.headers.add_header(name, value)
    request.context["timestamp"] = time
    signer = Exact(Credentials(key, secret, token), service, region, names)
    ours = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if not hmac.compare_digest(ours, signature):
        return MISMATCH, region
    return None, region


class XRay(HttpServer):
    """`script` holds answers (status, body) that come once the signature is right; `corrupt` changes a byte of each body on the way."""

    def __init__(self, *script, corrupt=False):
        self.script, self.corrupt = list(script), corrupt
        #: Of each request: objection, region, headers, the body unpacked.
        self.seen = []
        super().__init__(self.answer)

    def answer(self, path, headers, sent):
        body = sent[:-1] + bytes([sent[-1] ^ 1]) if self.corrupt else sent
        why, region = objection(path, headers.items(), body)
        headers = {name.lower(): value for name, value in headers.items()}
        unpacked = gzip.decompress(sent) if headers.get("content-encoding") == "gzip" else sent
        self.seen.append({"why": why, "region": region, "path": path, "headers": headers, "body": unpacked})
        status, answer = (403, {"message": why}) if why else self.script.pop(0) if self.script else (200, {})
        return status, {"Content-Type": "application/json"}, json.dumps(answer).encode()
