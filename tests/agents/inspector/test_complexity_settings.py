"""The limits of wrench.toml decide which functions are too complex, whatever is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agents.inspector.analysis import Analysis, analyse
from agents.inspector.analyzers import ANALYZERS
from agents.inspector.memory import Memory
from agents.inspector.results import Results
from agents.quality.config import Settings
from tests.agents.inspector.trees import plant

PATHS = "def f(x):\n" + "".join(f"    if x == {n}:\n        x += 1\n" for n in range(9)) + "    return x\n"
NESTED = (
    "def g(x):\n" + "".join(f"{'    ' * (n + 1)}for n{n} in x:\n" for n in range(4)) + f"{'    ' * 5}x = 1\n"
)


@pytest.fixture
def results(tmp_path: Path) -> Iterator[Results]:
    opened = Results(tmp_path / "cache", 1 << 28)
    yield opened
    opened.close()


def run(tree: Path, results: Results, **limits: int) -> Analysis:
    wanted = Settings.model_validate({"complexity": limits})
    analyzers = [one.configured(wanted) for one in ANALYZERS["complexity"]]
    with TemporaryDirectory() as scratch:
        return analyse(tree, analyzers, scratch=Path(scratch), memory=Memory(results, realm="1"))


def said(analysis: Analysis) -> list[tuple[str, str, str]]:
    return [(one.path, one.severity.value, one.evidence[0].tool) for one in analysis.findings]


def test_limits_are_the_project_s_and_nothing_is_analysed_again_for_others(
    tmp_path: Path, results: Results
) -> None:
    tree = plant(tmp_path / "tree", {"a.py": PATHS, "b.py": NESTED, "c.js": "function c(a) { return a; }\n"})
    assert said(run(tree, results)) == []
    strict = run(tree, results, high=9, cognitive_high=9)
    assert said(strict) == [("a.py", "low", "lizard"), ("b.py", "low", "complexipy")]
    assert [one.files_remembered for one in strict.tools] == [3, 2]
    assert "a cyclomatic complexity of 10 (limit 9)" in strict.findings[0].message
    assert strict.findings[0].evidence[0].command == "lizard --CCN 9 a.py"
    worse = run(tree, results, high=9, very_high=9, cognitive_high=9, cognitive_very_high=9)
    assert [severity for _, severity, _ in said(worse)] == ["medium", "medium"]


IN_TYPESCRIPT = """const address = ({{ a, b }}: {{
  a?: string
  b?: string
}}) => {{
  if (a) {{
    return `${{Api.root}}/${{a}}`
  }}
  throw new Error('none')
}}
{between}
interface Given {{
  id?: string
}}

export const Form: FC<Given> = (props) => {{
{branches}  return <div onClick={{() => {{ props.go() }}}}>{{props.a ? 'a' : 'b'}}</div>
}}
"""


@pytest.mark.parametrize(("between", "line"), [("", 15), ("const other = 1\n", 16)])
def test_a_function_of_typescript_ends_where_its_braces_do(
    tmp_path: Path, results: Results, between: str, line: int
) -> None:
    branches = "".join(f"  if (props.id === '{n}') {{\n    props.go({n})\n  }}\n" for n in range(20))
    text = IN_TYPESCRIPT.format(between=between, branches=branches)
    tree = plant(tmp_path / "tree", {"form.tsx": text})
    told = [(one.message.split()[0], one.line) for one in run(tree, results).findings]
    assert told == [("Form", line)]


COMPARES = """export function state(
  fields: Field[],
): State {
  const all = fields.length
  return {
    open:
      all > 0 && all < fields.done,
    all,
  }
}
"""


@pytest.mark.parametrize(("count", "told"), [(1, ("last", 11)), (3, ("last", 31)), (12, ("state", 101))])
def test_what_stands_behind_a_comparison_taken_for_types_is_measured(
    tmp_path: Path, results: Results, count: int, told: tuple[str, int]
) -> None:
    branches = "".join(f"  if (props.id === '{n}') {{\n    props.go({n})\n  }}\n" for n in range(20))
    text = COMPARES * count + f"function last(props) {{\n{branches}  return 1\n}}\n"
    tree = plant(tmp_path / "tree", {"form.tsx": text})
    assert [(one.message.split()[0], one.line) for one in run(tree, results).findings] == [told]
