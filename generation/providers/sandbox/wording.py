"""Making a short prompt rich: what it says, and then light, air, view and style that go with it."""

import random

from generation.providers.sandbox.art import wish

_LIGHT = {
    "day": "clear daylight with soft white clouds",
    "summer": "bright summer light and long clear views",
    "dawn": "the first light of dawn, pink and gold above a quiet horizon",
    "sunset": "a low sun that sets the sky on fire in orange and violet",
    "dusk": "the blue hour after sunset, the first lights coming on",
    "night": "moonlight under a wide sky of stars",
    "aurora": "green curtains of northern light over a dark land",
    "pale": "pale diffuse light, the distance dissolving in mist",
    "autumn": "golden afternoon light and the colours of autumn",
    "rose": "a dreamlike rose-coloured sky",
}
_SETTING = {
    "hills": "rolling hills in receding layers",
    "mountains": "jagged peaks with snow on their crests",
    "sea": "calm water with a glittering path of light",
    "city": "a skyline of stacked silhouettes and lit windows",
    "forest": "rows of firs fading into the haze",
    "desert": "wind-smoothed dunes",
    "space": "a banded planet before drifting nebulae",
}
_VIEW = (
    "wide composition with a low horizon",
    "seen from a slight height, much sky",
    "balanced composition, the subject off-centre",
    "long view with a strong foreground",
)
_STYLE = (
    "flat layered shapes like a travel poster",
    "soft gradients and fine film grain",
    "minimal illustration with clean edges",
    "gentle atmospheric perspective",
)
_MOOD = (
    "quiet and spacious",
    "warm and inviting",
    "still, almost weightless",
    "hopeful and clear",
    "a little mysterious",
)


def expanded(prompt: str, rng: random.Random) -> str:
    """The prompt, said as one would say it to a painter."""
    asked = wish.read(prompt, "", rng)
    weather = {"rain": "fine rain in the air", "snow": "snow falling softly", "fog": "drifting fog", "clear": ""}
    parts = (
        prompt.strip().rstrip(".,;"),
        _SETTING[asked.land],
        _LIGHT[asked.mood_name],
        weather[asked.weather],
        rng.choice(_VIEW),
        rng.choice(_STYLE),
        rng.choice(_MOOD),
    )
    return f"{', '.join(part for part in parts if part)}."
