"""What a round says: for people, as JSON, and many rounds as a page."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from tests.chaos.faults import BY_NAME
from tests.chaos.harness import Result
from tests.chaos.history import Operation
from tests.chaos.recovery import Recovery

CALM_AFTER_SECONDS = 10.0  # restarts of processes are still going on


def as_json(result: Result) -> dict[str, Any]:
    """Give the round as plain data."""
    seen = result.collected
    operations: dict[str, Counter[str]] = defaultdict(Counter)
    for operation in seen.operations:
        operations[operation.verb][operation.outcome] += 1
    accepted = {one.run for one in seen.operations if one.verb == "submit" and one.outcome == "ok"}
    return {
        "seed": result.round.seed,
        "minutes": result.round.minutes,
        "timing": result.round.timing.name,
        "off": result.round.off,
        "seconds": round(result.seconds, 1),
        "calm_seconds": result.calm_seconds,
        "restarts": result.restarts,
        "operations": {verb: dict(counts) for verb, counts in sorted(operations.items())},
        "runs": len(seen.runs),
        "accepted": len(accepted),
        "run_states": dict(Counter(run.state for run in seen.runs)),
        "steps": len(seen.steps),
        "attempts": dict(Counter(attempt.outcome for attempt in seen.attempts)),
        "calm_errors": [asdict(one) for one in calm_errors(seen.operations, result.recoveries)],
        "effects": sum(effect.kind in {"end", "deed"} for effect in seen.effects),
        "events": len(seen.events),
        "recoveries": [asdict(one) for one in result.recoveries],
        "skipped": result.skipped,
        "violations": [str(violation) for violation in result.violations],
    }


def calm_errors(operations: Iterable[Operation], recoveries: Iterable[Recovery]) -> list[Operation]:
    """Give the requests whose end is unknown though no fault was there while they lasted, or shortly before."""
    faults = [(one.injected_at, one.ended_at + CALM_AFTER_SECONDS) for one in recoveries]
    return [
        one
        for one in operations
        if one.outcome == "unknown"
        and not any(began <= one.at + one.took and one.at <= ended for began, ended in faults)
    ]


def for_people(data: dict[str, Any]) -> str:
    """Say it in lines."""
    count = sum(sum(outcomes.values()) for outcomes in data["operations"].values())
    unknown = sum(outcomes.get("unknown", 0) for outcomes in data["operations"].values())
    lines = [
        f"seed {data['seed']}: {len(data['recoveries'])} faults, {count} requests ({unknown} with an unknown end),"
        f" {data['runs']} runs, {data['steps']} steps, {sum(data['attempts'].values())} attempts"
        f" ({data['attempts'].get('lost', 0)} lost, {data['attempts'].get('stale', 0)} stale),"
        f" {data['effects']} effects, {data['events']} events, {data['restarts']} restarts;"
        f" {len(data['calm_errors'])} requests without an answer away from faults;"
        f" calm after {data['calm_seconds']:g} s",
        *(f"  {line}" for line in recovery_lines([data])),
        *(f"  SKIPPED {name}: {reason}" for name, reason in data["skipped"].items()),
        *(f"  VIOLATION {violation}" for violation in data["violations"][:50]),
        f"{len(data['violations'])} violations{bound_text([data])}",
    ]
    return "\n".join(lines)


def bound_text(rounds: Sequence[dict[str, Any]]) -> str:
    """Say what no violation in n means: with 95 % confidence at most 3/n (the rule of three)."""
    runs, effects = sum(one["accepted"] for one in rounds), sum(one["effects"] for one in rounds)
    if any(one["violations"] for one in rounds) or not runs or not effects:
        return ""
    return (
        f": with 95 % confidence at most 3/{runs} = {3 / runs:.2%} of accepted runs are lost and"
        f" at most 3/{effects} = {3 / effects:.3%} of effects are doubled under such faults"
    )


def recovery_lines(rounds: Sequence[dict[str, Any]]) -> list[str]:
    return [
        f"{name:<28} {len(all_of):>3} x, {len(alone):>3} alone: {_numbers(alone)}"
        for name, all_of, alone in _by_fault(rounds)
    ]


def _by_fault(
    rounds: Sequence[dict[str, Any]],
) -> list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in rounds:
        for recovery in one["recoveries"]:
            found[recovery["fault"]].append(recovery)
    return [
        (name, found[name], [one for one in found[name] if not one["overlapped"]])
        for name in BY_NAME
        if name in found
    ]


def _numbers(recoveries: list[dict[str, Any]]) -> str:
    if not recoveries:
        return "-"
    seconds = [one["seconds"] for one in recoveries]
    known = sorted(one for one in seconds if one is not None)
    told = f"p50 {quantile(known, 0.5):.1f} s, p99 {quantile(known, 0.99):.1f} s" if known else "never"
    return f"{told}, bound {recoveries[0]['bound']:g} s"


def quantile(ordered: list[float], share: float) -> float:
    """Give the value that this share of the values does not exceed, by nearest rank: p99 of few is the largest."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


