"""What the functions of a tree share while they are analysed, and what each of them read and changed of it.

Shared are the modules' globals, the members and remembered fields of classes, and the summaries of functions. The
engine executes roots one after the other; the number of a root is its time. Each sees what earlier ones left, and its
own changes. All reads and writes pass through here, by name, so that a later run can take over a root's outcome when
everything that it read is the same (`keeping`), and so that a root can be executed again as of its own time when
somebody needs a summary that it made.

Owns: the versions of shared names, the summaries, the trace of the root that is executed. What classes and frames
that were made by a root itself hold is its own: another root's changes to them end with that root.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from agents.inspector.taint.belongings import tells_of_own
from agents.inspector.taint.values import Value

if TYPE_CHECKING:
    from agents.inspector.taint.frames import Frame
    from agents.inspector.taint.structures import Class, Function, Hit, Summary

BEFORE_ROOTS = -1  # the time of modules' bodies
Place = tuple[Any, ...]  # of something shared: what it is, whose, its name
Told = tuple[str, int, str, str]  # path, line, what, reason
Witnessed = tuple[int, str, int, int]  # a kind's bit, path, first and last line


class Version:
    """What a root left at a place. `value` is absent while the root was only taken over."""

    __slots__ = ("born", "token", "value")

    def __init__(self, born: int, value: Any = None, token: str = "") -> None:
        self.born = born
        self.value = value
        self.token = token


class Entry:
    """A summary, who made it, and its stable names once they are known: of its key, of its content."""

    __slots__ = ("at", "born", "digest", "is_private", "key", "sharing", "summary", "token")

    def __init__(self, key: Any, summary: Summary, born: int) -> None:
        self.key = key
        self.summary = summary
        self.born = born
        self.digest = ""  # "~" if only who has the very same objects can ask for it
        self.at = 0  # among those that its root made
        self.is_private = False  # it ends with its root
        self.token = ""
        self.sharing = ""  # which of its objects are not its own (`origins`)


class Ghost:
    """A summary that is known to exist: its root was taken over, not executed."""

    __slots__ = ("born", "digest", "token")

    def __init__(self, digest: str, token: str, born: int) -> None:
        self.digest = digest
        self.token = token
        self.born = born


class Trace:
    """What one root does."""

    __slots__ = (
        "asked", "calls", "claims", "created", "finished", "missed", "reads", "stopped", "suspected", "told", "undo",
        "witnessed", "written",
    )  # fmt: skip

    def __init__(self) -> None:
        self.reads: dict[Place, Any] = {}
        self.written: dict[Place, Value] = {}
        self.asked: dict[int, Entry] = {}  # summaries of others that it used
        self.created: dict[Any, Entry] = {}
        self.missed: list[Entry] = []  # all that it asked for in vain, in order; it then made them
        self.finished: list[Entry] = []  # those that it made, callees first
        self.calls: dict[Function, list[Any]] = {}  # own shapes; the others' are at least, and below
        self.claims: list[Hit] = []
        self.suspected: list[tuple[Hit, Function]] = []
        self.told: list[Told] = []
        self.witnessed: dict[Witnessed, bool] = {}  # place -> whether all that reached it is harmless
        self.undo: list[tuple[dict[str, Value], str, Value]] = []
        self.stopped = 0  # after how many steps its time was up

    def gives(self, entry: Entry) -> bool:
        """Tell whether a summary was finished, and is of use to other roots."""
        return not entry.is_private and self.created.get(entry.key) is entry


class Ledger:
    """The books. `name_of` names a summary's key; `recall` executes a root again."""

    def __init__(self) -> None:
        self.time = BEFORE_ROOTS
        self.trace: Trace | None = None
        self.versions: dict[Place, list[Version]] = {}
        self.memo: dict[Any, Entry] = {}
        self.shapes: dict[Function, list[tuple[int, int]]] = {}  # function -> (time, shapes so far)
        self.names: dict[str, list[Entry | Ghost]] = {}  # digest -> the summaries of that name
        self.classes: dict[tuple[str, str], list[Class]] = {}
        self.recording = False
        self.haunted = False  # there are ghosts
        self.name_of: Callable[[Any], str] = lambda key: ""
        self.recall: Callable[[int], None] = lambda number: None
        self.content_of: Callable[[Ghost], Summary | None] = lambda ghost: None
        self.value_of: Callable[[Place, Version], Any] = lambda place, version: None
        self.made_again: dict[
            int, dict[str, Summary]
        ] = {}  # root -> its summaries that were made of what was kept
        self.watched: dict[Any, list[int]] = {}  # what may change -> facts that `changed` is told of
        self.changed: Callable[[list[int]], None] = lambda facts: None

    def read(self, place: Place, first: Any) -> Any:
        """What a root sees at a place; `first` is what was there before all roots."""
        trace = self.trace
        if trace is None:
            return first
        if place in trace.written:
            return trace.written[place]
        seen = trace.reads.get(place, trace)
        if seen is trace:
            versions = self.versions.get(place)
            seen = first if versions is None else self._as_of(versions, first)
            trace.reads[place] = seen
        if type(seen) is not Version:
            return seen
        if seen.value is None:
            seen.value = self.value_of(place, seen)
            if seen.value is None:
                self.recall(seen.born)
        return seen.value

    def _as_of(self, versions: list[Version], first: Any) -> Any:
        for one in reversed(versions):
            if one.born < self.time:
                return one
        return first

    def note(self, place: Place, seen: Any) -> None:
        """Note that a root depends on something that no root changes."""
        if self.trace is not None and place not in self.trace.reads:
            self.trace.reads[place] = seen

    def write(self, holder: dict[str, Value], place: Place, value: Value, born: int) -> None:
        """Put a value at a place that belongs to `holder`, which was made at the time `born`."""
        if self.trace is None or (born == self.time and born != BEFORE_ROOTS):
            holder[place[2]] = value
        else:
            self.trace.written[place] = value

    def put(self, variables: dict[str, Value], name: str, value: Value, frame: Frame) -> None:
        """Change a variable of an outer frame: for good if this root made the frame."""
        if self.trace is not None and frame.born != self.time:
            self.trace.undo.append((variables, name, variables[name]))
        variables[name] = value

    def register(self, cls: Class) -> None:
        """Number a class that was made before all roots."""
        same = self.classes.setdefault((cls.module.path, cls.name), [])
        cls.number = len(same)
        cls.module.classes.append(cls)
        same.append(cls)

    def widened(self, function: Function, most: int) -> bool:
        """Tell whether a function has that many shapes already."""
        base = self.shapes_of(function)
        if self.trace is None:
            return base >= most
        call = self.trace.calls.setdefault(function, [0, None, None])
        others: int = most - call[0]
        if base >= others:
            call[1] = others if call[1] is None else max(call[1], others)
            return True
        call[2] = others if call[2] is None else min(call[2], others)
        return False

    def shapes_of(self, function: Function) -> int:
        """How many shapes of a function there are now."""
        counts = self.shapes.get(function)
        for born, count in reversed(counts or ()):
            if born < self.time or self.time == BEFORE_ROOTS:
                return count
        return 0

    def find(self, key: Any) -> Summary | None:
        """The summary of this key, if an earlier root or this one made it."""
        trace = self.trace
        if trace is None:
            entry = self.memo.get(key)
            return entry.summary if entry is not None else None
        entry = trace.created.get(key)
        if entry is not None:
            return entry.summary
        entry = self._earlier(key)
        if entry is None and self.haunted and self._ghosts(key):
            entry = self._earlier(key)
        if entry is None:
            return None
        trace.asked[id(entry)] = entry
        return entry.summary

    def _earlier(self, key: Any) -> Entry | None:
        entry = self.memo.get(key)
        return entry if entry is not None and entry.born < self.time else None

    def _ghosts(self, key: Any) -> bool:
        """Bring back the summaries that may be of this key. Tells whether there were any."""
        name = self.name_of(key)
        same = self.names.get(name, ())
        waiting = [one for one in same if type(one) is Ghost and one.born < self.time]
        if waiting and len(same) == 1 and name != "~":
            summary = self.content_of(waiting[0])
            if same[0] is not waiting[0]:
                return True  # its root was executed for what the content refers to
            if summary is not None:
                self._make_again(key, waiting[0], summary)
                return True
        for one in waiting:
            self.recall(one.born)
        return bool(waiting)

    def _make_again(self, key: Any, ghost: Ghost, summary: Summary) -> None:
        """Put what was kept of a summary in the place of what was only known to exist."""
        entry = self.memo[key] = Entry(key, summary, ghost.born)
        entry.digest, entry.token = ghost.digest, ghost.token
        self.names[ghost.digest][0] = entry

    def create(self, key: Hashable, summary: Summary, function: Function, *, is_private: bool) -> None:
        """Note a summary that begins to be made. `is_private`: its key holds what only this root has."""
        entry = Entry(key, summary, self.time)
        entry.is_private = is_private
        trace = self.trace
        if trace is None:
            self.memo[key] = entry
            self.shapes[function] = [(BEFORE_ROOTS, self.shapes_of(function) + 1)]
            return
        trace.created[key] = entry
        trace.missed.append(entry)
        trace.calls.setdefault(function, [0, None, None])[0] += 1

    def finish(self, key: Hashable, summary: Summary) -> None:
        """Note that a summary is finished.

        If it was made again already, of what was kept, then somebody holds its objects: it gets these.
        """
        trace = self.trace
        if trace is None:
            return
        trace.finished.append(trace.created[key])
        again = self.made_again.get(self.time)
        if again:
            made = again.get(self.name_of(key))
            if made is not None:
                summary.become(made)

    def drop(self, key: Hashable) -> None:
        """Forget a summary that could not be finished."""
        if self.trace is None:
            del self.memo[key]
        else:
            del self.trace.created[key]

    def part(self, trace: Trace) -> None:
        """Part the summaries that end with their root from those that others may ask for."""
        for entry in trace.missed:
            entry.is_private = entry.is_private or tells_of_own(entry.summary)

    def name(self, trace: Trace) -> None:
        """Number and name the summaries that a root made."""
        for at, entry in enumerate(trace.missed):
            entry.at, entry.digest = at, self.name_of(entry.key)

    def shared(self, trace: Trace) -> list[Entry]:
        """The finished summaries of a root that others may ask for."""
        return [entry for entry in trace.created.values() if not entry.is_private]

    def watch(self, what: Any, fact: int) -> None:
        """Have `changed` told once something becomes of a place, of a summary's name or of a function's shapes."""
        self.watched.setdefault(what, []).append(fact)

    def _touch(self, what: Any) -> None:
        if what in self.watched:
            self.changed(self.watched.pop(what))

    def add_version(self, place: Place, version: Version) -> None:
        """Let later roots see another value at a place."""
        self.versions.setdefault(place, []).append(version)
        self._touch(place)

    def _add_name(self, entry: Entry | Ghost) -> None:
        self.names.setdefault(entry.digest, []).append(entry)
        self._touch(entry.digest)

    def commit(self, trace: Trace) -> None:
        """Let later roots see what this one left."""
        shared = self.shared(trace)
        for entry in shared:
            self.memo[entry.key] = entry
        for place, value in trace.written.items():
            if self.lasts(place):
                self.add_version(place, Version(self.time, value))
        for function, call in trace.calls.items():
            if call[0]:
                self.add_shapes(function, call[0])
        if self.recording:
            for entry in shared:
                self._add_name(entry)

    def lasts(self, place: Place) -> bool:
        """Tell whether later roots see a change there: not if another root made it for itself."""
        return place[0] == "global" or bool(place[1].born == BEFORE_ROOTS)

    def lasting(self, trace: Trace) -> list[Place]:
        """The places that a root changed for later ones."""
        return [place for place in trace.written if self.lasts(place)]

    def begin(self, name_of: Callable[[Any], str]) -> None:
        """Name the summaries from now on, and those that are there."""
        self.recording = True
        self.name_of = name_of
        for entry in self.memo.values():
            entry.digest = name_of(entry.key)
            self.names.setdefault(entry.digest, []).append(entry)

    def take_over(self, ghosts: list[Ghost]) -> None:
        """Note that these summaries exist."""
        self.haunted = self.haunted or bool(ghosts)
        for one in ghosts:
            self._add_name(one)

    def bring_back(self, born: int, entries: list[Entry], written: dict[Place, Value]) -> None:
        """Put summaries and values in the place of what was only known to exist."""
        again = self.made_again.get(born, {})
        for entry in entries:
            self.memo[entry.key] = entry
            same = self.names[entry.digest]
            is_again = entry.digest in again
            at = next(
                n for n, one in enumerate(same) if one.born == born and (is_again or type(one) is Ghost)
            )
            same[at] = entry
        for place, value in written.items():
            for one in self.versions[place]:
                if one.born == born and one.value is None:
                    one.value = value

    def add_shapes(self, function: Function, count: int) -> None:
        """Count the shapes that a root made of a function."""
        counts = self.shapes.setdefault(function, [])
        counts.append((self.time, (counts[-1][1] if counts else 0) + count))
        self._touch(function)

    def set_aside(self) -> list[tuple[dict[str, Value], str, Value]]:
        """Give back to other roots' frames what was theirs, for a while; tells what the root had put there."""
        if self.trace is None:
            return []
        own = [(variables, name, variables[name]) for variables, name, _ in self.trace.undo]
        self.undo(self.trace)
        return own

    def undo(self, trace: Trace) -> None:
        """Give back to other roots' frames what was theirs."""
        for variables, name, value in reversed(trace.undo):
            variables[name] = value
