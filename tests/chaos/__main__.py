"""`./wrench chaos`: prove the engine under faults drawn by seed."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType


def main() -> int:
    """Play the rounds; returns 1 if anything was violated."""
    from tests.chaos import report
    from tests.chaos.faults import FAULTS

    options = _parse([fault.name for fault in FAULTS])
    if options.list:
        for fault in FAULTS:
            print(f"{fault.name:<28} {fault.about}")
        return 0
    if options.table:
        rounds = [json.loads(path.read_text()) for path in options.table]
        print(report.table(rounds, machine=options.machine))
        return 0
    signal.signal(signal.SIGTERM, _interrupt)
    return _play(options)


def _play(options: argparse.Namespace) -> int:
    from tests.chaos import harness, report
    from tests.chaos.faults import FAULTS
    from tests.chaos.timing import FAST, PRODUCTION

    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    say(f"seed {seed}")
    home = options.folder or Path(os.environ.get("WRENCH_STATE_DIR") or ".wrench").absolute() / "chaos"
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"seed-{seed}-", dir=home))
    wanted = [fault for fault in FAULTS if not options.faults or fault.name in options.faults]
    round = harness.Round(
        seed=seed,
        minutes=options.minutes,
        timing=PRODUCTION if options.production_timing else FAST,
        faults=wanted,
        folder=folder,
        off=options.off,
    )
    result = harness.play(round, say)
    data = report.as_json(result)
    if options.json:
        options.json.write_text(report.dump(data))
    print(report.for_people(data), flush=True)
    if data["violations"]:
        (folder / "report.json").write_text(report.dump(data))
        print(f"logs, history and ledger: {folder}; again: ./wrench chaos --seed {seed}", flush=True)
        return 1
    if not options.keep:
        harness.remove(folder)
    return 0


def _parse(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./wrench chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="draw the same faults again; without one, any")
    parser.add_argument("--minutes", type=float, default=1.0, help="of faults (default 1)")
    parser.add_argument(
        "--faults", type=lambda text: _names(text, names), default=[], help="only these: name,name"
    )
    parser.add_argument("--list", action="store_true", help="list the faults and end")
    parser.add_argument(
        "--off",
        choices=["fencing", "outbox", "heartbeat"],
        default="",
        help="take this part out of the engine, to see that the checker finds the damage",
    )
    parser.add_argument(
        "--production-timing", action="store_true", help="heartbeat 10 s, lease 30 s, not 1 s and 4 s"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as JSON")
    parser.add_argument(
        "--folder", type=Path, help="where rounds keep their files (default: in the state folder)"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the files of a round without violations too"
    )
    parser.add_argument(
        "--table", type=Path, nargs="+", metavar="FILE", help="write a page of these reports, and end"
    )
    parser.add_argument("--machine", default="", help="what the page says of the machine")  # fmt: skip
    return parser.parse_args()


def _names(text: str, known: list[str]) -> list[str]:
    wanted = [name.strip() for name in text.split(",")]
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no fault {unknown[0]!r}; --list names them")
    return wanted


_BEGAN = time.monotonic()


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"[{time.monotonic() - _BEGAN:6.1f} s] {text}", flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted; what was started is stopped", file=sys.stderr)
        sys.exit(130)
