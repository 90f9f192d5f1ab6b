"""What can go wrong between WrenchAI and its two servers.

ServersError
├── ServerMissing      no binary for it on this machine
├── ServerFailed       it was started and did not come up (carries the end of its log)
├── ServerUnreachable  the DATABASE_URL or REDIS_URL that the user gave does not answer
└── StateForbidden     the state directory belongs to somebody else, or cannot be written
"""


class ServersError(Exception):
    """The base of all; its text is complete and written for the person at the terminal."""


class ServerMissing(ServersError):
    """There is no binary of this server; the text names the command that installs one."""


class ServerFailed(ServersError):
    """The server was started and did not come up."""


class ServerUnreachable(ServersError):
    """A server given by URL does not answer; the text never holds the password."""


class StateForbidden(ServersError):
    """The state directory cannot be used by this user."""
