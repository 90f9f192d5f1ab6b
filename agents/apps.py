"""The agents as a Django app: loading them gives the engine its catalog and its first plans."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        from agents import catalog, requests, sweeps
        from tasks import chores
        from tasks.contract import use_catalog, use_first_plan

        use_catalog(catalog.RegistryCatalog())
        use_first_plan(requests.plan_for_schedule)
        chores.register("sweeps", sweeps.Chore)
        post_migrate.connect(catalog.store_configurations, sender=self)
