"""The ladder: what has been seen of a patch, rung by rung, and the label that follows from it.

    applies        git applies the diff to a copy of the files, and makes of them what was meant
    parses         each changed Python, JSON and TOML file still parses
    target_gone    the finding that it mends is not found again by the analyzers that claimed it
    nothing_new    nothing new, as severe or worse, is found in the changed files
    api_unchanged  no public name, parameter or base class is lost (griffe, by reading)
    tests_pass     the project's tests pass: needs a sandbox

    any rung failed                                    -> rejected
    tests_pass passed                                  -> verified
    target_gone and nothing_new passed                 -> re-analysed
    else                                               -> parses only

A fingerprint holds the text of its line, so an edit of the line changes it although the fault may still be there.
Therefore a target counts as gone only if its scope has one claim of its rule less; and a claim is new only if its
scope has more claims of its rule than before. A control keeps silence honest: the same analysis must see the target
in the files as they were, else nothing can be concluded from not seeing it.

Patches of different files are tried side by side in one copy, so that many cost few runs of the analyzers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from tempfile import mkdtemp

from pydantic import BaseModel, ConfigDict

from agents.findings import FindingData, Severity
from agents.patches.diffs import Patch
from agents.patches.reading import api_losses, why_it_does_not_parse
from agents.patches.trial import each_applies, lay_out, put

NO_SANDBOX = "no sandbox"
NAMED = 3  # claims told in a reason; all are counted


class Rung(StrEnum):
    """What is looked at, in order."""

    APPLIES = "applies"
    PARSES = "parses"
    TARGET_GONE = "target_gone"
    NOTHING_NEW = "nothing_new"
    API_UNCHANGED = "api_unchanged"
    TESTS_PASS = "tests_pass"  # noqa: S105 - the name of a rung


class Outcome(StrEnum):
    """How it went. A rung that could not be tried says why."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"


class Label(StrEnum):
    """What may be said of a patch."""

    VERIFIED = "verified"
    REANALYSED = "re-analysed"
    PARSES_ONLY = "parses only"
    REJECTED = "rejected"


class RungResult(BaseModel):
    """One rung: how it went, and why one may say so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rung: Rung
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What an analysis saw in some files: its claims, and the files that it could not analyse, with the reason."""

    findings: Sequence[FindingData]
    failed: Mapping[str, str] = field(default_factory=dict)


Reanalyse = Callable[[Path, Sequence[str]], Seen]
"""Analyse these paths below this root, by the analyzers whose claims count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A patch and the findings that it is to mend; none for a patch that mends no finding.

    `beside`: path -> content of files that it leaves alone and without which its targets cannot be seen.
    """

    patch: Patch
    targets: tuple[FindingData, ...] = ()
    beside: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proof:
    """What was seen of one candidate: each rung once, in order."""

    rungs: tuple[RungResult, ...]

    @property
    def label(self) -> Label:
        """What may be said of the patch."""
        outcomes = {result.rung: result.outcome for result in self.rungs}
        if Outcome.FAILED in outcomes.values():
            return Label.REJECTED
        if outcomes[Rung.TESTS_PASS] is Outcome.PASSED:
            return Label.VERIFIED
        seen_again = (outcomes[Rung.TARGET_GONE], outcomes[Rung.NOTHING_NEW])
        return Label.REANALYSED if set(seen_again) == {Outcome.PASSED} else Label.PARSES_ONLY

    @property
    def failure(self) -> str:
        """Why it was rejected, or ""."""
        return next((f"{r.rung}: {r.reason}" for r in self.rungs if r.outcome is Outcome.FAILED), "")


def climb(
    candidates: Sequence[Candidate],
    *,
    scratch: Path,
    reanalyse: Reanalyse | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Proof]:
    """Try each candidate by itself, and give a proof for each, in their order.

    `reanalyse` is called with a copy of the changed files and of those beside them. Without it the rungs that need it
    are not run.
    """
    climbs = [_Climb(candidate) for candidate in candidates]
    done = 0
    for together in _rounds(climbs):
        whole = [one for one in together if one.candidate.patch.changes]
        verdicts = each_applies([one.candidate.patch for one in whole], scratch=scratch)
        troubles = dict(zip(map(id, whole), verdicts, strict=True))
        for one in together:
            one.by_itself(troubles.get(id(one), "it changes nothing"))
        standing = [one for one in together if not one.has_fallen]
        if reanalyse is not None and standing:
            _look_again(standing, scratch, reanalyse)
        done += len(together)
        progress(done, len(climbs))
    return [one.proof() for one in climbs]


@dataclass(slots=True)
class _Climb:
    """One candidate on its way up."""

    candidate: Candidate
    results: dict[Rung, RungResult] = field(default_factory=dict)

    @property
    def has_fallen(self) -> bool:
        return any(result.outcome is Outcome.FAILED for result in self.results.values())

    def note(self, rung: Rung, trouble: str, passed: str) -> None:
        outcome = Outcome.FAILED if trouble else Outcome.PASSED
        self.results[rung] = RungResult(rung=rung, outcome=outcome, reason=trouble or passed)

    def skip(self, rung: Rung, reason: str) -> None:
        self.results[rung] = RungResult(rung=rung, outcome=Outcome.NOT_RUN, reason=reason)

    def by_itself(self, trouble: str) -> None:
        """The rungs that need no analyzer, after git's `trouble` with it; the first that fails ends the climb."""
        self.note(Rung.APPLIES, trouble, "git apply made the files that were meant")
        for look in (self._parses, self._keeps_api):
            if not self.has_fallen:
                look()

    def _parses(self) -> None:
        parsed, trouble = why_it_does_not_parse(self.candidate.patch)
        if parsed or trouble:
            self.note(Rung.PARSES, trouble, f"{parsed} changed file(s) parse")
        else:
            self.skip(Rung.PARSES, "no parser for files of this kind")

    def _keeps_api(self) -> None:
        compared, losses = api_losses(self.candidate.patch)
        if compared:
            told = "; ".join(losses[:NAMED])
            self.note(Rung.API_UNCHANGED, told, f"no public name lost in {compared} module(s)")
        else:
            self.skip(Rung.API_UNCHANGED, "it changes no Python module that is not a test")

    def proof(self) -> Proof:
        """All rungs; those that were never reached say so."""
        missing = "a lower rung failed" if self.has_fallen else "no analyzer was given"
        self.results.setdefault(
            Rung.TESTS_PASS,
            RungResult(rung=Rung.TESTS_PASS, outcome=Outcome.NOT_RUN, reason=NO_SANDBOX),
        )
        for rung in Rung:
            if rung not in self.results:
                self.skip(rung, missing)
        return Proof(tuple(self.results[rung] for rung in Rung))


