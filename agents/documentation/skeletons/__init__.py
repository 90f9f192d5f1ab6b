"""Skeletons of docstrings: what a signature and a body tell, in the project's own style, for a person to complete.

    symbols ── gaps ──> what lacks a docstring, or lists parameters but not all     `gaps`
            ── facts ─> driver: LibCST, in a process of its own ──> edits           `writing`, `wording`, `leaving`
            ── grounding, the ladder of `agents.patches` ──> fixes, one patch       `patching`

Invariant: nothing of a file changes but its docstrings; whatever is not known is marked `MARK`, never invented.
"""
