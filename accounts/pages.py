"""The page behind an invitation's link: plain HTML, so that it needs no script."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import invitations
from accounts.exceptions import InvitationNotFound


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Asks before the seat is taken: mail programs open links by themselves. Tells nothing of the invitation."""
    if request.method != "POST" or not request.user.is_authenticated:
        return render(request, "account/invitation.html")
    try:
        invitations.accept(request.user, token)
    except InvitationNotFound as refusal:
        return render(request, "account/invitation.html", {"refusal": refusal.detail}, status=404)
    return redirect("/")
