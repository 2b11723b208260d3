// The seed of the storefront widget: it loads the version that this server speaks, held to its integrity value.
// Run again it has the widget read the page's attributes anew.
(function () {
  "use strict";
  const widget = window[Symbol.for("loyalty.widget")];
  if (widget) return widget.refresh();
  const seed = document.currentScript;
  const data = (document.getElementById("lootly-widget") || document.createElement("div")).dataset;
  const server = new URL((seed && seed.src) || data.scriptUrl || data.provider, location.href);
  if (document.querySelector("script[data-loyalty-widget]")) return; // on its way: it reads the attributes then
  const script = document.createElement("script");
  script.src = new URL("{path}", server).href;
  script.integrity = "{integrity}";
  script.crossOrigin = "anonymous";
  script.async = true;
  script.dataset.loyaltyWidget = "";
  if (seed && seed.nonce) script.nonce = seed.nonce;
  script.addEventListener("error", () => {
    script.remove();
    if (server.searchParams.has("again") || !seed || !seed.src) return;
    // This seed was kept from before an update, and names a version that is gone. Fetch it anew, once.
    const again = document.createElement("script");
    server.searchParams.set("again", Date.now());
    again.src = server.href;
    again.nonce = seed.nonce;
    document.head.append(again);
  });
  document.head.append(script);
})();
