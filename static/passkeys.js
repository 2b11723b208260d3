// What a person reads when a passkey did not work; the ceremony itself is allauth's.
(() => {
  "use strict";
  const box = () => document.querySelector("[data-passkey-trouble]");
  const say = (text) => {
    box().querySelector("[data-text]").textContent = text;
    box().hidden = false;
  };
  const reasons = {
    NotAllowedError: "It was cancelled, it took too long, or this device has no passkey for your account.",
    InvalidStateError: "This device has a passkey for your account already.",
    SecurityError: "Passkeys do not work at this address. Open the site by its name.",
  };

  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    say(reasons[event.detail.exception.name] || "That did not work. Try again.");
  });

  document.addEventListener("DOMContentLoaded", () => {
    if (!window.PublicKeyCredential) {
      document.querySelectorAll("[data-passkey-button]").forEach((button) => { button.disabled = true; });
      if (box().dataset.passkeyTrouble === "tell") say("This browser has no passkeys.");
    } else if (/^[\d.]+$|^\[/.test(location.hostname)) {
      document.querySelectorAll("[data-passkey-button]").forEach((button) => { button.disabled = true; });
      if (box().dataset.passkeyTrouble === "tell") say("Passkeys belong to a name, and this address is a number. On your own machine open http://localhost instead of http://127.0.0.1.");
    }
  });
})();
