"""What the edge asks before it reads the bucket in a reader's place. Not for anybody else: the edge answers 404 for it.

No session, no key, no rate limit: the signature in the address is all there is to judge.
"""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from core.problems import CONTENT_TYPE, problem
from storage import delivery


@require_safe
def authorize(request: HttpRequest) -> HttpResponse:
    """204 with where to read and what to say of it, or 403. The answer holds for this very address until it ends."""
    uri = request.headers.get("X-Original-URI") or request.headers.get("X-Forwarded-Uri", "")
    grant = delivery.grant(uri, head=request.headers.get("X-Forwarded-Method") == "HEAD")
    if grant is None:
        refused = problem(403, "link_refused", "This link was not signed here, or it has ended.")
        return JsonResponse(refused, status=403, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
    return HttpResponse(
        status=204,
        headers={
            "X-Origin": grant.origin_path,
            "X-Object-Type": grant.content_type,
            "X-Object-Disposition": grant.disposition,
            "X-Object-Cache": grant.cache_control,
            "X-Object-Digest": grant.repr_digest,
            # How long nginx keeps this answer; "@" is a moment and no duration.
            "X-Accel-Expires": f"@{int(grant.until.timestamp())}",
        },
    )
