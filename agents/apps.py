"""The agents as a Django app: loading them gives the engine its catalog."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        from agents import catalog
        from tasks.contract import use_catalog

        use_catalog(catalog.RegistryCatalog())
        post_migrate.connect(catalog.store_configurations, sender=self)
