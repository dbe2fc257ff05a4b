// Loaded before the first paint, so that a remembered theme does not flash. A classic script:
// modules run after the document is read.
(() => {
  "use strict";
  const KEY = "ecosim-theme";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = "system";
  try {
    const kept = window.localStorage.getItem(KEY);
    if (kept === "light" || kept === "dark") chosen = kept;
  } catch {
    // Storage may be forbidden; the system's theme will do.
  }

  function apply() {
    const theme = chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
    document.documentElement.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent("themechange", { detail: theme }));
  }

  window.ecosimTheme = {
    get chosen() {
      return chosen;
    },
    next() {
      chosen = { system: "light", light: "dark", dark: "system" }[chosen];
      try {
        if (chosen === "system") window.localStorage.removeItem(KEY);
        else window.localStorage.setItem(KEY, chosen);
      } catch {
        // As above: the choice then lasts as long as the page.
      }
      apply();
      return chosen;
    },
  };
  dark.addEventListener("change", apply);
  apply();
})();
