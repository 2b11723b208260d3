// The panel: what a guest or a member sees. `call` asks the server, `tellPage` the shop's page.

const panel = document.getElementById("panel");
const live = el("div", { class: "unseen", role: "status", "aria-live": "polite" });
document.body.append(live);

const state = { session: null, home: null, tab: "earn", loginUrl: "", registerUrl: "" };
const may = (right) => state.session.can.includes(right);
const has = (section) => settings.sections.includes(section);
const isMember = () => state.session.mode !== "guest";

function say(text) {
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = text; }); // a change, so that it is read
}

function dress(look) {
  const root = document.documentElement;
  root.style.setProperty("--accent", colour(look.accent));
  root.style.setProperty("--on-accent", onColour(look.accent));
  root.dataset.theme = ["light", "dark"].includes(look.theme) ? look.theme : "auto";
}

// --- Frame of every view --------------------------------------------------------------------------

function show(...content) {
  const focused = document.activeElement && document.activeElement.id;
  panel.replaceChildren(
    el("header", {},
      el("h1", { id: "title", tabindex: "-1" }, t("title")),
      el("button", { id: "close", type: "button", class: "icon-button", "aria-label": t("close"), onclick: () => tellPage({ type: "close" }) }, icon("x"))),
    el("main", { id: "content" }, ...content));
  const again = focused && document.getElementById(focused);
  if (again) again.focus();
}

function button(text, onclick, attributes = {}) {
  return el("button", { type: "button", class: "button", onclick, ...attributes }, text);
}

function quiet(text) {
  return el("p", { class: "quiet" }, text);
}

// --- Loading --------------------------------------------------------------------------------------

let loads = 0;

async function load() {
  const number = ++loads;
  if (!state.session) return show(quiet(t("loading")));
  if (state.session.isOver) return show(quiet(t("reload")));
  let home;
  try {
    home = await call("GET", "home");
  } catch {
    home = null;
  }
  if (number !== loads) return; // somebody else looks at it now
  if (!home) return showFailure(load);
  state.home = home;
  showHome();
}

function showFailure(again) {
  say(t("failed"));
  show(quiet(t("failed")), button(t("retry"), again));
}

function showHome() {
  if (isMember()) showMember();
  else showGuest();
}

// --- Guests ---------------------------------------------------------------------------------------

function showGuest() {
  show(
    el("section", { class: "hero" },
      el("h2", {}, t("guest_title")),
      el("p", {}, t("guest_text")),
      el("div", { class: "row" },
        link(state.registerUrl, t("join"), "button"),
        link(state.loginUrl, t("sign_in"), "button plain"))),
    has("earn") && waysToEarn(),
    has("rewards") && el("section", {}, el("h2", {}, t("rewards")), rewardList()));
}

// The shop's own page takes over: the panel is inside of it.
function link(address, text, css) {
  const href = webAddress(address);
  return href && el("a", { href, class: css, target: "_top" }, text);
}

// --- Members --------------------------------------------------------------------------------------

function showMember() {
  const tabs = ["earn", "rewards", "codes", "history"].filter(has);
  if (!tabs.includes(state.tab)) state.tab = tabs[0];
  show(balance(), tabs.length > 1 && navigation(tabs), el("div", { id: "view" }));
  if (state.tab) VIEWS[state.tab](document.getElementById("view"));
}

function balance() {
  const member = state.home.member;
  if (!member || member.state === "guest") {
    return el("section", { class: "hero" }, el("h2", {}, t("join_member")), el("p", {}, t("guest_text")),
      may("profile") && button(t("join"), join));
  }
  return el("section", { class: "hero" },
    el("h2", { class: "label" }, t("balance")),
    el("p", { class: "figure" }, el("strong", { id: "balance" }, member.balance), " ", member.unit),
    member.pending && el("p", {}, t("pending", { points: member.pending })),
    member.state === "blocked" ? el("p", {}, t("blocked")) : member.is_debt ? el("p", {}, t("debt")) : nextReward());
}

// The reward in reach, or the one that is nearest.
function nextReward() {
  const takeable = state.home.rewards.filter((reward) => !reward.refusal);
  if (takeable.length) return el("p", {}, t("can_take", { reward: takeable.at(-1).name }));
  const nearest = state.home.rewards.filter((reward) => reward.refusal === "insufficient_points").sort((one, other) => other.share - one.share)[0];
  if (!nearest) return null;
  const text = t("next_reward", { points: nearest.missing, reward: nearest.name });
  return [el("p", { id: "next" }, text), el("progress", { max: "100", value: nearest.share, "aria-label": text })];
}

async function join() {
  try {
    await call("POST", "join", {});
    await load();
  } catch {
    showFailure(load);
  }
}

function navigation(tabs) {
  return el("nav", { "aria-label": t("title") }, tabs.map((tab) =>
    el("button", { id: `tab-${tab}`, type: "button", "aria-current": tab === state.tab && "page", onclick: () => { state.tab = tab; showMember(); } }, t(tab === "earn" ? "tab_earn" : tab))));
}

