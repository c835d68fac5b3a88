"""The path of a request, and what a proxy takes off before it asks (``root_path``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def root_of(scope: Mapping[str, Any]) -> str:
    """Return what stands before every path for those who ask the proxy; empty without one."""
    return str(scope.get("root_path", "")).rstrip("/")


def path_of(scope: Mapping[str, Any]) -> str:
    """Return the path below the root.

    Some servers give it with the root, others without (ASGI, HTTP connection scope). A path that
    only begins with the same letters is not below the root: routes take it as it is, too.
    """
    path, root = str(scope["path"]), root_of(scope)
    if path == root:
        return "/"
    return path[len(root) :] if path.startswith(f"{root}/") else path


def place_of(scope: Mapping[str, Any]) -> str:
    """Return the path as those write it who ask the proxy."""
    return root_of(scope) + path_of(scope)
