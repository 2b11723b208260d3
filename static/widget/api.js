// The panel's calls, with the token that the page handed over. One that has run out is renewed, and the call made again.

let token = "";
let waiting = []; // calls that wait for a new token

function gotToken(fresh) {
  token = fresh;
  waiting.splice(0).forEach((go) => go());
}

function newToken() {
  return new Promise((resolve, reject) => {
    waiting.push(resolve);
    setTimeout(reject, 8000, new Error("no token"));
    tellPage({ type: "renew" });
  });
}

async function call(method, name, body, isAgain = false) {
  const answer = await fetch(settings.api + name, {
    method,
    credentials: "omit",
    cache: "no-store",
    headers: { Authorization: `Bearer ${token}`, ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  if (answer.status === 401 && !isAgain) {
    await newToken();
    return call(method, name, body, true);
  }
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.message), { code: told.error });
  return told.data;
}
