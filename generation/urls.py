"""The routes of jobs and the catalog, below /v1/."""

from django.urls import path

from generation import streams, views

urlpatterns = [
    path("jobs", views.Jobs.as_view()),
    path("jobs/<uuid:job_id>", views.JobDetail.as_view()),
    path("jobs/<uuid:job_id>/cancel", views.JobCancel.as_view()),
    path("jobs/<uuid:job_id>/retry", views.JobRetry.as_view()),
    path("jobs/<uuid:job_id>/timeline", views.JobTimeline.as_view()),
    path("jobs/<uuid:job_id>/events", streams.job_events),
    path("models", views.Models.as_view()),
    path("quotes", views.Quotes.as_view()),
]
