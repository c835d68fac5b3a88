"""The parameters of a query, read as a model with names, types and what they mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from jobstore.service.parameters import lists

Model = TypeVar("Model", bound=BaseModel)


class Queried(Generic[Model]):
    """Reads the parameters of a query as ``model``; FastAPI takes several times as long."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model
        self._lists = lists(model)

    async def __call__(self, request: Request) -> Model:
        """Return what was asked. Raises RequestValidationError with every fault."""
        return self.read(request.query_params.multi_items())

    def read(self, pairs: Iterable[tuple[str, str]]) -> Model:
        """Return what names and values ask for. Raises RequestValidationError."""
        given: dict[str, Any] = {}
        faults: list[dict[str, Any]] = []
        for name, value in pairs:
            if name in self._lists:
                given.setdefault(name, []).append(value)
            elif name in given:
                faults.append({"type": "twice", "loc": (name,), "msg": "is given twice"})
            else:
                given[name] = value
        try:
            found = self.model.model_validate(given)
        except ValidationError as error:
            faults += map(dict, error.errors(include_url=False, include_input=False))
        if faults:
            raise RequestValidationError(
                [{**each, "loc": ("query", *each["loc"])} for each in faults]
            )
        return found

    def described(self) -> list[dict[str, Any]]:
        """Return the parameters as OpenAPI has them."""
        schema = self.model.model_json_schema()
        kinds = schema.get("$defs", {})
        return [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": each.get("description", ""),
                "schema": _inlined(each, kinds),
            }
            for name, each in schema.get("properties", {}).items()
        ]


def queried(model: type[BaseModel]) -> Any:
    """Return the dependency that is a query, read as ``model``."""
    return Depends(Queried(model))


def _inlined(schema: Any, kinds: dict[str, Any]) -> Any:
    """Return a schema without references."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(kinds[schema["$ref"].rpartition("/")[2]], kinds)
        return {name: _inlined(each, kinds) for name, each in schema.items()}
    return [_inlined(each, kinds) for each in schema] if isinstance(schema, list) else schema
