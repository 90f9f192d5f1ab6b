"""Languages that nobody read are named with their size and the reason."""

from __future__ import annotations

from agents.reporting import NotAnalysed, ToolRun, ToolState
from agents.superagent.profile import Language, Profile
from agents.superagent.selection import LeftOut
from agents.superagent.unread import unread

PROFILE = Profile(
    languages=(
        Language(name="python", files=3, lines=300),
        Language(name="go", files=2, lines=1_500),
        Language(name="haskell", files=1, lines=1),
    )
)
FORESEEN = (LeftOut(what="70 lines of Haskell", why="nobody knows it"),)


def ran(tool: str, **languages: int) -> ToolRun:
    return ToolRun(tool=tool, version="1", state=ToolState.OK, languages=languages)


def test_language_that_no_tool_looked_at_is_named_and_one_that_was_only_measured() -> None:
    tools = [ran("ruff", python=3), ran("lizard", python=3, go=2), ran("detect-secrets")]
    assert list(unread(PROFILE, tools, FORESEEN)) == [
        NotAnalysed(
            what="bugs and vulnerabilities in 1,500 lines of Go in 2 files",
            why="no analysis of this run looks for them in this language; its functions were measured",
        ),
        NotAnalysed(what="1 line of Haskell in 1 file", why="no analysis of this run knows this language"),
    ]


def test_run_that_only_measures_says_nothing_of_bugs() -> None:
    told = list(unread(PROFILE, [ran("lizard", python=3, go=2)], FORESEEN))
    assert [one.what for one in told] == ["1 line of Haskell in 1 file"]


def test_what_planning_foresaw_stands_where_no_tool_reads_a_language() -> None:
    told = list(unread(PROFILE, [ran("detect-secrets")], FORESEEN))
    assert told == [NotAnalysed(what="70 lines of Haskell", why="nobody knows it")]
