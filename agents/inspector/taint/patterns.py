"""`match`: constant subjects choose their case; a case with a literal knows that the subject is harmless."""

from __future__ import annotations

import ast

from agents.inspector.taint import attributes, containers, guards
from agents.inspector.taint.expressions import truth_of
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.states import State, joined
from agents.inspector.taint.values import NO_FACTS, UNKNOWN, Facts, Value, common_facts, constant, element


def match(frame: Frame, node: ast.Match) -> None:
    """Execute the cases that may apply and join their ends."""
    subject = frame.evaluate(node.subject)
    ends: list[State] = []
    surely = False
    before = frame.state
    for case in node.cases:
        verdict, facts = _verdict(frame, case.pattern, subject)
        if verdict is False:
            continue
        frame.state = before.copy()
        frame.state.assume(facts)
        _bind(frame, case.pattern, subject)
        guarded = True
        if case.guard is not None:
            test = frame.evaluate(case.guard)
            guarded = truth_of(test) is True
            if test.facts:
                frame.state.assume(test.facts[0])
            if truth_of(test) is False:
                continue
        frame.execute(case.body)
        ends.append(frame.state)
        if verdict is True and guarded:
            surely = True
            break
    if not surely:
        ends.append(before)
    result = ends[0]
    for one in ends[1:]:
        result = joined(result, one) if result.alive or one.alive else result
    frame.state = result


def _verdict(frame: Frame, pattern: ast.pattern, subject: Value) -> tuple[bool | None, Facts]:
    """Whether the pattern matches (None: perhaps), and what is known then."""
    if isinstance(pattern, (ast.MatchValue, ast.MatchSingleton)):
        wanted = (
            frame.evaluate(pattern.value) if isinstance(pattern, ast.MatchValue) else constant(pattern.value)
        )
        if subject.known and wanted.known:
            return subject.const == wanted.const, NO_FACTS
        return None, guards.equal_facts(subject, wanted)
    if isinstance(pattern, ast.MatchAs):
        return (True, NO_FACTS) if pattern.pattern is None else _verdict(frame, pattern.pattern, subject)
    if isinstance(pattern, ast.MatchOr):
        results = [_verdict(frame, one, subject) for one in pattern.patterns]
        facts = results[0][1]
        for _, other in results[1:]:
            facts = common_facts(facts, other)
        verdicts = {one for one, _ in results}
        return True if True in verdicts else None if None in verdicts else False, facts
    if isinstance(pattern, ast.MatchClass) and isinstance(pattern.cls, ast.Name):
        return None, guards.type_facts(subject, frame.evaluate(pattern.cls))
    return None, NO_FACTS


def _bind(frame: Frame, pattern: ast.pattern, subject: Value) -> None:
    if isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None:
            _bind(frame, pattern.pattern, subject)
        if pattern.name:
            frame.state.variables[pattern.name] = frame.moved(
                subject, pattern, pattern.name, f"bound to {pattern.name}"
            )
    elif isinstance(pattern, ast.MatchSequence):
        for number, one in enumerate(pattern.patterns):
            if isinstance(one, ast.MatchStar):
                if one.name:
                    frame.state.variables[one.name] = Value(
                        subject.taints, shape="list", rest=element(subject)
                    )
            else:
                _bind(frame, one, _part(frame, subject, number))
    elif isinstance(pattern, ast.MatchMapping):
        for key, one in zip(pattern.keys, pattern.patterns, strict=True):
            _bind(frame, one, containers.item(frame, key, subject, frame.evaluate(key)))
        if pattern.rest:
            frame.state.variables[pattern.rest] = subject
    elif isinstance(pattern, ast.MatchClass):
        for name, one in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
            _bind(frame, one, attributes.read(frame, pattern.cls, subject, name))
        for one in pattern.patterns:
            _bind(frame, one, subject)
    elif isinstance(pattern, ast.MatchOr):
        for one in pattern.patterns:
            _bind(frame, one, subject)


def _part(frame: Frame, subject: Value, number: int) -> Value:
    if subject.items is not None and number in subject.items:
        return subject.items[number]
    return (
        element(subject)
        if subject.items or subject.rest
        else Value(subject.taints)
        if subject.taints
        else UNKNOWN
    )
