"use strict";
// The page around the verifier. It reads what it is given, hands it to the module and shows what the
// module answers. It judges nothing, keeps nothing, and opens no connection.

const MODULE = "{{module}}";
const PIECE = 1 << 20;
const PACK_MOST = 80 << 20;
const DIGESTS = 72;
const GENESIS_MAGIC = "linligen";

const WORDS = {
  zh: {
    consistent: "核验一致", inconsistent: "核验不一致", unseen: "未核验",
    waiting: "等待材料", working: "正在核验……", reading: "正在读取",
    needPack: "请给出证据包（.linli 文件）", needGenesis: "请给出该链的创世文件",
    goodWhy: "证据包、文件与账本逐层相符，直至创世文件。",
    unchanged: "上链后未改", before: "上链前真实性", yes: "是，未改动",
    corroborated: "账本不证明；有他方佐证", open: "账本不证明，须另行判断",
    warnings: "提醒", notProved: "账本不证明什么", interests: "节点与利害关系（平台自述）",
    filing: "备案号", layerAt: "不一致之处", remove: "移除",
    broken: "核验程序未能完成：请更新浏览器，或改用命令行 linli verify。",
    tooLarge: "证据包过大，请改用命令行 linli verify。",
    unreadable: "无法读取文件", bytes: "字节", took: "用时", ms: "毫秒",
  },
  en: {
    consistent: "Consistent", inconsistent: "Not consistent", unseen: "Not checked",
    waiting: "Waiting for the rest", working: "Verifying …", reading: "Reading",
    needPack: "Please give the pack (a .linli file)", needGenesis: "Please give the chain's genesis file",
    goodWhy: "Pack, files and ledger fit together layer by layer, down to the genesis.",
    unchanged: "Unchanged since anchoring", before: "Corroborated before anchoring", yes: "Yes, unchanged",
    corroborated: "Not proved by the ledger; confirmed by others", open: "Not proved by the ledger: to be judged otherwise",
    warnings: "Please note", notProved: "What the ledger does not prove", interests: "Nodes and interests (the platform's own words)",
    filing: "Filing number", layerAt: "What does not fit", remove: "remove",
    broken: "The verifier could not finish: update the browser, or use `linli verify`.",
    tooLarge: "The pack is too large for a browser: use `linli verify`.",
    unreadable: "This file cannot be read", bytes: "bytes", took: "took", ms: "ms",
  },
};

const find = (id) => document.getElementById(id);
const given = { pack: null, genesis: null, files: [] };
let lang = (navigator.language || "zh").toLowerCase().startsWith("en") ? "en" : "zh";
let shown = { state: "idle" };
// What is read last wins: an older answer never overwrites a newer one.
let turn = 0;

const module = WebAssembly.compile(Uint8Array.from(atob(MODULE), (c) => c.charCodeAt(0)));
const instance = async () => (await WebAssembly.instantiate(await module, {})).exports;

// --- the module ------------------------------------------------------------------------------------

function put(wasm, bytes) {
  const place = wasm.alloc(bytes.length);
  new Uint8Array(wasm.memory.buffer, place, bytes.length).set(bytes);
  return place;
}

// Reads a file in pieces: its size does not matter to memory.
async function digest(file, tell) {
  const wasm = await instance();
  const [handle, place] = [wasm.hasher(), wasm.alloc(PIECE)];
  for (let at = 0; at < file.size; at += PIECE) {
    const piece = new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer());
    new Uint8Array(wasm.memory.buffer, place, piece.length).set(piece);
    wasm.update(handle, place, piece.length);
    tell(file, Math.min(1, (at + piece.length) / file.size));
  }
  const out = wasm.alloc(DIGESTS);
  wasm.finish(handle, out);
  return new Uint8Array(wasm.memory.buffer, out, DIGESTS).slice();
}

