"""What every provider adapter promises: submit, poll, cancel, find; and the one error they raise.

An adapter knows HTTP and its wire format, and nothing of the database, the ledger or the bucket.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Protocol, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, Strict
from pydantic.alias_generators import to_camel
from pydantic.fields import ComputedFieldInfo, FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

type Billed = Literal["yes", "no", "unknown"]
type Kind = Literal["image", "audio", "json", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One of the job's input assets, fetched to this machine for as long as the attempt lasts."""

    path: Path
    content_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitRequest:
    """One paid call about to be made (or looked up): everything an adapter may know of a job.

    `key` is the attempt's id: the idempotency key where a provider takes one. `number` counts the job's calls from
    1, those that met a 429 included. `files` maps the input fields that name assets ("image", "mask", "images.0") to
    their bytes. `folder` is a directory of this attempt's own on this machine: an adapter may write outputs there,
    and it goes when they are stored. `intended_at` is when the intent was written.
    """

    key: str
    number: int
    model: str
    operation: str
    input: "OperationInput"
    files: Mapping[str, InputFile]
    folder: Path
    intended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One thing a provider made: a picture or document (by `path` or `url`), or a text. `seed` where told."""

    kind: Kind
    path: Path | None = None
    url: str | None = None
    text: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The provider accepted and works on it; ask again after `poll_after_seconds`."""

    task_id: str
    progress: int = 0
    poll_after_seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The provider delivered. `units` of the offer came (three layers of one call are one unit) and are captured;
    `withheld` counts the outputs its safety check kept back, free to the customer and not among `units`. `data` is
    JSON facts worth keeping (a caption's tags, a used prompt)."""

    outputs: tuple[Output, ...]
    units: int
    withheld: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


class ProviderError(Exception):
    """A provider refused, failed or could not be reached.

    `retryable` says whether the same call may be made again; `billed` whether this one costs us; "unknown" sends
    the attempt to `reconciling`. A `rate_limited` error is not an attempt: it slows every worker's pace.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        retryable: bool = False,
        billed: Billed = "no",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail or code
        self.retryable = retryable
        self.billed = billed
        self.retry_after = retry_after

    @property
    def is_rate_limit(self) -> bool:
        return self.code == "rate_limited"

    @property
    def is_outage(self) -> bool:
        """Whether it says that the provider is out of order, and not that it refused or failed at this one task."""
        return self.code in {"server_error", "timeout", "lost_reply", "never_arrived"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One (model, operation) a provider sells: the input it takes, how it is counted and priced.

    The list prices stand here and are copied into versioned Price rows by `manage.py sync_catalog`; what a job
    pays is read from the rows. `resumable`: a task id can be polled again from another process.
    """

    model: str
    title: str
    operation: str
    input: type["OperationInput"]
    unit: str
    # variant -> (credits, provider cost in micro-USD) per unit
    prices: Mapping[str, tuple[int, int]]
    resumable: bool = True


class FormSchema(GenerateJsonSchema):
    """JSON Schema that a form can be drawn from as it stands.

    There is no `$ref`, "or nothing" is a second type, and the fields stand in the order of a form: as declared, those
    marked `x-advanced` last.
    """

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        flat = super().generate(schema, mode)
        parts = flat.pop("$defs", {})
        inlined: JsonSchemaValue = _inlined(flat, parts)
        fields = inlined["properties"].items()
        inlined["properties"] = dict(sorted(fields, key=lambda field: field[1].get("x-advanced", False)))
        return inlined

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if "type" not in inner:
            return super().nullable_schema(schema)
        nullable = inner | {"type": [inner["type"], "null"]}
        return nullable | {"enum": [*inner["enum"], None]} if "enum" in inner else nullable


def _inlined(node: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, parts) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        node = parts[node["$ref"].rpartition("/")[2]] | {name: value for name, value in node.items() if name != "$ref"}
    return {name: _inlined(value, parts) for name, value in node.items()}


@dataclass(frozen=True, slots=True)
class AssetId:
    """Marks a field that names an asset of this kind; in the schema `"format": "asset-id"` with `"x-kind"`."""

    kind: Kind

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "asset-id", "x-kind": self.kind}


