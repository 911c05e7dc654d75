"""Acts of staff: asked for on a page of their own with a reason, done by a domain function, answered in a message.

An act is never done by a GET, nor twice by one form: forms that give or take something carry a token that names the
submission.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from core.problems import Refusal

MOST_ROWS = 100
_ASKED = "_asked"


class ReasonForm(forms.Form):
    """What every act asks for."""

    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Goes into the audit trail: who asked for it, and why.",
    )
    # The name of this submission: a form that is sent twice acts once.
    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)


def act[Row: Model](
    model_admin: ModelAdmin,
    request: HttpRequest,
    rows: QuerySet[Row],
    *,
    title: str,
    warning: str,
    perform: Callable[[Row, Mapping[str, Any]], str],
    form_class: type[ReasonForm] = ReasonForm,
    back: str,
    is_harsh: bool = True,
) -> HttpResponse:
    """Ask for a reason and whatever else the form has; once it is given, act on each row and go back.

    `perform` gets a row and the cleaned form, and answers what it did, in a sentence; a Refusal of one row is told
    and does not keep the others from it. Call it outside a transaction: an act that needs one opens its own.
    `is_harsh` colors the button.
    """
    chosen = list(rows[: MOST_ROWS + 1])
    if not chosen:
        raise PermissionDenied
    if len(chosen) > MOST_ROWS:
        messages.error(request, f"At most {MOST_ROWS} at a time.")
        return HttpResponseRedirect(back)
    form = form_class(request.POST if _ASKED in request.POST else None)
    if not form.is_valid():
        said = {"title": title, "warning": warning, "back": back, "variant": "danger" if is_harsh else "primary"}
        return _page(model_admin, request, chosen, form, said)
    for row in chosen:
        try:
            messages.success(request, perform(row, form.cleaned_data))
        except Refusal as refusal:
            messages.error(request, f"{row}: {refusal.detail}")
    return HttpResponseRedirect(back)


def on_page[**Given, Answer](
    *,
    description: str,
    icon: str,
    variant: ActionVariant = ActionVariant.DEFAULT,
    permissions: Sequence[str] = ("operate",),
    attrs: Mapping[str, str] | None = None,
) -> Callable[[Callable[Given, Answer]], Callable[Given, Answer]]:
    """Offer a method as a button on a row's page: unfold's `action`, with types and our permission."""
    offered = action(description=description, icon=icon, variant=variant, permissions=permissions, attrs=attrs)
    return cast(Callable[[Callable[Given, Answer]], Callable[Given, Answer]], offered)


def actor_id(request: HttpRequest) -> UUID:
    """The member of staff behind a request that the admin let through."""
    return cast(UUID, request.user.pk)


def _page[Row: Model](
    model_admin: ModelAdmin,
    request: HttpRequest,
    rows: list[Row],
    form: forms.Form,
    said: Mapping[str, str],
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        **said,
        "form": form,
        "rows": rows,
        "asked": _ASKED,
        "action": request.POST.get("action", ""),
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/desk/act.html", context)
