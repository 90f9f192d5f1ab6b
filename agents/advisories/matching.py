"""From packages with versions to the advisories that apply to them.

Owns: the question to the database, and that records of one vulnerability (by their aliases) are one `Match`.
Invariant: whatever could not be judged is told by a `Doubt`; it is never counted as safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q

from agents.advisories.models import Advisory, AdvisoryRange, AdvisorySource
from agents.advisories.ranges import Hit, judge
from agents.advisories.versions import Incomparable, package_name
from agents.findings import Severity

ASKED_AT_ONCE = 500

Package = tuple[str, str, str]  # ecosystem, name as declared, version


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One vulnerability of one package at one version; `advisories` says the same of it, the most telling first."""

    package: Package
    advisories: tuple[tuple[Advisory, Hit], ...]
    ids: tuple[str, ...]  # all names of the vulnerability, CVE first

    @property
    def name(self) -> str:
        """The name that most people know: its CVE if it has one."""
        return self.ids[0]

    @property
    def severity(self) -> Severity:
        """The worst that one of its databases says; medium if none tells."""
        told = [Severity(one.severity) for one, _ in self.advisories if one.severity]
        return min(told, key=lambda one: one.weight, default=Severity.MEDIUM)

    @property
    def is_rated(self) -> bool:
        return any(one.severity for one, _ in self.advisories)

    @property
    def fixed(self) -> str:
        """The version that mends it, as the first advisory that knows one tells it."""
        return next((hit.fixed for _, hit in self.advisories if hit.fixed), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A package that could not be judged, and why."""

    package: Package
    why: str


def sources() -> dict[str, AdvisorySource]:
    """Give what was imported, by ecosystem."""
    return {row.ecosystem: row for row in AdvisorySource.objects.all()}


def match(packages: Iterable[Package]) -> tuple[list[Match], list[Doubt]]:
    """Find what is known of these packages. Each is judged once, however often it is named."""
    wanted = sorted(set(packages))
    known = _known({(ecosystem, package_name(ecosystem, name)) for ecosystem, name, _ in wanted})
    matches, doubts = [], []
    for package in wanted:
        ecosystem, name, version = package
        hits: list[tuple[Advisory, Hit]] = []
        for row in known.get((ecosystem, package_name(ecosystem, name)), ()):
            try:
                hit = judge(ecosystem, version, row.ranges, row.versions)
            except Incomparable as error:
                doubts.append(Doubt(package=package, why=f"{row.advisory.osv_id}: {error}"))
                continue
            if hit is not None:
                hits.append((row.advisory, hit))
        matches += [_match(package, group) for group in _grouped(hits)]
    return matches, doubts


def _known(names: set[tuple[str, str]]) -> dict[tuple[str, str], list[AdvisoryRange]]:
    found: dict[tuple[str, str], list[AdvisoryRange]] = {}
    ordered = sorted(names)
    for start in range(0, len(ordered), ASKED_AT_ONCE):
        question = Q()
        part = ordered[start : start + ASKED_AT_ONCE]
        for ecosystem in {one for one, _ in part}:
            question |= Q(ecosystem=ecosystem, package__in=[name for of, name in part if of == ecosystem])
        for row in (
            AdvisoryRange.objects.filter(question).select_related("advisory").order_by("advisory__osv_id")
        ):
            found.setdefault((row.ecosystem, row.package), []).append(row)
    return found


def _grouped(hits: Sequence[tuple[Advisory, Hit]]) -> list[list[tuple[Advisory, Hit]]]:
    """Put together what shares a name, directly or through others."""
    groups: list[tuple[set[str], list[tuple[Advisory, Hit]]]] = []
    for hit in hits:
        names = {hit[0].osv_id, *hit[0].aliases}
        members = [hit]
        for group in [group for group in groups if group[0] & names]:
            groups.remove(group)
            names |= group[0]
            members = group[1] + members
        groups.append((names, members))
    return [members for _, members in groups]


def _match(package: Package, hits: list[tuple[Advisory, Hit]]) -> Match:
    best: dict[str, tuple[Advisory, Hit]] = {}
    for advisory, hit in hits:  # an advisory may name a package twice
        best.setdefault(advisory.osv_id, (advisory, hit))
    names = {name for advisory, _ in hits for name in (advisory.osv_id, *advisory.aliases)}
    told = sorted(best.values(), key=lambda one: (not one[0].severity, not one[1].fixed, one[0].osv_id))
    return Match(package=package, advisories=tuple(told), ids=tuple(sorted(names, key=_rank)))


def _rank(name: str) -> tuple[int, str]:
    order = ("CVE-", "GHSA-", "PYSEC-", "RUSTSEC-", "GO-")
    return next((n for n, prefix in enumerate(order) if name.startswith(prefix)), len(order)), name
