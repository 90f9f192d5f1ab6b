"""Which languages of a repository nobody has read, told by what the tools have looked at.

Owns: the comparison of the profile with the tools' coverage. Invariant: a language of the profile was looked at by a
tool that knows it, or it is named with its size and the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from agents.reporting import NotAnalysed, ToolRun
from agents.reporting.model import plural
from agents.superagent.profile import Language, Profile
from agents.superagent.selection import LeftOut

# What these tools know of a language is how long and branchy its functions are.
ONLY_MEASURE = frozenset({"lizard", "complexipy"})


def unread(profile: Profile, tools: Sequence[ToolRun], foreseen: Iterable[LeftOut]) -> Iterator[NotAnalysed]:
    """Name the languages that no tool looked at, and those that were only measured.

    `foreseen` is what planning knew; it stands where the tools told nothing of languages.
    """
    looked_at = Counter[str]()
    judged = Counter[str]()
    for tool in tools:
        looked_at |= Counter(tool.languages)
        if tool.tool not in ONLY_MEASURE:
            judged |= Counter(tool.languages)
    if not looked_at:
        yield from (NotAnalysed(what=left.what, why=left.why) for left in foreseen)
        return
    for language in profile.languages:
        if not looked_at[language.name]:
            yield NotAnalysed(what=_size(language), why="no analysis of this run knows this language")
        elif judged and not judged[language.name]:
            yield NotAnalysed(
                what=f"bugs and vulnerabilities in {_size(language)}",
                why="no analysis of this run looks for them in this language; its functions were measured",
            )


def _size(language: Language) -> str:
    return f"{plural(language.lines, 'line')} of {language.title} in {plural(language.files, 'file')}"
