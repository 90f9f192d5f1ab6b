"""By what a repository is recognised: tables, read by `profile`. A new framework is one more line here."""

from __future__ import annotations

import re

# A dependency named in a manifest -> facts. Names are compared in lower case, with "-" for "_".
DEPENDENCIES: dict[str, tuple[str, ...]] = {
    "django": ("framework:django",), "flask": ("framework:flask",), "fastapi": ("framework:fastapi",),
    "starlette": ("framework:starlette",), "tornado": ("framework:tornado",), "pyramid": ("framework:pyramid",),
    "aiohttp": ("framework:aiohttp",), "celery": ("framework:celery",), "channels": ("framework:channels",),
    "djangorestframework": ("framework:django-rest-framework",), "sqlalchemy": ("framework:sqlalchemy",),
    "react": ("framework:react",), "vue": ("framework:vue",), "@angular/core": ("framework:angular",),
    "svelte": ("framework:svelte",), "next": ("framework:next",), "express": ("framework:express",),
    "@nestjs/core": ("framework:nest",), "rails": ("framework:rails",), "sinatra": ("framework:sinatra",),
    "laravel/framework": ("framework:laravel",), "symfony/framework-bundle": ("framework:symfony",),
    "github.com/gin-gonic/gin": ("framework:gin",), "actix-web": ("framework:actix",), "axum": ("framework:axum",),
    "spring-boot-starter": ("framework:spring",), "spring-boot-starter-web": ("framework:spring",),
    "pytest": ("tests:pytest",), "pytest-django": ("tests:pytest",), "nose2": ("tests:nose",), "tox": ("tests:tox",),
    "jest": ("tests:jest",), "vitest": ("tests:vitest",), "mocha": ("tests:mocha",), "cypress": ("tests:cypress",),
    "@playwright/test": ("tests:playwright",), "rspec": ("tests:rspec",), "rspec-rails": ("tests:rspec",),
    "junit-jupiter": ("tests:junit",), "junit": ("tests:junit",), "phpunit/phpunit": ("tests:phpunit",),
    **dict.fromkeys(("psycopg2", "psycopg2-binary", "psycopg", "asyncpg", "pg", "pgx", "postgres",
                     "github.com/lib/pq", "github.com/jackc/pgx"), ("database:postgresql",)),
    **dict.fromkeys(("mysqlclient", "pymysql", "mysql2", "mysql-connector-python"), ("database:mysql",)),
    **dict.fromkeys(("redis", "ioredis", "django-redis"), ("database:redis",)),
    **dict.fromkeys(("pymongo", "mongoengine", "mongoose", "motor"), ("database:mongodb",)),
    **dict.fromkeys(("sqlite3", "better-sqlite3", "aiosqlite"), ("database:sqlite",)),
    "alembic": ("migrations:alembic",), "flask-migrate": ("migrations:alembic",),
    "sphinx": ("docs:sphinx",), "mkdocs": ("docs:mkdocs",),
}  # fmt: skip

