"""Commands of `manage.py` that concern accounts."""
