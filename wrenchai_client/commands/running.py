"""run, watch, cancel, pause, resume, message, rerun, approve: what starts work, and what steers it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from wrenchai_client import summary, table, targets
from wrenchai_client.commands import base, judging
from wrenchai_client.commands.base import (
    Call,
    Parsers,
    add,
    add_fail_on,
    add_run,
    confirm,
    note,
    outcome,
    run_of,
)
from wrenchai_client.errors import BAD_INPUT, DONE, ClientError
from wrenchai_client.server import ApiClient
from wrenchai_client.text import clean
from wrenchai_client.watching import watch

GOAL = "Inspect this repository and report what should be fixed"


def register(commands: Parsers) -> None:
    """Add the commands."""
    run = add(commands, "run", start, "submit a run and watch it; the last lines say what was found")
    _add_order(run)
    _add_outcome(run)

    follow = add(commands, "watch", follow_run, "watch a run until it is over; Ctrl-C leaves it alone")
    add_run(follow, optional=True)
    add_fail_on(follow)

    cancel = add(commands, "cancel", cancel_run, "end a run; what is over stays as it is")
    add_run(cancel)
    cancel.add_argument("--reason", default="", metavar="TEXT")

    pause = add(commands, "pause", pause_run, "begin nothing new in a run until it is resumed")
    add_run(pause)
    pause.add_argument("--reason", default="", metavar="TEXT")
    add_run(add(commands, "resume", resume_run, "go on with a paused run"))

    message = add(commands, "message", send_message, "tell a run that works something")
    add_run(message)
    message.add_argument("text", metavar="TEXT", help="for those who follow it, and operations that listen")

    rerun = add(
        commands, "rerun", rerun_run, "do a run again from a step, or what died in it; the rest is taken over"
    )
    add_run(rerun)
    rerun.add_argument("--from", dest="step", metavar="STEP", help="key of the step to begin with")
    rerun.add_argument("--preview", action="store_true", help="only say what would be done again")
    rerun.add_argument("-y", "--yes", action="store_true", help="do not ask")
    rerun.add_argument("-d", "--detach", action="store_true", help="print the id and do not wait")
    add_fail_on(rerun)

    approve = add(
        commands, "approve", decide, "answer a question that a run asks; without one, list what waits for you"
    )
    approve.add_argument(
        "approval", nargs="?", metavar="RUN_OR_APPROVAL", help="id of the question, or of a run with one"
    )
    approve.add_argument("--reject", action="store_true", help="answer no")
    approve.add_argument("--comment", default="", metavar="TEXT", help="what is kept with the answer")


def _add_outcome(run: argparse.ArgumentParser) -> None:
    """What becomes of the run: who waits for it, what is saved, what counts as a failure."""
    run.add_argument("-d", "--detach", action="store_true", help="print the id and do not wait")
    run.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="write the reports there, and all that it wrote",
    )
    run.add_argument("--priority", type=int, choices=range(10), metavar="0-9", help="0 is most urgent")
    run.add_argument(
        "--gate",
        action="store_true",
        help="exit with 1 unless the quality gate passed or this is the baseline",
    )
    add_fail_on(run)


def start(call: Call) -> int:
    """Submit, watch, save, tell."""
    options, client, began = call.options, call.client(), time.time()
    with targets.sent(client, options.target, project=options.project, ref=options.ref, say=note) as target:
        base = None
        if options.base:
            base = targets.sent_base(client, options.target, options.base, project=options.project, say=note)
        sarif = targets.sent_sarif(client, options.sarif, project=options.project, say=note)
        run = client.submit(
            goal=options.goal,
            target=target,
            project=options.project,
            priority=options.priority,
            base=base,
            sarif=sarif,
        )
    return _see_through(call, client, run, began=began, cancels=True)


def follow_run(call: Call) -> int:
    """Watch a run that is there."""
    client = call.client()
    return _see_through(call, client, run_of(client, call.options.run), began=time.time(), cancels=False)


def cancel_run(call: Call) -> int:
    """Ask for the end."""
    client = call.client()
    run = run_of(client, call.options.run)
    answer = client.post(f"/api/v1/runs/{run}/cancel", {"reason": call.options.reason})
    state = "to be cancelled" if answer.get("cancel_requested") else answer.get("state")
    return _told(call, answer, f"Run {run} is {state}")


def pause_run(call: Call) -> int:
    """Hold it."""
    client = call.client()
    run = run_of(client, call.options.run)
    answer = client.post(f"/api/v1/runs/{run}/pause", {"reason": call.options.reason})
    return _told(call, answer, f"Run {run} is paused; `resume {run}` goes on")


def resume_run(call: Call) -> int:
    """Let it go on."""
    client = call.client()
    run = run_of(client, call.options.run)
    return _told(call, client.post(f"/api/v1/runs/{run}/resume"), f"Run {run} goes on")


def send_message(call: Call) -> int:
    """Tell it something."""
    client = call.client()
    run = run_of(client, call.options.run)
    answer = client.post(f"/api/v1/runs/{run}/messages", {"text": call.options.text}, once=True)
    return _told(call, answer, f"Told run {run}")


def rerun_run(call: Call) -> int:
    """Say what would be done again, ask, do it."""
    options, client, began = call.options, call.client(), time.time()
    run = run_of(client, options.run)
    path, step = f"/api/v1/runs/{run}/rerun", options.step
    preview = client.get(path, **{"from": step})
    if options.preview:
        return _told(call, preview, _previewed(preview))
    if not options.yes:
        note(_previewed(preview))
        confirm("Do this again?", yes=False)
    made = client.post(path, {"from": step} if step else {}, once=True)
    return _see_through(call, client, str(made["id"]), began=began, cancels=False)


def decide(call: Call) -> int:
    """Answer a question, or list those that wait."""
    options, client = call.options, call.client()
    if options.approval is None:
        return _list_questions(call, client)
    question = _question(client, options.approval)
    answer = client.post(
        f"/api/v1/approvals/{question}",
        {"decision": "reject" if options.reject else "approve", "comment": options.comment},
    )
    return _told(call, answer, f"{clean(answer.get('decision'))}: {clean(answer.get('question'))}")


def _see_through(call: Call, client: ApiClient, run: str, *, began: float, cancels: bool) -> int:
    """Watch a run unless it is to be left alone; print what came of it; return the exit code."""
    options = call.options
    if getattr(options, "detach", False):
        page = f"{client.base_url}/runs/{run}"
        return _told(call, {"id": run, "url": page}, run)
    if not options.json:
        note(f"run {run}: {client.base_url}/runs/{run}")
    final, interrupted = watch(client, run, quiet_stdout=options.json, cancels=cancels)
    wanted: Path | None = getattr(options, "output", None)
    saved = [] if wanted is None else summary.save_reports(client, final, reports=wanted, wanted=wanted)
    seconds = time.time() - began
    if options.json:
        print(summary.as_json(final, saved, seconds=seconds))
    elif final.is_final:
        print(summary.text(final, saved, seconds=seconds))
    code = outcome(final, interrupted=interrupted, fail_on=options.fail_on)
    if code == DONE and getattr(options, "gate", False):
        return judging.gate_of(client, run)
    return code


def _previewed(preview: dict[str, Any]) -> str:
    redone = [
        f"  {step['key']}" + (" (repeats its effect outside)" if step.get("repeats_effect") else "")
        for step in preview.get("redone") or []
    ]
    taken = len(preview.get("taken") or [])
    lines = [f"{taken} steps are taken over, {len(redone)} are done again:", *redone]
    if anew := preview.get("anew"):
        lines.append(f"  and what these add anew: {base.joined(anew)}")
    return "\n".join(lines)


def _list_questions(call: Call, client: ApiClient) -> int:
    questions = list(client.pages("/api/v1/approvals", most=200, state="open"))
    if call.options.json:
        table.dump(questions)
        return DONE
    rows = [
        (
            one["id"],
            one["run"],
            one["step"],
            one["question"],
            "yours" if one.get("may_decide") else one["role"],
        )
        for one in questions
    ]
    table.show(("id", "run", "step", "what", "who"), rows, nothing="No question waits.")
    return DONE


def _question(client: ApiClient, given: str) -> str:
    """Return the id of a question: given itself, or the only open one of the run that is given."""
    open_ones = list(client.pages("/api/v1/approvals", most=200, state="open"))
    if given in (one["id"] for one in open_ones):
        return given
    if given != base.LATEST:
        fitting = [
            one for one in open_ones if str(one["run"]).startswith(given) or str(one["id"]).startswith(given)
        ]
    else:
        run = run_of(client, given)
        fitting = [one for one in open_ones if one["run"] == run]
    if len(fitting) == 1:
        return str(fitting[0]["id"])
    if base.UUID.match(given) and not fitting:
        return given  # answered already, perhaps: the server says so
    told = base.joined(str(one["id"]) for one in fitting)
    said = f"{given} asks several questions: {told}" if fitting else f"no open question belongs to {given}"
    raise ClientError(said, exit_code=BAD_INPUT)


def _told(call: Call, answer: dict[str, Any], text: str) -> int:
    if call.options.json:
        table.dump(answer)
    else:
        print(text)
    return DONE


def _add_order(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target",
        metavar="PATH_OR_URL",
        help="a folder (what git tracks in it is sent), an archive, or a git URL that the server can reach",
    )
    parser.add_argument("--goal", default=GOAL, metavar="TEXT", help=f"what you want (default: {GOAL})")
    parser.add_argument(
        "--project", default="default", metavar="SLUG", help="slug, or team/slug (default: default)"
    )
    parser.add_argument("--ref", metavar="REF", help="branch, tag or commit of a git URL")
    parser.add_argument(
        "--base",
        metavar="REF",
        help="report only what is new against it; of a folder: where its branch left that revision",
    )
    parser.add_argument(
        "--sarif",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="take over what another tool found, from its SARIF 2.1.0 (several times: several files)",
    )
