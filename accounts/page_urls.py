"""The pages of accounts: an invitation's link, and the development mailbox."""

from django.urls import path, re_path

from accounts import mailbox, pages

urlpatterns = [
    path("account/invitation/<str:token>", pages.invitation, name="invitation"),
    re_path(r"^mailbox/?$", mailbox.inbox, name="mailbox"),
    path("mailbox/<str:name>", mailbox.mail, name="mail"),
    path("mailbox/<str:name>/html", mailbox.mail_html, name="mail-html"),
]