# A pattern of the whole relative path, in lower case -> facts.
PATHS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), facts)
    for pattern, facts in (
        (r"(?:.*/)?pytest\.ini", ("tests:pytest",)),
        (r"(?:.*/)?conftest\.py", ("tests:pytest",)),
        (r"(?:.*/)?tox\.ini", ("tests:tox",)),
        (r"(?:.*/)?jest\.config\.[a-z]+", ("tests:jest",)),
        (r"(?:.*/)?vitest\.config\.[a-z]+", ("tests:vitest",)),
        (r"(?:.*/)?\.rspec", ("tests:rspec",)),
        (r".*_test\.go", ("tests:go",)),
        (r"(?:.*/)?(?:docker|container)file(?:\.[\w.-]+)?", ("containers:docker",)),
        (r"(?:.*/)?(?:docker-)?compose(?:\.[\w.-]+)?\.ya?ml", ("containers:compose",)),
        (r"(?:.*/)?(?:chart\.yaml|kustomization\.ya?ml)", ("containers:kubernetes",)),
        (r"\.github/workflows/[^/]+\.ya?ml", ("ci:github",)),
        (r"\.gitlab-ci\.yml", ("ci:gitlab",)),
        (r"jenkinsfile", ("ci:jenkins",)),
        (r"\.circleci/config\.yml", ("ci:circleci",)),
        (r"\.travis\.yml", ("ci:travis",)),
        (r"azure-pipelines\.yml", ("ci:azure",)),
        (r"bitbucket-pipelines\.yml", ("ci:bitbucket",)),
        (r"\.woodpecker(?:\.ya?ml|/.*)", ("ci:woodpecker",)),
        (r"(?:.*/)?alembic\.ini", ("migrations:alembic",)),
        (r"(?:.*/)?migrations/\d{4}_\w+\.py", ("migrations:django",)),
        (r"(?:.*/)?db/migrate/\d+_\w+\.rb", ("migrations:rails",)),
        (r"(?:.*/)?prisma/schema\.prisma", ("migrations:prisma",)),
        (r"(?:.*/)?v\d+(?:_\d+)*__\w+\.sql", ("migrations:flyway",)),
        (r"(?:readme|contributing|changelog)(?:\.md|\.markdown)", ("docs:markdown",)),
        (r"(?:readme|changelog)\.rst", ("docs:restructuredtext",)),
        (r"docs?/.*\.md", ("docs:markdown",)),
        (r"docs?/.*\.rst", ("docs:restructuredtext",)),
        (r"(?:docs?/)?(?:source/)?conf\.py", ("docs:sphinx",)),
        (r"mkdocs\.ya?ml", ("docs:mkdocs",)),
    )
)

# A pattern inside a file whose path matches -> facts. Few files are read for this, and only their beginning.
CONTENTS: tuple[tuple[re.Pattern[str], re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(path), re.compile(content), facts)
    for path, content, facts in (
        (r"(?:.*/)?manage\.py", r"\bdjango\b", ("framework:django",)),
        (r"(?:.*/)?pyproject\.toml", r"\[tool\.pytest", ("tests:pytest",)),
        (r"(?:.*/)?setup\.cfg", r"\[tool:pytest\]", ("tests:pytest",)),
        (r"(?:.*/)?settings\w*(?:/\w+)?\.py", r"django\.db\.backends\.postgresql", ("database:postgresql",)),
        (r"(?:.*/)?settings\w*(?:/\w+)?\.py", r"django\.db\.backends\.mysql", ("database:mysql",)),
        (r"(?:.*/)?settings\w*(?:/\w+)?\.py", r"django\.db\.backends\.sqlite3", ("database:sqlite",)),
        (
            r"(?:.*/)?(?:docker-)?compose[\w.-]*\.ya?ml",
            r"image:\s*['\"]?(?:[\w./-]+/)?postgres",
            ("database:postgresql",),
        ),
        (
            r"(?:.*/)?(?:docker-)?compose[\w.-]*\.ya?ml",
            r"image:\s*['\"]?(?:mysql|mariadb)",
            ("database:mysql",),
        ),
        (r"(?:.*/)?(?:docker-)?compose[\w.-]*\.ya?ml", r"image:\s*['\"]?redis", ("database:redis",)),
        (r"(?:.*/)?(?:docker-)?compose[\w.-]*\.ya?ml", r"image:\s*['\"]?mongo", ("database:mongodb",)),
        (r"(?:.*/)?(?:k8s|kubernetes|deploy)/.*\.ya?ml", r"(?m)^apiVersion:", ("containers:kubernetes",)),
        (
            r"(?:.*/)?test\w*\.py",
            r"\b(?:import unittest|unittest\.TestCase|from unittest)",
            ("tests:unittest",),
        ),
        (r"(?:.*/)?tests?(?:/.*)?/?\w*\.py", r"\bfrom django\.test import", ("tests:django",)),
    )
)

# Manifests whose dependency names are read.
MANIFESTS = re.compile(
    r"(?:.*/)?(?:requirements[\w.-]*\.(?:txt|in)|requirements/[\w.-]+\.txt|pyproject\.toml|setup\.(?:py|cfg)|pipfile"
    r"|package\.json|go\.mod|gemfile|cargo\.toml|composer\.json|pom\.xml|build\.gradle(?:\.kts)?)"
)
