"use strict";
// Values under the pointer, read back from the paths; the tables below the figures have them exactly.
(() => {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const known = new WeakMap();

  const vertices = (path) => {
    if (!known.has(path)) {
      let x = 0, y = 0;
      known.set(path, [...path.getAttribute("d").matchAll(/([Ml])(-?\d+) (-?\d+)/g)].map(([, kind, a, b]) => {
        [x, y] = kind === "M" ? [+a, +b] : [x + +a, y + +b];
        return [x, y];
      }));
    }
    return known.get(path);
  };

  const text = (share, low, high) => {
    const decimals = Math.min(12, Math.max(0, -Math.floor(Math.log10((high - low) / 500))));
    return (+(low + share * (high - low)).toFixed(decimals)).toLocaleString("en", { maximumFractionDigits: 12 });
  };

  const show = (event) => {
    const svg = event.target.closest("svg[data-low]");
    tip.hidden = true;
    if (!svg) return;
    const { low, high, bottom, top } = svg.dataset;
    const box = svg.getBoundingClientRect();
    const at = (2000 * (event.clientX - box.left)) / box.width;
    const found = [...svg.querySelectorAll("path.line")].map((path) => {
      const points = vertices(path);
      const near = points.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a), points[0]);
      return near && { near, label: path.querySelector("title")?.textContent ?? "" };
    }).filter(Boolean);
    if (!found.length) return;
    found.sort((a, b) => a.near[1] - b.near[1]);
    const lines = found.map(({ near, label }) => `${label} ${text(1 - near[1] / 2000, +bottom, +top)}`.trim());
    tip.textContent = [`at ${text(found[0].near[0] / 2000, +low, +high)}`, ...lines].join("\n");
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${Math.max(8, Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8))}px`;
  };
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerdown", show);
  document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
})();
