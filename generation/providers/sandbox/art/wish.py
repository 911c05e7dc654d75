"""Reading a prompt: which land, light, weather, things and colours it asks for; chance decides what it leaves open."""

import random
import re
from dataclasses import dataclass, replace
from typing import Literal

from generation.providers.sandbox.art.color import Color, mix, named, tinted

type Land = Literal["hills", "mountains", "sea", "city", "forest", "desert", "space"]
type Weather = Literal["clear", "rain", "snow", "fog"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mood:
    """The colours of an hour: the sky from the zenith down, its light, the land from far to near, and water."""

    sky: tuple[Color, Color, Color]
    light: Color
    far: Color
    near: Color
    water: Color
    is_dark: bool = False
    # How high the sun or moon stands: 0 at the horizon, 1 at the zenith.
    height: float = 0.5


MOODS: dict[str, Mood] = {
    "day": Mood(
        sky=((52, 116, 190), (124, 182, 230), (228, 241, 246)),
        light=(255, 250, 226),
        far=(146, 182, 204),
        near=(44, 94, 76),
        water=(48, 124, 164),
        height=0.72,
    ),
    "summer": Mood(
        sky=((30, 122, 158), (114, 196, 200), (250, 236, 204)),
        light=(255, 246, 214),
        far=(140, 190, 182),
        near=(38, 92, 70),
        water=(34, 132, 148),
        height=0.66,
    ),
    "dawn": Mood(
        sky=((98, 116, 180), (226, 168, 178), (255, 222, 184)),
        light=(255, 244, 214),
        far=(178, 152, 184),
        near=(62, 60, 98),
        water=(128, 126, 178),
        height=0.22,
    ),
    "sunset": Mood(
        sky=((50, 42, 104), (212, 88, 94), (255, 182, 98)),
        light=(255, 232, 166),
        far=(158, 84, 112),
        near=(40, 26, 56),
        water=(120, 58, 98),
        height=0.16,
    ),
    "dusk": Mood(
        sky=((22, 30, 74), (94, 76, 144), (240, 152, 136)),
        light=(255, 226, 198),
        far=(96, 82, 136),
        near=(24, 24, 50),
        water=(58, 56, 112),
        is_dark=True,
        height=0.3,
    ),
    "night": Mood(
        sky=((7, 11, 30), (18, 32, 70), (58, 86, 130)),
        light=(244, 240, 220),
        far=(34, 52, 90),
        near=(7, 13, 27),
        water=(18, 36, 74),
        is_dark=True,
        height=0.68,
    ),
    "aurora": Mood(
        sky=((5, 13, 32), (12, 48, 66), (58, 118, 122)),
        light=(234, 246, 232),
        far=(28, 66, 84),
        near=(6, 18, 28),
        water=(12, 50, 66),
        is_dark=True,
        height=0.74,
    ),
    "pale": Mood(
        sky=((142, 170, 200), (192, 210, 226), (242, 238, 230)),
        light=(255, 252, 240),
        far=(168, 188, 206),
        near=(56, 78, 96),
        water=(136, 164, 184),
        height=0.5,
    ),
    "autumn": Mood(
        sky=((74, 112, 136), (224, 192, 138), (255, 230, 172)),
        light=(255, 246, 208),
        far=(194, 152, 112),
        near=(92, 50, 34),
        water=(110, 118, 116),
        height=0.34,
    ),
    "rose": Mood(
        sky=((108, 70, 128), (230, 142, 164), (255, 224, 206)),
        light=(255, 244, 230),
        far=(178, 120, 158),
        near=(66, 38, 82),
        water=(146, 96, 146),
        height=0.26,
    ),
}
# What chance picks from when the prompt says nothing of the hour.
_COMMON_MOODS = ("day", "summer", "dawn", "sunset", "dusk", "night", "autumn", "rose")
_SPACE_MOODS = ("dusk", "night")
_COMMON_LANDS: tuple[Land, ...] = ("hills", "mountains", "sea", "forest")
_MOOD_WORDS = {
    "day": "day noon midday sunny bright daylight",
    "summer": "summer tropical beach holiday",
    "dawn": "dawn sunrise morning pastel spring",
    "sunset": "sunset evening",
    "dusk": "dusk twilight neon cyberpunk",
    "night": "night midnight moon moonlit moonlight star starry dark",
    "aurora": "aurora northern arctic polar",
    "pale": "fog foggy mist misty haze hazy pale winter snow snowy rain rainy storm stormy",
    "autumn": "autumn fall harvest warm",
    "rose": "dream dreamy romantic fairy magic magical",
}
_LAND_WORDS: dict[Land, str] = {
    "mountains": "mountain alp peak summit himalaya volcano fjord cliff",
    "sea": "sea ocean beach coast shore harbor harbour island bay lake wave lagoon river whale boat ship lighthouse",
    "city": "city skyline street building skyscraper town downtown tokyo york metropolis urban bridge",
    "forest": "forest wood jungle pine bear mushroom fox",
    "desert": "desert dune sahara cactus camel canyon",
    "space": "space galaxy planet nebula universe cosmos cosmic orbit astronaut",
    "hills": "hill meadow valley field prairie farm garden countryside windmill castle flower",
}
_WEATHER_WORDS: dict[Weather, str] = {
    "rain": "rain rainy storm stormy",
    "snow": "snow snowy winter arctic",
    "fog": "fog foggy mist misty haze hazy",
}
_THING_WORDS = {
    "lighthouse": "lighthouse beacon",
    "boat": "boat sailboat ship yacht sail",
    "cabin": "cabin house cottage home hut barn farm",
    "cat": "cat kitten",
    "fox": "fox",
    "dog": "dog puppy wolf",
    "tree": "tree oak",
    "balloon": "balloon",
    "castle": "castle palace fortress tower",
    "windmill": "windmill mill",
    "birds": "bird seagull flock crow swallow",
    "rocket": "rocket spaceship spacecraft",
    "whale": "whale",
    "flower": "flower tulip sunflower daisy poppy",
    "robot": "robot android",
    "mushroom": "mushroom toadstool",
    "cactus": "cactus",
    "person": "person man woman girl boy child traveler traveller astronaut knight wizard people",
}
_SKY_WORDS = frozenset(("sky", "sunset", "sunrise", "dawn", "dusk", "light", "cloud", "horizon", "aurora"))
_WATER_WORDS = frozenset(("sea", "ocean", "water", "lake", "river", "wave", "bay", "lagoon"))
_LAND_ELEMENTS = frozenset(("hill", "mountain", "forest", "grass", "meadow", "field", "desert", "land", "dune", "sand"))


@dataclass(frozen=True, slots=True)
class Thing:
    """Something to be seen, in a colour of its own where the prompt gives it one."""

    name: str
    color: Color | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a prompt asks for."""

    land: Land
    mood: Mood
    mood_name: str
    weather: Weather
    things: tuple[Thing, ...]
    colors: tuple[Color, ...]
    has_moon: bool


def _by_word[T](table: dict[T, str]) -> dict[str, T]:
    return {word: name for name, words in table.items() for word in words.split()}


_MOOD_BY_WORD = _by_word(_MOOD_WORDS)
_LAND_BY_WORD = _by_word(_LAND_WORDS)
_WEATHER_BY_WORD = _by_word(_WEATHER_WORDS)
_THING_BY_WORD = _by_word(_THING_WORDS)
_KNOWN = frozenset((*_MOOD_BY_WORD, *_LAND_BY_WORD, *_WEATHER_BY_WORD, *_THING_BY_WORD))


def words_of(text: str) -> list[str]:
    """The words of a text in small letters, known plurals as their singulars."""
    return [_singular(word) for word in re.findall(r"[a-z]+", text.lower())]


def _singular(word: str) -> str:
    for ending in ("es", "s"):
        if word not in _KNOWN and word.endswith(ending) and word.removesuffix(ending) in _KNOWN | _ELEMENTS:
            return word.removesuffix(ending)
    return word


_ELEMENTS = _SKY_WORDS | _WATER_WORDS | _LAND_ELEMENTS


def read(prompt: str, negative: str, rng: random.Random) -> Wish:
    """The wish in a prompt; words of the negative prompt are not heard."""
    unwanted = set(words_of(negative))
    words = [word for word in words_of(prompt) if word not in unwanted]
    land = _first(words, _LAND_BY_WORD)
    mood_name = _mood_name(words) or rng.choice(_SPACE_MOODS if land == "space" else _COMMON_MOODS)
    mood, things = _colored(words, MOODS[mood_name])
    return Wish(
        land=rng.choice(_COMMON_LANDS) if land is None else land,
        mood=mood,
        mood_name=mood_name,
        weather=_first(words, _WEATHER_BY_WORD) or "clear",
        things=things[:4],
        colors=tuple(color for word in words if (color := named(word))),
        has_moon="moon" in words or mood_name in ("night", "aurora"),
    )


def _mood_name(words: list[str]) -> str | None:
    """The hour that is asked for; an aurora is rarer than a night, and any hour says more than a weather."""
    named_moods = [_MOOD_BY_WORD[word] for word in words if word in _MOOD_BY_WORD]
    return min(named_moods, key=lambda name: {"aurora": 0, "pale": 2}.get(name, 1), default=None)


def _first[T](words: list[str], table: dict[str, T]) -> T | None:
    return next((table[word] for word in words if word in table), None)


def _colored(words: list[str], mood: Mood) -> tuple[Mood, tuple[Thing, ...]]:
    """Give each colour word to what follows it: a thing, the sky, the water, the land; else to the whole picture."""
    things: dict[str, Thing] = {}
    for index, word in enumerate(words):
        color = named(words[index - 1]) if index else None
        if (name := _THING_BY_WORD.get(word)) and name not in things:
            things[name] = Thing(name, color)
        elif color and not name:
            mood = _painted(mood, word, color)
    if words and (color := named(words[-1])):
        mood = _painted(mood, "", color)
    return mood, tuple(things.values())


def _painted(mood: Mood, element: str, color: Color) -> Mood:
    if element in _WATER_WORDS:
        return replace(mood, water=tinted(mood.water, color, 0.9))
    if element in _LAND_ELEMENTS:
        return replace(mood, far=tinted(mood.far, color, 0.7), near=tinted(mood.near, color, 0.85))
    top, middle, low = mood.sky
    sky = (tinted(top, color, 0.85), tinted(middle, color, 0.8), tinted(low, color, 0.45))
    if element in _SKY_WORDS:
        return replace(mood, sky=sky, far=tinted(mood.far, color, 0.3))
    return replace(
        mood,
        sky=sky,
        light=mix(mood.light, color, 0.12),
        far=tinted(mood.far, color, 0.7),
        near=tinted(mood.near, color, 0.5),
        water=tinted(mood.water, color, 0.7),
    )
