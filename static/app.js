// The small behaviours of every page. Markup says what it wants with data attributes; nothing is inline.
(function () {
  "use strict";

  const within = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);
  const isTyping = (element) => element.matches("input, textarea, select, [contenteditable]");

  // --- htmx: CSRF on every request, no polling of a page nobody looks at --------------------------
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector("meta[name=csrf-token]");
    if (token) event.detail.headers["X-CSRFToken"] = token.content;
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.detail.elt.matches("[data-poll]")) event.preventDefault();
  });
  // A refused or failed request says so instead of doing nothing.
  document.addEventListener("htmx:responseError", (event) => {
    if (!event.detail.elt.matches("[data-poll]")) say("That did not work. Reload the page and try again.");
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (!event.detail.elt.matches("[data-poll]")) say("No connection. Check it and try again.");
  });

  function say(text) {
    const template = document.getElementById("toast-template");
    const toast = template.content.firstElementChild.cloneNode(true);
    toast.querySelector("[data-text]").textContent = text;
    document.getElementById("toasts").append(toast);
  }

  // --- Toasts: good news leaves by itself, bad news stays until it is read -------------------------
  const leave = (toast) => setTimeout(() => toast.remove(), 6000);
  const settleToasts = () => document.querySelectorAll(".toast-line[data-leaves]").forEach(leave);

  // --- Copy buttons --------------------------------------------------------------------------------
  async function copy(button) {
    const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
    const text = source ? (source.value ?? source.textContent).trim() : button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      copyBySelection(text); // plain http on another host has no clipboard
    }
    button.classList.add("is-copied");
    const word = button.querySelector("[data-word]");
    if (word) word.textContent = "Copied";
    setTimeout(() => {
      button.classList.remove("is-copied");
      if (word) word.textContent = "Copy";
    }, 2000);
  }

  function copyBySelection(text) {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }

  // --- Dialogs: drawers, sheets and confirmations are native, so Esc and focus just work ------------
  function open(dialog) {
    if (!dialog || dialog.open) return;
    const box = dialog.querySelector("[data-narrows]");
    if (box) {
      box.value = "";
      narrow(box);
    }
    dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    const opener = within(event, "[data-opens]");
    if (opener) open(document.getElementById(opener.dataset.opens));
    const closer = within(event, "[data-closes]");
    if (closer) closer.closest("dialog").close();
    if (event.target instanceof HTMLDialogElement) event.target.close(); // the backdrop
    const copier = within(event, "[data-copy], [data-copy-from]");
    if (copier) copy(copier);
    if (within(event, "[data-switch-theme]")) window.switchTheme();
    const dismisser = within(event, "[data-dismisses]");
    if (dismisser) dismisser.closest(dismisser.dataset.dismisses).remove();
  });

  // What htmx loads into a dialog opens it.
  document.addEventListener("htmx:afterSwap", (event) => {
    const dialog = event.detail.target.closest("dialog[data-drawer]");
    if (dialog) open(dialog);
    settleToasts();
  });

  // --- Keyboard: / searches, Ctrl-K goes anywhere ---------------------------------------------------
  document.addEventListener("keydown", (event) => {
    const palette = document.getElementById("palette");
    if (event.key === "k" && (event.ctrlKey || event.metaKey) && palette) {
      event.preventDefault();
      open(palette);
      return;
    }
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const search = document.querySelector("[data-search]");
    if (!search && !palette) return;
    event.preventDefault();
    if (search) search.select();
    else open(palette); // a page without a list still finds its way
  });

  // The palette narrows its links to what is typed; Enter takes the first, arrows walk.
  function narrow(box) {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...document.querySelectorAll(box.dataset.narrows)];
    rows.forEach((row) => {
      row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    });
    const nothing = box.closest("dialog").querySelector("[data-nothing]");
    if (nothing) nothing.hidden = rows.some((row) => !row.hidden);
  }
  document.addEventListener("input", (event) => {
    const box = within(event, "[data-narrows]");
    if (box) narrow(box);
  });
  document.addEventListener("keydown", (event) => {
    const palette = within(event, "#palette");
    if (!palette || !["Enter", "ArrowDown", "ArrowUp"].includes(event.key)) return;
    const links = [...palette.querySelectorAll("li:not([hidden]) a")];
    const at = links.indexOf(document.activeElement);
    if (event.key === "Enter" && at === -1 && links[0]) links[0].click();
    if (event.key === "Enter") return;
    event.preventDefault();
    const next = event.key === "ArrowDown" ? (links[at + 1] ?? links[0]) : at > 0 ? links[at - 1] : links.at(-1);
    if (next) next.focus();
  });

  // --- Forms ----------------------------------------------------------------------------------------
  // Validate on leaving a field: the browser knows the rules, the page says the words.
  document.addEventListener(
    "blur",
    (event) => {
      const field = event.target;
      if (!(field instanceof Element) || !field.matches("form[data-checks] input, form[data-checks] select, form[data-checks] textarea")) return;
      if (field.value === "" && !field.hasAttribute("aria-invalid")) return;
      if (field.checkValidity()) field.removeAttribute("aria-invalid");
      else field.setAttribute("aria-invalid", "true");
    },
    true,
  );

  // Parts of a form that matter only for one choice: data-shows-for="field=value value".
  function showWhatMatters() {
    document.querySelectorAll("[data-shows-for]").forEach((part) => {
      const [name, values] = part.dataset.showsFor.split("=");
      const form = part.closest("form");
      const chosen = new FormData(form).get(name) ?? "";
      part.hidden = !values.split(" ").includes(chosen);
    });
  }
  document.addEventListener("change", showWhatMatters);

  // The browser knows where the shop is better than a default does.
  function guessTimezone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    document.querySelectorAll("select[data-guess-timezone]").forEach((select) => {
      if ([...select.options].some((option) => option.value === zone)) select.value = zone;
    });
  }

  function submitOnChange(event) {
    const control = within(event, "[data-submits]");
    if (control) control.form.requestSubmit();
  }
  document.addEventListener("change", submitOnChange);

  // A file that is too large is said to be so before it is sent.
  document.addEventListener("change", (event) => {
    const form = within(event, "form[data-limits-upload]");
    if (!form || !event.target.files) return;
    const isTooLarge = [...event.target.files].some((file) => file.size > form.dataset.limitsUpload * 1024 * 1024);
    form.querySelector("[data-too-large]").hidden = !isTooLarge;
    form.querySelector("[type=submit]").disabled = isTooLarge;
  });

  // The answer to a form that shows a secret once: reloading it shows the page, and sends nothing again.
  function forgetTheForm() {
    const page = document.querySelector("[data-page-url]");
    if (page) history.replaceState(null, "", page.dataset.pageUrl);
  }

  function start() {
    forgetTheForm();
    guessTimezone();
    showWhatMatters();
    settleToasts();
    document.querySelectorAll("dialog[data-opens-itself]").forEach(open);
    const errors = document.getElementById("form-errors");
    if (errors) errors.focus();
  }
  document.addEventListener("DOMContentLoaded", start);
})();
