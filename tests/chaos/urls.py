"""The product's addresses, and POST /api/v1/chaos/runs, which accepts a plan instead of a goal.

Everything behind the plan is the product's: the door, the idempotency key, `runs.submit`.
"""

from __future__ import annotations

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.bodies import idempotency_key
from api.lookup import find_project
from tasks import runs
from tasks.plans import plan_from_json
from wrenchai_project import urls
from wrenchai_project.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class PlansView(APIView):
    """Accept a plan as a run."""

    required_action = "run.submit"

    def post(self, request: Request) -> Response:
        order = dict(request.data)
        project = find_project(request, order.get("project", "default"))
        self.check_object_permissions(request, project)
        run, created = runs.submit(
            plan_from_json(order["plan"]),
            project_id=project.pk,
            owner_id=request.user.pk,
            goal=order["goal"],
            request={},
            idempotency_key=idempotency_key(request),
            priority=order.get("priority"),
        )
        return Response({"id": str(run.public_id), "state": run.state}, status=201 if created else 200)


urlpatterns = [path("api/v1/chaos/runs", PlansView.as_view()), *urls.urlpatterns]
