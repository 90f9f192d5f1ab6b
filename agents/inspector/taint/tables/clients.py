"""HTTP clients: the address must not be chosen by a stranger. What they answer is not tainted here."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, gives, same, sink, special, stops

_GUARDED = "@requests.GuardedSession"
_VERBS = ["get", "post", "put", "patch", "delete", "head", "options"]

ROWS: tuple[Row, ...] = (
    *(sink(f"requests.{name}", "ssrf", "0 url") for name in _VERBS),
    sink("requests.request", "ssrf", "1 url"),
    stops("requests.*"),
    gives("requests.Session", "@requests.Session"),
    same("requests.session", "requests.Session"),
    *(sink(f"@requests.Session.{name}", "ssrf", "0 url") for name in _VERBS),
    sink("@requests.Session.request", "ssrf", "1 url"),
    stops("@requests.Session.*"),
    *(stops(f"requests.{name}") for name in _VERBS),
    *(stops(f"@requests.Session.{name}") for name in (*_VERBS, "request")),
    *(stops(name) for name in ("requests.request", "httpx.request", "@urllib3.PoolManager.request")),
    *(sink(f"httpx.{name}", "ssrf", "0 url") for name in _VERBS),
    sink("httpx.stream", "ssrf", "1 url"),
    *(stops(f"httpx.{name}") for name in _VERBS),
    sink("httpx.request", "ssrf", "1 url"),
    special("httpx.Client", "http_client"),
    special("httpx.AsyncClient", "http_client"),
    special("aiohttp.ClientSession", "http_client"),
    # With a transport of the program's own, which may refuse addresses.
    *(sink(f"{_GUARDED}.{name}", "ssrf", "0 url", weak=2) for name in (*_VERBS, "stream")),
    sink(f"{_GUARDED}.request", "ssrf", "1 url", weak=2),
    stops(f"{_GUARDED}.*"),
    sink("urllib.request.urlopen", "ssrf", "0 url"),
    sink("urllib.request.Request", "ssrf", "0 url"),
    sink("urllib.request.urlretrieve", "ssrf", "0 url"),
    sink("urllib2.urlopen", "ssrf", "0 url"),
    sink("urllib.urlopen", "ssrf", "0 url"),
    stops("urllib.request.urlopen"),
    stops("urllib.request.Request"),
    gives("urllib3.PoolManager", "@urllib3.PoolManager"),
    sink("@urllib3.PoolManager.request", "ssrf", "1 url"),
    stops("@urllib3.PoolManager.*"),
    sink("urllib3.request", "ssrf", "1 url"),
    sink("requests.Request", "ssrf", "1 url"),
    *(sink(name, "ssrf", "0 host", weak=1) for name in ("ftplib.FTP", "smtplib.SMTP", "telnetlib.Telnet")),
    sink("http.client.HTTPConnection", "ssrf", "0 host"),
    sink("http.client.HTTPSConnection", "ssrf", "0 host"),
    *(
        sink(f"azure.{package}.{name}", "ssrf", "0 vault_url account_url service_url endpoint")
        for package, name in (
            ("keyvault.secrets", "SecretClient"),
            ("keyvault.keys", "KeyClient"),
            ("keyvault.certificates", "CertificateClient"),
            ("storage.blob", "BlobServiceClient"),
            ("storage.fileshare", "ShareServiceClient"),
        )
    ),
    sink("azure.storage.fileshare.ShareFileClient.from_file_url", "ssrf", "0 file_url"),
    sink("azure.storage.blob.ContainerClient.from_container_url", "ssrf", "0 container_url"),
    sink("azure.storage.blob.BlobClient.from_blob_url", "ssrf", "0 blob_url"),
    sink("azure.storage.blob.download_blob_from_url", "ssrf", "0 blob_url"),
    sink("socket.create_connection", "ssrf", "0 address", weak=1),
)