ImageId = Annotated[UUID, Strict(False), AssetId("image")]
AudioId = Annotated[UUID, Strict(False), AssetId("audio")]


class AssetRef(NamedTuple):
    """An asset that an input names, and the kind it has to be of."""

    id: UUID
    kind: Kind


def _title(name: str, _: FieldInfo | ComputedFieldInfo) -> str:
    return name.replace("_", " ").capitalize()


class OperationInput(BaseModel):
    """The input of one operation: the JSON Schema in `GET /v1/models` and the validation are this one class.

    JSON names are camelCase, unknown ones are refused and nothing is coerced. Fields that name an asset are declared
    as ImageId or AudioId, or a list of them; the schema marks them so that a form can offer assets to choose from.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, frozen=True, field_title_generator=_title
    )

    # (attribute, JSON name, kind) of the fields that name assets.
    _asset_fields: ClassVar[tuple[tuple[str, str, Kind], ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls._asset_fields = tuple(
            (name, info.alias or name, mark.kind)
            for name, info in cls.model_fields.items()
            for mark in _asset_marks(info.annotation, info.metadata)
        )

    @classmethod
    def schema_of_form(cls) -> dict[str, Any]:
        """The JSON Schema that `GET /v1/models` shows."""
        return cls.model_json_schema(by_alias=True, schema_generator=FormSchema)

    def quantity(self) -> int:
        """How many units are asked for and held; what is delivered is what is paid."""
        return self._count()

    def variant(self) -> str:
        """Which line of the price card applies."""
        return ""

    def places(self) -> int:
        """How many of the provider's places the call takes while it runs."""
        return self._count()

    def _count(self) -> int:
        """`count` means the same in every operation that has it: so many outputs, each a unit and a place."""
        count: int = getattr(self, "count", 1)
        return count

    def asset_ids(self) -> dict[str, AssetRef]:
        """The assets named, by JSON field: {"image": (id, kind), "images.0": (id, kind)}."""
        named: dict[str, AssetRef] = {}
        for attribute, name, kind in self._asset_fields:
            value = getattr(self, attribute)
            if isinstance(value, UUID):
                named[name] = AssetRef(value, kind)
            elif value is not None:
                named |= {f"{name}.{index}": AssetRef(each, kind) for index, each in enumerate(value)}
        return named


def _asset_marks(annotation: Any, metadata: list[Any]) -> Iterator[AssetId]:
    """The marks of a field, whether it is an id, an optional id or a list of ids."""
    yield from (mark for mark in metadata if isinstance(mark, AssetId))
    inner = get_args(annotation)
    if get_origin(annotation) is Annotated:
        yield from _asset_marks(inner[0], list(inner[1:]))
    else:
        for part in inner:
            yield from _asset_marks(part, [])


class Provider(Protocol):
    """One adapter. Every method may raise ProviderError; none may block the event loop."""

    slug: ClassVar[str]
    # The title of each model, by its name.
    models: ClassVar[Mapping[str, str]]
    offers: ClassVar[tuple[Offer, ...]]

    async def submit(self, request: SubmitRequest) -> Pending | Done:
        """Make the paid call, once. Raises `billed="unknown"` when the answer was lost after sending."""

    async def poll(self, request: SubmitRequest, task_id: str) -> Pending | Done:
        """Ask after a task that was accepted. Safe to repeat, from any process.

        A retryable error with `billed="unknown"` is about the asking: the task goes on and is asked after again. With
        `billed="no"` the task itself failed for free, and another attempt may be made.
        """

    async def cancel(self, request: SubmitRequest, task_id: str) -> bool:
        """Ask the provider to stop; True when the task will surely neither deliver nor bill."""

    async def find(self, request: SubmitRequest) -> Pending | Done | None:
        """Look for a call whose outcome is unknown. None: it surely never arrived and may be made again.

        A provider that cannot be asked raises ProviderError("provider_unknown", billed="unknown").
        """

    def outcome_ttl_seconds(self) -> float:
        """How long after the intent an unknown outcome is looked up before it is given up."""
