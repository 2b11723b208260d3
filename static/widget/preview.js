// The preview in the dashboard: invented data, and the settings as they are being typed.

const call = (method, name) => (method === "GET" ? Promise.resolve(structuredClone(settings.sample[name])) : Promise.reject(new Error("preview")));
const tellPage = () => {};
const launcher = makeLauncher(() => {});

function preview({ look, texts, sections, mode }) {
  Object.assign(settings.look, look);
  if (sections) settings.sections = sections;
  for (const [name, text] of Object.entries(texts || {})) settings.texts[name] = text || settings.defaults[name];
  state.session = { mode, can: mode === "guest" ? [] : ["redeem", "codes", "profile"] };
  state.loginUrl = state.registerUrl = mode === "guest" ? "https://shop.example/" : "";
  dress(settings.look);
  launcher.draw({ ...settings.look, text: settings.texts.launcher, title: settings.texts.title });
  load();
}

document.documentElement.classList.add("preview");
window.addEventListener("message", (event) => {
  if (event.source !== parent || event.origin !== location.origin || !event.data || event.data.loyalty !== 1) return;
  preview(event.data);
});
preview({ mode: "full" });
