"""LDAP."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, clean, gives, sink, stops

_SEARCH = ["search", "search_s", "search_st", "search_ext", "search_ext_s"]

ROWS: tuple[Row, ...] = (
    gives("ldap.initialize", "@ldap.Object"),
    gives("ldap.open", "@ldap.Object"),
    *(sink(f"@ldap.Object.{name}", "ldap", "0 2 base filterstr") for name in _SEARCH),
    stops("@ldap.Object.*"),
    gives("ldap3.Connection", "@ldap3.Connection"),
    stops("ldap3.Connection"),
    gives("@ldap3.Connection.__enter__", "@ldap3.Connection"),
    sink("@ldap3.Connection.search", "ldap", "0 1 search_base search_filter"),
    stops("@ldap3.Connection.*"),
    sink("ldap3.Reader", "ldap", "2 3 query base"),
    clean("ldap.filter.escape_filter_chars", "ldap"),
    clean("ldap.filter.filter_format", "ldap"),
    clean("ldap.dn.escape_dn_chars", "ldap"),
    clean("ldap3.utils.conv.escape_filter_chars", "ldap"),
    clean("ldap3.utils.conv.escape_bytes", "ldap"),
    clean("ldap3.utils.dn.escape_rdn", "ldap"),
    *(sink(f".{name}", "ldap", "0 2 base filterstr", weak=1) for name in _SEARCH if name != "search"),
)
