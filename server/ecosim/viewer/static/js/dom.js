// Elements are made from text only: names and ids of a world may contain anything.

/** Return the element of the page with this id. */
export const byId = (id) => document.getElementById(id);

/** Make an element with attributes and children; text children stay text. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return node;
}

/** Set the text of an element, touching it only when the text is another. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Fill a select with [value, label] pairs and keep its choice where that still exists. */
export function fillSelect(select, pairs, preferred) {
  const labels = JSON.stringify(pairs);
  if (select.dataset.filled === labels) return;
  const before = select.value;
  select.dataset.filled = labels;
  select.replaceChildren(...pairs.map(([value, label]) => make("option", { value }, label)));
  const values = pairs.map(([value]) => value);
  if (values.includes(before)) select.value = before;
  else if (values.includes(preferred)) select.value = preferred;
}

/** Tell the values of the root's style that drawing on a canvas needs. */
export function themeColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
