"""Figures as people read them: each target with what was found, and RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NAMES = {
    "celery": "bare Celery",
    "wrench": "WrenchAI",
    "wrench-unfused": "WrenchAI, not fused",
    "wrench-bells": "WrenchAI, not fused, a bell for each step",
    "procrastinate": "Procrastinate",
    "dbos": "DBOS",
    "procrastinate-10": "Procrastinate, ten at once a process",
    "dbos-10": "DBOS, ten at once a process",
}
PEERS = {
    "two tasks at once, as the product": ("procrastinate", "dbos"),
    "which does twenty at once": ("procrastinate-10", "dbos-10"),
}
SHOWN_STATEMENTS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One target: what is wanted, what was found, and whether that is enough."""

    about: str
    wanted: str
    found: str
    is_met: bool


def verdicts(results: Mapping[str, Any]) -> list[str]:
    """Give a line for each target that was measured."""
    return [
        f"{'met' if one.is_met else 'MISSED':<7} {one.about}: {one.found} (target {one.wanted})"
        for one in _judge(results)
    ]


def render(results: Mapping[str, Any]) -> str:
    """Give the text of RESULTS.md."""
    return "\n".join(_lines(results)) + "\n"


def _judge(results: Mapping[str, Any]) -> Iterator[Verdict]:
    chain, single = results.get("chain", {}), results.get("single", {})
    for name, wanted in (("wrench", 1.0), ("wrench-unfused", 0.5), ("wrench-bells", 0.5)):
        if "of_celery" in chain.get(name, {}):
            found = chain[name]["of_celery"]["median"]
            yield Verdict(
                about=f"chain of ten against bare Celery's, {NAMES[name]}",
                wanted=f"at least {wanted:.1f}x",
                found=f"{found:.2f}x",
                is_met=found >= wanted,
            )
    if {"wrench", "celery"} <= single.keys():
        over = single["wrench"]["p50"]["median"] - single["celery"]["p50"]["median"]
        yield Verdict(
            about="single step, bell to start, p50 over bare Celery's",
            wanted="at most 15 ms",
            found=f"{over:.1f} ms",
            is_met=over <= 15,
        )
    for kind, told in (("chain", chain), ("single", single)):
        yield from _against_peers(kind, told)
    steps = [
        told["wrench"]["rate"]["median"] * links
        for told, links in ((chain, 10), (single, 1))
        if "wrench" in told
    ]
    if steps:
        yield Verdict(
            about="durable steps a second (chains, single)",
            wanted="at least 300",
            found=" and ".join(f"{rate:.0f}" for rate in steps),
            is_met=max(steps) >= 300,
        )
    yield from _judge_the_rest(results)


def _against_peers(kind: str, told: Mapping[str, Any]) -> Iterator[Verdict]:
    for how, names in PEERS.items():
        peers = [told[name]["rate"]["median"] for name in names if name in told]
        if peers and "wrench" in told:
            ratio = told["wrench"]["rate"]["median"] / max(peers)
            yield Verdict(
                about=f"{kind}: throughput against the better durable peer, {how}",
                wanted="at least 3x",
                found=f"{ratio:.2f}x",
                is_met=ratio >= 3,
            )


def _judge_the_rest(results: Mapping[str, Any]) -> Iterator[Verdict]:
    if "plan" in results:
        took = max(results["plan"][shape]["median"] for shape in ("group", "chain"))
        yield Verdict(
            about=f"plan of {results['plan']['steps']} steps accepted",
            wanted="within 3 s",
            found=f"{took:.2f} s",
            is_met=took <= 3,
        )
    if "claim" in results:
        sizes = results["claim"]["ms"]
        first, last = next(iter(sizes.values()))["p50"], list(sizes.values())[-1]["p50"]
        yield Verdict(
            about=f"claim among {next(iter(sizes))} and among {list(sizes)[-1]} stored steps, p50",
            wanted="flat (within 1.5x)",
            found=f"{first:.2f} and {last:.2f} ms",
            is_met=last <= 1.5 * first,
        )
    if "memory" in results:
        most = max(
            sizes["Pss"] for role, sizes in results["memory"]["MiB"].items() if role.startswith("child")
        )
        yield Verdict(
            about="memory of a worker child (PSS)",
            wanted="at most 160 MB",
            found=f"{most * 1.048576:.0f} MB",
            is_met=most * 1.048576 <= 160,
        )
    if "since" in results:
        found = results["since"]["pages of 500, ms"]["p99"]
        yield Verdict(
            about=f"since(): a page of 500 among {results['since']['events']:,} events, p99",
            wanted="at most 5 ms",
            found=f"{found:.2f} ms",
            is_met=found <= 5,
        )


