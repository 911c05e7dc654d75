"""Colours as (red, green, blue): mixing, tinting, and the words people have for them."""

import colorsys

type Color = tuple[int, int, int]

WHITE: Color = (255, 255, 255)
BLACK: Color = (0, 0, 0)

WORDS: dict[str, Color] = {
    "black": (24, 24, 28),
    "grey": (128, 130, 134),
    "silver": (190, 194, 200),
    "white": (244, 244, 240),
    "red": (206, 46, 44),
    "crimson": (164, 22, 52),
    "maroon": (110, 26, 38),
    "coral": (250, 128, 104),
    "salmon": (248, 160, 138),
    "orange": (240, 134, 40),
    "amber": (248, 178, 48),
    "gold": (222, 176, 66),
    "yellow": (246, 212, 66),
    "cream": (248, 236, 206),
    "beige": (222, 204, 172),
    "tan": (198, 162, 120),
    "brown": (122, 80, 50),
    "olive": (122, 124, 54),
    "lime": (164, 206, 62),
    "green": (62, 142, 76),
    "emerald": (24, 130, 96),
    "mint": (160, 224, 190),
    "teal": (22, 122, 126),
    "turquoise": (62, 194, 186),
    "cyan": (70, 200, 226),
    "sky blue": (140, 194, 236),
    "azure": (44, 130, 220),
    "blue": (44, 92, 196),
    "navy": (22, 34, 84),
    "indigo": (66, 52, 148),
    "violet": (128, 82, 190),
    "purple": (112, 50, 140),
    "lavender": (190, 172, 228),
    "magenta": (206, 48, 140),
    "pink": (244, 160, 186),
    "rose": (224, 100, 126),
}
SYNONYMS = {
    "gray": "grey",
    "golden": "gold",
    "scarlet": "red",
    "ruby": "crimson",
    "peach": "salmon",
    "aqua": "cyan",
    "jade": "emerald",
    "lilac": "lavender",
    "fuchsia": "magenta",
    "ivory": "cream",
    "sand": "beige",
    "chocolate": "brown",
    "cobalt": "blue",
}


def named(word: str) -> Color | None:
    """The colour a word means, if it is a colour word."""
    return WORDS.get(SYNONYMS.get(word, word))


def nearest_name(color: Color) -> str:
    """The word whose colour looks nearest; hue weighs more than lightness where there is any."""
    return min(WORDS, key=lambda word: _distance(WORDS[word], color))


def _distance(a: Color, b: Color) -> float:
    # The "redmean" approximation of perceived difference (Riemersma).
    red = (a[0] + b[0]) / 2
    return (2 + red / 256) * (a[0] - b[0]) ** 2 + 4 * (a[1] - b[1]) ** 2 + (2 + (255 - red) / 256) * (a[2] - b[2]) ** 2


def mix(a: Color, b: Color, share: float) -> Color:
    """`share` of b in a."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


def luminance(color: Color) -> float:
    """Perceived lightness, 0 to 1."""
    return (0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]) / 255


def tinted(color: Color, toward: Color, share: float) -> Color:
    """The colour with the other's hue, its own lightness moved only a little: a red sky stays a sky."""
    _, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in color))
    hue, other_lightness, other_saturation = colorsys.rgb_to_hls(*(part / 255 for part in toward))
    # A grey has no hue to give, but takes colour away; black and white also pull at the lightness.
    pull = 0.25 if 0.15 < other_lightness < 0.85 else 0.6
    red, green, blue = colorsys.hls_to_rgb(
        hue, lightness + (other_lightness - lightness) * pull, saturation * 0.3 + other_saturation * 0.7
    )
    return mix(color, (round(red * 255), round(green * 255), round(blue * 255)), share)


def hexadecimal(color: Color) -> str:
    return f"#{color[0]:02x}{color[1]:02x}{color[2]:02x}"
