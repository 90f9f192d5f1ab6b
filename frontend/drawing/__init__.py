"""Drawings of the pages, as numbers: where things stand and how lines go. Templates make SVG of them.

Knows no HTTP, no database and no model: what is drawn comes in as plain values.
"""
