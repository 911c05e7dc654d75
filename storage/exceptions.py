"""Why bytes are not taken, not found or not to be had just now."""

from core.problems import Refusal


class AssetNotFound(Refusal):
    """There is no such asset."""

    code = "asset_not_found"


class AssetNotReady(Refusal):
    """The asset is still being checked."""

    code = "asset_not_ready"


class LinkRefused(Refusal):
    """This link was not signed here, or it has ended."""

    code = "link_refused"


class WrongAssetKind(Refusal):
    """The asset is of another kind than this input takes."""

    code = "wrong_asset_kind"


class OnLegalHold(Refusal):
    """The asset is on legal hold: it cannot be deleted before that is lifted."""

    code = "legal_hold"


class TooManyTags(Refusal):
    """An asset has at most 20 tags."""

    code = "too_many_tags"


class CollectionNotFound(Refusal):
    """There is no such collection."""

    code = "collection_not_found"


class TitleTaken(Refusal):
    """Another collection has this title."""

    code = "title_taken"


class NothingToArchive(Refusal):
    """None of these assets can be read."""

    code = "nothing_to_archive"


class ArchiveTooLarge(Refusal):
    """An archive holds at most 1,000 assets."""

    code = "archive_too_large"


class StoreUnavailable(Refusal):
    """The object store does not answer; try again in a moment."""

    code = "store_unavailable"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, retry_after=5)


class MalformedUpload(Refusal):
    """The body is not a multipart form with one part named `file`."""

    code = "malformed_upload"


class UnsupportedUpload(Refusal):
    """Uploads are multipart/form-data with one part named `file`, or a picture's or recording's bytes as they are."""

    code = "unsupported_media_type"


class UploadTooLarge(Refusal):
    """The upload is larger than this route takes."""

    code = "upload_too_large"


class UploadInterrupted(Refusal):
    """The body ended before it was complete, or came too slowly."""

    code = "upload_interrupted"


class UploadIncomplete(Refusal):
    """Not all of the promised bytes have arrived; put what is missing and complete it again."""

    code = "upload_incomplete"


class TooManyUploads(Refusal):
    """Too many uploads are open; complete some first."""

    code = "too_many_uploads"


class ContentRefused(Refusal):
    """The bytes are not what they should be; the subclasses say in which way."""

    code = "content_refused"


class UnusableOutput(ContentRefused):
    """The result is larger than is taken, or lies where it may not be fetched from."""

    code = "unusable_output"


class DamagedUpload(ContentRefused):
    """The bytes have another SHA-256 than was promised."""

    code = "hash_mismatch"


class NotAnImage(ContentRefused):
    """The bytes are not a PNG, JPEG, WebP, GIF or AVIF picture."""

    code = "not_an_image"


class TruncatedImage(ContentRefused):
    """The picture is cut short or damaged."""

    code = "truncated_image"


class ImageTooLarge(ContentRefused):
    """The picture has more pixels than are taken."""

    code = "image_too_large"


class AnimatedImage(ContentRefused):
    """The picture moves; only still pictures are taken."""

    code = "animated_image"


class UndecodableImage(ContentRefused):
    """The picture could not be decoded within the bounds of memory and time."""

    code = "undecodable_image"


class NotAudio(ContentRefused):
    """The bytes are not a WAV, MP3, FLAC, Ogg or M4A recording."""

    code = "not_audio"


class TruncatedAudio(ContentRefused):
    """The recording is cut short or damaged."""

    code = "truncated_audio"


class AudioTooLong(ContentRefused):
    """The recording is longer than is taken."""

    code = "audio_too_long"


class UndecodableAudio(ContentRefused):
    """The recording could not be decoded within the bounds of memory and time."""

    code = "undecodable_audio"


class NotText(ContentRefused):
    """The bytes are not plain text in UTF-8, or too many."""

    code = "not_text"


class NotJSON(ContentRefused):
    """The bytes are not a JSON document, or too many, or nested too deep."""

    code = "not_json"


class UnsupportedKind(ContentRefused):
    """The bytes are neither a picture nor a recording, JSON or plain text that is taken."""

    code = "unsupported_kind"


class UnknownRendition(Refusal):
    """Pictures are not to be had in this size and format."""

    code = "unknown_rendition"


class NoPicture(Refusal):
    """Only pictures are to be had in other sizes and formats."""

    code = "no_picture"


class NotPublishable(Refusal):
    """Only pictures can be made public."""

    code = "not_publishable"


class InvalidSource(Refusal):
    """The body does not say where to bring the bytes from."""

    code = "invalid_source"


class InvalidChange(Refusal):
    """This change of an asset cannot be accepted."""

    code = "invalid_change"