def _lines(results: Mapping[str, Any]) -> Iterator[str]:
    yield "# Results of `benchmarks/engine.py`"
    yield ""
    yield "Rendered by `--write`; what is measured and how: [README.md](README.md)."
    yield "Medians over the rounds, with least and most in brackets."
    yield ""
    yield "| machine | |"
    yield "|---|---|"
    for name, value in {**results["machine"], **results["postgres"]}.items():
        yield f"| {name} | {value} |"
    yield f"| rounds | {results['rounds']}, each with {results['share']:.0%} of the tasks |"
    yield ""
    yield from ["| target | wanted | found | |", "|---|---|---|---|"]
    for one in _judge(results):
        yield f"| {one.about} | {one.wanted} | {one.found} | {'met' if one.is_met else '**missed**'} |"
    for kind, title in (("chain", "Chains of ten no-ops"), ("single", "Single no-ops")):
        if kind in results:
            yield from _race(title, kind, results[kind])
    if "commits" in results:
        yield from _commits(results["commits"])
    yield from _inside(results)


def _race(title: str, kind: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    unit = "chains" if kind == "chain" else "tasks"
    yield f"| | {unit}/s | of bare Celery | CPU ms each | p50 ms | p99 ms | p50 ms with the submission | load |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, own in told.items():
        cells = [_spread(own[key], digits) for key, digits in _COLUMNS if key in own]
        yield f"| {NAMES[name]} | {' | '.join(cells)} |"


_COLUMNS = (
    ("rate", 1),
    ("of_celery", 2),
    ("cpu_ms", 2),
    ("p50", 1),
    ("p99", 1),
    ("p50_whole", 1),
    ("load", 1),
)


def _spread(found: Mapping[str, float], digits: int) -> str:
    return f"{found['median']:.{digits}f} ({found['min']:.{digits}f} to {found['max']:.{digits}f})"


def _commits(told: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "## The physical limit: pgbench, one row and one commit a transaction"
    yield ""
    yield "| clients | commits/s |"
    yield "|---|---|"
    for clients, found in told.items():
        yield f"| {clients} | {_spread(found, 0)} |"


def _inside(results: Mapping[str, Any]) -> Iterator[str]:
    if "profile" in results:
        yield from _profile(results["profile"])
    if "plan" in results:
        yield from [
            "",
            f"## A plan of {results['plan']['steps']} steps",
            "",
            "| shape | seconds | Python CPU seconds |",
            "|---|---|---|",
        ]
        for shape in ("group", "chain"):
            own = results["plan"][shape]
            yield f"| {shape} | {_spread(own, 2)} | {own['cpu']:.2f} |"
    if "memory" in results:
        yield from ["", f"## Memory after {results['memory']['steps']} steps a child", ""]
        yield from ["| process | PSS MiB | RSS MiB | private dirty MiB |", "|---|---|---|---|"]
        for role, sizes in results["memory"]["MiB"].items():
            yield f"| {role} | {sizes['Pss']} | {sizes['Rss']} | {sizes['Private_Dirty']} |"
    if "claim" in results:
        yield from ["", "## Claims", "", "| stored steps | p50 ms | p95 ms |", "|---|---|---|"]
        for size, took in results["claim"]["ms"].items():
            yield f"| {int(size):,} | {took['p50']:.2f} | {took['p95']:.2f} |"
        yield from ["", "The plan among the most:", "", "```", *results["claim"]["plan"], "```"]
    if "since" in results:
        yield from ["", f"## `since()` among {results['since']['events']:,} events", ""]
        yield from ["| | p50 ms | p99 ms |", "|---|---|---|"]
        for name, took in results["since"].items():
            if name != "events":
                yield f"| {name} | {took['p50']:.2f} | {took['p99']:.2f} |"


def _profile(told: Mapping[str, Any]) -> Iterator[str]:
    yield from ["", "## Where the time of a step goes", ""]
    yield "One process does what a worker child does. Every statement is logged meanwhile, which itself takes time."
    yield ""
    yield "| | wall ms | Python CPU ms | PostgreSQL CPU ms | PostgreSQL wall ms | round trips | waits |"
    yield "|---|---|---|---|---|---|---|"
    for name, parts in told.items():
        for part, own in parts.items():
            title = f"{name}, {part}" if part == "step" else f"{name}, submission of the run"
            yield (
                f"| {title} | {own['wall_ms']:.2f} | {own['python_cpu_ms']:.2f} | {own['postgres_cpu_ms']:.2f}"
                f" | {own['postgres_wall_ms']:.2f} | {own['round_trips']:.1f} | {own['waits']:.1f} |"
            )
    for name, parts in told.items():
        yield from [
            "",
            f"Statements of a step, {name}:",
            "",
            "| statement | per step | ms per step |",
            "|---|---|---|",
        ]
        for statement, spent in list(parts["step"]["statements"].items())[:SHOWN_STATEMENTS]:
            yield f"| `{statement}` | {spent['each']} | {spent['ms']} |"
