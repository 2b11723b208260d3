// Between the panel and the shop's page that holds it: only with verified origins, only messages of known shape.

let page = [location.ancestorOrigins && location.ancestorOrigins[0], document.referrer && new URL(document.referrer).origin]
  .find((origin) => settings.origins.includes(origin)) || "";

// Before the page has spoken its origin may be unknown; then nothing is said but that we are here.
function tellPage(message) {
  if (page || message.type === "ready") parent.postMessage({ loyalty: 1, ...message }, page || "*");
}

const HEARD = {
  wait() {
    state.session = state.home = null; // somebody else's, perhaps
    load();
  },
  session(message) {
    const isText = [message.token, message.mode, message.loginUrl, message.registerUrl].every((text) => typeof text === "string");
    if (!isText || !Array.isArray(message.can)) return;
    const isNew = !state.session || state.session.mode !== message.mode || state.session.isOver !== message.isOver;
    const isRenewal = waiting.length > 0;
    state.session = { mode: message.mode, can: message.can, isOver: message.isOver === true };
    state.loginUrl = message.loginUrl || settings.login_url;
    state.registerUrl = message.registerUrl || settings.register_url;
    gotToken(message.token);
    if (isNew || !isRenewal) load();
  },
  opened() {
    document.getElementById("title")?.focus();
    if (state.home) load(); // it may have been closed for long
  },
};

window.addEventListener("message", (event) => {
  const message = event.data;
  if (event.source !== parent || !settings.origins.includes(event.origin)) return;
  if (!message || message.loyalty !== 1 || !Object.hasOwn(HEARD, message.type)) return;
  page = event.origin;
  HEARD[message.type](message);
});

load();
tellPage({ type: "ready" });
