"""Rows that staff edit in a form: each change needs a reason and leaves an audit entry beside it."""

from typing import Any
from uuid import UUID

from django import forms
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts import audit
from core.desk.acts import actor_id
from core.desk.base import DeskAdmin

_FIELD = "reason"


class ReasonedForm(forms.ModelForm):  # type: ignore[type-arg]  # of any model
    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Goes into the audit trail, with each figure before and after.",
    )


class AuditedAdmin(DeskAdmin):
    """Forms whose save writes `<noun>.added` or `<noun>.changed` in the same transaction."""

    form = ReasonedForm
    noun = ""

    def organization_of(self, row: Any) -> UUID | None:
        """Whose audit trail the change belongs to."""
        return None

    def saved(self, row: Any) -> None:
        """After a change: what this process remembers of the row is to be forgotten here."""

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        is_form = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        without = [(name, {**options, "fields": _without_reason(options["fields"])}) for name, options in fieldsets]
        return [*without, ("Why", {"fields": (_FIELD,)})] if is_form else without

    def save_model(self, request: HttpRequest, obj: Any, form: "forms.ModelForm[Any]", change: bool) -> None:
        with transaction.atomic():
            # Only what the form changed: the product may be moving the row's other columns at this moment.
            obj.save(update_fields=_columns(obj, form.changed_data) if change else None)
            self.write_down(request, obj, form, change=change)
        self.saved(obj)

    def write_down(self, request: HttpRequest, row: Any, form: "forms.ModelForm[Any]", *, change: bool) -> None:
        """The audit entry of a form that was saved; none for one that changed nothing."""
        changed = [name for name in form.changed_data if name != _FIELD]
        if not changed:
            return
        facts: dict[str, str | int | bool | list[str] | None] = {"id": str(row.pk)}
        for name in changed:
            before, after = _plain(form.initial.get(name)), _plain(form.cleaned_data.get(name))
            facts[name] = f"{before} → {after}" if change else after
        audit.record(
            f"{self.noun}.{'changed' if change else 'added'}",
            actor_id=actor_id(request),
            organization_id=self.organization_of(row),
            reason=form.cleaned_data[_FIELD],
            facts=facts,
        )


def _columns(row: Model, changed: list[str]) -> list[str]:
    return [field.name for field in row._meta.concrete_fields if field.name in changed]


def _without_reason(fields: Any) -> list[Any]:
    return [name for name in fields if name != _FIELD]


def _plain(value: Any) -> str:
    if isinstance(value, Model):
        return str(value.pk)
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return ", ".join(sorted(str(item) for item in value)) or "none"
    return str(value)