const VIEWS = {
  earn(view) {
    view.append(waysToEarn());
    if (has("birthday") && state.home.member) view.append(birthday());
  },
  rewards: (view) => view.append(rewardList()),
  codes: (view) => fill(view, "codes", showCodes),
  history: (view) => fill(view, "history", (into, told) => into.replaceChildren(historyList(told))),
};

async function fill(view, name, into) {
  view.replaceChildren(quiet(t("loading")));
  try {
    into(view, await call("GET", name)); // a view that was left meanwhile is no part of the page
  } catch {
    view.replaceChildren(quiet(t("failed")), button(t("retry"), () => fill(view, name, into)));
  }
}

// --- Ways to earn ---------------------------------------------------------------------------------

function waysToEarn() {
  const ways = state.home.earn;
  return el("section", {}, !isMember() && el("h2", {}, t("earn")),
    ways.length ? el("ul", {}, ways.map(wayToEarn)) : quiet(t("earn_empty")));
}

function wayToEarn(way) {
  return el("li", { class: way.is_done ? "card done" : "card" },
    el("span", { class: "glyph" }, icon(way.icon)),
    el("div", { class: "grow" }, el("strong", {}, way.name), way.text && el("p", {}, way.text), isMember() && left(way),
      isMember() && !way.is_done && link(way.url, t("open"), "")),
    el("span", { class: "worth" }, way.gives));
}

function left(way) {
  if (!way.period) return null;
  const period = t(`period_${way.period}`);
  return el("p", {}, way.is_done ? t("done", { period }) : t("left", { left: way.left, limit: way.limit, period }));
}

// --- Birthday -------------------------------------------------------------------------------------

function birthday() {
  const known = state.home.member.birthday;
  if (known) return el("section", {}, quiet(t("birthday_known", { date: known })));
  if (!may("profile")) return "";
  const number = (name, length) =>
    el("label", {}, t(`birthday_${name}`), el("input", { name, type: "text", inputmode: "numeric", required: true, maxlength: length, autocomplete: `bday-${name}` }));
  const parts = { day: number("day", 2), month: number("month", 2), year: number("year", 4) };
  const order = settings.birthday_order === "mdy" ? ["month", "day", "year"] : ["day", "month", "year"];
  return el("section", {}, el("form", { id: "birthday", class: "card", novalidate: true, onsubmit: saveBirthday },
    el("div", { class: "grow" }, el("h2", {}, t("birthday")), el("p", {}, t("birthday_text")),
      el("div", { class: "row" }, order.map((name) => parts[name])),
      el("p", { id: "birthday-error", class: "error", role: "alert" }),
      el("button", { class: "button" }, t("birthday_save")))));
}

async function saveBirthday(event) {
  event.preventDefault();
  const entered = Object.fromEntries(["day", "month", "year"].map((name) => [name, Number(event.target.elements[name].value)]));
  const { day, month, year } = entered;
  const date = new Date(year, month - 1, day); // 30 February becomes 2 March here
  try {
    if (date.getFullYear() !== year || date.getMonth() !== month - 1 || date.getDate() !== day || date > new Date()) throw new RangeError("no date");
    const told = await call("POST", "birthday", entered);
    state.home.member.birthday = told.birthday;
    say(t("birthday_saved"));
    showMember();
  } catch {
    document.getElementById("birthday-error").textContent = t("birthday_wrong");
  }
}

// --- Rewards --------------------------------------------------------------------------------------

function rewardList() {
  const rewards = state.home.rewards;
  return rewards.length ? el("ul", {}, rewards.map(rewardCard)) : quiet(t("rewards_empty"));
}

function rewardCard(reward) {
  return el("li", { class: "card" },
    reward.image ? el("img", { src: reward.image, alt: "", width: "48", height: "48" }) : el("span", { class: "glyph" }, icon(reward.icon)),
    el("div", { class: "grow" }, el("strong", {}, reward.name), reward.text && el("p", {}, reward.text),
      el("p", {}, reward.cost), reward.minimum_order && el("p", {}, t("minimum_order", { amount: reward.minimum_order })),
      reward.refusal === "insufficient_points" && el("progress", { max: "100", value: reward.share, "aria-label": t("needs", { points: reward.missing }) })),
    action(reward));
}

// What stands beside a reward: the button, or why there is none.
function action(reward) {
  const why = { insufficient_points: t("needs", { points: reward.missing }), out_of_codes: t("sold_out"), limit_reached: t("limit_reached"), blocked: t("blocked"), not_enrolled: t("join_member") };
  if (!isMember()) return null;
  if (reward.refusal) return el("span", { class: "why" }, why[reward.refusal] || "");
  if (!may("redeem")) return el("span", { class: "why" }, t("read_only"));
  return button(t("take"), () => askFirst(reward), { "aria-label": `${t("take")}: ${reward.name}` });
}