function listed(files) {
  const parts = files.map(({ file, digests }) => {
    const name = new TextEncoder().encode(file.name);
    const part = new Uint8Array(4 + name.length + DIGESTS);
    new DataView(part.buffer).setUint32(0, name.length, true);
    part.set(name, 4);
    part.set(digests, 4 + name.length);
    return part;
  });
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

async function examine(pack, files, genesis) {
  const wasm = await instance();
  const [p, f, g] = [pack, files, genesis].map((bytes) => put(wasm, bytes));
  const started = performance.now();
  const place = wasm.verify(p, pack.length, f, files.length, g, genesis.length);
  const took = performance.now() - started;
  const length = new DataView(wasm.memory.buffer).getUint32(place, true);
  const json = new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, place + 4, length));
  return { verdict: JSON.parse(json), took };
}

// --- what is given ---------------------------------------------------------------------------------

async function begins(file, text) {
  const bytes = new Uint8Array(await file.slice(0, text.length).arrayBuffer());
  return String.fromCharCode(...bytes) === text;
}

// A pack by its ending, a genesis by its first bytes; anything else is a file to be proved.
async function sort(files) {
  for (const file of files) {
    if (file.name.toLowerCase().endsWith(".linli")) given.pack = file;
    else if (await begins(file, GENESIS_MAGIC)) given.genesis = file;
    else add(file);
  }
  await check();
}

function add(file) {
  given.files = given.files.filter((one) => one.file.name !== file.name);
  given.files.push({ file, digests: null });
}

async function check() {
  const mine = ++turn;
  const show = (next) => { if (mine === turn) { shown = next; render(); } };
  if (!given.pack && !given.genesis && given.files.length === 0) return show({ state: "idle" });
  if (!given.pack || !given.genesis) {
    return show({ state: "wait", need: given.pack ? "needGenesis" : "needPack" });
  }
  if (given.pack.size > PACK_MOST) return show({ state: "broken", say: "tooLarge" });
  show({ state: "work", part: 0 });
  try {
    const tell = (file, part) => show({ state: "work", part, name: file.name });
    for (const one of given.files) {
      if (!one.digests) one.digests = await digest(one.file, tell);
      if (mine !== turn) return;
    }
    const read = async (file) => new Uint8Array(await file.arrayBuffer());
    const [pack, genesis] = [await read(given.pack), await read(given.genesis)];
    const { verdict, took } = await examine(pack, listed(given.files), genesis);
    show({ state: "done", verdict, took });
  } catch (why) {
    const unreadable = why instanceof DOMException;
    show({ state: "broken", say: unreadable ? "unreadable" : "broken" });
  }
}

// --- what is shown ---------------------------------------------------------------------------------

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function render() {
  const words = WORDS[lang];
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  for (const one of document.querySelectorAll("[data-zh]")) one.textContent = one.dataset[lang];
  for (const one of ["zh", "en"]) find(one).setAttribute("aria-pressed", String(one === lang));
  renderGiven(words);
  const answer = find("answer");
  answer.hidden = shown.state === "idle";
  document.body.dataset.state = shown.state;
  const progress = find("progress");
  progress.hidden = shown.state !== "work";
  progress.value = shown.part || 0;
  for (const id of ["cards", "warnings", "layers", "interests", "not-proved"]) find(id).replaceChildren();
  find("layers-box").hidden = shown.state !== "done";
  find("filing").textContent = "";
  if (shown.state === "done") renderVerdict(words, shown.verdict);
  else renderBanner(words);
}

function renderGiven(words) {
  const size = (file) => `${file.size.toLocaleString(lang)} ${words.bytes}`;
  const entry = (file, tag) => {
    const made = element(tag, "", file.name);
    made.append(element("span", "size", size(file)));
    return made;
  };
  for (const id of ["pack", "genesis"]) {
    find(`${id}-given`).replaceChildren(...(given[id] ? [entry(given[id], "span")] : []));
  }
  find("files-given").replaceChildren(...given.files.map(({ file }) => {
    const made = entry(file, "li");
    const button = element("button", "plain", words.remove);
    button.type = "button";
    button.addEventListener("click", () => {
      given.files = given.files.filter((one) => one.file !== file);
      check();
    });
    made.append(button);
    return made;
  }));
}

