"""How well text can be read: the contrast of every piece of it, worked out of the colours as the browser has them.

Source: https://www.w3.org/TR/WCAG22/#contrast-minimum (2026-11-21), relative luminance and contrast ratio as there.
"""

_COLOURS = """
const numbers = text => (text.match(/[0-9.]+/g) || [0, 0, 0, 0]).map(Number);
const over = (front, back) => {
  const a = front.length > 3 ? front[3] : 1;
  return [0, 1, 2].map(i => front[i] * a + back[i] * (1 - a));
};
const light = colour => {
  const [r, g, b] = colour.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, other) => {
  const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const behind = element => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(numbers(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
};
"""

TEXTS = (
    _COLOURS
    + """
const found = [];
const look = (element, style, what) => {
  const back = behind(element);
  const paint = element.closest('svg') ? style.fill : style.color;
  const ink = numbers(paint);
  const shown = over([...ink.slice(0, 3), (ink[3] ?? 1) * Number(style.opacity)], back);
  found.push({text: what.slice(0, 40), ratio: contrast(shown, back), ink: paint, tag: element.tagName});
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; node = walker.nextNode();) {
  const element = node.parentElement;
  if (!node.data.trim() || element.tagName === 'title') continue;
  if (element.checkVisibility()) look(element, getComputedStyle(element), node.data.trim());
}
for (const input of document.querySelectorAll('input')) {
  if (!input.checkVisibility()) continue;
  if (input.placeholder) look(input, getComputedStyle(input, '::placeholder'), input.placeholder);
  if (input.value) look(input, getComputedStyle(input), input.value);
}
return found;
"""
)
"""Every text that is shown: the text, its contrast with what is behind it, and its colour."""

EDGES = (
    _COLOURS
    + """
return [...document.querySelectorAll('input')].filter(one => one.checkVisibility()).map(input => ({
  text: input.name,
  ratio: contrast(numbers(getComputedStyle(input).borderTopColor), behind(input.parentElement)),
}));
"""
)
"""Every field's edge: the contrast with what is around it."""

FOCUS = (
    _COLOURS
    + """
const element = arguments[0], style = getComputedStyle(element), box = element.getBoundingClientRect();
const wide = parseFloat(style.outlineWidth), out = parseFloat(style.outlineOffset) + wide / 2;
const ring = {left: box.left - out, right: box.right + out, top: box.top - out, bottom: box.bottom + out};
const sides = new Set(['left', 'right', 'top', 'bottom']);
for (let at = element.parentElement; at; at = at.parentElement) {
  const clips = getComputedStyle(at), edge = at.getBoundingClientRect();
  if (at === document.documentElement || at === document.body || clips.overflowX === 'visible') continue;
  if (ring.left < edge.left) sides.delete('left');
  if (ring.right > edge.right) sides.delete('right');
  if (ring.top < edge.top) sides.delete('top');
  if (ring.bottom > edge.bottom) sides.delete('bottom');
}
return {
  style: style.outlineStyle, wide, sides: [...sides].sort(), top: box.top, bottom: box.bottom, left: box.left,
  right: box.right, ratio: contrast(numbers(style.outlineColor), behind(element.parentElement)),
};
"""
)
"""What shows that an element has the focus: the ring's line, which of its sides nothing cuts off, its contrast."""
