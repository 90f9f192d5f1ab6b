"""A bill of materials: CycloneDX 1.6 as JSON.

Owns: how components become its entries. Invariant: the same snapshot gives the same bytes; its serial number is made
from the snapshot's digest, and its time is given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from agents.dependencies.component import Component
from agents.dependencies.licences import expression_of

MEDIA_TYPE = "application/vnd.cyclonedx+json"
NAME = "bom.cdx.json"
TOOL = "WrenchAI"


def as_cyclonedx(
    components: Sequence[Component], *, digest: str, licence: str, at: datetime, name: str = "snapshot"
) -> bytes:
    """Write the bill of a snapshot, whose SHA-256 is `digest` in hex."""
    entries = _entries(components)
    root = f"snapshot:{digest}"
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, root)}",
        "version": 1,
        "metadata": {
            "timestamp": at.isoformat(timespec="seconds"),
            "tools": {"components": [{"type": "application", "name": TOOL}]},
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": digest}],
                **_licences(licence),
            },
        },
        "components": [entry for entry, _ in entries.values()],
        "dependencies": _relations(root, entries),
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _reference(one: Component) -> str:
    """Equal packages are one entry, wherever they are declared."""
    return one.purl + (f"#{one.requirement}" if not one.version and one.requirement else "")


def _entries(components: Iterable[Component]) -> dict[str, tuple[dict[str, Any], list[Component]]]:
    places: dict[str, list[Component]] = {}
    for one in components:
        places.setdefault(_reference(one), []).append(one)
    return {ref: (_entry(ref, same), same) for ref, same in sorted(places.items())}


def _entry(reference: str, same: list[Component]) -> dict[str, Any]:
    one = same[0]
    namespace, _, name = one.name.rpartition(":" if one.ecosystem == "Maven" else "/")
    properties = [{"name": "wrenchai:declared", "value": f"{place.path}:{place.line}"} for place in same[:20]]
    if not one.version:
        properties.append({"name": "wrenchai:requirement", "value": one.requirement or "any version"})
    if one.origin:
        properties.append({"name": "wrenchai:origin", "value": one.origin})
    return {
        "type": "library",
        "bom-ref": reference,
        **({"group": namespace} if namespace else {}),
        "name": name or one.name,
        **({"version": one.version} if one.version else {}),
        "scope": "required" if any(place.scope == "runtime" for place in same) else "optional",
        **_licences(next((place.licence for place in same if place.licence), "")),
        "purl": one.purl,
        "properties": properties,
    }


def _licences(text: str) -> dict[str, Any]:
    if not text:
        return {}
    expression = expression_of(text)
    return {"licenses": [{"expression": expression} if expression else {"license": {"name": text}}]}


def _relations(root: str, entries: dict[str, tuple[dict[str, Any], list[Component]]]) -> list[dict[str, Any]]:
    by_name: dict[tuple[str, str], set[str]] = {}
    direct = set()
    for reference, (_, same) in entries.items():
        for one in same:
            by_name.setdefault((one.path, _folded(one.name)), set()).add(reference)
            if one.direct:
                direct.add(reference)
    found = [{"ref": root, "dependsOn": sorted(direct)}]
    for reference, (_, same) in entries.items():
        needed: set[str] = set()
        for one in same:
            for name in one.requires:
                needed |= by_name.get((one.path, _folded(name)), set())
        if needed:
            found.append({"ref": reference, "dependsOn": sorted(needed - {reference})})
    return found


def _folded(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
