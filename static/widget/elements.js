// Elements from texts. A text is only ever a text node: whatever a merchant wrote is shown, never run.

const settings = JSON.parse(document.getElementById("settings").textContent);
const ICON_SPACE = "http://www.w3.org/2000/svg";

function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}

function icon(name) {
  const svg = document.createElementNS(ICON_SPACE, "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(ICON_SPACE, "use");
  use.setAttribute("href", `${settings.icons}#${/^[a-z0-9-]+$/.test(name) ? name : "star"}`);
  svg.append(use);
  return svg;
}

// A text of the merchant's with the {names} in it filled in.
function t(name, values = {}) {
  const all = { points_name: settings.points_name, ...values };
  return settings.texts[name].replace(/\{(\w+)\}/g, (whole, key) => (Object.hasOwn(all, key) ? all[key] : whole)).trim();
}

function webAddress(text) {
  try {
    const address = new URL(text);
    return ["http:", "https:"].includes(address.protocol) ? address.href : "";
  } catch {
    return "";
  }
}
