"""Accounts under /v1/."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("me", views.Me.as_view()),
    path("organizations", views.Organizations.as_view()),
    path("organizations/<uuid:organization_id>", views.OrganizationDetail.as_view()),
    path("organizations/<uuid:organization_id>/members", views.Members.as_view()),
    path("organizations/<uuid:organization_id>/members/<uuid:member_id>", views.MemberDetail.as_view()),
    path("organizations/<uuid:organization_id>/invitations", views.Invitations.as_view()),
    path("organizations/<uuid:organization_id>/invitations/<uuid:invitation_id>", views.InvitationDetail.as_view()),
    path("invitations/accept", views.AcceptInvitation.as_view()),
    path("api-keys", views.ApiKeys.as_view()),
    path("api-keys/<uuid:key_id>", views.ApiKeyDetail.as_view()),
    path("ws-tickets", views.SocketTickets.as_view()),
]
