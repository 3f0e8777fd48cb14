"""Templates of CloudFormation, worked out for given parameters."""

import re

NOTHING = object()
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012", "AWS::NoValue": NOTHING}


def evaluated(document, parameters, refer):
    """The properties of a template's resources; `refer` says what a resource's name, or attribute of it, stands for."""
    defaults = {name: one.get("Default", "") for name, one in document.get("Parameters", {}).items()}
    values = {**PSEUDO, **defaults, **parameters}

    def of(name, attribute=None):
        return values[name] if attribute is None and name in values else refer(name, attribute)

    def get(node):
        if isinstance(node, list):
            return [one for one in map(get, node) if one is not NOTHING]
        if not isinstance(node, dict):
            return node
        match list(node.items()):
            case [("Ref", name)]:
                return of(name)
            case [("Fn::GetAtt", [name, attribute])]:
                return of(name, attribute)
            case [("Fn::GetAtt", dotted)]:
                return of(*dotted.split(".", 1))
            case [("Fn::If", [condition, yes, no])]:
                return get(yes if get(document["Conditions"][condition]) else no)
            case [("Fn::Equals", [one, other])]:
                return get(one) == get(other)
            case [("Fn::Not", [one])]:
                return not get(one)
            case [("Fn::Join", [between, parts])]:
                return between.join(get(parts))
            case [("Fn::Sub", [text, more])]:
                more = get(more)
                return re.sub(r"\$\{([\w:]+)(?:\.(\w+))?\}", lambda found: more[found[1]] if found[1] in more else of(found[1], found[2]), text)
            case [("Fn::Sub", text)]:
                return re.sub(r"\$\{([\w:]+)(?:\.(\w+))?\}", lambda found: of(found[1], found[2]), text)
        made = {key: get(one) for key, one in node.items()}
        return {key: one for key, one in made.items() if one is not NOTHING}

    return {name: get(one["Properties"]) for name, one in document["Resources"].items()}


def plain(value, name=""):
    """Without what is empty; numbers and truths as texts, as CloudFormation takes them; environments by name."""
    if isinstance(value, dict):
        made = {key: plain(one, key) for key, one in value.items()}
        return {key: one for key, one in made.items() if one not in ("", [], {}, None)}
    if isinstance(value, list):
        if name == "Environment":
            return {one["Name"]: one["Value"] for one in value}
        return [plain(one) for one in value]
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
