"""From components to findings: vulnerable ones, unpinned ones, licences that a policy does not accept.

Identity: rule, file, ecosystem, package and the vulnerability's best-known name; neither the version nor the line, so
that a raised version that does not help keeps the finding's history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agents.advisories.matching import Match, Package, match
from agents.advisories.models import AdvisorySource
from agents.advisories.versions import package_name
from agents.dependencies.component import Component
from agents.dependencies.licences import UNKNOWN, Policy, Told
from agents.findings import Confidence, Evidence, FindingData, Severity, fingerprint

VULNERABLE = "vulnerable-dependency"
UNPINNED = "unpinned-dependency"
LICENCE = "licence-policy"
NAMED = 5  # packages in a sentence
_LIBRARY_FILES = ("pyproject.toml", "setup.cfg", "setup.py", "package.json")  # ranges are right in libraries


@dataclass(slots=True, kw_only=True)
class Audit:
    """What the advisories say. `not_audited` gives the reasons by file; `sources` the databases by ecosystem."""

    sources: Mapping[str, AdvisorySource]
    ecosystems: set[str] = field(default_factory=set)
    audited: int = 0
    not_audited: dict[str, str] = field(default_factory=dict)
    not_audited_count: int = 0
    findings: list[FindingData] = field(default_factory=list)


def audit(components: Sequence[Component], sources: Mapping[str, AdvisorySource]) -> Audit:
    """Compare with the advisories; what cannot be compared is told by file."""
    foreign = [
        one for one in components if one.origin != "path"
    ]  # code of the project's own has no advisories
    result = Audit(sources=sources, ecosystems={one.ecosystem for one in foreign})
    doubtful: dict[Package, str] = {}
    able = [one for one in foreign if not _hindrance(one, sources)]
    matches, doubts = match(_package(one) for one in able)
    for doubt in doubts:
        doubtful.setdefault(doubt.package, doubt.why)
    gaps: dict[str, dict[str, list[str]]] = {}
    for one in foreign:
        why = _hindrance(one, sources) or ("versions cannot be compared" if _package(one) in doubtful else "")
        result.audited += not why
        if why:
            result.not_audited_count += 1
            gaps.setdefault(one.path, {}).setdefault(why, []).append(one.name)
    result.not_audited = {path: _in_words(reasons) for path, reasons in gaps.items()}
    by_package: dict[Package, list[Match]] = {}
    for found in matches:
        by_package.setdefault(found.package, []).append(found)
    result.findings = _vulnerable(able, by_package, sources)
    return result


def _package(one: Component) -> Package:
    return (one.ecosystem, one.name, one.version)


def _hindrance(one: Component, sources: Mapping[str, AdvisorySource]) -> str:
    if one.ecosystem not in sources:
        return f"no advisories of {one.ecosystem} are imported"
    if one.origin:
        return "comes from a URL or a git repository, of which no advisory speaks"
    return "" if one.version else "version not pinned"


def _in_words(reasons: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{why} ({_named(names)})" for why, names in sorted(reasons.items()))


def _named(names: Iterable[str]) -> str:
    listed = list(dict.fromkeys(names))
    more = f" and {len(listed) - NAMED:,} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more


def _vulnerable(
    components: Sequence[Component],
    matches: Mapping[Package, Sequence[Match]],
    sources: Mapping[str, AdvisorySource],
) -> list[FindingData]:
    """One finding for a vulnerability of a package in a file, whatever the number of its versions there."""
    places: dict[tuple[str, str, str, str], list[tuple[Component, Match]]] = {}
    for one in components:
        for found in matches.get(_package(one), ()):
            name = package_name(one.ecosystem, one.name)
            places.setdefault((one.path, one.ecosystem, name, found.name), []).append((one, found))
    return [_finding(group, sources[group[0][0].ecosystem]) for group in places.values()]


def _finding(group: list[tuple[Component, Match]], source: AdvisorySource) -> FindingData:
    one, found = group[0]
    versions = ", ".join(dict.fromkeys(component.version for component, _ in group))
    fixes = list(dict.fromkeys(each.fixed for _, each in group if each.fixed))
    mended = f"Fixed in {', '.join(fixes)}." if fixes else "No fixed version is known."
    summary = next((advisory.summary for advisory, _ in found.advisories if advisory.summary), "")
    said = f"{summary.rstrip('.')}." if summary else "a known vulnerability."
    rated = "" if found.is_rated else " Its database does not rate it."
    via = {True: "", False: " It is not declared here itself, but comes with another package.", None: ""}[
        one.direct
    ]
    use = " It is for development only." if all(each.scope == "dev" for each, _ in group) else ""
    return FindingData(
        rule=VULNERABLE,
        title=f"{one.name} {versions}: {found.name}"[:200],
        message=f"{one.name} {versions}: {said} {mended}{rated}{via}{use} Also known as {_named(found.ids)}.",
        severity=min((each.severity for _, each in group), key=lambda severity: severity.weight),
        confidence=Confidence.HIGH,
        category="dependency",
        path=one.path,
        line=one.line,
        end_line=one.line,
        scope=one.name[:300],
        cwe=tuple(sorted({number for advisory, _ in found.advisories for number in advisory.cwe})),
        fingerprint=fingerprint(
            rule=VULNERABLE,
            path=one.path,
            scope="",
            line_text=f"{one.ecosystem}\0{package_name(one.ecosystem, one.name)}\0{found.name}",
        ),
        evidence=tuple(_evidence(one, found, n, source) for n in range(len(found.advisories))),
    )


def _evidence(one: Component, found: Match, number: int, source: AdvisorySource) -> Evidence:
    advisory, hit = found.advisories[number]
    score = f"CVSS {advisory.score:.1f}; " if advisory.score is not None else ""
    mended = f"; fixed in {hit.fixed}" if hit.fixed else ""
    return Evidence(
        kind="tool_trace",
        tool="wrench-advisories",
        tool_version=f"{source.ecosystem} of {source.newest:%Y-%m-%d}",
        rule=advisory.osv_id,
        message=f"{score}affected: {hit.matched}{mended}; {one.version} is declared at {one.path}:{one.line}",
        snippet=one.requirement or f"{one.name} {one.version}",
        url=advisory.url,
    )


def unpinned(components: Iterable[Component]) -> list[FindingData]:
    """One note for each file whose dependencies have no exact version, and no lock file beside it that gives one."""
    files: dict[str, list[Component]] = {}
    for one in components:
        if not one.version and not one.origin and not one.is_lock:
            files.setdefault(one.path, []).append(one)
    return [_unpinned(path, many) for path, many in sorted(files.items())]


def _unpinned(path: str, many: list[Component]) -> FindingData:
    is_library = path.rpartition("/")[2] in _LIBRARY_FILES
    names = _named(one.name for one in many)
    message = (
        f"No exact version is given for {names}, and no lock file beside gives one: what is installed changes with"
        " the day, and known vulnerabilities cannot be told. Pin the versions or commit a lock file."
    )
    return FindingData(
        rule=UNPINNED,
        title=f"Dependencies without an exact version: {len(many):,}",
        message=message,
        severity=Severity.INFO if is_library else Severity.LOW,
        confidence=Confidence.HIGH,
        category="dependency",
        path=path,
        line=many[0].line,
        end_line=many[0].line,
        fingerprint=fingerprint(rule=UNPINNED, path=path, scope="", line_text=""),
        evidence=(
            Evidence(
                kind="tool_trace", tool="wrench-dependencies", tool_version="1", rule=UNPINNED, message=message,
                snippet="\n".join(one.requirement for one in many[:NAMED]),
            ),
        ),
    )  # fmt: skip


def licence_findings(
    told: Iterable[Told], components: Iterable[Component], policy: Policy
) -> list[FindingData]:
    """What the policy does not accept: one finding for each package of a file, and each licence of the repository."""
    found = []
    equals: Counter[tuple[str, str]] = Counter()
    for one in components:
        licence = one.licence or UNKNOWN
        objection = policy.objection(licence) if one.origin != "path" else ""
        if objection and not equals[one.path, one.name]:
            equals[one.path, one.name] += 1
            found.append(
                _licence_finding(f"the package {one.name}", licence, objection, one.path, one.line, one.name)
            )
    for own in told:
        objection = policy.objection(own.expression)
        if objection:
            found.append(
                _licence_finding("the repository", own.expression, objection, own.path, own.line, "")
            )
    return found


def _licence_finding(what: str, licence: str, objection: str, path: str, line: int, name: str) -> FindingData:
    is_known = licence != UNKNOWN
    if is_known:
        title = f"Licence not accepted: {what} is under {licence}"
        message = f"{what[0].upper()}{what[1:]} is under {licence}; by the policy of licences {objection}."
    else:
        title = f"Licence not known: {what}"
        message = f"Nothing tells the licence of {what}, and the policy accepts none but those that it names."
    return FindingData(
        rule=LICENCE,
        title=title[:200],
        message=message,
        severity=Severity.MEDIUM if is_known else Severity.LOW,
        confidence=Confidence.HIGH,
        category="dependency",
        path=path,
        line=line,
        end_line=line,
        scope=name[:300],
        fingerprint=fingerprint(rule=LICENCE, path=path, scope=name, line_text=""),
        evidence=(
            Evidence(
                kind="tool_trace", tool="wrench-licences", tool_version="1", rule=LICENCE, message=message
            ),
        ),
    )
