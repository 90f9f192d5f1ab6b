"""Answers in Django's admin: offered to those whom a question asks, by the same rule as everywhere."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import access
from accounts.models import User
from tasks import runs
from tasks.admin import ApprovalAdmin
from tasks.errors import EngineError
from tasks.models import Approval

MOST_ASKED = 200  # open questions that are looked through for one that is the reader's to answer

admin.site.unregister(Approval)  # the engine's own, which cannot know who may decide


@admin.register(Approval)
class DecidableApprovalAdmin(ApprovalAdmin):
    """Rows are read-only; the actions answer the chosen questions that are the reader's to answer."""

    actions = ("approve", "reject")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave the answers out for whom no open question asks."""
        offered: dict[str, Any] = super().get_actions(request)
        asked = Approval.objects.filter(decision="").select_related("run__project__team").order_by("-pk")
        if any(_may_decide(request, approval) for approval in asked[:MOST_ASKED]):
            return offered
        return {name: action for name, action in offered.items() if name not in self.actions}

    @admin.action(description="Approve the chosen questions")
    def approve(self, request: HttpRequest, chosen: QuerySet[Approval]) -> None:
        _answer(request, chosen, approved=True)

    @admin.action(description="Reject the chosen questions")
    def reject(self, request: HttpRequest, chosen: QuerySet[Approval]) -> None:
        _answer(request, chosen, approved=False)


def _answer(request: HttpRequest, chosen: QuerySet[Approval], *, approved: bool) -> None:
    told = "Approved" if approved else "Rejected"
    for approval in chosen.select_related("run__project__team"):
        name = f"{approval.question[:80]!r}"
        if not _may_decide(request, approval):
            messages.error(request, f"{name} is not yours to answer.")
            continue
        try:
            runs.decide(
                approval.public_id,
                approved=approved,
                by_user_id=request.user.pk,
                by=request.user.get_username(),
                comment="in the admin",
            )
            messages.success(request, f"{told}: {name}.")
        except EngineError as error:
            messages.error(request, f"{name}: {error}.")


def _may_decide(request: HttpRequest, approval: Approval) -> bool:
    user = request.user
    return isinstance(user, User) and access.may_decide(
        user, approval.run.project, role=approval.role, users=approval.users
    )
