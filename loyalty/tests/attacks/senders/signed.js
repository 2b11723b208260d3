// Signs bodies as a Node shop does, one a line: node signed.js NUMBER > signed_by_node.txt
const { createHmac } = require("crypto");

const TEXTS = ["Zoë", "a/b", "\\", "\"quoted\"", "<b>&</b>", "😀", "\u2028", "\u007f", "\t", "", "日本", "{[,:]}", "O'Neil"];
let seed = 1;
const chance = (below) => (seed = (seed * 48271) % 2147483647) % below;
const text = () => Array.from({ length: chance(4) }, () => TEXTS[chance(TEXTS.length)]).join("");
const amount = () => [chance(1e6) / 100, chance(1e6), (chance(1e6) / 100).toFixed(2), chance(1e6) / 3, 1e21, 1.5e-7, null][chance(7)];
const value = (depth) => depth && chance(2)
    ? [[value(depth - 1), text()], { [`k${text()}`]: value(depth - 1), z: amount() }, [], {}][chance(4)]
    : [text(), amount(), true, false, null][chance(5)];

for (let left = Number(process.argv[2]); left > 0; left--) {
    const members = { id: String(chance(1e9)), total_price: amount(), customer: { id: chance(1e6), first_name: text() }, more: value(3), key: "dummy-key" };
    const sorted = Object.fromEntries(Object.entries(members).sort(([one], [other]) => (one < other ? -1 : 1)));
    const hmac = createHmac("sha256", "dummy-secret").update(JSON.stringify(sorted)).digest("base64");
    console.log(JSON.stringify({ ...(chance(2) ? sorted : members), hmac }));
}
