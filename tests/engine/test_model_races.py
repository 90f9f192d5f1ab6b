"""The meetings that matter, by name: two operations at the same time, and what one of their two orders leaves.

`test_model` draws such meetings at random; here each is told, and happens some times in worlds of its own.
"""

from __future__ import annotations

from typing import Any

import pytest

from tasks.states import EdgeCondition
from tests.engine.model_driver import GIVE, POST, WORK
from tests.engine.model_moves import Op
from tests.engine.model_rows import Planned, Rule, Ticket
from tests.engine.model_world import World
from tests.engine.test_model import _engine as _engine  # the fixture: delays, bells, threads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

TIMES = 2  # once with each beginning first
OK = EdgeCondition.SUCCEEDED
PAIR = (Planned("s0", WORK), Planned("s1", WORK, (("s0", OK),)))
BESIDE = (Planned("s0", WORK), Planned("s1", WORK))
LATE = (Planned("s0", WORK, deadline=250), Planned("s1", WORK, (("s0", OK),)))
MORE = (Planned("more", WORK),)
BEHIND_S1 = (Planned("more", WORK, (("s1", OK),)),)
T0 = Ticket("r0", "s0", 1)
CHILD = Ticket("r0", "s0:call.1", 1)
RUN = {"label": "r0"}


def op(name: str, /, **arguments: Any) -> Op:
    is_sweep = name in {"promote_due", "recover", "expire", "expire_approvals"}
    return Op(name, arguments, is_sweep)


def submit(
    plan: tuple[Planned, ...] = PAIR, label: str = "r0", key: str | None = None, goal: str = "goal"
) -> Op:
    return op("submit", label=label, project="p", plan=plan, goal=goal, key=key, priority=None, deadline=None)


CLAIM = op("claim", queue="agent.probe", worker="w1")
CLAIM_2 = op("claim", queue="agent.probe", worker="w2")
SETTLE = op("settle", ticket=T0)
SETTLE_ON = op("settle", ticket=T0, then="w1")
EXTEND = op("settle", ticket=T0, plan=MORE)
CALL = op("call", ticket=T0, name="call", spec=GIVE)
ASK = op("ask", ticket=T0, name="ask", expires=250)
YES = op("decide", label="r0", key="s0", number=0, approved=True, by="alice")
NO = op("decide", label="r0", key="s0", number=0, approved=False, by="bob")
CANCEL, PAUSE, RESUME = op("cancel", **RUN), op("pause", **RUN), op("resume", **RUN)
RECOVER = op("recover")
LOSE = op("lose", ticket=T0)
LATER = op("pass_time", seconds=300)
BEAT = op("heartbeat", worker="w1")
RERUN = op("rerun", label="r1", old="r0", key="s0")
BEGUN = (submit(), CLAIM)
BESIDE_BEGUN = (submit(BESIDE), CLAIM, CLAIM)
CALLED = (*BEGUN, CALL, op("claim", queue="agent.second", worker="w2"))
ASKED = (*BEGUN, ASK)
# two runs whose two roots are joined, done by one child or by two
JOINED = (Planned("s0", WORK), Planned("s1", WORK), Planned("join", WORK, (("s0", OK), ("s1", OK))))
TWO_RUNS = (submit(JOINED), submit(JOINED, "r1"))
T1, U0, U1 = Ticket("r0", "s1", 1), Ticket("r1", "s0", 1), Ticket("r1", "s1", 1)
FOUR = op("claim_several", queue="agent.probe", worker="w1", most=4)
FOUR_2 = op("claim_several", queue="agent.probe", worker="w2", most=4)
TURN = (*TWO_RUNS, FOUR)
OVER = (*BEGUN, SETTLE, CLAIM, op("settle", ticket=Ticket("r0", "s1", 1)))


def settle_all(*tickets: Ticket, then: str = "", most: int = 4, **more: Any) -> Op:
    return op("settle_all", tickets=tickets, then=then, most=most, **more)


def hurry(label: str = "r0") -> Op:
    return op("set_priority", label=label, priority=0)


