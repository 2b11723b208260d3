// The button on the shop's page. It lives in a shadow root, so the page's style and ours leave each other alone.

const ICONS = {
  gift: ["M3 9a1 1 0 0 1 1 -1h16a1 1 0 0 1 1 1v2a1 1 0 0 1 -1 1h-16a1 1 0 0 1 -1 -1l0 -2", "M12 8l0 13", "M19 12v7a2 2 0 0 1 -2 2h-10a2 2 0 0 1 -2 -2v-7", "M7.5 8a2.5 2.5 0 0 1 0 -5a4.8 8 0 0 1 4.5 5a4.8 8 0 0 1 4.5 -5a2.5 2.5 0 0 1 0 5"],
  star: ["M12 17.75l-6.172 3.245l1.179 -6.873l-5 -4.867l6.9 -1l3.086 -6.253l3.086 6.253l6.9 1l-5 4.867l1.179 6.873l-6.158 -3.245"],
  heart: ["M19.5 12.572l-7.5 7.428l-7.5 -7.428a5 5 0 1 1 7.5 -6.566a5 5 0 1 1 7.5 6.572"],
  crown: ["M12 6l4 6l5 -4l-2 10h-14l-2 -10l5 4l4 -6"],
  trophy: ["M8 21l8 0", "M12 17l0 4", "M7 4l10 0", "M17 4v8a5 5 0 0 1 -10 0v-8", "M3 9a2 2 0 1 0 4 0a2 2 0 1 0 -4 0", "M17 9a2 2 0 1 0 4 0a2 2 0 1 0 -4 0"],
};

const LAUNCHER_CSS = `
:host { all: initial; }
button { position: fixed; z-index: 2147483000; bottom: max(20px, env(safe-area-inset-bottom)); display: inline-flex;
  align-items: center; justify-content: center; gap: 8px; box-sizing: border-box; min-width: 48px; height: 48px;
  padding: 0 18px 0 14px; border: 0; border-radius: 24px; background: var(--accent); color: var(--on-accent);
  font: 600 15px/1 system-ui, sans-serif; cursor: pointer; box-shadow: 0 4px 16px rgb(0 0 0 / 25%); }
button.icon-only { padding: 0; width: 48px; }
button:focus-visible { outline: 3px solid var(--on-accent); outline-offset: -6px; }
svg { width: 22px; height: 22px; fill: none; stroke: currentcolor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
.right { right: max(20px, env(safe-area-inset-right)); }
.left { left: max(20px, env(safe-area-inset-left)); }
.panel { position: fixed; z-index: 2147483001; bottom: 84px; width: 384px; max-width: calc(100vw - 40px);
  height: min(640px, calc(100dvh - 108px)); border-radius: 16px; overflow: hidden; background: canvas;
  box-shadow: 0 12px 48px rgb(0 0 0 / 30%); }
.panel.light { color-scheme: light; }
.panel.dark { color-scheme: dark; }
.panel.auto { color-scheme: light dark; }
.panel[hidden] { display: none; }
iframe { display: block; width: 100%; height: 100%; border: 0; color-scheme: inherit; }
@media (max-width: 480px) {
  .panel { inset: 0; width: 100vw; max-width: none; height: 100dvh; border-radius: 0; }
}
`;

function drawing(paths) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const path of paths) {
    const drawn = document.createElementNS(space, "path");
    drawn.setAttribute("d", path);
    svg.append(drawn);
  }
  return svg;
}

function makeLauncher(onPress) {
  const host = document.createElement("div");
  host.dataset.loyaltyWidget = "";
  const root = host.attachShadow({ mode: "open" });
  // Allowed under any policy of the page, unlike a style element.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(LAUNCHER_CSS);
  root.adoptedStyleSheets = [sheet];
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-haspopup", "dialog");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", onPress);
  const panel = document.createElement("div");
  panel.setAttribute("role", "dialog");
  panel.hidden = true;
  root.append(button, panel);
  document.body.append(host);

  function draw(look) {
    const side = look.side === "left" ? "left" : "right";
    host.style.setProperty("--accent", colour(look.accent));
    host.style.setProperty("--on-accent", onColour(look.accent));
    button.className = look.launcher === "icon" ? `${side} icon-only` : side;
    button.replaceChildren(drawing(ICONS[look.icon] || ICONS.gift));
    button.setAttribute("aria-label", look.text);
    if (look.launcher !== "icon") button.append(look.text);
    panel.className = `panel ${side} ${["light", "dark"].includes(look.theme) ? look.theme : "auto"}`;
    panel.setAttribute("aria-label", look.title);
  }

  return { host, button, panel, draw };
}
