"""The parameters of the list of jobs."""

from django.core.validators import MaxLengthValidator
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter

from generation.models import Status
from usage.serializers import MomentFilter

_TEXT_MAX_LENGTH = 200

PARAMETERS = [
    OpenApiParameter("status", enum=Status.values),
    OpenApiParameter("operation"),
    OpenApiParameter("model"),
    OpenApiParameter("since", description="Created at this time or later; RFC 3339."),
    OpenApiParameter("q", description="Words in the prompt."),
]


class JobFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no annotations
    """`?status=failed&operation=generate`: what the list is narrowed to."""

    status = filters.ChoiceFilter(choices=Status.choices)
    operation = filters.CharFilter(max_length=40)
    model = filters.CharFilter(max_length=100)
    since = MomentFilter(field_name="created_at", lookup_expr="gte")
    q = filters.CharFilter(
        field_name="input__prompt", lookup_expr="icontains", validators=[MaxLengthValidator(_TEXT_MAX_LENGTH)]
    )
