"""Terraform itself on deploy/terraform, without a cloud: a stand-in for the AWS provider (servers/terraformschema) that has the
schema of the real one, as the bindings that are generated from it (npm's @cdktf/provider-aws) carry it."""

import base64
import json
import os
import re
import shutil
import subprocess

from conftest import PROJECT
from servers import CACHE

MODULE = PROJECT / "deploy/terraform"
BINDINGS = CACHE / "aws-bindings"
PROVIDER = CACHE / "terraformschema"
TERRAFORM = shutil.which("terraform") or shutil.which("tofu")

ATTRIBUTE = re.compile(r'^ +(\w+): \{\n +value: (.*),\n +isBlock: (true|false),\n +type: "(\w+)",\n +storageClassType: "(\w+)",\n', re.M)
HOW = re.compile(r"^ +// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n(?:(?! +// ).*\n)*? +public get \w+\(\) \{\n +return (.*);", re.M)
SIMPLE = {"boolean": "bool", "string": "string", "number": "number"}


def source(folder):
    """The TypeScript that a binding was compiled from: with what is computed, optional and required."""
    text = (BINDINGS / "package/lib" / folder / "index.js").read_text()
    encoded = text.rsplit("//# sourceMappingURL=data:application/json;base64,", 1)[1]
    return json.loads(base64.b64decode(encoded))["sourcesContent"][0]


def kind(type_, storage):
    """A type of Terraform, as it writes types in JSON."""
    of = next((SIMPLE[one] for one in SIMPLE if storage.startswith(one)), None)
    if of is None:
        return "dynamic"
    return of if type_ == "simple" else [type_, of]


def block(text, name, is_top):
    """A resource, or a block of one: its attributes and blocks, with how each is given."""
    body = re.search(rf"^export class {name}{'' if is_top else 'OutputReference'} extends .*?^\}}", text, re.M | re.S)[0]
    how = {one[1]: one for one in HOW.finditer(body)}
    made = {"attributes": {}, "blocks": {}}
    declared = re.search(r"synthesizeHclAttributes\(\).*", body, re.S)[0] if is_top else re.search(rf"^export function {uncapital(name)}ToHclTerraform\(.*?^\}}", text, re.M | re.S)[0]
    for key, value, is_block, type_, storage in ATTRIBUTE.findall(declared):
        flags = {flag: how[key][at] == "true" for at, flag in ((2, "computed"), (3, "optional"), (4, "required"))}
        if is_block == "true":
            many = "listMapperHcl" in value
            nesting = "single" if type_ == "struct" else type_
            inner = block(text, storage.removesuffix("List"), False)
            made["blocks"][key] = {"nesting": nesting, "min": int(flags["required"] and nesting != "single"), "max": 0 if many or nesting == "single" else 1, "block": inner}
        else:
            made["attributes"][key] = {"type": kind(type_, storage), **flags}
    for key, one in how.items():
        getter = next((type_ for word, type_ in (("getString", "string"), ("getNumber", "number"), ("getBoolean", "bool"), ("getList", ["list", "string"])) if word in one[5]), None)
        if key not in made["attributes"] and key not in made["blocks"] and getter:
            made["attributes"][key] = {"type": getter, "computed": True}
    return made


def uncapital(name):
    return name[0].lower() + name[1:]


def schema():
    """Of the resources and data sources that the module names."""
    text = "".join(path.read_text() for path in MODULE.glob("*.tf"))
    made = {"Resources": {}, "Data": {}, "Answers": {
        "aws_caller_identity": {"account_id": "123456789012"}, "aws_partition": {"partition": "aws"}, "aws_region": {"region": "eu-west-1"},
        "aws_secretsmanager_secret_version": {"secret_string": "api-key=not-a-key"},
    }}
    for where, name in sorted(set(re.findall(r'^(resource|data) "(aws_\w+)"', text, re.M))):
        folder = ("data-" + name if where == "data" else name.removeprefix("aws_")).replace("_", "-")
        made["Resources" if where == "resource" else "Data"][name] = block(source(folder), "".join(map(str.capitalize, folder.split("-"))), True)
    made["Provider"] = {"attributes": {"region": {"type": "string", "optional": True}}}
    return made


def version():
    """Of the provider that the bindings were generated from."""
    return re.search(r"providerVersion: '([\d.]+)'", source("sqs-queue"))[1]


class Terraform:
    """Terraform with the stand-in, and nothing of this machine's."""

    def __init__(self, folder):
        self.folder = folder
        platform = json.loads(subprocess.run([TERRAFORM, "version", "-json"], capture_output=True, check=True).stdout)["platform"]
        # Terraform looks under the one name, OpenTofu under the other.
        for registry in ("registry.terraform.io", "registry.opentofu.org"):
            place = folder / f"mirror/{registry}/hashicorp/aws/{version()}/{platform}"
            place.mkdir(parents=True)
            shutil.copy(PROVIDER.resolve(), place / f"terraform-provider-aws_v{version()}")
        self.schema = schema()
        (folder / "schema.json").write_text(json.dumps(self.schema))
        (folder / "terraform.rc").write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{folder}/mirror" }}\n}}\n')
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "TF_CLI_CONFIG_FILE": str(folder / "terraform.rc"), "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1", "TERRAFORM_SCHEMA": str(folder / "schema.json"),
        }

    def __call__(self, *arguments, cwd):
        return subprocess.run([TERRAFORM, *map(str, arguments)], cwd=cwd, env=self.environment, capture_output=True, text=True, timeout=300)

    def copy(self, name, **changes):
        """A copy of the module and its examples, initialised; `changes` are files of it with what is replaced."""
        to = self.folder / name
        shutil.copytree(MODULE, to)
        for file, (before, after) in changes.items():
            text = (to / f"{file}.tf").read_text()
            assert before in text
            (to / f"{file}.tf").write_text(text.replace(before, after, 1))
        return self.ready(to)

    def ready(self, folder):
        run = self("init", "-backend=false", "-input=false", "-no-color", cwd=folder)
        assert run.returncode == 0, run.stdout + run.stderr
        return folder

    def plan(self, folder, variables):
        """The planned resources, by address: what the configuration sets of each, with `all` of it beside. Or why there is no plan."""
        (folder / "test.tfvars.json").write_text(json.dumps(variables))
        run = self("plan", "-input=false", "-no-color", "-var-file=test.tfvars.json", "-out=plan", cwd=folder)
        if run.returncode:
            return run.stderr
        shown = self("show", "-json", "plan", cwd=folder)
        assert shown.returncode == 0, shown.stderr
        plan = json.loads(shown.stdout)
        set_in = {one["address"]: one.get("expressions", {}) for one in plan["configuration"]["root_module"]["resources"]}
        made = {}
        for one in plan["planned_values"]["root_module"]["resources"]:
            address = re.sub(r"\[0\]$", "", one["address"])
            # Dynamic blocks are not in the configuration's list.
            blocks = self.schema["Resources"].get(one["type"], {}).get("blocks", {})
            named = {*set_in[re.sub(r"\[.*\]$", "", one["address"])], *(key for key in blocks if one["values"].get(key))}
            made[address] = {"all": one["values"], "set": {key: value for key, value in one["values"].items() if key in named and value is not None}}
        return made
