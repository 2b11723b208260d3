// On the shop's page: reads the tag, asks for a token, shows the launcher, and holds the panel in a frame of ours.

const SELF = Symbol.for("loyalty.widget");
const HOME = new URL(document.currentScript.src).origin;
const ATTRIBUTES = ["apiKey", "shopDomain", "shopId", "customerId", "customerSignature"];
const told = new Set(); // redemptions that the page knows of

let tag = null; // the attributes that the present token stands for
let session = null;
let launcher = null;
let frame = null;
let isReady = false; // the frame listens
let asked = 0;

function readTag() {
  const element = document.getElementById("lootly-widget");
  if (!element) return null;
  return Object.fromEntries(ATTRIBUTES.map((name) => [name, element.dataset[name] || ""]));
}

function refresh() {
  const found = readTag();
  if (JSON.stringify(found) !== JSON.stringify(tag)) {
    tag = found;
    session = null;
    send({ type: "wait" });
    if (tag) enter();
    else leave();
  } else if (session) {
    send(sessionMessage()); // the page's addresses may be others now
  }
}

async function askForToken() {
  const answer = await fetch(`${HOME}/widget/v1/token`, {
    method: "POST",
    credentials: "omit",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      api_key: tag.apiKey, shop_domain: tag.shopDomain, shop_id: tag.shopId,
      customer_id: tag.customerId, customer_signature: tag.customerSignature,
    }),
  });
  return answer.json();
}

async function enter(isRenewal = false) {
  const number = ++asked;
  let answer;
  try {
    answer = await askForToken();
  } catch {
    answer = { message: `${location.origin} is no verified domain of the store, or the server does not answer.` };
  }
  if (number !== asked) return; // the attributes changed meanwhile
  if (!answer.data) {
    console.warn(`Loyalty widget: hidden. ${answer.message}`);
    if (!isRenewal) leave();
    return;
  }
  // A page that was open longer than its signature holds must be loaded again to know the shopper.
  const isOver = isRenewal && answer.data.mode === "guest" && session && (session.isOver || session.mode !== "guest");
  session = { ...answer.data, isOver };
  launcher ||= makeLauncher(toggle);
  launcher.draw(answer.data.launcher);
  send(sessionMessage());
}

function leave() {
  if (launcher) launcher.host.remove();
  launcher = frame = null;
  isReady = false;
}

function webAddress(text) {
  try {
    const address = new URL(text, location.href);
    return ["http:", "https:"].includes(address.protocol) ? address.href : "";
  } catch {
    return "";
  }
}

function sessionMessage() {
  const config = (window.Lootly && window.Lootly.config) || {};
  return {
    type: "session", token: session.token, mode: session.mode, can: session.can, isOver: Boolean(session.isOver),
    loginUrl: config.loginUrl ? webAddress(config.loginUrl) : "",
    registerUrl: config.registerUrl ? webAddress(config.registerUrl) : "",
  };
}

function send(message) {
  if (isReady) frame.contentWindow.postMessage({ loyalty: 1, ...message }, HOME);
}

function isOpen() {
  return Boolean(launcher) && !launcher.panel.hidden;
}

function toggle() {
  if (isOpen()) close();
  else open();
}

function open() {
  if (!frame) {
    frame = document.createElement("iframe");
    frame.title = launcher.panel.getAttribute("aria-label");
    frame.allow = "clipboard-write";
    frame.src = `${HOME}/widget/v1/frame?key=${encodeURIComponent(session.key)}`;
    launcher.panel.append(frame);
  }
  launcher.panel.hidden = false;
  launcher.button.setAttribute("aria-expanded", "true");
  frame.focus();
  send({ type: "opened" });
}

function close() {
  launcher.panel.hidden = true;
  launcher.button.setAttribute("aria-expanded", "false");
  launcher.button.focus();
}

function tellOfRedemption({ coupon_code, redemption_id, reward_id }) {
  const texts = [coupon_code, redemption_id, reward_id];
  if (texts.some((text) => typeof text !== "string" || text.length > 400) || told.has(redemption_id)) return;
  told.add(redemption_id);
  const coupon = { coupon_code, redemption_id, reward_id };
  window.dispatchEvent(new CustomEvent("widgetRewardRedeemed", { detail: { coupon } }));
}

const HEARD = {
  ready() {
    isReady = true;
    if (session) send(sessionMessage());
    if (isOpen()) send({ type: "opened" });
  },
  close,
  renew: () => enter(true),
  redeemed: tellOfRedemption,
};

window.addEventListener("message", (event) => {
  if (!frame || event.source !== frame.contentWindow || event.origin !== HOME) return;
  const message = event.data;
  if (!message || message.loyalty !== 1 || !Object.hasOwn(HEARD, message.type)) return;
  HEARD[message.type](message);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && isOpen()) close();
});

if (!window[SELF]) {
  window[SELF] = { refresh };
  refresh();
}