function askFirst(reward) {
  const chosen = { multiplier: 1, gives: reward.gives, cost: reward.cost, ...reward.choices[0] };
  const text = el("p", { id: "price" });
  const price = () => { text.textContent = t("confirm_text", { points: chosen.cost, balance: state.home.member.balance_text }); };
  const select = el("select", { id: "amount", onchange: (event) => { Object.assign(chosen, reward.choices[event.target.selectedIndex]); price(); } },
    reward.choices.map((choice) => el("option", {}, `${choice.gives} (${choice.cost})`)));
  const callId = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  price();
  show(el("section", { class: "ask" },
    el("h2", { id: "ask", tabindex: "-1" }, t("confirm_title", { reward: reward.name })),
    reward.choices.length ? el("label", {}, t("choose"), select) : quiet(reward.gives), text,
    el("p", { id: "refusal", class: "error", role: "alert" }),
    el("div", { class: "row" },
      button(t("confirm"), (event) => take(reward, chosen, callId, event.currentTarget), { id: "confirm" }),
      button(t("cancel"), showHome, { class: "button plain" }))));
  document.getElementById("ask").focus();
}

async function take(reward, chosen, callId, pressed) {
  pressed.disabled = true; // pressed twice it is the same call, and takes points once
  let taken;
  try {
    taken = await call("POST", "redeem", { reward_id: reward.id, multiplier: chosen.multiplier, call_id: callId });
  } catch (error) {
    const refusal = document.getElementById("refusal");
    if (refusal) refusal.textContent = { daily_limit: t("daily_limit"), out_of_codes: t("sold_out"), limit_reached: t("limit_reached") }[error.code] || t("failed");
    pressed.disabled = false;
    return;
  }
  if (taken.coupon_code) tellPage({ type: "redeemed", coupon_code: taken.coupon_code, redemption_id: taken.redemption_id, reward_id: taken.reward_id });
  showTaken(taken);
}

function showTaken(taken) {
  show(el("section", { class: "ask" },
    el("h2", { id: "taken", tabindex: "-1" }, t("taken_title", { reward: taken.reward })),
    taken.coupon_code ? [el("p", {}, t("taken_text")), code(taken.coupon_code)] : el("p", {}, taken.thanks || t("taken_custom")),
    taken.until && quiet(t("until", { date: taken.until })),
    button(t("back"), load, { class: "button plain" })));
  document.getElementById("taken").focus();
}

// --- Codes ----------------------------------------------------------------------------------------

function code(text) {
  const copy = button(t("copy"), () => copyText(text, copy), { class: "button small" });
  return el("div", { class: "code" }, el("code", { tabindex: "0" }, text), copy);
}

async function copyText(text, pressed) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    pressed.focus();
  }
  pressed.textContent = t("copied");
  say(t("copied"));
  setTimeout(() => { pressed.textContent = t("copy"); }, 2000);
}

function showCodes(view, taken) {
  view.replaceChildren(taken.length ? el("ul", {}, taken.map(codeCard)) : quiet(t("codes_empty")));
}

function codeCard(taken) {
  const isReady = taken.state === "issued";
  return el("li", { class: isReady ? "card" : "card done" }, el("div", { class: "grow" },
    el("div", { class: "row spread" }, el("strong", {}, taken.reward), el("span", { class: "state" }, t(`state_${taken.state}`))),
    el("p", {}, `${taken.taken} · ${taken.points}`),
    isReady && taken.until && el("p", {}, t("until", { date: taken.until })),
    isReady && taken.coupon_code && code(taken.coupon_code),
    isReady && taken.is_hidden && el("p", {}, t("codes_hidden"))));
}

// --- History --------------------------------------------------------------------------------------

function historyList(told) {
  if (!told.lines.length) return quiet(t("history_empty"));
  const list = el("ul", { class: "lines" }, told.lines.map(historyLine));
  const more = button(t("more"), async () => {
    more.disabled = true;
    const next = await call("GET", `history?before=${told.before}`).catch(() => null);
    more.disabled = false;
    if (!next) return say(t("failed"));
    list.append(...next.lines.map(historyLine));
    told.before = next.before;
    if (!told.before) more.remove();
  }, { class: "button plain" });
  return el("section", {}, list, told.before && more);
}

function historyLine(line) {
  return el("li", {},
    el("div", { class: "grow" }, el("strong", {}, line.what), line.why && el("p", {}, line.why), el("p", {}, line.on)),
    el("span", { class: line.is_plus ? "worth plus" : "worth" }, line.points, line.is_waiting && el("small", {}, t("waiting"))));
}

// --- Keyboard: Esc closes, Tab stays inside ---------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return tellPage({ type: "close" });
  if (event.key !== "Tab") return;
  const all = [...panel.querySelectorAll("button:not([disabled]), a[href], input, select, code[tabindex]")];
  const [first, last] = [all[0], all.at(-1)];
  const isOutside = !panel.contains(document.activeElement) || document.activeElement === document.body;
  if (!first) return;
  if (event.shiftKey && (isOutside || document.activeElement === first || document.activeElement.id === "title")) {
    event.preventDefault();
    last.focus();
  } else if (!event.shiftKey && (isOutside || document.activeElement === last)) {
    event.preventDefault();
    first.focus();
  }
});

dress(settings.look);
