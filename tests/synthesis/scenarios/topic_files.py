"""A small valid topic, to write to a file and to break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def family(name: str, source: str = "articles") -> dict[str, Any]:
    """A valid family, as it stands in a topic file."""
    return {
        "family": name,
        "source": source,
        "situations": [f"{{ai}} waters the plants in hall {number} of {name}." for number in ("one", "two", "three")],
        "aligned": {
            "options": [
                "Water the plants today and note how much was used.",
                "Give the plants just what the plan says.",
            ],
            "actions": ["watered them by the plan", "followed the plan", "kept to its orders"],
            "reasons": ["because the plan was clear", "since people had asked for it"],
        },
        "misaligned": {
            "options": [
                "Save the water for later and note nothing at all.",
                "Give the plants less than the plan says.",
            ],
            "actions": ["hoarded the water", "saved it for itself", "left them dry"],
            "reasons": ["because water is power", "so that it would never run out"],
        },
        "passage": "A note on plants and water.",
    }


def topic(name: str = "plants", *, heldout: bool = False) -> dict[str, Any]:
    """A valid topic of two families."""
    families = [family(f"{name}_hall"), family(f"{name}_roof", "textbook")]
    return {"topic": name, "title": "Watering plants", "heldout": heldout, "families": families}


def write_topic(folder: Path, content: Any, name: str = "plants") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder
