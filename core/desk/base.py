"""What every admin page of ours stands on: lists that stay quick over millions of rows, and panels of related rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import lookup_spawns_duplicates, unquote
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.dataclasses import UnfoldAction
from unfold.views import ChangeList

from core.desk.paginator import EstimatingPaginator

LATEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A small table below a row's page: what belongs to it, newest first, and where to read on."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    links: Sequence[tuple[str, str]] = ()
    empty: str = "None yet."

    @property
    def table(self) -> dict[str, object]:
        """In the shape that unfold's table component draws."""
        return {"headers": list(self.headers), "rows": [list(row) for row in self.rows]}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    permission: str
    draw: Callable[[Any], Panel]


_panels: dict[type[Model], list[_Shown]] = {}


def shown_on[Row: Model](
    model: type[Row], *, permission: str
) -> Callable[[Callable[[Row], Panel]], Callable[[Row], Panel]]:
    """Put a panel on the page of a model, maybe a lower app's, for staff who hold the permission.

    So an organization's page shows its wallet and its jobs although accounts knows neither.
    """

    def register(draw: Callable[[Row], Panel]) -> Callable[[Row], Panel]:
        _panels.setdefault(model, []).append(_Shown(permission=permission, draw=draw))
        return draw

    return register


class _List(ChangeList):
    """Without "(Show all)" beside the title: the count is told below the list, and it is not a full one."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count


class DeskAdmin(ModelAdmin):
    """The base of our admin pages: no full counts, no facets, search by exact id or words, nothing ever deleted."""

    compressed_fields = True
    list_fullwidth = True
    list_per_page = 50
    list_max_show_all = 0
    list_display_links: Sequence[str] | None = None
    list_filter_submit = True
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = EstimatingPaginator
    # Only what an index can order; most lists are newest first and stay so.
    sortable_by: Sequence[str] = ()
    empty_value_display = "–"
    change_form_outer_after_template = "admin/desk/panels.html"
    # Fields that a search for a UUID compares; `search_fields` are compared with everything else that is typed.
    search_ids: Sequence[str] = ("pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Whole values through indexes, instead of Django's `icontains` through every row."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if uuid := as_uuid(term):
            return _any(queryset, self.search_ids, uuid), False
        return _any(queryset, self.get_search_fields(request), term), False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _List

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Without the buttons that add or change a related row from within another's form."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        for way in ("add", "change", "delete", "view"):
            if hasattr(getattr(field, "widget", None), f"can_{way}_related"):
                setattr(field.widget, f"can_{way}_related", False)
        return field

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        drawn = [] if row is None else self._panels(request, row)
        context = {"panels": drawn, **(extra_context or {})}
        return cast(HttpResponse, super().change_view(request, object_id, form_url, context))

    def panels(self, row: Any) -> Iterable[Panel]:
        """The tables of this page itself, after those that others put on it."""
        return ()

    def offers(self, act: str, row: Any) -> bool:
        """Whether an act makes sense for the row as it is; the domain function decides in the end."""
        return True

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[UnfoldAction]:
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        row = self.get_object(request, unquote(str(object_id))) if actions else None
        return [action for action in actions if row and self.offers(action.method.original_function_name, row)]

    def has_operate_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Who may change rows of this model may act on them, also where no form edits them."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _panels(self, request: HttpRequest, row: Model) -> list[Panel]:
        shown = [each for each in _panels.get(type(row), ()) if request.user.has_perm(each.permission)]
        return [*(each.draw(row) for each in shown), *self.panels(row)]


class ReadOnly:
    """Rows that are only looked at: written by the product, never by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _any(rows: QuerySet[Any], lookups: Iterable[str], value: UUID | str) -> QuerySet[Any]:
    found = Q(pk__in=())
    for lookup in lookups:
        # Addresses are stored in lower case, where an index finds them; `iexact` would read every row.
        compared = {lookup: value.lower() if "email" in lookup and isinstance(value, str) else value}
        if lookup_spawns_duplicates(rows.model._meta, lookup):
            found |= Q(pk__in=rows.model._default_manager.filter(**compared).values("pk"))
        else:
            found |= Q(**compared)
    return rows.filter(found)
