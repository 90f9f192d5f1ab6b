"""A changelog: what happened between two revisions, for the people who use the project.

    goal, input ──> which revisions                        `revisions`
    git's history ─> commits: conventional, or by area     `conventional`, `sections`
    both trees ───> griffe: what no longer works           `breakages`
                 ──> Markdown as Keep a Changelog, JSON    `pages`

Texts of commits are data: one line each, without control characters and secrets, escaped.
"""
