"""Measurements of the product beside others of its kind; not shipped, not imported by it."""
