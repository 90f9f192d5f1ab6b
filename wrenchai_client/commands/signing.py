"""login, logout, whoami."""

from __future__ import annotations

import getpass
import sys
from dataclasses import replace

from wrenchai_client import credentials, door, table
from wrenchai_client.commands.base import Call, Parsers, add, joined, note
from wrenchai_client.credentials import Credential, Store
from wrenchai_client.errors import BAD_INPUT, DONE, FORBIDDEN, ClientError
from wrenchai_client.server import ApiClient, ApiRefused


def register(commands: Parsers) -> None:
    """Add the commands."""
    login = add(
        commands,
        "login",
        sign_in,
        "sign in at a server and keep it",
        more="Asks for user name and password, or takes an API key. Nothing secret is read from the command line, "
        f"where others could see it. A CI job needs no login: it sets {credentials.URL_VARIABLE} and "
        f"{credentials.KEY_VARIABLE}.",
        json=False,
    )
    login.add_argument("--username", default="", metavar="NAME", help="asked for if not given")
    secret = login.add_mutually_exclusive_group()
    secret.add_argument("--key-stdin", action="store_true", help="read an API key from standard input")
    secret.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    login.add_argument("--plain-http", action="store_true", help="allow an address that is not encrypted")
    add(commands, "logout", sign_out, "end the session and forget it", json=False)
    add(commands, "whoami", who, "say who you are here, and what you may do")


def sign_in(call: Call) -> int:
    """Sign in, look whether it works, keep it."""
    options, store = call.options, Store()
    named, _ = credentials.from_environment()
    url = door.checked(options.url or named or store.current(), plain=options.plain_http)
    if not url:
        raise ClientError("which server? --url https://...", exit_code=BAD_INPUT)
    credential = replace(_credential(call, url), plain_http=options.plain_http)
    me = _me(url, credential)
    store.put(url, credential)
    print(f"Signed in at {url} as {me['username']}; kept in {credentials.folder()}")
    return DONE


def sign_out(call: Call) -> int:
    """End the session of tokens at the server; a key stays good and is only forgotten."""
    store = Store()
    url = (call.options.url or store.current()).rstrip("/")
    dropped = store.drop(url) if url else None
    if dropped is None:
        raise ClientError(f"not signed in at {url or 'any server'}", exit_code=FORBIDDEN)
    if dropped.key:
        note(f"the key is forgotten here, and good until it is revoked at {url}")
    else:
        door.withdraw(url, dropped)
    print(f"Signed out at {url}")
    return DONE


def who(call: Call) -> int:
    """Say who is signed in."""
    client = call.client()
    me = client.get("/api/v1/me")
    if call.options.json:
        table.dump({"url": client.base_url, **me})
        return DONE
    print(f"{me['username']} at {client.base_url}")
    for team in me.get("teams") or []:
        print(f"  {team.get('role', '')} of the team {team.get('slug', '')}")
    if key := me.get("key"):
        print(f"  by the key {key.get('name')}, which may: {joined(key.get('scopes') or [])}")
    return DONE


def _credential(call: Call, url: str) -> Credential:
    options = call.options
    if options.key_stdin:
        key = sys.stdin.readline().strip()
        if not key:
            raise ClientError("there is no key on standard input", exit_code=BAD_INPUT)
        return Credential(key=key)
    if not sys.stdin.isatty() and not options.password_stdin:
        raise ClientError(
            "there is no terminal to ask at: --password-stdin or --key-stdin", exit_code=BAD_INPUT
        )
    if options.password_stdin and not options.username:
        raise ClientError("--password-stdin needs --username", exit_code=BAD_INPUT)
    username = options.username or input(f"User name at {url}: ").strip()
    password = sys.stdin.readline().rstrip("\r\n") if options.password_stdin else getpass.getpass()
    return door.by_password(url, username, password)


def _me(url: str, credential: Credential) -> dict[str, object]:
    client = ApiClient(url, credential.bearer)
    try:
        return client.get("/api/v1/me")
    except ApiRefused as error:
        raise ClientError(f"{url} did not let you in: {error}", exit_code=error.exit_code) from None
    finally:
        client.close()
