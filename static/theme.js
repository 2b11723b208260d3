// Runs before the first paint, so that a dark page never flashes white.
(function () {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is switched off: follow the system
    }
  }

  function apply() {
    const theme = chosen() || (dark.matches ? "dark" : "light");
    document.documentElement.setAttribute("data-bs-theme", theme);
  }

  window.switchTheme = function () {
    const next = document.documentElement.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
    try {
      // Choosing what the system says anyway means: follow the system again.
      if ((next === "dark") === dark.matches) localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
    } catch {
      // Not remembered, but switched for this page.
    }
    document.documentElement.setAttribute("data-bs-theme", next);
  };

  apply();
  dark.addEventListener("change", apply);
})();
