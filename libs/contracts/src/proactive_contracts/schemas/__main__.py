"""Writes the schemas: `python -m proactive_contracts.schemas`."""

from pathlib import Path

from proactive_contracts.codec import EVENT_TYPES
from proactive_contracts.schemas import file_name, text_of


def main() -> None:
    """Write one file for each event beside this one, and remove those of events that are gone."""
    folder = Path(__file__).parent
    wanted = {folder / file_name(payload): text_of(payload) for payload in EVENT_TYPES}
    for stray in set(folder.glob("*.json")) - set(wanted):
        stray.unlink()
        print(f"removed {stray.name}")
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")
    print(f"wrote {len(wanted)} schemas to {folder}")


if __name__ == "__main__":
    main()
