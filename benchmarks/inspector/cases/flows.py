"""How a value travels from where it entered to where it is used: 90 ways, each a few lines of a program.

A flow is text with `{v}` for the name that holds the value before and `{o}` for the name that holds it after.
`above` stands before the view, at the module's top. Whether the value survives is not written here: it is found
out by running the case (`truth.py`). Flows with an even number belong to the half that is reported, those with
an odd one to the half that may be tuned on, so no form of code is in both.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote


def _same(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Flow:
    """One way; `encode` turns a payload into what must be sent so that it arrives."""

    name: str
    lines: str
    above: str = ""
    encode: Callable[[str], str] = _same


FLOWS: tuple[Flow, ...] = (
    Flow("straight", "{o} = {v}"),
    Flow("renamed twice", "first = {v}\nsecond = first\n{o} = second"),
    Flow("f-string", '{o} = f"{{{v}}}"'),
    Flow("percent format", '{o} = "%s" % {v}'),
    Flow("format method", '{o} = "{{}}".format({v})'),
    Flow("concatenation", '{o} = "" + {v} + ""'),
    Flow("augmented", '{o} = ""\n{o} += {v}'),
    Flow("join of a list", 'parts = ["", {v}]\n{o} = "".join(parts)'),
    Flow("stripped", "{o} = {v}.strip()"),
    Flow("helper", "{o} = passed_on({v})", "def passed_on(text):\n    return text"),
    Flow(
        "helper of a helper",
        "{o} = outer({v})",
        "def inner(text):\n    return text\n\ndef outer(text):\n    kept = inner(text)\n    return kept",
    ),
    Flow("helper that forgets", "{o} = forgotten({v})", 'def forgotten(text):\n    return "report"'),
    Flow("helper chooses first", "{o} = pick({v}, 'report')", "def pick(a, b):\n    return a"),
    Flow("helper chooses second", "{o} = pick_other({v}, 'report')", "def pick_other(a, b):\n    return b"),
    Flow(
        "keyword argument",
        "{o} = named(other='report', text={v})",
        "def named(text, other):\n    return text",
    ),
    Flow("star arguments", "{o} = last('a', 'b', {v})", "def last(*values):\n    return values[-1]"),
    Flow("star keywords", "{o} = chosen(a='report', b={v})", "def chosen(**values):\n    return values['b']"),
    Flow(
        "star keywords, the other",
        "{o} = chosen_a(a='report', b={v})",
        "def chosen_a(**values):\n    return values['a']",
    ),
    Flow("dictionary", 'box = {{"kept": {v}, "other": "report"}}\n{o} = box["kept"]'),
    Flow("dictionary, the other key", 'box = {{"kept": {v}, "other": "report"}}\n{o} = box["other"]'),
    Flow("dictionary overwritten", 'box = {{"kept": {v}}}\nbox["kept"] = "report"\n{o} = box["kept"]'),
    Flow("dictionary get", 'box = {{}}\nbox["kept"] = {v}\n{o} = box.get("kept", "report")'),
    Flow("list element", 'items = ["report", {v}]\n{o} = items[1]'),
    Flow("list, the other element", 'items = ["report", {v}]\n{o} = items[0]'),
    Flow("list popped", 'items = ["a", {v}]\nitems.append("report")\nitems.pop(0)\n{o} = items[0]'),
    Flow("list popped away", 'items = ["a", {v}]\nitems.append("report")\nitems.pop(1)\n{o} = items[1]'),
    Flow("tuple unpacked", 'first, {o} = "report", {v}'),
    Flow("tuple unpacked, the other", '{o}, second = "report", {v}'),
    Flow(
        "attribute",
        "holder = Holder({v})\n{o} = holder.text",
        "class Holder:\n    def __init__(self, text):\n        self.text = text\n        self.name = 'report'",
    ),
    Flow(
        "other attribute",
        "holder = Keeper({v})\n{o} = holder.name",
        "class Keeper:\n    def __init__(self, text):\n        self.text = text\n        self.name = 'report'",
    ),
    Flow(
        "method", "{o} = Passer().give({v})", "class Passer:\n    def give(self, text):\n        return text"
    ),
    Flow(
        "static method that forgets",
        "{o} = Wall.give({v})",
        "class Wall:\n    @staticmethod\n    def give(text):\n        return 'report'",
    ),
    Flow(
        "property",
        "{o} = Lens({v}).shown",
        "class Lens:\n    def __init__(self, text):\n        self._text = text\n\n    @property\n"
        "    def shown(self):\n        return self._text",
    ),
    Flow(
        "inherited method",
        "{o} = Child().give({v})",
        "class Parent:\n    def give(self, text):\n        return text\n\nclass Child(Parent):\n    pass",
    ),
    Flow(
        "overridden method",
        "{o} = Strict().give({v})",
        "class Loose:\n    def give(self, text):\n        return text\n\nclass Strict(Loose):\n"
        "    def give(self, text):\n        return 'report'",
    ),
    Flow(
        "data class",
        "{o} = Row(text={v}).text",
        "from dataclasses import dataclass\n\n@dataclass\nclass Row:\n    text: str\n    name: str = 'report'",
    ),
    Flow("branch never taken", 'if 7 * 6 > 200:\n    {o} = {v}\nelse:\n    {o} = "report"'),
    Flow("branch always taken", 'if 7 * 6 < 200:\n    {o} = {v}\nelse:\n    {o} = "report"'),
    Flow("ternary never", 'size = 12\n{o} = {v} if size % 5 == 0 else "report"'),
    Flow("ternary always", 'size = 10\n{o} = {v} if size % 5 == 0 else "report"'),
    Flow(
        "match on a constant",
        'word = "bcd"\nmatch word[1]:\n    case "b":\n        {o} = "report"\n'
        '    case "c":\n        {o} = {v}\n    case _:\n        {o} = "other"',
    ),
    Flow(
        "match on another constant",
        'word = "bcd"\nmatch word[0]:\n    case "b":\n        {o} = "report"\n'
        '    case "c":\n        {o} = {v}\n    case _:\n        {o} = {v}',
    ),
    Flow("loop", '{o} = ""\nfor letter in {v}:\n    {o} += letter'),
    Flow("loop over constants", '{o} = ""\nfor letter in ["re", "port"]:\n    {o} += letter'),
    Flow("comprehension", '{o} = "".join([letter for letter in {v}])'),
    Flow(
        "generator",
        "{o} = ''.join(letters({v}))",
        "def letters(text):\n    for letter in text:\n        yield letter",
    ),
    Flow("lambda", "same = lambda text: text\n{o} = same({v})"),
    Flow("lambda that forgets", "same = lambda text: 'report'\n{o} = same({v})"),
    Flow("closure", "def later():\n    return {v}\n{o} = later()"),
    Flow(
        "partial",
        "from functools import partial\ngive = partial(joined, {v})\n{o} = give('')",
        "def joined(a, b):\n    return a + b",
    ),
    Flow(
        "decorated",
        "{o} = loud({v})",
        "import functools\n\ndef noted(function):\n    @functools.wraps(function)\n    def wrapper(*args):\n"
        "        return function(*args)\n    return wrapper\n\n@noted\ndef loud(text):\n    return text",
    ),
    Flow(
        "table of functions",
        '{o} = ACTIONS["keep"]({v})',
        "def keep(text):\n    return text\n\ndef drop(text):\n    return 'report'\n\n"
        "ACTIONS = {{'keep': keep, 'drop': drop}}",
    ),
    Flow(
        "table of functions, the other",
        '{o} = DEEDS["drop"]({v})',
        "def hold(text):\n    return text\n\ndef leave(text):\n    return 'report'\n\n"
        "DEEDS = {{'hold': hold, 'drop': leave}}",
    ),
    Flow("try", 'try:\n    {o} = {v}\nexcept ValueError:\n    {o} = "report"'),
    Flow("overwritten", '{o} = {v}\n{o} = "report"'),
    Flow("default of or", '{o} = {v} or "report"'),
    Flow("walrus", "if ({o} := {v}):\n    pass"),
    Flow(
        "base64",
        "import base64\n{o} = base64.b64decode({v}).decode()",
        encode=lambda text: base64.b64encode(text.encode()).decode(),
    ),
    Flow("url quoting undone", "from urllib.parse import unquote\n{o} = unquote({v})", encode=quote),
    Flow(
        "json",
        'import json as js\n{o} = js.loads({v})["text"]',
        encode=lambda text: json.dumps({"text": text}),
    ),
    Flow(
        "config file",
        'import configparser\nconfig = configparser.RawConfigParser()\nconfig.add_section("a")\n'
        'config.set("a", "kept", {v})\nconfig.set("a", "other", "report")\n{o} = config.get("a", "kept")',
    ),
    Flow(
        "config file, the other",
        "import configparser\nconfig = configparser.RawConfigParser()\n"
        'config.add_section("a")\nconfig.set("a", "kept", {v})\nconfig.set("a", "other", "report")\n'
        '{o} = config.get("a", "other")',
    ),
    Flow("string template", 'from string import Template as Text\n{o} = Text("$text").substitute(text={v})'),
    Flow(
        "string template, other name",
        'from string import Template as Text\n{o} = Text("$name").substitute(text={v}, name="report")',
    ),
    Flow("replaced", '{o} = {v}.replace("\\t", " ")'),
    Flow("deque", "from collections import deque\nline = deque()\nline.append({v})\n{o} = line.popleft()"),
    Flow("queue", "import queue\nline = queue.Queue()\nline.put({v})\n{o} = line.get()"),
    Flow("bytes and back", "{o} = {v}.encode('utf-8').decode('utf-8')"),
    Flow(
        "global",
        "remember({v})\n{o} = STORE['text']",
        "STORE = {{}}\n\ndef remember(text):\n    STORE['text'] = text",
    ),
    Flow(
        "with",
        "with kept({v}) as {o}:\n    pass",
        "from contextlib import contextmanager\n\n@contextmanager\ndef kept(text):\n    yield text",
    ),
    Flow(
        "named tuple",
        "from collections import namedtuple\nPair = namedtuple('Pair', 'a b')\n"
        "pair = Pair('report', {v})\n{o} = pair.b",
    ),
    Flow(
        "named tuple, the other",
        "from collections import namedtuple\nPair = namedtuple('Pair', 'a b')\n"
        "pair = Pair('report', {v})\n{o} = pair.a",
    ),
    Flow("as a number", "try:\n    {o} = str(int({v}))\nexcept ValueError:\n    {o} = '0'"),
    Flow(
        "from a list of allowed", 'ALLOWED = ("report", "daily")\n{o} = {v} if {v} in ALLOWED else "report"'
    ),
    Flow("refused unless allowed", 'if {v} not in ("report", "daily"):\n    {refuse}\n{o} = {v}'),
    Flow(
        "refused unless letters",
        "import re\nif not re.fullmatch(r'[a-z]{{1,20}}', {v}):\n    {refuse}\n{o} = {v}",
    ),
    Flow("refused unless alphanumeric", "if not {v}.isalnum():\n    {refuse}\n{o} = {v}"),
    Flow("looked at only", "if len({v}) > 100000:\n    {refuse}\n{o} = {v}"),
    Flow("map of allowed", 'TABLE = {{"a": "report", "b": "daily"}}\n{o} = TABLE.get({v}, "report")'),
    Flow("length only", "{o} = 'report' + str(len({v}))"),
    Flow("compared only", "{o} = 'report' if {v} == 'a' else 'daily'"),
    Flow("letters only", "import re\n{o} = re.sub(r'[^a-z]', '', {v})"),
    Flow("swapped twice", "a, b = {v}, 'report'\na, b = b, a\n{o} = b"),
    Flow("swapped once", "a, b = {v}, 'report'\na, b = b, a\n{o} = a"),
    Flow(
        "set attribute by name",
        "holder = Bag()\nsetattr(holder, 'text', {v})\n{o} = getattr(holder, 'text')",
        "class Bag:\n    pass",
    ),
    Flow("list extended", "items = []\nitems.extend(['report', {v}])\n{o} = items[-1]"),
    Flow("dictionary merged", "box = {{'a': 'report', **{{'b': {v}}}}}\n{o} = box['b']"),
    Flow("items of a dictionary", "{o} = ''\nfor key, item in {{'b': {v}}}.items():\n    {o} += item"),
    Flow("slice", "{o} = ('xx' + {v})[2:]"),
    Flow("while", "rest = {v}\n{o} = ''\nwhile rest:\n    {o} += rest[0]\n    rest = rest[1:]"),
    Flow("class attribute", "Shelf.text = {v}\n{o} = Shelf.text", "class Shelf:\n    text = 'report'"),
    Flow(
        "chained calls",
        "{o} = Builder().add('').add({v}).text()",
        "class Builder:\n    def __init__(self):\n        self.parts = []\n\n    def add(self, part):\n"
        "        self.parts.append(part)\n        return self\n\n    def text(self):\n"
        "        return ''.join(self.parts)",
    ),
    Flow("io buffer", "import io\nbuffer = io.StringIO()\nbuffer.write({v})\n{o} = buffer.getvalue()"),
)