def _rounds(climbs: Iterable[_Climb]) -> list[list[_Climb]]:
    """Put candidates together of which none changes a file that another one changes or needs."""
    rounds: list[tuple[set[str], set[str], list[_Climb]]] = []
    for one in climbs:
        changed, needed = set(one.candidate.patch.paths), set(one.candidate.beside)
        home = next((r for r in rounds if not r[0] & (changed | needed) and not r[1] & changed), None)
        if home is None:
            rounds.append(home := (set(), set(), []))
        home[0].update(changed)
        home[1].update(needed)
        home[2].append(one)
    return [together for _, _, together in rounds]


def _look_again(climbs: Sequence[_Climb], scratch: Path, reanalyse: Reanalyse) -> None:
    folder = Path(mkdtemp(prefix="round-", dir=scratch))
    changed = {path for one in climbs for path in one.candidate.patch.paths}
    beside = {
        path: text for one in climbs for path, text in one.candidate.beside.items() if path not in changed
    }
    paths = sorted(changed | beside.keys())
    seen = []
    for name in ("before", "after"):
        for one in climbs:
            lay_out(one.candidate.patch, folder / name, after=name == "after")
        for path, content in beside.items():
            put(folder / name, path, content)
        seen.append(reanalyse(folder / name, paths))
    for one in climbs:
        _compare(one, *(_only(some, one.candidate.patch.paths) for some in seen))


def _only(seen: Seen, paths: Sequence[str]) -> Seen:
    kept = frozenset(paths)
    return Seen(
        findings=[finding for finding in seen.findings if finding.path in kept],
        failed={path: reason for path, reason in seen.failed.items() if path in kept},
    )


def _compare(climb: _Climb, before: Seen, after: Seen) -> None:
    broken = {path: why for path, why in after.failed.items() if path not in before.failed}
    if broken:
        path, why = next(iter(sorted(broken.items())))
        climb.note(Rung.NOTHING_NEW, f"{path} can no longer be analysed: {why}", "")
        return
    if after.failed:
        path, why = next(iter(sorted(after.failed.items())))
        for rung in (Rung.TARGET_GONE, Rung.NOTHING_NEW):
            climb.skip(rung, f"{path} cannot be analysed: {why}")
        return
    targets = climb.candidate.targets
    if not targets:
        climb.skip(Rung.TARGET_GONE, "it mends no finding")
    elif unseen := [one for one in targets if not _holds(before, one)]:
        climb.skip(
            Rung.TARGET_GONE, f"{_named(unseen)} is not found when only the files on its way are looked at"
        )
    else:
        left = _left(targets, before, after)
        climb.note(Rung.TARGET_GONE, f"still found: {_named(left)}" if left else "", "not found again")
    _judge_new(climb, _added(before, after))


def _judge_new(climb: _Climb, added: Sequence[FindingData]) -> None:
    worst = min((one.severity.weight for one in climb.candidate.targets), default=Severity.INFO.weight)
    bad = [one for one in added if one.severity.weight <= worst]
    lesser = len(added) - len(bad)
    fine = "nothing new found" if not lesser else f"{lesser} new, of lesser severity: {_named(added)}"
    climb.note(Rung.NOTHING_NEW, f"new: {_named(bad)}" if bad else "", fine)


_Key = tuple[str, str, str]


def _key(finding: FindingData) -> _Key:
    return (finding.rule, finding.path, finding.scope)


def _holds(seen: Seen, target: FindingData) -> bool:
    return any(one.fingerprint == target.fingerprint for one in seen.findings)


def _left(targets: Sequence[FindingData], before: Seen, after: Seen) -> list[FindingData]:
    """The targets that are still there, under their old fingerprint or a new one."""
    was, now = Counter(map(_key, before.findings)), Counter(map(_key, after.findings))
    wanted = Counter(map(_key, targets))
    return [one for one in targets if now[_key(one)] > was[_key(one)] - wanted[_key(one)]]


def _added(before: Seen, after: Seen) -> list[FindingData]:
    """Claims of a scope beyond those that it had of the same rule. Those with a known fingerprint are not new."""
    known = Counter(one.fingerprint for one in before.findings)
    spare = Counter(map(_key, before.findings))
    unknown = []
    for one in after.findings:
        if known[one.fingerprint]:
            known[one.fingerprint] -= 1
            spare[_key(one)] -= 1
        else:
            unknown.append(one)
    added = []
    for one in unknown:
        if spare[_key(one)] > 0:
            spare[_key(one)] -= 1
        else:
            added.append(one)
    return added


def _named(findings: Sequence[FindingData]) -> str:
    shown = ", ".join(f"{one.rule} at {one.path}:{one.line}" for one in findings[:NAMED])
    more = len(findings) - NAMED
    return f"{shown} and {more} more" if more > 0 else shown
