"""The pages."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from frontend import views

app_name = "frontend"

urlpatterns = [
    path("", views.RunList.as_view(), name="runs"),
    path("runs/<uuid:run_id>", views.run_page, name="run"),
    path("runs/<uuid:run_id>/parts", views.run_parts, name="run-parts"),
    path("runs/<uuid:run_id>/cancel", views.cancel_run, name="run-cancel"),
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="frontend:login"), name="logout"),
]
