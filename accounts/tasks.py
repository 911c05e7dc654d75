"""What beat rings for accounts."""

from datetime import timedelta
from importlib import import_module

from celery import shared_task
from django.conf import settings

from accounts.models import Invitation, SocketTicket
from core import clock

# An ended invitation still counts towards its day's bound.
_KEPT = timedelta(days=1)


@shared_task
def sweep() -> None:
    """Every hour: delete tickets, invitations and sessions that nobody can use any more. Safe to repeat."""
    SocketTicket.objects.filter(expires_at__lt=clock.now()).delete()
    Invitation.objects.filter(accepted_at__isnull=True, expires_at__lt=clock.now() - _KEPT).delete()
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
