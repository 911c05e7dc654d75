"""Routes of billing, under /v1/."""

from django.urls import path

from billing import views

urlpatterns = [
    path("plans", views.Plans.as_view()),
]