PAGE = """# Chaos, measured

Made by `./wrench chaos --table`; [what the words mean](../docs/operations/chaos.md). One row is one round on a fresh
installation with durable servers: two of web, relay and scheduler, three workers, four clients. Recovery is judged by
its bound where the fault was alone; with so few of each kind, p99 is the worst that was seen. "touched" counts the
attempts that the fault met.

{machine}

{parts}"""


def table(rounds: Sequence[dict[str, Any]], *, machine: str) -> str:
    """Write the page of many rounds, as Markdown."""
    rounds = sorted(rounds, key=lambda one: (one["timing"], one["seed"]))
    parts = []
    for timing in dict.fromkeys(one["timing"] for one in rounds):
        of = [one for one in rounds if one["timing"] == timing]
        minutes = sum(one["minutes"] for one in of)
        title = f"## {timing.capitalize()} timing: {len(of)} seeds, {minutes:g} minutes of faults"
        parts.append(f"{title}\n\n{_seeds(of)}\n\n{_faults(of)}\n{_skipped(of)}")
    return PAGE.format(machine=machine, parts="\n".join(parts)).rstrip()


def _skipped(rounds: Sequence[dict[str, Any]]) -> str:
    reasons = {name: reason for one in rounds for name, reason in one["skipped"].items()}
    return "".join(f"\nSKIPPED `{name}`: {reason}.\n" for name, reason in sorted(reasons.items()))


def _seeds(rounds: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| seed | faults | asked | unknown | runs | tries | lost | stale | effects | calm | violations |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in rounds:
        outcomes = one["operations"].values()
        cells = [
            one["seed"],
            len(one["recoveries"]),
            sum(sum(counts.values()) for counts in outcomes),
            sum(counts.get("unknown", 0) for counts in outcomes),
            one["runs"],
            sum(one["attempts"].values()),
            one["attempts"].get("lost", 0),
            one["attempts"].get("stale", 0),
            one["effects"],
            f"{one['calm_seconds']:.1f} s",
            len(one["violations"]),
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    total = sum(len(one["violations"]) for one in rounds)
    return "\n".join(lines) + f"\n\n{total} violations{bound_text(rounds)}."


def _faults(rounds: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| fault | times | touched | alone | p50 | p99 | bound | late |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, all_of, alone in _by_fault(rounds):
        known = sorted(one["seconds"] for one in alone if one["seconds"] is not None)
        p50, p99 = (f"{quantile(known, share):.1f} s" if known else "-" for share in (0.5, 0.99))
        late = sum(one["seconds"] is None or one["seconds"] > one["bound"] for one in alone)
        bound = f"{all_of[0]['bound']:g} s"
        touched = sum(one["touched"] for one in all_of)
        cells = [f"`{name}`", len(all_of), touched, len(alone), p50, p99, bound, late]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def dump(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=1)
