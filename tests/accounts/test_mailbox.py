import os

import pytest
from django.core.checks import Error
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection, send_mail

from accounts import checks, mailbox


@pytest.fixture
def folder(settings, tmp_path):
    """A mailbox in a folder of its own."""
    settings.MAILBOX_DIR = settings.EMAIL_FILE_PATH = str(tmp_path)
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    return tmp_path


def test_mails_are_listed_newest_first(client, folder):
    # given
    for at, subject in enumerate(["third", "second", "first"], start=1_000_000_000):
        send_mail(subject, "Hello", None, ["ada@example.com"])
        newest = max(folder.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (at, at))

    # when
    page = client.get("/mailbox/").content.decode()

    # then
    assert [mail.subject for mail in mailbox.mails()] == ["first", "second", "third"]
    assert page.index("first") < page.index("second") < page.index("third")
    assert "ada@example.com" in page


def test_mail_opens_with_its_links_clickable_and_its_html_apart(client, folder):
    # given
    message = EmailMultiAlternatives("Grüße", "Open https://example.com/a?b=c", to=["ada@example.com"])
    message.attach_alternative('<p><a href="https://example.com/x">Open</a><script>alert(1)</script></p>', "text/html")
    message.send()
    [mail] = mailbox.mails()

    # when
    page = client.get(f"/mailbox/{mail.name}").content.decode()
    html = client.get(f"/mailbox/{mail.name}/html")

    # then
    assert "Grüße" in page
    assert '<a href="https://example.com/a?b=c"' in page.replace("&amp;", "&")
    assert "alert(1)" not in page
    assert 'sandbox="allow-popups' in page
    assert "alert(1)" in html.content.decode()
    policy = html["Content-Security-Policy"]
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert html["X-Frame-Options"] == "SAMEORIGIN"


def test_text_of_a_mail_is_never_markup(client, folder):
    # given
    send_mail("<b>bold</b>", "<script>alert(1)</script> https://example.com/", None, ["ada@example.com"])

    # when
    page = client.get(f"/mailbox/{mailbox.mails()[0].name}").content.decode()

    # then
    assert "<script>alert" not in page
    assert "<b>bold" not in page


def test_several_mails_of_one_file_are_told_apart(folder):
    # given
    get_connection().send_messages([EmailMessage(name, "x", to=["a@b.co"]) for name in ("one", "two")])

    # then
    assert len(list(folder.glob("*.log"))) == 1
    assert [mail.subject for mail in mailbox.mails()] == ["two", "one"]


def test_empty_mailbox_says_so(client, folder):
    assert "Nothing yet" in client.get("/mailbox").content.decode()


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", "x", "20261122-101010-1.0", "20261122-101010-1.0\n", "%2e%2e%2fpasswd", "a.log"]
)
def test_names_that_are_no_mail_are_404(client, folder, name):
    (folder / "a.log").write_text("secret")

    for path in (f"/mailbox/{name}", f"/mailbox/{name}/html"):
        assert client.get(path).status_code == 404


def test_without_the_setting_there_is_no_mailbox(client, settings):
    settings.MAILBOX_DIR = ""

    for path in ("/mailbox/", "/mailbox/20261122-101010-1.0", "/mailbox/20261122-101010-1.0/html"):
        assert client.get(path).status_code == 404


def test_mailbox_in_production_is_a_configuration_error(settings):
    settings.MAILBOX_DIR, settings.ENVIRONMENT = "mail", "production"
    [error] = checks.check_mailbox_is_for_development(None)
    assert isinstance(error, Error)

    settings.MAILBOX_DIR = ""
    assert checks.check_mailbox_is_for_development(None) == []
