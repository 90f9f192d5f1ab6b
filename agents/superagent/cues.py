"""How a goal says yes, no, only, everything, or asks for a deed that nobody here does.

The words are in `lexicon.toml`; here they get their names and the few patterns that need more than words.
All patterns apply to normalised text: lower case, contractions written out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from agents.superagent.lexicon import LEXICON

HARMLESS = LEXICON.patterns["harmless"]
ONLY_INSTEAD = LEXICON.patterns["only_instead"]
NEGATIVE = LEXICON.patterns["negative"]
BEHIND = LEXICON.patterns["behind"]
ONLY = LEXICON.patterns["only"]
NOTHING = LEXICON.patterns["nothing"]
EMPHASIS = LEXICON.patterns["emphasis"]
STRONG_GENERAL = LEXICON.patterns["strong_general"]
WEAK_GENERAL = LEXICON.patterns["weak_general"]
OF_CHANGE = LEXICON.patterns["of_change"]
UNTIL_CHANGE = LEXICON.patterns["until_change"]
BEFORE = LEXICON.patterns["before"]
VERIFYING = LEXICON.patterns["verifying"]
UNWANTED_STATE = LEXICON.patterns["unwanted_state"]
HARMLESS_OBJECTS = LEXICON.patterns["harmless_objects"]
EVERYTHING = LEXICON.patterns["everything"]
EVERYTHING_ABOUT = LEXICON.patterns["everything_about"]
ALL_OVER = LEXICON.patterns["all_over"]
SOFTWARE = LEXICON.words["software"]
FOREIGN = LEXICON.words["foreign"]
JOINTS = LEXICON.words["joints"]
STOP_WORDS = LEXICON.words["stop"]
KNOWN = STOP_WORDS | SOFTWARE | LEXICON.words["fillers"] | LEXICON.words["times"]
CHANGES = LEXICON.words["changes"]
CREATES = LEXICON.words["creates"]
OPERATES = LEXICON.words["operates"]
DESTROYS = LEXICON.words["destroys"]
ATTACKS = LEXICON.words["attacks"]
ERRANDS = LEXICON.words["errands"]
RUNNING = frozenset({"run", "execute", "start", "open"})
TELLING = frozenset({"tell", "explain", "recommend", "suggest", "bring", "plan"})


def _one_of(words: Iterable[str]) -> str:
    return "(?:" + "|".join(sorted(words)) + ")"


CLAUSES = re.compile(r"[.;!?\n()\[\]]+(?=\s|$)|,|:\s|\s[-–—]+\s|…")
ORDERS = re.compile(  # "and deploy it" is a wish of its own
    r"\b(?:and|then)\s+(?:then\s+|also\s+|please\s+|afterwards\s+)?"
    rf"(?={_one_of(CHANGES | CREATES | OPERATES | DESTROYS | ERRANDS)}\s)"
)
CODE_PLACE = re.compile(
    r"[\w-]+/[\w./-]+|\b\w+\.(?:py|js|ts|go|rb|php|java|rs|c|cpp|cs|html|sql)\b|\b\w+_\w+\b"
)
PLACE_BEFORE = re.compile(  # ends where the thing begins that only tells where: "in the tests"
    r"\b(?:in|inside|within|across|throughout|under|of|from|for)\s+(?:all\s+)?"
    r"(?:the|our|my|your|its|this|these|those|their)?\s*(?:\w+\s+)?$"
)
OBJECT_FOR = re.compile(r"^(?P<object>(?:(?!\band\s+look).)*?)\bfor\s+(?P<sought>.+)$")
LEAVE_OUT = re.compile(
    r"\b(?:leave|keep|leaving|keeping|take)\s+(?:[\w-]+\s+){1,6}?(?:out|aside|alone|away)\b"
)
TURNING_BACK = re.compile(
    r"\b(?:but|however|yet|instead|just|only|(?:everything|all)\s+else|the\s+rest"
    r"|and\s+(?:then\s+|please\s+|also\s+|just\s+)?"
    rf"(?={_one_of(LEXICON.words['resuming'])}\b))\b"
)
STILL_NEGATIVE = re.compile(
    rf"\s*(?:to\s+|be\s+|you\s+|need\s+(?:to\s+)?)*{_one_of(LEXICON.words['checking'])}\b"
)
ALL_THAT_IS = re.compile(r"\b(?:everything|all|whatever|anything)\b")
DOING = re.compile(r"\b(?:do|run|start)\b")
NEED = re.compile(r"\s+need\b")
WANT = re.compile(r"\s+want\b")
THERE_IS = re.compile(r"\bthere\s+is\s*$")
PROHIBITIONS = frozenset({"not", "never", "nor", "neither", "no", "stop"})
DENIALS = PROHIBITIONS | {"without", "none of", "avoid"}
LEAD = re.compile(  # politeness before an order
    r"^(?:(?:please|kindly|hey|hi|hello|ok|okay|so|now|then|and|also|first|next|finally|afterwards?|maybe|just"
    r"|can|could|would|will|you|help|us|me|go\s+ahead\s+and|go\s+and|let\s+us|dear|agent|wrench|wrenchai"
    r"|(?:i|we)\s+(?:want|need|would\s+like|like)\s+you\s+to|your\s+(?:task|job)(?:\s+is\s+to)?|to"
    r"|superagent|quickly|automatically|immediately|really|be\s+so\s+kind\s+(?:and|as\s+to)|try\s+to"
    r"|later|if\s+possible|do|want|like|mind|as\s+well|too)\s+)+"
)
HOW_TO = re.compile(  # asks for advice, not for an analysis
    r"\bhow\s+(?:do|can|could|should|would|does|to)\b"
    r"(?!\s+(?:\w+\s+){0,3}(?:healthy|secure|safe|good|bad|complex|look|stand|fare))"
    r"|\bwhat\s+(?:is|are)\s+"
    r"(?:an?|the\s+(?:best|capital|meaning|difference|weather|time|price|definition|name|answer))\b"
)
