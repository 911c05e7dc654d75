"""The pages of accounts: the development mailbox."""

from django.urls import path, re_path

from accounts import mailbox

urlpatterns = [
    re_path(r"^mailbox/?$", mailbox.inbox, name="mailbox"),
    path("mailbox/<str:name>", mailbox.mail, name="mail"),
    path("mailbox/<str:name>/html", mailbox.mail_html, name="mail-html"),
]
