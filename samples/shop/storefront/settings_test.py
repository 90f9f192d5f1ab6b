"""Settings of a test run: a key of its own, a database in memory, quick password hashing."""

from django.core.management.utils import get_random_secret_key

from storefront.settings import *  # noqa: F403

SECRET_KEY = get_random_secret_key()
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
SECURE_SSL_REDIRECT = False