MEETINGS: dict[str, tuple[tuple[Op, ...], Op, Op]] = {
    "settle and cancel": (BEGUN, SETTLE, CANCEL),
    "settle and pause": (BEGUN, SETTLE, PAUSE),
    "settle, going on, and pause": (BEGUN, SETTLE_ON, PAUSE),
    "settle and recover": ((*BEGUN, LOSE), SETTLE, RECOVER),
    "settle and expire": ((submit(LATE), CLAIM, LATER), SETTLE, op("expire")),
    "claim and expire": ((submit(LATE), LATER, BEAT), CLAIM, op("expire")),
    "recover and expire of what is late": ((submit(LATE), CLAIM, LATER), RECOVER, op("expire")),
    "fail and cancel": (BEGUN, op("fail", ticket=T0, retriable=True), CANCEL),
    "fail and recover": ((*BEGUN, LOSE), op("fail", ticket=T0, retriable=False), RECOVER),
    "release and cancel": (BEGUN, op("release", ticket=T0), CANCEL),
    "release and recover": ((*BEGUN, LOSE), op("release", ticket=T0), RECOVER),
    "postpone and pause": (BEGUN, op("postpone", ticket=T0), PAUSE),
    "claim and claim of one step": ((submit(),), CLAIM, CLAIM_2),
    "claim and claim of two steps": ((submit(BESIDE),), CLAIM, CLAIM_2),
    "claim and claim under a limit": ((submit(BESIDE),), CLAIM, CLAIM_2),
    "claim and cancel": ((submit(),), CLAIM, CANCEL),
    "claim and pause": ((submit(),), CLAIM, PAUSE),
    "claim and resume": ((submit(), PAUSE), CLAIM, RESUME),
    "claim and pause of the queue": ((submit(),), CLAIM, op("pause_queue", queue="agent.probe")),
    "claim and hurry": ((submit(),), CLAIM, op("set_priority", label="r0", priority=0)),
    "extend and cancel": (BEGUN, EXTEND, CANCEL),
    "extend and pause": (BEGUN, EXTEND, PAUSE),
    "extend and hurry": (BEGUN, EXTEND, op("set_priority", label="r0", priority=0)),
    "extend and the end of what it waits for": (
        BESIDE_BEGUN,
        op("settle", ticket=T0, plan=BEHIND_S1),
        op("settle", ticket=Ticket("r0", "s1", 1)),
    ),
    "extend and extend": (
        BESIDE_BEGUN,
        op("settle", ticket=T0, plan=BEHIND_S1),
        op("settle", ticket=Ticket("r0", "s1", 1), plan=(Planned("too", WORK, (("s0", OK),)),)),
    ),
    "call and cancel": (BEGUN, CALL, CANCEL),
    "call and pause": (BEGUN, CALL, PAUSE),
    "the called step's end and its caller's cancel": (CALLED, op("settle", ticket=CHILD), CANCEL),
    "the called step's failure and its caller's cancel": (
        CALLED,
        op("fail", ticket=CHILD, retriable=False),
        CANCEL,
    ),
    "the called step's end and a pause": (CALLED, op("settle", ticket=CHILD), PAUSE),
    "ask and cancel": (BEGUN, ASK, CANCEL),
    "ask and recover": ((*BEGUN, LOSE), ASK, RECOVER),
    "yes and no": (ASKED, YES, NO),
    "yes and too late": ((*ASKED, LATER), YES, op("expire_approvals")),
    "yes and cancel": (ASKED, YES, CANCEL),
    "yes and pause": (ASKED, YES, PAUSE),
    "no to a deed and pause": ((submit((Planned("s0", POST),)), CLAIM, LOSE, RECOVER), NO, PAUSE),
    "recover and cancel": ((*BEGUN, LOSE), RECOVER, CANCEL),
    "recover and recover": ((*BEGUN, LOSE), RECOVER, RECOVER),
    "pause and cancel": (BEGUN, PAUSE, CANCEL),
    "pause and resume": ((*BEGUN, PAUSE), PAUSE, RESUME),
    "cancel and cancel": (BEGUN, CANCEL, CANCEL),
    "rerun and rerun": (OVER, RERUN, op("rerun", label="r2", old="r0", key="s0")),
    "submit and submit with one key": (
        (),
        submit(key="once"),
        submit(label="r1", key="once"),
    ),
    "submit and submit of something else with one key": (
        (),
        submit(key="once"),
        submit(label="r1", key="once", goal="another goal"),
    ),
    "due retry and cancel": (
        (*BEGUN, op("postpone", ticket=T0), LATER),
        op("promote_due"),
        CANCEL,
    ),
    "turn and turn with shared joins": (TURN, settle_all(T0, U0), settle_all(U1, T1)),
    "turn and turn with shared joins, both going on": (
        TURN,
        settle_all(T0, U0, then="w1"),
        settle_all(U1, T1, then="w2"),
    ),
    "turn and the end of one more": (TURN, settle_all(T0, U0, then="w1"), op("settle", ticket=T1, then="w2")),
    "turn and turn, one of which lost its lease": (
        (*TURN, LOSE, RECOVER),
        settle_all(T0, U0, then="w1"),
        settle_all(U1, T1),
    ),
    "turn and cancel of one of its runs": (TURN, settle_all(T0, T1, U0, U1, then="w1"), CANCEL),
    "turn and pause of one of its runs": (TURN, settle_all(T0, T1, U0, U1, then="w1"), PAUSE),
    "turn and resume of one of its runs": (
        (*TURN, PAUSE),
        settle_all(T0, T1, U0, U1, then="w1"),
        RESUME,
    ),
    "turn and hurry of one of its runs": (TURN, settle_all(T0, T1, U0, U1, then="w1"), hurry()),
    "turn and recover of one of its steps": ((*TURN, LOSE), settle_all(T0, T1, U0, then="w1"), RECOVER),
    "turn and expire of one of its runs": (
        (submit((*LATE, Planned("s2", WORK))), submit(JOINED, "r1"), FOUR, LATER, BEAT),
        settle_all(T0, U0, U1, then="w1"),
        op("expire"),
    ),
    "turn and a failure before the same join": (
        TURN,
        settle_all(T0, U0, U1, then="w1"),
        op("fail", ticket=T1, retriable=False),
    ),
    "turn and a plan of one of its runs": (
        TURN,
        settle_all(T0, U0, then="w1"),
        op("settle", ticket=T1, plan=MORE),
    ),
    "turn with a plan and turn": (
        TURN,
        settle_all(T0, U0, plan=MORE),
        settle_all(T1, U1, then="w2"),
    ),
    "turn and a pause of the queue": (
        TURN,
        settle_all(T0, T1, U0, U1, then="w1"),
        op("pause_queue", queue="agent.probe"),
    ),
    "several and several": (TWO_RUNS, FOUR, FOUR_2),
    "several and one": (TWO_RUNS, FOUR, CLAIM_2),
    "several and cancel": (TWO_RUNS, FOUR, CANCEL),
    "several and pause": (TWO_RUNS, FOUR, PAUSE),
    "several and hurry": (TWO_RUNS, FOUR, hurry()),
    "several and submit": (TWO_RUNS, FOUR, submit(BESIDE, "r2")),
    "several and rerun": ((*OVER, submit(JOINED, "r2")), FOUR, RERUN),
    "several and several of what must not happen twice": (
        (submit((Planned("s0", POST), Planned("s1", POST))),),
        FOUR,
        FOUR_2,
    ),
    "turn that goes on and several": (TURN, settle_all(T0, T1, U0, U1, then="w1"), FOUR_2),
}  # fmt: skip

LIMITS = {"claim and claim under a limit": (Rule(1, project="p"),)}  # of worlds that have one


@pytest.mark.parametrize("meeting", MEETINGS)
def test_two_at_a_time_leave_what_one_order_leaves(meeting: str) -> None:
    for number in range(TIMES):
        meet(meeting, number)


def meet(meeting: str, number: int) -> None:
    """Let it happen in a world of its own; with an odd number the first one begins."""
    before, first, second = MEETINGS[meeting]
    world = World(LIMITS.get(meeting, ()))
    try:
        for one in before:
            world.alone(one, look=False)
        pair = (first, second) if number % 2 else (second, first)
        world.together(*pair)
        world.work_off()
    finally:
        world.close()
