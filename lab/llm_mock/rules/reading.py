"""Reading rules from YAML or JSON: either all of them are right, or everything that is wrong is told."""

from yaml.nodes import MappingNode, Node

from lab.llm_mock.rules.conditions import read_match
from lab.llm_mock.rules.model import Match, Reply, Rule, Rules
from lab.llm_mock.rules.problem import RulesError
from lab.llm_mock.rules.replies import read_replies
from lab.llm_mock.rules.sheet import Sheet

SCHEMA = 1
RULE_LIMIT = 1000
NAME_LIMIT = 100
__all__ = ["RulesError", "read_rules"]


def read_rules(text: str | bytes, source: str = "rules") -> Rules:
    """Read a file of rules; raises RulesError with the place of each problem."""
    sheet = Sheet(source)
    root = sheet.compose(text)
    if root is None:
        return Rules(source=source)
    found = sheet.fields(root, "the file", ("schema", "strict", "seed", "rules"))
    if isinstance(root, MappingNode) and "schema" not in found:
        sheet.say(root, f"the file needs `schema: {SCHEMA}`")
    if "schema" in found:
        sheet.whole(found["schema"], "schema", SCHEMA, SCHEMA)
    strict = sheet.flag(found["strict"], "strict") if "strict" in found else None
    seed = sheet.whole(found["seed"], "seed", 0) if "seed" in found else 0
    nodes = sheet.items(found["rules"], "rules") if "rules" in found else []
    if len(nodes) > RULE_LIMIT:
        sheet.say(nodes[RULE_LIMIT], f"more than {RULE_LIMIT} rules")
    rules = tuple(_rule(sheet, node, number) for number, node in enumerate(nodes[:RULE_LIMIT], 1))
    _check_names(sheet, nodes, rules)
    sheet.finish()
    return Rules(rules, strict, seed or 0, source)


def _rule(sheet: Sheet, node: Node, number: int) -> Rule:
    found = sheet.fields(node, "a rule", ("name", "match", "times", "skip", "probability", "reply"))
    name = sheet.text(found["name"], "name") if "name" in found else None
    if name is not None and not 1 <= len(name) <= NAME_LIMIT:
        sheet.say(found["name"], f"a name has 1 to {NAME_LIMIT} characters")
    replies, cycle = read_replies(sheet, found["reply"]) if "reply" in found else ((Reply(),), False)
    probability = sheet.number(found["probability"], "probability", 0, 1) if "probability" in found else 1.0
    return Rule(
        name=name or f"rule-{number}",
        match=read_match(sheet, found["match"], "match") if "match" in found else Match(),
        replies=replies,
        cycle=cycle,
        times=sheet.whole(found["times"], "times", 1) if "times" in found else None,
        skip=(sheet.whole(found["skip"], "skip", 0) or 0) if "skip" in found else 0,
        probability=1.0 if probability is None else probability,
        line=node.start_mark.line + 1,
    )


def _check_names(sheet: Sheet, nodes: list[Node], rules: tuple[Rule, ...]) -> None:
    seen: dict[str, int] = {}
    for number, (node, rule) in enumerate(zip(nodes, rules, strict=False), 1):
        # JSON may have all rules in one line.
        if (first := seen.setdefault(rule.name, number)) != number:
            line = rules[first - 1].line
            whose = f"the rule of line {line}" if line != rule.line else f"rule {first}"
            sheet.say(node, f"the name {rule.name!r} belongs to {whose}")
