"""The log of a step from either end, and the search: each line once, in its order."""

from __future__ import annotations

import pytest

from tasks import step_log
from tasks.models import LogChunk, Step
from tasks.step_log import Spot, spot_of
from tests.api.cast import Cast, cast, planner, submit_run  # noqa: F401 - fixtures

pytestmark = pytest.mark.usefixtures("planner")


@pytest.fixture
def step(cast: Cast) -> Step:  # noqa: F811 - the fixture
    return Step.objects.get(run=submit_run(cast.project))


def say(step: Step, *chunks: tuple[int, int, str]) -> None:
    LogChunk.objects.bulk_create(
        LogChunk(step=step, attempt=attempt, ordinal=ordinal, at=step.created_at, text=text)
        for attempt, ordinal, text in chunks
    )


def said(part: step_log.Part) -> list[str]:
    return [line.text for line in part.lines]


@pytest.mark.parametrize("most", [1, 2, 3, 4, 100])
def test_log_is_read_from_either_end_each_line_once(
    step: Step, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(step_log, "CHUNKS_AT_ONCE", 2)
    chunks = [(1, 1, "a\nb"), (1, 2, "c"), (1, 10, "d\ne\nf"), (2, 1, "g"), (2, 2, "h\n"), (3, 1, "i")]
    say(step, *reversed(chunks))
    whole = ["a", "b", "c", "d", "e", "f", "g", "h", "", "i"]
    part = step_log.after(step.pk, most=most)
    forth = said(part)
    while part.more:
        part = step_log.after(step.pk, part.lines[-1].spot, most=most)
        forth += said(part)
    assert forth == whole
    part = step_log.before(step.pk, most=most)
    back = said(part)
    while part.more:
        part = step_log.before(step.pk, part.lines[0].spot, most=most)
        back = said(part) + back
    assert back == whole


def test_spot_is_within_a_chunk(step: Step) -> None:
    say(step, (1, 10, "d\ne\nf"), (2, 1, "g"))
    found = step_log.after(step.pk, Spot(1, 10, 0), most=3).lines
    assert [str(line.spot) for line in found] == ["1.10.1", "1.10.2", "2.1.0"]


def test_page_is_bounded_in_characters(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_log, "MOST_CHARACTERS", 5)
    say(step, (1, 1, "aaa\nbbb\nccc"))
    part = step_log.after(step.pk)
    assert (said(part), part.more) == (["aaa", "bbb"], True)


def test_what_comes_after_the_last_line_is_read_on(step: Step) -> None:
    say(step, (1, 1, "a"))
    last = step_log.after(step.pk).lines[-1].spot
    assert said(step_log.after(step.pk, last)) == []
    say(step, (1, 2, "b"), (2, 1, "c"))
    assert said(step_log.after(step.pk, last)) == ["b", "c"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ERROR", ["an error", "\x1b[31mErr\x1b[0mor 2"]),
        ("100%", ["100% of a_b"]),
        ("a_b", ["100% of a_b"]),
        ("\\", ["back\\slash"]),
        ("nothing of it", []),
    ],
)
def test_search_takes_every_letter_for_itself(step: Step, text: str, found: list[str]) -> None:
    say(
        step,
        (1, 1, "an error\nfine"),
        (1, 2, "\x1b[31mErr\x1b[0mor 2\n100% of a_b\naxb"),
        (2, 1, "back\\slash"),
    )
    assert said(step_log.search(step.pk, text)) == found
    assert said(step_log.search(step.pk + 1, text)) == []


def test_search_is_bounded_and_tells(step: Step) -> None:
    say(step, (1, 1, "x\n" * 9))
    part = step_log.search(step.pk, "x", most=4)
    assert (len(part.lines), part.more) == (4, True)
    assert not step_log.search(step.pk, "x", most=9).more


@pytest.mark.parametrize(
    ("text", "spot"),
    [
        ("1.2.3", Spot(1, 2, 3)),
        ("1.2", None),
        ("", None),
        ("1.2.3\n", None),
        ("-1.0.0", None),
        ("9" * 20 + ".1.1", None),
    ],
)
def test_spots_are_read_back(text: str, spot: Spot | None) -> None:
    assert spot_of(text) == spot
