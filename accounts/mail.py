"""The mails of our own; allauth sends its own from templates beside these."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import Invitation


def send_invitation(invitation: Invitation, token: str) -> None:
    """Tell an address about its seat. Goes to the mail server: call it outside transactions."""
    context = {
        "organization": invitation.organization.name,
        "role": invitation.get_role_display().lower(),
        "inviter": invitation.invited_by.email if invitation.invited_by else "",
        "url": settings.INVITATION_URL.format(key=token),
        "expires_at": invitation.expires_at,
    }
    subject = " ".join(render_to_string("account/email/invitation_subject.txt", context).split())
    message = EmailMultiAlternatives(
        subject, render_to_string("account/email/invitation_message.txt", context), to=[invitation.email]
    )
    message.attach_alternative(render_to_string("account/email/invitation_message.html", context), "text/html")
    message.send()
