"""What a tool is: its definition, what runs it, and who may use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import mcp_types as types

from jobstore.service.guarding.callers import Scope
from jobstore.service.mcp.arguments import Arguments, schema
from jobstore.store import JobStore

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
TRUTH: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
LIST: Schema = {"type": "array"}


def object_of(required: str, **properties: Schema) -> Schema:
    """Return the schema of an object; ``required`` are names, apart by blanks."""
    return {"type": "object", "properties": properties, "required": required.split()}


class Answer(NamedTuple):
    """What a tool answers: a line that says what it is, and the answer itself."""

    line: str
    content: dict[str, Any]


class Rights(NamedTuple):
    """What a caller may do, whether tools that write are switched on, and how it wants answers.

    ``as_text``: for programs that show a model the text of an answer, and not its structure.
    """

    scope: Scope
    writes: bool
    as_text: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool.

    ``least`` is the scope that it needs; ``writes`` tells whether it changes postings or what is
    kept of them, for which writes must be switched on. ``missing`` is OJCP's code for what is not
    found.
    """

    name: str
    description: str
    arguments: type[Arguments]
    output: Schema
    run: Callable[[JobStore, Any], Awaitable[Answer]]
    least: Scope = Scope.READ
    writes: bool = False
    is_idempotent: bool = True
    is_destructive: bool = False
    missing: str = "job_not_found"

    def may(self, rights: Rights) -> bool:
        """Tell whether it can be used."""
        return rights.scope >= self.least and (rights.writes or not self.writes)

    @property
    def definition(self) -> types.Tool:
        """What agents are told of it."""
        return types.Tool(
            name=self.name,
            description=self.description,
            input_schema=schema(self.arguments),
            output_schema=self.output,
            annotations=types.ToolAnnotations(
                read_only_hint=self.least < Scope.WRITE,
                destructive_hint=self.is_destructive,
                idempotent_hint=self.is_idempotent,
                open_world_hint=False,
            ),
        )
