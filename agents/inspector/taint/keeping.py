"""What a run can take over from an earlier one: the outcome of each root whose reads are all the same.

A root's record says which function it was, everything that it read as pairs of a place and a token, which summaries
it asked for in vain (and so made), and what it left: hits, reasons why something was not analysed, versions of shared
names. In a later run the roots stand in their order again. One whose record holds at its turn would do the same as
then, so its outcome is taken over; any other is executed. What the outcome of taken-over roots is made of (values,
summaries) is not kept: the root is executed again, as of its time, if anybody needs it.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents.inspector.taint import sureness, wording
from agents.inspector.taint.estates import Estates
from agents.inspector.taint.ledger import BEFORE_ROOTS, Entry, Ghost, Place, Trace, Version
from agents.inspector.taint.origins import OF, Origins
from agents.inspector.taint.records import Kept, Known, Name, Record, RootName, Stable
from agents.inspector.taint.shelves import Shelf
from agents.inspector.taint.sources import Stale, Told
from agents.inspector.taint.structures import Class, Function, Hit, Module
from agents.inspector.taint.tokens import Nameless, Tokens, digest
from agents.inspector.taint.values import Value

if TYPE_CHECKING:
    from agents.inspector.taint.engine import Engine


@dataclass(frozen=True, slots=True, eq=False)
class Root:
    """A function as others call it, on an instance of `owner` if not of its own class.

    `is_ahead`: it will have a turn of its own, and goes before all that have not, for what it leaves.
    """

    function: Function
    owner: Class | None = None
    is_ahead: bool = False


_LASTING = frozenset({"text", "module", "form", "template"})  # nobody changes what is there
_AHEAD = "~"  # in the place of an owner
ENOUGH_USED = 0.9  # of the facts; then the rest is no burden


class Keeper:
    """Takes over what holds of an earlier run's records, and makes those of this one."""

    def __init__(self, engine: Engine, known: Known | None) -> None:
        self._engine = engine
        self._ledger = engine.ledger
        self._before = known or Known()
        self.now = Known(
            list(self._before.facts)
        )  # each fact keeps its number; `settle` leaves out the unused
        self._numbers = {fact: number for number, fact in enumerate(self.now.facts)}
        self._facts: dict[Place, tuple[Any, int]] = {}  # place -> what was read there last, its fact
        # Whether each fact of `before` holds, until something changes.
        self._held: list[bool | None] = [None] * len(self._before.facts)
        self._taken: dict[int, Record] = {}
        self._identities: dict[int, str] = {BEFORE_ROOTS: "before"}  # time -> the root's record's identity
        self._chains: dict[str, tuple[int, str]] = {}  # name -> how many summaries, who made them
        self.origins = Origins(finds=known is not None)
        self._shelf = Shelf(self._ledger, engine.project, self.origins, self._before.contents)
        self._functions = self._shelf.functions
        self._names = self._shelf.names
        self._roots: dict[Root, RootName] = {}
        self._tokens: Tokens | None = None

    @property
    def tokens(self) -> Tokens:
        """The tokens of this run. Only once `begin` was called."""
        assert self._tokens is not None
        return self._tokens

    def begin(self, modules: list[Module], roots: list[Root], tokens: Tokens, estates: Estates) -> None:
        """Name what is there before all roots."""
        ledger, self._tokens = self._ledger, tokens
        self._shelf.begin(estates, tokens, self._engine)
        counts: dict[tuple[str, str], int] = {}
        for function in (one for module in modules for one in module.functions):
            place = (function.module.path, function.name)
            number = counts[place] = counts.get(place, -1) + 1
            self._functions[(*place, number)] = function
            self._names[function] = (*place, number)
        for root in roots:
            owner = _AHEAD if root.is_ahead else "" if root.owner is None else self._tokens.cls(root.owner)
            self._roots[root] = (*self._names[root.function], owner)
        ledger.changed = self._changed
        ledger.content_of = self._shelf.content
        ledger.value_of = self._value_of
        self._shelf.bring = self._bring
        ledger.begin(self._tokens.key)
        for entry in ledger.memo.values():
            entry.sharing = self.origins.tell(entry.summary, entry.digest)

    @property
    def taken(self) -> int:
        """How many roots were taken over and not executed."""
        return len(self._taken)

    def function(self, name: Name) -> Function:
        """The function of this name."""
        return self._functions[name]

    def take_over(self, root: Root) -> bool:
        """Let a root's record stand for its execution if it holds. The ledger's time is the root's."""
        name = self._roots[root]
        record = self._before.records.get(name)
        if record is None or not self._holds(record, root.function):
            return False
        time, ledger = self._ledger.time, self._ledger
        ledger.take_over([
            Ghost(one, made if isinstance(made, str) else "", time)
            for one, made in zip(record.names, record.made, strict=True) if made is not None
        ])  # fmt: skip
        for number in record.written:
            place, token = self._before.facts[number]
            where = self._place(place)
            assert where is not None  # else it did not hold
            ledger.add_version(where, Version(time, None, token))
        for other, count in record.shapes:
            ledger.add_shapes(self._functions[other], count)
        self._taken[time] = record
        self._identities[time] = record.identity
        self.now.records[name] = record
        return True

    def outcome(self, root: Root) -> Record:
        """The record of a root that was taken over."""
        return self.now.records[self._roots[root]]

    def ahead(self, root: Root) -> Iterator[int]:
        """The roots whose summaries this one asked for when it was recorded, as far as they were taken over."""
        record = self._before.records.get(self._roots[root])
        for number in record.reads if record is not None else ():
            place, _ = self._before.facts[number]
            if place[0] == "summary":
                for one in self._ledger.names.get(place[1], ()):
                    if isinstance(one, Ghost) and not self._shelf.has(one.token):
                        yield one.born

    def _holds(self, record: Record, function: Function) -> bool:
        try:
            if record.token != self.tokens.root(function):
                return False
        except Nameless:
            return False
        held = self._held
        if not all(map(held.__getitem__, record.reads)):
            for number in record.reads:
                is_so = held[number]
                if not (self._is_so(number) if is_so is None else is_so):
                    return False
        return (
            self._are_free(record)
            and all(self._place(self._before.facts[number][0]) is not None for number in record.written)
            and all(other in self._functions for other, _ in record.shapes)
            and all(by in self._functions for _, by in record.suspected)
        )

    def _are_free(self, record: Record) -> bool:
        """Tell whether the names of its summaries are new, but for those of which it knows who made them."""
        names = self._ledger.names
        taken = [one for one in record.names if one in names and one != "~"]
        if not taken:
            return True
        chained = {place[1] for one in record.reads if (place := self._before.facts[one][0])[0] == "names"}
        return all(one in chained for one in taken)

    def _changed(self, facts: list[int]) -> None:
        for number in facts:
            self._held[number] = None

    def _is_so(self, number: int) -> bool:
        """Tell whether a fact holds now, at the ledger's time; remembered until what it speaks of changes."""
        stable, token = self._before.facts[number]
        if stable[0] == "made":
            known = self.now.records.get(stable[1:])
            return known is not None and known.identity == token
        watched, held = self._looked_up(stable, token)
        self._held[number] = held
        if watched is not None:
            self._ledger.watch(watched, number)
        return held

    def _looked_up(self, stable: Stable, token: str) -> tuple[Any, bool]:
        """Whether a fact holds, and what must change before it may be otherwise."""
        if stable[0] == "summary":
            entries = self._ledger.names.get(stable[1], ())
            return stable[1], len(entries) == 1 and self._token_of(entries[0]) == token
        if stable[0] == "names":
            return stable[1], self._chain(stable[1]) == token
        place = self._place(stable)
        if place is None:
            return None, False
        if place[0] == "shapes":
            count = self._ledger.shapes_of(place[1])
            return place[1], count < int(token[1:]) if token[0] == "<" else count >= int(token[1:])
        if place[0] in _LASTING:
            return None, self._seen(place, self._first(place)) == token
        versions = self._ledger.versions.get(place)
        try:
            return place, self._seen(place, versions[-1] if versions else self._first(place)) == token
        except Nameless:
            return place, False

    def _number(self, place: Stable, token: str) -> int:
        key = (place, token)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.now.facts)
            self.now.facts.append(key)
        return found

    def read(self, root: Root, trace: Trace) -> list[int] | None:
        """The facts that a root read, before it is committed; None if one of them has no name.

        They are the root's identity: who reads the same does the same.
        """
        self._identities[self._ledger.time] = _unique()
        self._ledger.name(trace)
        self._tell(trace, root, 0)
        try:
            token = self.tokens.root(root.function)
            own = ("text", root.function)  # which is in the token
            reads = [self._fact(place, seen) for place, seen in trace.reads.items() if place != own]
            for entry in trace.asked.values():
                reads += self._asked(entry)
            for name in {one.digest: None for one in trace.missed}:
                if name != "~" and name in self._ledger.names:
                    reads.append(self._number(("names", name), self._chain(name)))
        except Nameless:
            return None
        for other, (_, least, most) in trace.calls.items():
            shapes = ("shapes", *self._names[other])
            if most is not None:
                reads.append(self._number(shapes, f"<{most}"))
            if least is not None:
                reads.append(self._number(shapes, f">{least}"))
        reads = list(dict.fromkeys(reads))
        self._identities[self._ledger.time] = digest(
            "\n".join(
                [
                    f"{token}{trace.stopped}",
                    *(repr(self.now.facts[one]) for one in reads),
                    *(one.digest for one in trace.missed),
                ]
            )
        )
        return reads

    def _tell(self, trace: Trace, root: Root, known: int) -> None:
        """Note whose the objects of the summaries are that a root made; `known`: how many of one name there are."""
        names = self._ledger.names
        for entry in trace.finished:
            name = entry.digest
            if entry.is_private or len(names.get(name, ())) > known:
                name = f"{self._roots[root]}{OF}{entry.at}"
            entry.sharing = self.origins.tell(entry.summary, name)

    def record(self, root: Root, trace: Trace, reads: list[int] | None) -> None:
        """Keep what a root did, once it is committed."""
        for place in self._ledger.lasting(trace):
            self.origins.hold(trace.written[place], self._name_at(self._ledger.time, place))
        if reads is None:
            return
        token = self.tokens.root(root.function)
        shapes = [(self._names[other], own) for other, (own, _, _) in trace.calls.items() if own]
        self.now.records[self._roots[root]] = Record(
            token, self._identities[self._ledger.time], reads, [entry.digest for entry in trace.missed],
            [entry if trace.gives(entry) else None for entry in trace.missed],
            [self._left(place) for place in self._ledger.lasting(trace)], shapes, kept(trace),
            [(_kept(hit), self._names[f]) for hit, f in trace.suspected], trace.told, trace.witnessed, trace.stopped,
        )  # fmt: skip

    def _fact(self, place: Place, seen: Any) -> int:
        last = self._facts.get(place)
        if last is not None and last[0] is seen:
            return last[1]
        number = self._number(self._stable(place), self._seen(place, seen))
        self._facts[place] = (seen, number)
        return number

    def _left(self, place: Place) -> int:
        return self._number(self._stable(place), self._version(place, self._ledger.versions[place][-1]))

    def _asked(self, entry: Entry) -> list[int]:
        """That a summary is there. One that has no name of its own is there if its root does what it did."""
        if entry.digest[0] != "~" and len(self._ledger.names[entry.digest]) == 1:
            return [self._number(("summary", entry.digest), self._token_of(entry))]
        if entry.born == BEFORE_ROOTS:
            raise Nameless
        name = self._roots[self._engine.roots[entry.born]]
        if name not in self.now.records:
            raise Nameless
        return [
            self._number(("made", *name), self._identities[entry.born]),
            self._number(("names", entry.digest), self._chain(entry.digest)),
        ]

    def _chain(self, name: str) -> str:
        """Who made the summaries of this name so far, in order."""
        entries = self._ledger.names.get(name, [])
        count, chain = self._chains.get(name, (0, ""))
        for one in entries[count:]:
            chain = digest(f"{chain} {self._identities[one.born]}")
        self._chains[name] = (len(entries), chain)
        return chain

    def _token_of(self, entry: Entry | Ghost) -> str:
        if isinstance(entry, Entry) and not entry.token:
            try:
                entry.token = self.tokens.summary(entry.summary, entry.sharing)
            except Nameless:
                entry.token = self._of_root(entry.born, entry.at)
        return entry.token

    def _of_root(self, born: int, what: object) -> str:
        """The token of something that only its root can name: the same as long as the root does the same."""
        return _unique() if born == BEFORE_ROOTS else f"?{self._identities[born]} {what}"

    def _seen(self, place: Place, seen: Any) -> str:
        """The token of what is read at a place."""
        match place[0]:
            case "text":
                return self.tokens.text(place[1])
            case "class":
                return self.tokens.bases(place[1])
            case "module":
                return repr(seen)
            case "form":
                return repr(sorted(seen))
            case "template":
                return digest(repr(seen))
        if isinstance(seen, Version):
            token = self._version(place, seen)
        else:
            token = "" if seen is None else self.tokens.value(seen)
        return f"{token} rebound" if place[0] == "global" and place[2] in place[1].rebound else token

    def _version(self, place: Place, version: Version) -> str:
        if not version.token:
            holder = self._shelf.other_holder(version.value, self._name_at(version.born, place))
            try:
                token = self.tokens.value(version.value)
                version.token = digest(f"{token}{holder}") if holder else token  # never with a space in it
            except Nameless:
                version.token = self._of_root(version.born, self._stable(place))
        return version.token

    def _first(self, place: Place) -> Value | Any:
        """What is at a place before all roots."""
        project = self._engine.project
        match place[0]:
            case "global":
                return place[1].variables.get(place[2])
            case "member":
                return place[1].members.get(place[2])
            case "field":
                return place[1].fields.get(place[2])
            case "module":
                return project.path_of(place[1])
            case "form":
                return project.form_fields(place[1])
            case "template":
                return self._engine.pages.holes(place[1])
        return None

    def _stable(self, place: Place) -> Stable:
        what = place[0]
        if what == "global":
            return (what, place[1].path, place[2])
        if what == "text":
            return (what, *self._names[place[1]])
        if what in ("member", "field", "class"):
            cls = place[1]
            if cls.born != BEFORE_ROOTS:
                raise Nameless
            return (what, cls.module.path, cls.name, cls.number, *place[2:])
        return place

    def _place(self, stable: Stable) -> Place | None:
        """The place in this run; None if it is not there."""
        what = stable[0]
        if what == "global":
            module = self._engine.project.at(stable[1])
            return None if module is None else (what, module, stable[2])
        if what in ("member", "field", "class"):
            same = self._ledger.classes.get((stable[1], stable[2]), ())
            return None if stable[3] >= len(same) else (what, same[stable[3]], *stable[4:])
        if what in ("shapes", "text"):
            function = self._functions.get(stable[1:])
            return None if function is None else (what, function)
        return stable

    def settle(self, files: dict[str, Told]) -> None:
        """Make `now` what is to be written: without facts that nobody read, once they are many."""
        self.now.files = files
        self.now.contents = self._shelf.filled(self.now.records.values(), self._token_of)
        self._shelf.fill_left(self.now.contents, self._ledger.versions, self._name_at)
        self._shelf.fill_seeing(self.now.contents)
        used = {one for record in self.now.records.values() for one in (*record.reads, *record.written)}
        if len(used) >= len(self.now.facts) * ENOUGH_USED:
            return
        numbers = {old: new for new, old in enumerate(sorted(used))}
        self.now.facts = [self.now.facts[old] for old in numbers]
        for record in self.now.records.values():
            record.reads = [numbers[one] for one in record.reads]
            record.written = [numbers[one] for one in record.written]

    def _name_at(self, number: int, place: Place) -> str:
        """The name of what a root left at a place."""
        return f"{self._roots[self._engine.roots[number]]}{OF}{self._stable(place)}"

    def _value_of(self, place: Place, version: Version) -> Value | None:
        """What a root left at a place, if that was kept."""
        return self._shelf.value(version.token, self._name_at(version.born, place))

    def _bring(self, root: str, what: str) -> int:
        """Bring back what a taken-over root left, if it was kept. Gives the root's number. Raises LookupError."""
        number = next((one for one in self._taken if str(self._roots[self._engine.roots[one]]) == root), None)
        if number is None:
            raise LookupError(root)
        place = self._place(ast.literal_eval(what)) if what[:1] == "(" else None
        if place is not None:
            for one in self._ledger.versions.get(place, ()):
                if one.born == number and one.value is None:
                    one.value = self._value_of(place, one)
        return number

    def is_taken(self, number: int) -> bool:
        """Tell whether a root was taken over and not executed since."""
        return number in self._taken

    def stopped(self, number: int) -> int:
        """After how many steps the time of a taken-over root was up, 0 if it was not."""
        return self._taken[number].stopped

    def recalled(self, number: int, trace: Trace) -> None:
        """Bring back what a taken-over root made, now that it was executed again. Raises Stale."""
        record, ledger = self._taken.pop(number), self._ledger
        ledger.name(trace)
        done = [trace.gives(entry) for entry in trace.missed]
        written = {place: value for place, value in trace.written.items() if ledger.lasts(place)}
        then = {self._place(self._before.facts[one][0]) for one in record.written}
        if (
            [entry.digest for entry in trace.missed] != record.names
            or done != [made is not None for made in record.made]
            or written.keys() != then
        ):
            raise Stale
        again, root = ledger.made_again.get(number, {}), self._engine.roots[number]
        trace.finished = [one for one in trace.finished if one.digest not in again]
        self._tell(trace, root, 1)
        for place, value in written.items():
            if all(one.born != number or one.value is None for one in ledger.versions[place]):
                self.origins.hold(value, self._name_at(number, place))
        for at, entry in enumerate(trace.missed):
            if done[at]:
                made = record.made[at]
                entry.token = made if isinstance(made, str) else ""
                record.made[at] = entry
        ledger.bring_back(number, [entry for at, entry in enumerate(trace.missed) if done[at]], written)


def kept(trace: Trace) -> list[Kept]:
    """The hits of a root, the best for each place."""
    best: dict[tuple[int, str, int, int], Hit] = {}
    for hit in trace.claims:
        key = (hit.kind, hit.path, hit.line, hit.column)
        if key not in best or rank(hit) < rank(best[key]):
            best[key] = hit
    return [_kept(hit) for hit in best.values()]


def _kept(hit: Hit) -> Kept:
    place = hit.source.source.place
    told = None if place is None else tuple(place)
    return Kept(hit.kind, hit.path, hit.line, hit.column, rank(hit), wording.finding(hit), told)


def rank(hit: Hit | Kept) -> tuple[bool, int, int]:
    """The less, the surer and shorter; what is mere information hides nothing else."""
    if isinstance(hit, Kept):
        return hit.rank
    length = hit.trail.length if hit.trail else 0
    is_less = hit.source.source.origin in ("local", "review") or bool(sureness.harmless(hit))
    return (is_less, hit.source.weak + sureness.doubt(hit), length)


def _unique() -> str:
    """A token that nothing else will ever have."""
    return f"?{os.urandom(8).hex()}"
