"""Logins by other servers: what libraries of OAuth and SAML make begins with the address that the program set."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, clean, gives, stops

_SAML = "@onelogin.saml2.Auth"

ROWS: tuple[Row, ...] = (
    # `oauthlib`, `requests_oauthlib`, `authlib`: the endpoint comes first, everything else is quoted behind it
    *(
        clean(f".{name}", "redirect", "ssrf", "header")
        for name in (
            "prepare_request_uri",
            "prepare_token_request",
            "prepare_refresh_token_request",
            "prepare_authorization_request",
            "authorization_url",
            "create_authorization_url",
            "get_authorization_url",
        )
    ),
    # what it tells of a login is signed; only `redirect_to(...)` leads where the request says
    gives("onelogin.saml2.auth.OneLogin_Saml2_Auth", _SAML),
    *(
        stops(f"{_SAML}.{name}")
        for name in (
            "get_nameid",
            "get_nameid_format",
            "get_session_index",
            "get_attribute",
            "get_attributes",
            "get_errors",
            "get_last_error_reason",
            "get_settings",
            "get_slo_url",
            "get_sso_url",
            "is_authenticated",
            "process_response",
            "process_slo",
            "login",
            "logout",
        )
    ),
)
