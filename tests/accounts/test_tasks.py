from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import Invitation, SocketTicket
from accounts.tasks import sweep
from tests.factories import InvitationFactory, SocketTicketFactory


def test_sweep_deletes_what_ended_and_nothing_else(db):
    # given
    now = timezone.now()
    kept = [
        SocketTicketFactory(),
        InvitationFactory(),
        InvitationFactory(expires_at=now - timedelta(hours=23)),
        InvitationFactory(expires_at=now - timedelta(days=30), accepted_at=now - timedelta(days=35)),
        Session.objects.create(session_key="living", session_data="", expire_date=now + timedelta(hours=1)),
    ]
    gone = [
        SocketTicketFactory(expires_at=now - timedelta(seconds=1)),
        InvitationFactory(expires_at=now - timedelta(hours=25)),
        Session.objects.create(session_key="ended", session_data="", expire_date=now - timedelta(hours=1)),
    ]

    # when
    sweep()
    sweep()

    # then
    for model in (SocketTicket, Invitation, Session):
        ids = set(model.objects.values_list("pk", flat=True))
        assert {row.pk for row in kept if isinstance(row, model)} <= ids
        assert not {row.pk for row in gone if isinstance(row, model)} & ids
