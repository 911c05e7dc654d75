"""Routes of usage, under /v1/."""

from django.urls import path

from usage import views

urlpatterns = [
    path("balance", views.Balance.as_view()),
    path("ledger", views.Ledger.as_view()),
    path("usage", views.Usage.as_view()),
    path("usage/records", views.UsageRecords.as_view()),
    path("limits", views.Limits.as_view()),
]
