"""All settings, from the environment by `env`'s typed readers. Reference: docs/reference/settings.md.

Importing this module never fails and never touches a server; faults are told by `manage.py check`
(`checks.py`) and refuse the start of web and workers.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext

from wrenchai_project import env, logs, sentinels, servers, stores

django_stubs_ext.monkeypatch()  # lets ModelAdmin[Run] and the like be written, as mypy wants

BASE_DIR = Path(__file__).resolve().parent.parent
DEFAULT_SECRET_KEY = "insecure-development-key-of-wrenchai"  # noqa: S105 - refused unless DEBUG=1

# --- Where things lie -------------------------------------------------------------------------------------
STATE_DIR = env.folder(
    "WRENCH_STATE_DIR",
    BASE_DIR / ".wrench",
    "Everything that the project keeps on disk",
    shown_default=".wrench in the checkout",
)
ARTIFACTS_DIR = env.folder(
    "WRENCH_ARTIFACTS_DIR",
    STATE_DIR / "artifacts",
    "Artifacts by digest",
    shown_default="artifacts in the state folder",
)
WORKSPACE_CACHE_DIR = env.folder(
    "WRENCH_WORKSPACE_CACHE_DIR",
    STATE_DIR / "workspaces",
    "Snapshots unpacked on this host, shared between steps",
    shown_default="workspaces in the state folder",
)
WORKSPACE_CACHE_BYTES = env.number(
    "WRENCH_WORKSPACE_CACHE_BYTES", 5 * 1024**3, "Bound of that cache in bytes", most=2**50
)
ANALYSIS_CACHE_DIR = env.folder(
    "WRENCH_ANALYSIS_CACHE_DIR",
    STATE_DIR / "analyses",
    "Results of analyzers by content, per project, so that what did not change is not analysed again",
    shown_default="analyses in the state folder",
)
ANALYSIS_CACHE_BYTES = env.number(
    "WRENCH_ANALYSIS_CACHE_BYTES", 1024**3, "Bound of those results in bytes; 0 keeps none", most=2**50
)
ANALYZER_PROCESSES = env.number(
    "WRENCH_ANALYZER_PROCESSES",
    0,
    "Analyzers that one step may run side by side; 0 means as many as the worker has cores. Beyond its first, each"
    " needs a core of this host that no other step has taken",
    most=256,
)
LOCAL_ROOTS = env.folders(
    "WRENCH_LOCAL_ROOTS",
    (),
    "Folders that a target of kind 'path' may lie in; none by default, so that no user reads the server's disk",
)
AUDIT_ANCHORS = env.folder(
    "WRENCH_AUDIT_ANCHORS",
    STATE_DIR / "audit.anchors",
    "File to which `verify_audit` adds the head of the audit chain; keep it where the database's owner cannot write",
    shown_default="audit.anchors in the state folder",
)
SHOW_SOURCE = env.flag("WRENCH_SHOW_SOURCE", True, "Pages show the source of runs, secrets cut out")
UPLOAD_BYTES = env.number(
    "WRENCH_UPLOAD_BYTES", 500_000_000, "An uploaded archive has at most so many bytes", least=1, most=2**40
)
ADVISORIES_STALE_DAYS = env.number(
    "WRENCH_ADVISORIES_STALE_DAYS",
    14,
    "Reports warn when the newest imported advisory of an ecosystem is older than so many days",
    least=1,
    most=3650,
)
GIT_PRIVATE_HOSTS = env.words(
    "WRENCH_GIT_PRIVATE_HOSTS", (), "Hosts with non-public addresses that git may be sent to"
)
DATABASE_PRIVATE_HOSTS = env.words(
    "WRENCH_DATABASE_PRIVATE_HOSTS",
    (),
    "Hosts with non-public addresses whose databases may be read by the database URLs of projects",
)
DATABASE_CA_FILE = env.text(
    "WRENCH_DATABASE_CA_FILE",
    "",
    "PEM file of the authorities that database servers' certificates are checked against (sslmode=verify-full)",
    shown_default="the system's",
)
HISTORY_DAYS = env.number(
    "WRENCH_HISTORY_DAYS", 400, "Days that versions of what is configured are kept; 0: for good", most=36_500
)
_embedded_database, _embedded_redis = servers.urls_from_state(STATE_DIR)

# --- Django -----------------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG", False, "Development mode: tracebacks in the browser, the default secret allowed")
SECRET_KEY = env.text(
    "SECRET_KEY",
    servers.secret_from_state(STATE_DIR) or DEFAULT_SECRET_KEY,
    "Signs sessions and tokens; `./wrench` generates one per installation",
    shown_default="generated into the state folder",
)
if SECRET_KEY == DEFAULT_SECRET_KEY and not DEBUG:
    env.FAULTS.append(
        env.Fault(
            name="SECRET_KEY",
            message="it is the published default, and DEBUG is off",
            hint="set it to 50 random characters, or start by ./wrench, which generates one",
        )
    )
ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"), "Host names that the web answers to"
)
CSRF_TRUSTED_ORIGINS = env.words(
    "CSRF_TRUSTED_ORIGINS", (), "Origins of forms beside the own host, such as https://wrench.example.org"
)
BASE_URL = env.text(
    "WRENCH_BASE_URL", "http://127.0.0.1:8000", "Where people reach the web, for links in reports"
)
TRUSTED_PROXIES = env.networks(
    "WRENCH_TRUSTED_PROXIES",
    (),
    "Addresses or networks of proxies whose X-Forwarded-For is believed; others count as the client themselves",
)
HTTPS = env.flag("WRENCH_HTTPS", False, "The web is reached by HTTPS: secure cookies, HSTS")

INSTALLED_APPS = [
    "history",  # before the admin: it adds to a template of it
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "pgtrigger",
    "pghistory",
    "django_ratelimit",
    "accounts",
    "tasks",
    "agents",
    "monitoring",
    "api",
    "frontend",
    "wrenchai_project",
]
MIDDLEWARE = [
    "wrenchai_project.request_ids.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "frontend.security.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.browser.DeviceAuthentication",
    "frontend.language.ReaderLanguage",
    "accounts.audit_middleware.AuditedRequest",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "api.limit_fields.RateLimits",
    "api.versions.Deprecations",
    "api.caching.PrivateAnswers",
    "frontend.limits.PageLimits",
]
ROOT_URLCONF = "wrenchai_project.urls"
ASGI_APPLICATION = "wrenchai_project.asgi.application"
WSGI_APPLICATION = "wrenchai_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "frontend" / "overrides"],  # templates of others that we replace
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "frontend.context.frame",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["frontend.templatetags.lean"],
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = STATE_DIR / "static"
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # frontend/locale has the catalogues
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
CSRF_FAILURE_VIEW = "frontend.views.csrf_failure"
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}PasswordHasher" for name in ("Argon2", "PBKDF2")]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "accounts.session_store"  # cached_db that bears a Redis which is away
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
HSTS_SUBDOMAINS = env.flag(
    "WRENCH_HSTS_SUBDOMAINS",
    False,
    "All subdomains of the web's host are reached by HTTPS, too: HSTS holds for them",
)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS and HSTS_SUBDOMAINS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = ["^livez$", "^readyz$"]  # asked by the host itself, without the proxy that ends TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # a request body; uploads of trees have their own way

# --- PostgreSQL and Redis ---------------------------------------------------------------------------------
DATABASE_MEANING = (
    "PostgreSQL: the truth. With standbys: postgresql://user:password@host:5432,host2:5432/name; "
    "the one that takes writes is used"
)
_database = env.database("DATABASE_URL", _embedded_database, DATABASE_MEANING)
WEB_THREADS = env.number(
    "WRENCH_WEB_THREADS",
    12,
    "So many requests of a web process are answered at once, each with its own connection to PostgreSQL",
    least=1,
    most=500,
)
REDIS_URL = env.redis_url(
    "REDIS_URL",
    _embedded_redis,
    "Redis: bells, hints, cache. With Sentinel: sentinel://:password@host:26379,host2:26379/0?master=name, "
    "with TLS rediss+sentinel://",
)
REDIS_SENTINELS = sentinels.parse(REDIS_URL)
CACHES = stores.caches(REDIS_URL, REDIS_SENTINELS)
RATELIMIT_USE_CACHE = "attempts"
RATELIMIT_IP_META_KEY = "accounts.limits.addresses.of_request"
# W001 knows of memcached and django-redis only. It guards against caches that do not count atomically and for all
# processes; Django's own RedisCache does both, by INCR and SET NX
SILENCED_SYSTEM_CHECKS = ["django_ratelimit.W001"]
CHANNEL_LAYERS = stores.channel_layers(REDIS_URL, REDIS_SENTINELS)
MAX_SOCKETS_PER_USER = env.number(
    "WRENCH_MAX_SOCKETS_PER_USER",
    10,
    "Live connections (WebSocket and server-sent events) of one person at a time, over all web processes",
    least=1,
    most=100_000,
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        # hashed names need `collectstatic`, which bootstrap does; in development the sources are served as they are
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "frontend.static_files.StaticFiles"
    },
    "artifacts": {
        "BACKEND": env.text(
            "WRENCH_ARTIFACTS_BACKEND",
            "tasks.artifacts.DigestFolderStorage",
            "A Django storage class for artifacts, such as storages.backends.s3.S3Storage",
        )
    },
}

# --- The engine -------------------------------------------------------------------------------------------
HEARTBEAT_SECONDS = env.number(
    "WRENCH_HEARTBEAT_SECONDS", 10, "A worker renews its lease so often", least=1, most=60
)
LEASE_SECONDS = env.number(
    "WRENCH_LEASE_SECONDS", 30, "A worker silent for so long has lost its steps", least=3, most=600
)
# what a session that fell silent in a transaction has locked, nobody recovers: it ends when a lease would
DATABASES = stores.databases(_database, silent_seconds=LEASE_SECONDS)
CANCEL_GRACE_SECONDS = env.number(
    "WRENCH_CANCEL_GRACE_SECONDS", 10, "A cancelled attempt is killed after so long", least=1, most=600
)
SHUTDOWN_GRACE_SECONDS = env.number(
    "WRENCH_SHUTDOWN_GRACE_SECONDS",
    8,
    "A worker that stops waits so long for its attempts",
    least=1,
    most=600,
)
START_PATIENCE_SECONDS = env.number(
    "WRENCH_START_PATIENCE_SECONDS",
    60,
    "A worker that starts waits so long for PostgreSQL and its tables, then ends",
    least=1,
    most=3600,
)
SWEEP_SECONDS = env.number(
    "WRENCH_SWEEP_SECONDS", 1, "The scheduler looks for due and lost steps so often", least=1
)
REHINT_SECONDS = env.number(
    "WRENCH_REHINT_SECONDS", 2, "The scheduler rings again for ready steps that nobody took so often", least=1
)
MAX_TASKS_PER_CHILD = env.number(
    "WRENCH_MAX_TASKS_PER_CHILD",
    2000,
    "A worker child is replaced after so many bells; Celery leaves its place empty for a second meanwhile",
    least=1,
)
MAX_CHILD_MEMORY_MB = env.number(
    "WRENCH_MAX_CHILD_MEMORY_MB",
    600,
    "A worker child that has ever used so much memory is replaced after its bell",
    least=100,
)
PREPARE = env.flag(
    "WRENCH_PREPARE",
    True,
    "PostgreSQL keeps the plans of the engine's statements; switch it off behind a pooler that pools transactions",
)
FUSE = env.flag("WRENCH_FUSE", True, "A worker child goes on with the next step of its queue without a bell")
MOST_IN_TURN = env.number(
    "WRENCH_MOST_IN_TURN",
    32,
    "A worker child claims at most so many short steps at once, and stores their results together; 1: each by itself",
    least=1,
    most=200,
)
RUN_DEADLINE_SECONDS = env.number(
    "WRENCH_RUN_DEADLINE_SECONDS",
    6 * 3600,
    "A run that is not over after so long fails",
    least=10,
    most=30 * 86400,
)
RETRY_BASE_SECONDS = env.number(
    "WRENCH_RETRY_BASE_SECONDS", 2, "First bound of the random delay before a retry", least=1
)
FAILPOINTS = env.text(
    "WRENCH_FAILPOINTS",
    "",
    "For tests only: places where the engine kills its own process, see tasks/failpoints.py",
)
RETRY_CAP_SECONDS = env.number("WRENCH_RETRY_CAP_SECONDS", 300, "Last bound of that delay", least=1)

MASTER_KEY_FILE = env.text(
    "WRENCH_MASTER_KEY_FILE",
    "",
    "File with the master keys of stored credentials, a line id:key each, the newest first",
)
_generated_master = servers.master_key_from_state(STATE_DIR)
MASTER_KEY = env.text(
    "WRENCH_MASTER_KEY",
    f"local:{_generated_master}" if _generated_master else "",
    "The same without a file, id:key,id:key; those of the file come first",
    shown_default="generated into the state folder",
)
API_KEY_PEPPERS = env.secrets(
    "WRENCH_API_KEY_PEPPERS",
    "Peppers of the stored API keys, id:secret, the newest first; without one, SECRET_KEY gives it",
)

# --- Teams ------------------------------------------------------------------------------------------------
TEAMS_BY = env.choice(
    "WRENCH_TEAMS_BY", ("anyone", "staff"), "Who may make teams: anyone who is signed in, or staff only"
)

# --- Mail -------------------------------------------------------------------------------------------------
_mail = env.mail_url(
    "WRENCH_EMAIL_URL",
    "Where mail goes: smtp://user:password@host:587, smtps://user:password@host:465, smtp+plain://host:25, or "
    "console: for a look. Without it nothing is mailed, and whoever invites somebody gets the link to hand on",
)
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
MAIL_IS_ON = not EMAIL_BACKEND.endswith(".dummy.EmailBackend")
EMAIL_HOST = _mail.get("EMAIL_HOST", "localhost")
EMAIL_PORT = _mail.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10  # seconds: somebody waits for the answer
DEFAULT_FROM_EMAIL = env.text("WRENCH_EMAIL_FROM", "wrenchai@localhost", "Whom mail comes from")

# --- Webhooks ---------------------------------------------------------------------------------------------
WEBHOOK_NETWORKS = env.networks(
    "WRENCH_WEBHOOK_NETWORKS",
    (),
    "Networks that are not public and that webhooks may be sent to nevertheless, such as 10.0.0.0/8",
)
WEBHOOK_HTTP = env.flag("WRENCH_WEBHOOK_HTTP", False, "Webhooks may have URLs without TLS")
WEBHOOK_CA_FILE = env.text(
    "WRENCH_WEBHOOK_CA_FILE",
    "",
    "Certificates (PEM) that receivers of webhooks are trusted by, beside the system's",
)
WEBHOOK_THREADS = env.number(
    "WRENCH_WEBHOOK_THREADS", 16, "So many webhooks are sent at once", least=2, most=200
)
WEBHOOK_KEEP_DAYS = env.number(
    "WRENCH_WEBHOOK_KEEP_DAYS", 30, "Deliveries of webhooks are kept so long", least=4, most=3650
)

# --- Flower -----------------------------------------------------------------------------------------------
FLOWER_URL = env.web_url(
    "WRENCH_FLOWER_URL",
    "Where the web reaches Flower, with its password: http://user:password@host:5555. Staff find it at /flower/;"
    " without it there is no such page",
)

# --- The API ----------------------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.key_auth.KeyAuthentication",
        "api.identity.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.ActionPermission"],
    "DEFAULT_THROTTLE_CLASSES": ["api.limits.RuleThrottle"],
    "DEFAULT_PARSER_CLASSES": ["api.formats.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.formats.JsonOnlyNegotiation",
    "DEFAULT_SCHEMA_CLASS": "api.describe.Described",
    "EXCEPTION_HANDLER": "api.errors.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
ACCESS_TOKEN_LIFETIME = timedelta(
    minutes=env.number(
        "WRENCH_ACCESS_TOKEN_MINUTES", 10, "An access token is good for so long", least=5, most=10
    )
)
REFRESH_TOKEN_LIFETIME = timedelta(
    days=env.number(
        "WRENCH_REFRESH_TOKEN_DAYS",
        7,
        "A program that was not heard for so long must sign in again",
        least=1,
        most=90,
    )
)
# Algorithm, issuer, audience and keys are pinned in accounts.tokens, which takes nothing that simplejwt signs alone.
SIMPLE_JWT = {
    "USER_ID_CLAIM": "sub",
    "CHECK_REVOKE_TOKEN": True,
    "AUTH_TOKEN_CLASSES": ("accounts.tokens.AccessToken",),
}
TOKEN_KEYS = env.signing_keys(
    "WRENCH_TOKEN_KEYS",
    "What signs tokens. To change it, put a new secret in front, and drop the old one after a refresh token's life",
    shown_default="made from SECRET_KEY",
)
PROGRAM_SESSION_LIFETIME = timedelta(
    days=env.number(
        "WRENCH_PROGRAM_SESSION_DAYS",
        90,
        "A program must sign in again after so long, however often it was heard",
        least=1,
        most=365,
    )
)
SPECTACULAR_SETTINGS = {
    "TITLE": "WrenchAI",
    "DESCRIPTION": "The self-hosted engineering crew whose every claim comes with proof. Errors are problem "
    "documents (RFC 9457). Lists come in pages: follow `next`. Texts are UTF-8, times ISO 8601 in UTC. "
    "Programs send `Authorization: Bearer` with an access token of `POST /api/v1/token` or with an API key; "
    "a browser that is signed in needs neither. A `{project}` in a path is named with its team: `team/project`.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.describe.add_components",
        "api.tags.add_tags",
    ],
}

# --- Logs -------------------------------------------------------------------------------------------------
LOG_LEVEL = logs.level()
LOGGING = logs.configuration(LOG_LEVEL)
logs.configure_structlog()
