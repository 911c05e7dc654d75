"""Jobs, quotes and the catalog over HTTP: parse, authorise, call one function, render."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django_filters.utils import translate_validation
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import ValidationError
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.principal import acting
from core import idempotency, trace
from core.pagination import Pages
from core.problems import Refusal, field_errors
from core.schemas import schema_of
from generation import catalog, filters, jobs
from generation.exceptions import InvalidBody
from generation.jobs import Admission, IdempotencyKey, JobRequest
from generation.models import Job, Status
from generation.serializers import (
    CancellationJSON,
    JobBody,
    JobJSON,
    JobListJSON,
    ModelListJSON,
    QuoteJSON,
    TimelineJSON,
    job_json,
    quote_json,
    timeline_json,
)
from storage import assets
from storage.serializers import version
from usage import throttling

_IDEMPOTENCY_KEY = OpenApiParameter(
    idempotency.HEADER, location=OpenApiParameter.HEADER, description="Your name for this submission; repeats replay."
)
_JOB = schema_of(JobJSON)


class Jobs(APIView):
    scope = "jobs"

    @extend_schema(
        operation_id="createJob",
        tags=["jobs"],
        request=JobBody,
        responses={202: _JOB},
        parameters=[_IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        key = _idempotency_key(request)
        if key and (job := jobs.replayed(acting(request), key)):
            return _accepted(request, Admission(job=job, is_replay=True))
        body = _body(request)
        throttling.count(request)
        return _accepted(request, _submit(request, body, key))

    def get_throttles(self) -> list[BaseThrottle]:
        """A submission is counted once it is known to be new and well-formed."""
        return [] if self.request.method == "POST" else super().get_throttles()

    @extend_schema(
        operation_id="listJobs",
        tags=["jobs"],
        responses={200: schema_of(JobListJSON)},
        parameters=[*filters.PARAMETERS, *[OpenApiParameter(name) for name in ("limit", "cursor")]],
    )
    def get(self, request: Request) -> Response:
        pages = Pages()
        rows = pages.paginate_queryset(_filtered(request), request, self)
        outputs = assets.outputs_of([job.id for job in rows], seen_by=acting(request).user_id)
        return pages.get_paginated_response([job_json(job, assets=outputs.get(job.id)) for job in rows])


class JobDetail(APIView):
    scope = "jobs"

    @extend_schema(operation_id="getJob", tags=["jobs"], responses={200: _JOB, 304: None})
    def get(self, request: Request, job_id: UUID) -> Response:
        job = jobs.find(acting(request).organization_id, job_id)
        answer = _shown(request, job)
        outputs = answer["output"]["assets"]
        # Thumbnails, stars and the like appear on the outputs without a change of the job.
        tag = f'W/"{job.seq}-{version(outputs)}"' if outputs else f'W/"{job.seq}"'
        # A queued job's place in the line moves without a change of the job.
        if job.status != Status.QUEUED and tag in request.headers.get("If-None-Match", ""):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
        return Response(answer, headers={"ETag": tag, "Cache-Control": "private, no-cache"})


class JobTimeline(APIView):
    scope = "jobs"

    @extend_schema(operation_id="getJobTimeline", tags=["jobs"], responses={200: schema_of(TimelineJSON)})
    def get(self, request: Request, job_id: UUID) -> Response:
        return Response(timeline_json(jobs.find(acting(request).organization_id, job_id)))


class JobCancel(APIView):
    scope = "jobs"

    @extend_schema(operation_id="cancelJob", tags=["jobs"], request=None, responses={200: schema_of(CancellationJSON)})
    def post(self, request: Request, job_id: UUID) -> Response:
        job = jobs.find(acting(request).organization_id, job_id)
        outcome = jobs.cancel(job.id)
        return Response({"effect": outcome.effect, "job": _shown(request, outcome.job)})


class JobRetry(APIView):
    scope = "jobs"
    # Counted as a submission is: once it is known to be new.
    throttle_classes = ()

    @extend_schema(
        operation_id="retryJob", tags=["jobs"], request=None, responses={202: _JOB}, parameters=[_IDEMPOTENCY_KEY]
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        first = jobs.find(acting(request).organization_id, job_id)
        key = _idempotency_key(request, about=str(job_id))
        if key and (job := jobs.replayed(acting(request), key)):
            return _accepted(request, Admission(job=job, is_replay=True))
        again = jobs.as_retry(first)
        throttling.count(request)
        return _accepted(request, _submit(request, again, key))


class Quotes(APIView):
    scope = "jobs"

    @extend_schema(operation_id="createQuote", tags=["catalog"], request=JobBody, responses={200: schema_of(QuoteJSON)})
    def post(self, request: Request) -> Response:
        order = jobs.price(_body(request))
        refusal = jobs.refusal_of(acting(request), order)
        return Response(quote_json(order.price, order.quantity, _why(refusal) if refusal else None))


class Models(APIView):
    scope = "jobs"

    @extend_schema(operation_id="listModels", tags=["catalog"], responses={200: schema_of(ModelListJSON)})
    def get(self, request: Request) -> Response:
        return Response({"data": catalog.models(), "next": None})


def _body(request: Request) -> JobRequest:
    try:
        body = JobBody.model_validate(request.data)
    except ValidationError as error:
        raise InvalidBody(errors=field_errors(error)) from None
    return JobRequest(**body.model_dump())


def _submit(request: Request, body: JobRequest, key: IdempotencyKey | None) -> Admission:
    return jobs.submit(
        acting(request),
        jobs.price(body),
        key=key,
        trace_id=trace.trace_id.get(),
        request_id=trace.request_id.get(),
    )


def _accepted(request: Request, admission: Admission) -> Response:
    job = admission.job
    answer = job_json(job) if not admission.is_replay else _shown(request, job)
    location = {"Location": f"/v1/jobs/{job.id}"}
    replayed = {idempotency.REPLAYED_HEADER: "true"} if admission.is_replay else {}
    return Response(answer, status=status.HTTP_202_ACCEPTED, headers=location | replayed)


def _shown(request: Request, job: Job) -> JobJSON:
    seen_by = acting(request).user_id
    outputs = assets.outputs_of([job.id], seen_by=seen_by).get(job.id) if job.status == Status.SUCCEEDED else None
    return job_json(job, assets=outputs, line=jobs.line(job))


def _idempotency_key(request: Request, *, about: str = "") -> IdempotencyKey | None:
    """`about` is what the request names in its path, which a repetition must name too."""
    key = idempotency.read_key(request)
    return IdempotencyKey(key=key, body_sha256=idempotency.body_sha256(about.encode() + request.body)) if key else None


def _filtered(request: Request) -> QuerySet[Job]:
    rows = Job.objects.for_organization(acting(request).organization_id)
    narrowed = filters.JobFilter(request.query_params, queryset=rows)
    if not narrowed.is_valid():
        raise translate_validation(narrowed.errors)
    found: QuerySet[Job] = narrowed.qs
    return found


def _why(refusal: Refusal) -> dict[str, Any]:
    return {"code": refusal.code, "detail": refusal.detail}
