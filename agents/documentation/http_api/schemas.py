"""OpenAPI documents of the tree (2 and 3): what they promise, as endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from agents.documentation.http_api.routes import METHODS, Endpoint, braced

NAMES = ("openapi", "swagger", "schema", "api")


def is_candidate(path: str) -> bool:
    """Tell whether a file may be an OpenAPI document, by its name."""
    name = path.rpartition("/")[2].lower()
    return name.endswith((".json", ".yaml", ".yml")) and any(word in name for word in NAMES)


def endpoints(path: str, text: str) -> list[Endpoint]:
    """Give what the document promises; [] if it is no OpenAPI document. Raises ValueError if it cannot be parsed."""
    try:
        document = json.loads(text) if path.endswith(".json") else yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be parsed: {type(error).__name__}") from error
    if not isinstance(document, dict) or not ({"openapi", "swagger"} & document.keys()):
        return []
    paths = document.get("paths")
    return list(_promised(path, paths)) if isinstance(paths, dict) else []


def _promised(file: str, paths: dict[Any, Any]) -> Iterator[Endpoint]:
    for place, item in paths.items():
        if not isinstance(place, str) or not isinstance(item, dict):
            continue
        shown, parameters = braced(place)
        for method in METHODS:
            operation = item.get(method.lower())
            if isinstance(operation, dict):
                told = str(operation.get("summary") or operation.get("description") or "")
                yield Endpoint(
                    path=shown, methods=(method,), view=str(operation.get("operationId") or ""), file=file, line=1,
                    framework="OpenAPI", doc=told.split("\n")[0],
                    parameters=parameters,
                )  # fmt: skip
