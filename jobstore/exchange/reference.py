"""The page on formats, as far as it is made from the mappings: what each reads, field by field.

``python -m jobstore.exchange.reference`` prints what stands at the end of ``docs/formats.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from inspect import getdoc

from jobstore.exchange import catalogue
from jobstore.exchange.converters import CONVERTERS
from jobstore.exchange.mapping import FieldMapping, Signs
from jobstore.exchange.translating import Rule


def markdown() -> str:
    """Return the reference of all mappings that come with jobstore, as Markdown."""
    return "\n".join(_lines()) + "\n"


def converters() -> str:
    """Return what each converter does, as Markdown for ``docs/mappings.md``."""
    lines = []
    for name, converter in sorted(CONVERTERS.items()):
        says = (getdoc(converter) or "").partition("\n\n")[0]
        lines.append(f"- `{name}`: {' '.join(says.split()).replace('``', '`')}\n")
    return "".join(lines)


def _lines() -> Iterator[str]:
    yield "| format | what it is | recognised by |"
    yield "| --- | --- | --- |"
    for mapping in catalogue.all_of_them():
        signs = " or ".join(map(_sign, mapping.signs))
        yield f"| [`{mapping.name}`](#{mapping.name}) | {mapping.description} | {signs} |"
    for mapping in catalogue.all_of_them():
        yield from ("", f"### {mapping.name}", "")
        yield from _mapping(mapping)


def _sign(signs: Signs) -> str:
    text = _names(signs.keys)
    if signs.envelope:
        text += f" in {_names(signs.envelope)}"
    return text + (f" without {_names(signs.without)}" if signs.without else "")


def _names(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _mapping(mapping: FieldMapping) -> Iterator[str]:
    documented = f" Its documentation: <{mapping.documentation}>." if mapping.documentation else ""
    yield f"{mapping.description}.{documented}"
    yield ""
    yield "| field | from |"
    yield "| --- | --- |"
    for name, value in mapping.constants.items():
        yield f"| `{name}` | always `{value}` |"
    for name, rules in mapping.rules.items():
        yield f"| `{name}` | {', or else '.join(map(_rule, rules))} |"


def _rule(rule: Rule) -> str:
    between = " and " if rule.each or rule.join is not None else " or "
    text = between.join(map(_code, rule.paths))
    if rule.convert:
        text += f" ({', '.join(rule.convert)})"
    if rule.board:
        text += f" behind {_code(rule.board[0])}, unless it is unique on all boards"
    if rule.address:
        text += ", or the board's id in the address"
    if rule.value is not None:
        text += f"{' or ' if text else ''}always `{rule.value}`"
    return text


def _code(path: str) -> str:
    # A bar parts the cells of a table, also in code.
    fence = "``" if "`" in path else "`"
    shown = " ".join(path.split()).replace("|", "\\|")
    return f"{fence} {shown} {fence}" if fence == "``" else f"`{shown}`"


if __name__ == "__main__":
    print(markdown(), end="")
