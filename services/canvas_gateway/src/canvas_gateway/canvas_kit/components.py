"""
The twelve component types of Canvas Kit, as strict as Intercom's reference page.

https://developers.intercom.com/docs/canvas-kit#reference. A field that is not there is refused here, because Intercom
answers it with a panel that says nothing but "Something went wrong".
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Filled = Annotated[str, StringConstraints(min_length=1)]
Link = Annotated[str, StringConstraints(pattern=r"^https?://")]
Pixels = Annotated[int, Field(ge=1)]
SaveState = Literal["unsaved", "saved", "failed"]


class Strict(BaseModel):
    """Frozen, nothing converted, nothing beyond what Intercom documents."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class SubmitAction(Strict):
    """Clicking calls our submit address."""

    type: Literal["submit"] = "submit"


class UrlAction(Strict):
    """Clicking opens a page in a new tab."""

    type: Literal["url"] = "url"
    url: Link


Action = Annotated[SubmitAction | UrlAction, Field(discriminator="type")]


class Text(Strict):
    """A paragraph; its only markup is `[label](url)` and `**bold**`."""

    type: Literal["text"] = "text"
    text: Filled
    id: Id | None = None
    align: Literal["left", "center", "right"] | None = None
    style: Literal["header", "paragraph", "muted", "error"] | None = None
    bottom_margin: Literal["none"] | None = None


class FieldValue(Strict):
    """One row of a data table."""

    type: Literal["field-value"] = "field-value"
    field: Filled
    value: Filled


class DataTable(Strict):
    """Two columns; the Inbox truncates long values and shows them whole on hovering."""

    type: Literal["data-table"] = "data-table"
    items: Annotated[tuple[FieldValue, ...], Field(min_length=1)]


class Image(Strict):
    """A picture; none of our screens has one."""

    type: Literal["image"] = "image"
    url: Annotated[str, StringConstraints(pattern=r"^https://")]
    width: Pixels
    height: Pixels
    id: Id | None = None
    align: Literal["left", "center", "right", "full_width"] | None = None
    rounded: bool | None = None
    bottom_margin: Literal["none"] | None = None
    action: UrlAction | None = None


class Divider(Strict):
    """A thin line."""

    type: Literal["divider"] = "divider"
    id: Id | None = None
    bottom_margin: Literal["none"] | None = None


class Spacer(Strict):
    """Empty height."""

    type: Literal["spacer"] = "spacer"
    id: Id | None = None
    size: Literal["xs", "s", "m", "l", "xl"] | None = None


class Button(Strict):
    """A button; Intercom's default style is primary, so that ours always name theirs."""

    type: Literal["button"] = "button"
    id: Id
    label: Filled
    action: Action
    style: Literal["primary", "secondary", "link"]
    disabled: bool | None = None


class Input(Strict):
    """One line to type in; `save_state` failed draws it red."""

    type: Literal["input"] = "input"
    id: Id
    label: Filled | None = None
    placeholder: str | None = None
    value: str | None = None
    action: Action | None = None
    save_state: SaveState | None = None
    disabled: bool | None = None


class Textarea(Strict):
    """Several lines to type in; has no maximum length of its own."""

    type: Literal["textarea"] = "textarea"
    id: Id
    label: Filled | None = None
    placeholder: str | None = None
    value: str | None = None
    error: bool | None = None
    disabled: bool | None = None


class Option(Strict):
    """One choice of a dropdown, a single-select or a checkbox."""

    type: Literal["option"] = "option"
    id: Id
    text: Filled
    disabled: bool | None = None


class Dropdown(Strict):
    """A choice that needs a button beside it: it has no action of its own."""

    type: Literal["dropdown"] = "dropdown"
    id: Id
    options: Annotated[tuple[Option, ...], Field(min_length=2, max_length=10)]
    label: Filled | None = None
    value: str | None = None
    save_state: SaveState | None = None
    disabled: bool | None = None


class SingleSelect(Strict):
    """Buttons of which one is chosen; with an action the choice is submitted on the click."""

    type: Literal["single-select"] = "single-select"
    id: Id
    options: Annotated[tuple[Option, ...], Field(min_length=2, max_length=10)]
    label: Filled | None = None
    value: str | None = None
    action: Action | None = None
    save_state: SaveState | None = None
    disabled: bool | None = None


class Checkbox(Strict):
    """Several choices. Intercom's pages disagree on `option` or `options`; this is the reference page's."""

    type: Literal["checkbox"] = "checkbox"
    id: Id
    option: Annotated[tuple[Option, ...], Field(min_length=1)]
    label: Filled
    value: tuple[str, ...] | None = None
    save_state: SaveState | None = None
    disabled: bool | None = None


class Item(Strict):
    """One row of a list; its id arrives as component_id when it is clicked."""

    type: Literal["item"] = "item"
    id: Id
    title: Filled
    subtitle: Filled | None = None
    tertiary_text: Filled | None = None
    image: Link | None = None
    image_width: Pixels | None = None
    image_height: Pixels | None = None
    rounded_image: bool | None = None
    disabled: bool | None = None
    action: Action | None = None


class ItemList(Strict):
    """Rows to choose from."""

    type: Literal["list"] = "list"
    items: Annotated[tuple[Item, ...], Field(min_length=1)]
    disabled: bool | None = None


Component = Annotated[
    Text
    | DataTable
    | Image
    | Divider
    | Spacer
    | Button
    | Input
    | Textarea
    | Dropdown
    | SingleSelect
    | Checkbox
    | ItemList,
    Field(discriminator="type"),
]
