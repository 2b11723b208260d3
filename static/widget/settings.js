// The look and texts pages: tell the preview what is being typed.
(function () {
  "use strict";
  const form = document.querySelector("form[data-previews]");
  const frame = document.getElementById("preview");
  const mode = document.getElementById("preview-as");
  if (!form || !frame) return;

  function typed() {
    const data = new FormData(form);
    const values = Object.fromEntries(data);
    if (form.dataset.previews === "texts") return { texts: values };
    return { look: values, sections: data.getAll("sections") };
  }

  function tell() {
    frame.contentWindow.postMessage({ loyalty: 1, mode: mode.value, ...typed() }, location.origin);
  }

  form.addEventListener("input", tell);
  mode.addEventListener("change", tell);
  frame.addEventListener("load", tell);
})();