function banner(className, mark, title, why) {
  find("answer").className = className;
  find("mark").textContent = mark;
  find("title").textContent = title;
  find("why").textContent = why;
}

function renderBanner(words) {
  if (shown.state === "work") {
    banner("wait", "…", words.working, shown.name ? `${words.reading} ${shown.name}` : "");
  } else if (shown.state === "broken") {
    banner("bad", "!", words.inconsistent, words[shown.say]);
  } else if (shown.state === "wait") {
    banner("wait", "…", words.waiting, words[shown.need]);
  }
}

function renderVerdict(words, verdict) {
  if (verdict.verified) {
    banner("good", "✓", words.consistent, words.goodWhy);
  } else {
    const { failure } = verdict;
    const [said, hint] = [failure[`said_${lang}`], failure[`hint_${lang}`]];
    const layer = verdict.layers.find((one) => one.holds === false);
    const what = lang === "zh" ? `${layer.zh}：${said}。` : `${layer.en}: ${said}.`;
    banner("bad", "✕", words.inconsistent, hint ? `${what}${lang === "zh" ? "" : " "}${hint}` : what);
  }
  find("answer").dataset.took = shown.took.toFixed(1);
  find("layers").replaceChildren(...verdict.layers.map((layer) => renderLayer(words, layer)));
  if (!verdict.unchanged) return;
  find("cards").replaceChildren(
    card("yes", words.unchanged, words.yes, [verdict.unchanged]),
    card("open", words.before, verdict.corroborated_before_anchoring ? words.corroborated : words.open, verdict.before.slice(1)),
  );
  box("warnings", "box warn", words.warnings, verdict.warnings);
  box("interests", "box", words.interests, verdict.interests);
  box("not-proved", "box", words.notProved, verdict.not_proved);
  const platform = verdict.report.platform;
  if (platform) find("filing").textContent = `${platform.name}　${words.filing} ${platform.filing}`;
}

function renderLayer(words, layer) {
  const [className, state] = layer.holds === null ? ["unseen", `– ${words.unseen}`]
    : layer.holds ? ["yes", `✓ ${words.consistent}`] : ["no", `✕ ${words.inconsistent}`];
  const row = element("li", className);
  row.dataset.layer = layer.layer;
  const says = element("div", "says");
  says.append(...layer.says.map((said) => element("p", "", said[lang])));
  row.append(element("span", "name", layer[lang]), element("span", "state", state), says);
  return row;
}

function list(lines) {
  const made = element("ul");
  made.append(...lines.map((line) => element("li", "", line[lang])));
  return made;
}

function card(className, head, big, lines) {
  const made = element("div", `card ${className}`);
  made.append(element("h3", "", head), element("p", "big", big));
  if (lines.length === 1) made.append(element("p", "", lines[0][lang]));
  else made.append(list(lines));
  return made;
}

function box(id, className, head, lines) {
  if (lines.length === 0) return;
  const made = element("div", className);
  made.append(element("h3", "", head), list(lines));
  find(id).replaceChildren(made);
}

// --- hands -----------------------------------------------------------------------------------------

const drop = find("drop");
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.remove("over"); });
}
document.addEventListener("drop", (event) => sort([...event.dataTransfer.files]));

find("pack").addEventListener("change", (event) => { given.pack = event.target.files[0] || null; check(); });
find("genesis").addEventListener("change", (event) => { given.genesis = event.target.files[0] || null; check(); });
find("files").addEventListener("change", (event) => {
  [...event.target.files].forEach(add);
  event.target.value = "";
  check();
});
find("clear").addEventListener("click", () => {
  Object.assign(given, { pack: null, genesis: null, files: [] });
  for (const id of ["pack", "files", "genesis"]) find(id).value = "";
  check();
});
for (const one of ["zh", "en"]) find(one).addEventListener("click", () => { lang = one; render(); });
render();
