"""Where allauth asks us: a sign-up makes an organization too, and tells nobody which addresses have accounts."""

from smtplib import SMTPException
from typing import Any, cast

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.signup import prevent_enumeration
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.base.response import AuthenticationResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse

from accounts.models import User
from accounts.organizations import open_personal_organization

log = structlog.get_logger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Sign-up by e-mail address and password."""

    def save_user(self, request: HttpRequest, user: Any, form: BaseForm, commit: bool = True) -> User:
        try:
            with transaction.atomic():
                saved = cast(User, super().save_user(request, user, form, commit))
                if commit:
                    open_personal_organization(saved)
        except IntegrityError:
            # Another sign-up with the address was faster by a moment: answer as if it had been there all along.
            answer = prevent_enumeration(request, email=form.cleaned_data["email"])
            raise ImmediateHttpResponse(AuthenticationResponse.from_response(request, answer)) from None
        return saved

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        # Whoever signs up or asks for a new password can ask again; a 500 would tell them nothing, and others much.
        try:
            super().send_mail(template_prefix, email, context)
        except (SMTPException, OSError):
            log.exception("mail was not sent", template=template_prefix)

    def respond_email_verification_sent(self, request: HttpRequest, user: Any) -> HttpResponse:
        if user is None:
            # A sign-up with a known address ends here: spend what hashing a new user's password would have cost, or
            # the time of the answer tells (pitfalls: A9).
            make_password("")
        return cast(HttpResponse, super().respond_email_verification_sent(request, user))


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Sign-up through Google."""

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: BaseForm | None = None) -> User:
        with transaction.atomic():
            user = cast(User, super().save_user(request, sociallogin, form))
            open_personal_organization(user)
        return user

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        user = cast(User, super().populate_user(request, sociallogin, data))
        user.name = (data.get("name") or f"{data.get('first_name', '')} {data.get('last_name', '')}".strip())[:120]
        return user
