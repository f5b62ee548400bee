// Drives the page in a headless Chromium over its debugging pipe, as a person would: files are put into
// its inputs, and what is read is what the page shows.
//
//   node drive.mjs CHROMIUM PROFILE PAGE      commands as lines of JSON on stdin, answers on stdout
//
//   {"give": {"pack": [...], "files": [...], "genesis": [...]}}   -> what is shown, and how long it took
//   {"clear": true}                                               -> the same
//   {"lang": "zh"}                                                -> the same
//   {"fresh": true, "give": {...}}      -> the same of a page loaded anew, and `since`: milliseconds from
//                                          the begin of its loading until the verdict stood there
//   {"shot": FILE, "width": 1200, "height": 900}                  -> {"shot": FILE}

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { writeFileSync } from "node:fs";

const [chromium, profile, page] = process.argv.slice(2);
const browser = spawn(chromium, [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--disable-dev-shm-usage", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank",
], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const [, , , to, from] = browser.stdio;

let last = 0;
const waiting = new Map();
let rest = "";
from.setEncoding("utf8");
from.on("data", (text) => {
  const parts = (rest + text).split("\0");
  rest = parts.pop();
  for (const part of parts) {
    const { id, result, error } = JSON.parse(part);
    const done = waiting.get(id);
    waiting.delete(id);
    if (done) error ? done.reject(new Error(error.message)) : done.resolve(result);
  }
});

function call(method, params = {}, sessionId) {
  const id = ++last;
  to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

const { targetId } = await call("Target.createTarget", { url: page });
const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
const send = (method, params) => call(method, params, sessionId);

async function evaluate(expression) {
  const answer = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  if (answer.exceptionDetails) throw new Error(JSON.stringify(answer.exceptionDetails));
  return answer.result.value;
}

const SETTLED = `new Promise((done) => {
  const look = () => ["idle", "wait", "done", "broken"].includes(document.body?.dataset.state)
    ? done(true) : setTimeout(look, 2);
  look();
})`;

const SHOWN = `(() => {
  const text = (id) => document.getElementById(id).textContent;
  const layers = (of) => [...document.querySelectorAll("#layers li." + of)].map((one) => one.dataset.layer);
  return {
    state: document.body.dataset.state, title: text("title"), why: text("why"), filing: text("filing"),
    held: layers("yes"), broken: layers("no"), unseen: layers("unseen"),
    text: document.querySelector("main").innerText,
    took: Number(document.getElementById("answer").dataset.took || 0),
    outside: performance.getEntriesByType("resource").map((one) => one.name),
  };
})()`;

// The page's own clock begins with its loading.
const SINCE = `new Promise((done) => {
  const look = () => ["done", "broken"].includes(document.body.dataset.state)
    ? done(performance.now()) : setTimeout(look, 1);
  look();
})`;

async function put(name, files) {
  const { result } = await send("Runtime.evaluate", { expression: `document.getElementById("${name}")` });
  await send("DOM.setFileInputFiles", { files, objectId: result.objectId });
}

async function shown() {
  await evaluate(SETTLED);
  return evaluate(SHOWN);
}

async function act(command) {
  if (command.shot) {
    const { width, height } = command;
    await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    const whole = await evaluate("document.documentElement.scrollHeight");
    const clip = { x: 0, y: 0, width, height: Math.max(height, whole), scale: 1 };
    const { data } = await send("Page.captureScreenshot", { clip, captureBeyondViewport: true });
    writeFileSync(command.shot, Buffer.from(data, "base64"));
    return { shot: command.shot };
  }
  if (command.fresh) {
    await evaluate("window.old = true");
    await send("Page.navigate", { url: page });
    await opened();
    for (const [name, files] of Object.entries(command.give)) await put(name, files);
    const since = await evaluate(SINCE);
    return { ...await shown(), since };
  }
  if (command.clear) await evaluate(`document.getElementById("clear").click()`);
  if (command.lang) await evaluate(`document.getElementById("${command.lang}").click()`);
  for (const [name, files] of Object.entries(command.give || {})) await put(name, files);
  return shown();
}

// The page may still replace the empty one that the window opened with.
async function opened() {
  try {
    if (await evaluate("window.old === true")) return opened();
    return await shown();
  } catch (error) {
    if (!/context/i.test(error.message)) throw error;
    return opened();
  }
}

await opened();
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await act(JSON.parse(line))));
}
await call("Browser.close");
