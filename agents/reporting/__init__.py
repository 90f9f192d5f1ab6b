"""Reports of a run: the model, and its four forms (SARIF, JSON, Markdown, HTML)."""
