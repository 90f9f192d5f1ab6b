"""Figures of a tree that are no findings: lines, copies, complexity, docstrings, and which lines are new."""
