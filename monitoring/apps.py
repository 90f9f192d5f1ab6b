"""What watches the runs and tells others, as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        from monitoring import checks, courier, pruning, witness  # noqa: F401 - importing registers the checks
        from tasks import chores, witnesses
        from tasks.retention import prune_too

        witnesses.register("webhooks", witness.KINDS, witness.witness)
        chores.register("webhooks", courier.Dispatch)
        prune_too("webhooks", pruning.due_deliveries)
