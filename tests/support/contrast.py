"""Whether what stands on a page can be read: the contrast that WCAG's level AA asks of texts, measured as drawn."""

from dataclasses import dataclass

from playwright.sync_api import Page

AA_TEXT, AA_LARGE_TEXT = 4.5, 3.0
"""https://www.w3.org/TR/WCAG21/#contrast-minimum"""

# Texts with less contrast than WCAG's AA asks of their size: colours are laid over each other as the browser does.
_HARD_TO_READ = """([ordinary, large]) => {
    const rgba = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
    const over = (top, below) => top.slice(0, 3).map((part, at) => part * top[3] + below[at] * (1 - top[3]));
    const light = color => color.map(part => part / 255)
        .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
    const ground = node => {
        const layers = [];
        for (let one = node; one; one = one.parentElement) layers.unshift(rgba(getComputedStyle(one).backgroundColor));
        return layers.reduce((below, top) => over(top, below), [255, 255, 255]);
    };
    const opacity = node => node ? Number(getComputedStyle(node).opacity) * opacity(node.parentElement) : 1;
    for (const running of document.getAnimations()) {
        if (running.effect.getComputedTiming().endTime !== Infinity) running.finish();
    }
    const faint = [];
    const measure = (node, said, style) => {
        const below = ground(node);
        const [red, green, blue, alpha] = rgba(style.color);
        const ink = over([red, green, blue, alpha * opacity(node)], below);
        const [low, high] = [light(ink), light(below)].sort((a, b) => a - b);
        const ratio = (high + 0.05) / (low + 0.05);
        const size = parseFloat(style.fontSize);
        const enough = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? large : ordinary;
        measured += 1;
        if (ratio < enough) faint.push(`${ratio.toFixed(2)} ${style.color} "${said.slice(0, 40)}" .${node.className}`);
    };
    let measured = 0;
    const open = document.querySelector("dialog[open]");
    const walker = document.createTreeWalker(open ?? document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const [text, node] = [walker.currentNode, walker.currentNode.parentElement];
        if (!text.textContent.trim() || node.closest(":disabled, option")) continue;
        if (!node.checkVisibility({ visibilityProperty: true })) continue;
        measure(node, text.textContent.trim(), getComputedStyle(node));
    }
    for (const field of (open ?? document).querySelectorAll("input:not([type=radio]), select, textarea")) {
        if (!field.checkVisibility() || field.disabled) continue;
        measure(field, `what is typed into ${field.name || field.id}`, getComputedStyle(field));
        if (field.placeholder) measure(field, field.placeholder, getComputedStyle(field, "::placeholder"));
    }
    return { measured, faint };
}"""


@dataclass(frozen=True)
class Contrast:
    """How many texts were measured, and which of them are too faint."""

    measured: int
    faint: list[str]


def contrast(page: Page) -> Contrast:
    """Every text that is shown now; those of an open dialog alone, where there is one."""
    return Contrast(**page.evaluate(_HARD_TO_READ, [AA_TEXT, AA_LARGE_TEXT]))
