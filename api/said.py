"""What is said on a live connection, as shapes: the frames of both sides of `wrench.v1`.

`frames` reads what a client says, `stream`, `following` and `hub` write what the server says; these are what the
documentation is made of, and what the tests hold real frames against. Invariant: a frame only ever gains fields.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from api.describe import Problem
from api.frames import MAX_ID, MAX_SEQ
from api.shapes import Moment, Uuid

Topic = Annotated[
    str,
    Field(
        description="`run:<id>`, `project:<slug or team/slug>` or `user`",
        examples=["run:0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11"],
    ),
]
RunTopic = Annotated[str, Field(description="`run:<id>`", pattern="^run:[0-9a-f-]{36}$")]
NewsTopic = Annotated[str, Field(description="`project:<slug or team/slug>` or `user`")]
Seq = Annotated[int, Field(ge=0, le=MAX_SEQ, description="number of an event in its run")]
Id = Annotated[str, Field(max_length=MAX_ID, description="of the client's choice; repeated in what answers")]
Reason = Annotated[str, Field(max_length=500)]
Comment = Annotated[str, Field(max_length=2000)]

# --- the client ---------------------------------------------------------------------------------------------------


class Subscribe(TypedDict):
    """Send a topic from now on; of a run, the events after `after` first."""

    op: Literal["subscribe"]
    topic: Topic
    after: NotRequired[Seq]
    batch: NotRequired[Annotated[bool, Field(description="several events may come in one `events` frame")]]
    coalesce: NotRequired[
        Annotated[bool, Field(description="leave out live progress and log events that a newer one replaces")]
    ]
    id: NotRequired[Id]


class Unsubscribe(TypedDict):
    """Send no more of a topic."""

    op: Literal["unsubscribe"]
    topic: Topic


class Ack(TypedDict):
    """All of a run up to `seq` has arrived. Without it the flow stops after `limits.unacked` events."""

    op: Literal["ack"]
    topic: RunTopic
    seq: Seq


class Ping(TypedDict):
    """Are you there? Sent by both sides; a client that is silent for 60 s is taken for gone."""

    op: Literal["ping"]


class Pong(TypedDict):
    """I am here."""

    op: Literal["pong"]


class Cancel(TypedDict):
    """Ask for the end of a run."""

    op: Literal["cancel"]
    run: Uuid
    reason: NotRequired[Reason]
    id: NotRequired[Id]


class Pause(TypedDict):
    """Begin nothing new in a run."""

    op: Literal["pause"]
    run: Uuid
    reason: NotRequired[Reason]
    id: NotRequired[Id]


class Resume(TypedDict):
    """Let a paused run go on."""

    op: Literal["resume"]
    run: Uuid
    id: NotRequired[Id]


class Approve(TypedDict):
    """Answer a question with yes."""

    op: Literal["approve"]
    approval: Uuid
    comment: NotRequired[Comment]
    id: NotRequired[Id]


class Reject(TypedDict):
    """Answer a question with no."""

    op: Literal["reject"]
    approval: Uuid
    comment: NotRequired[Comment]
    id: NotRequired[Id]


class Message(TypedDict):
    """Tell a run that works something: all who follow it hear `run.message`, and its operations may read it."""

    op: Literal["message"]
    run: Uuid
    text: str
    id: NotRequired[Id]


# --- the server ---------------------------------------------------------------------------------------------------


class Limits(TypedDict):
    """What a client has to keep to."""

    topics: Annotated[int, Field(description="topics of a socket at a time")]
    unacked: Annotated[int, Field(description="events that wait for an ack, over all topics of a socket")]
    frame_bytes: Annotated[int, Field(description="size of a frame")]
    sockets: Annotated[int, Field(description="live connections of a person at a time")]


class Welcome(TypedDict):
    """You are in; now subscribe."""

    op: Literal["welcome"]
    protocol: Literal["wrench.v1"]
    heartbeat: Annotated[int, Field(description="seconds: send a ping so often")]
    limits: Limits


Subscribed = TypedDict(
    "Subscribed",
    {
        "op": Literal["subscribed"],
        "topic": Topic,
        "from": Annotated[int, Field(description="events after this number follow; 0 for news")],
        "head": Annotated[int, Field(description="number of the run's newest event; 0 for news")],
        "id": NotRequired[Id],
    },
)
Subscribed.__doc__ = "The topic is sent from now on."


class CaughtUp(TypedDict):
    """All events that there were have been sent; what follows is live."""

    op: Literal["caught_up"]
    topic: RunTopic
    seq: Seq


class Event(TypedDict):
    """A fact of a run. `data` by `type` is described below, and in docs/reference/events.md."""

    op: Literal["event"]
    topic: RunTopic
    seq: Annotated[int, Field(ge=1, description="1, 2, 3, ... per run, without gaps")]
    type: str
    at: Moment
    data: dict[str, Any]
    skipped: NotRequired[
        Annotated[
            int,
            Field(ge=1, description="so many numbers before this one were left out: you asked to coalesce"),
        ]
    ]


class Events(TypedDict):
    """Several events of a run, in order: you asked for batches."""

    op: Literal["events"]
    topic: RunTopic
    events: Annotated[list[Event], Field(min_length=2)]


class News(TypedDict):
    """Something has changed; fetch it. News have no number and are not replayed."""

    op: Literal["news"]
    topic: NewsTopic
    type: str
    data: Annotated[dict[str, str], Field(description="ids and words that tell what to fetch")]


class Reset(TypedDict):
    """What you know of the topic is out of date: load it anew, and count on from `head` (0 for news)."""

    op: Literal["reset"]
    topic: Topic
    reason: str
    head: Seq


class Done(TypedDict):
    """An order was followed."""

    op: Literal["ack"]
    command: str
    status: Annotated[int, Field(ge=200, lt=300, description="what the REST API would have answered with")]
    result: Annotated[dict[str, Any], Field(description="its answer, without steps, summary and artifacts")]
    id: NotRequired[Id]


class Error(TypedDict):
    """What you said cannot be followed. `code` is for programs, `message` for people."""

    op: Literal["error"]
    code: str
    message: str
    topic: NotRequired[str]
    id: NotRequired[Id]
    command: NotRequired[Annotated[str, Field(description="the order that was refused")]]
    retry_after: NotRequired[Annotated[int, Field(description="seconds to wait")]]
    problem: NotRequired[Problem]


class End(TypedDict):
    """Nothing more will come: `code` is as a WebSocket's close code. Server-sent events only."""

    op: Literal["end"]
    code: Literal[1000, 1012, 1013, 4401, 4403, 4408]
    reason: str


CLIENT: tuple[Any, ...] = (
    Subscribe, Unsubscribe, Ack, Ping, Pong, Cancel, Pause, Resume, Approve, Reject, Message,
)  # fmt: skip
SERVER: tuple[Any, ...] = (
    Welcome, Subscribed, CaughtUp, Event, Events, News, Reset, Done, Error, Ping, Pong,
)  # fmt: skip
BY_SSE: tuple[Any, ...] = (Event, CaughtUp, Reset, End)
