// The live page. It talks to this appliance only, and takes nothing from anywhere else.

const $ = id => document.getElementById(id)
const clock = new Intl.DateTimeFormat(undefined, {timeStyle: "medium"})
const date = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"})
const percent = share => `${Math.round(100 * share)} %`
const VALUES = [..."0123456789"]
const NO_DIGIT = "not a digit"

// The link's token has become a cookie: it need not stand in the address, nor in the history.
if (location.search) history.replaceState(null, "", location.pathname + location.hash)

// --- Asking the appliance ---------------------------------------------------

async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : {"Content-Type": "application/json"},
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const json = answer.headers.get("Content-Type") === "application/json" ? await answer.json() : null
  if (!answer.ok) throw new Error(json?.error ?? (await answer.text().catch(() => answer.statusText)))
  return json
}

function say(text) {
  $("banner").textContent = text
  $("banner").hidden = !text
}

async function trying(work) {
  try {
    await work()
    return true
  } catch (error) {
    say(error.message)
    setTimeout(() => say(""), 8000)
    return false
  }
}

// --- The connection: there while somebody looks, and back by itself ---------

let socket = null
let pause = 500
let retry = 0
let latest = null

function connect() {
  clearTimeout(retry)
  if (socket) {
    socket.onclose = null
    socket.close()
    socket = null
  }
  if (document.hidden || !["live", "aim"].includes(view())) return
  const scheme = location.protocol === "https:" ? "wss" : "ws"
  socket = new WebSocket(`${scheme}://${location.host}/api/live${view() === "aim" ? "?aim=1" : ""}`)
  socket.binaryType = "blob"
  socket.onopen = () => { pause = 500; say("") }
  socket.onmessage = event => (typeof event.data === "string" ? show(JSON.parse(event.data)) : draw(event.data))
  socket.onclose = lost
}

async function lost() {
  socket = null
  const answer = await fetch("/api/health").catch(() => null)
  say(answer?.status === 401
    ? "Open this page by its link again: sudo digit-appliance url shows it."
    : "No connection to the appliance; trying again …")
  retry = setTimeout(connect, pause)
  pause = Math.min(2 * pause, 8000)
}

document.addEventListener("visibilitychange", connect)

// --- Picture and boxes ------------------------------------------------------

let drawing = false

async function draw(blob) {
  const state = latest
  if (drawing) return // a slow machine leaves pictures out
  drawing = true
  try {
    const bitmap = await createImageBitmap(blob)
    const canvas = $("canvas")
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width
      canvas.height = bitmap.height
    }
    canvas.getContext("2d").drawImage(bitmap, 0, 0)
    bitmap.close()
    canvas.dataset.frame = state.frame
    drawBoxes(state)
  } finally {
    drawing = false
  }
}

function svg(name, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  element.textContent = text
  return element
}

function rectangle([x, y, width, height], kind) {
  return svg("rect", {x: x - 4, y: y - 4, width: width + 8, height: height + 8, class: kind})
}

function drawBoxes(state) {
  const [width, height] = state.size
  const overlay = $("overlay")
  overlay.setAttribute("viewBox", `0 0 ${width} ${height}`)
  const parts = []
  if (view() === "aim") {
    const margin = 0.15
    parts.push(rectangle([margin * width, margin * height, (1 - 2 * margin) * width, (1 - 2 * margin) * height], "paper"))
  }
  if ($("others").open && view() === "live") parts.push(...state.passed_over.map(one => rectangle(one.box, "passed")))
  for (const digit of state.digits) {
    const size = Math.max(height / 16, digit.box[3] / 4)
    parts.push(rectangle(digit.box, "read"))
    parts.push(svg("text", {x: digit.box[0], y: Math.max(size, digit.box[1] - size / 3), "font-size": size}, digit.value))
  }
  overlay.replaceChildren(...parts)
}

// --- The reading, as the display shows it -----------------------------------

const SEGMENTS = {
  a: "M22 10H58", b: "M70 22V58", c: "M70 82V118", d: "M22 130H58", e: "M10 82V118", f: "M10 22V58", g: "M22 70H58",
}
const LIT = ["abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg"]
let displayed = null

function display(text) {
  if (text === displayed) return
  displayed = text
  const cells = text ? [...text] : [" "]
  $("segments").setAttribute("viewBox", `-12 0 ${104 * cells.length} 140`)
  $("segments").replaceChildren(...cells.map((cell, index) => {
    const group = svg("g", {transform: `translate(${104 * index} 0) skewX(-4)`})
    const lit = cell === "C" ? "adef" : LIT[cell] ?? ""
    for (const [name, path] of Object.entries(SEGMENTS)) group.append(svg("path", {d: path, class: lit.includes(name) ? "lit" : ""}))
    return group
  }))
}

// --- Digits, with a way to put them right -----------------------------------

function paint(canvas, crop) {
  const context = canvas.getContext("2d")
  const image = context.createImageData(28, 28)
  const gray = atob(crop)
  for (let index = 0; index < 784; index++) {
    image.data.fill(gray.charCodeAt(index), 4 * index, 4 * index + 3)
    image.data[4 * index + 3] = 255
  }
  context.putImageData(image, 0, 0)
}

function newCard() {
  const card = $("digit").content.firstElementChild.cloneNode(true)
  card.querySelector(".bars").append(...VALUES.map(value => {
    const item = document.createElement("li")
    item.append(document.createElement("i"), value)
    return item
  }))
  card.querySelector("button").onclick = () => putRight(card.state)
  return card
}

/** Shows digits in as many cards, which stay the same elements, so that a focused button stays focused. */
function fill(place, digits, frame, offset, wrong) {
  while (place.children.length > digits.length) place.lastElementChild.remove()
  while (place.children.length < digits.length) place.append(newCard())
  digits.forEach((digit, index) => {
    const card = place.children[index]
    card.state = {frame, place: offset + index, crop: digit.crop, value: digit.value, read: !offset}
    paint(card.querySelector("canvas"), digit.crop)
    card.querySelector("canvas").setAttribute("aria-label", `28 by 28 pixels that look like a ${digit.value}`)
    card.querySelector("b").textContent = digit.value
    card.querySelector("span").textContent = percent(digit.confidence)
    card.querySelectorAll(".bars li").forEach((item, value) => {
      item.classList.toggle("best", value === digit.value)
      item.firstChild.style.height = `${78 * digit.probabilities[value]}%`
    })
    const button = card.querySelector("button")
    button.textContent = wrong
    button.setAttribute("aria-label", `${wrong}: ${digit.value}`)
  })
}

// --- Everything that one message brings -------------------------------------

let changes = []

function show(state) {
  latest = state
  const away = !state.frame
  $("away").hidden = !away
  $("away").textContent = away ? state.fault : ""
  if (away) $("overlay").replaceChildren()
  $("caption").textContent = state.name
  showReading(state)
  if (view() === "live") {
    const read = state.digits.length
    fill($("read"), state.digits, state.frame, 0, "That’s wrong")
    $("none").hidden = read > 0
    $("count").textContent = state.passed_over.length ? `(${state.passed_over.length})` : ""
    fill($("passed"), $("others").open ? state.passed_over : [], state.frame, read, "It is a digit")
  }
  if (state.aim) showAim(state.aim)
  showFacts(state)
  if (!changes.length || state.changes.at(-1)?.time !== changes.at(-1)?.time) remember(state.changes)
  drawStrip(state)
}

function showReading(state) {
  const {text, confidence} = state
  display(state.frame ? text : "C")
  const said = !state.frame ? `No picture: ${state.fault}` : text ? `Reads ${text}` : "Reads nothing"
  if ($("said").textContent !== said) $("said").textContent = said
  $("confidence").value = confidence
  $("percent").textContent = text ? `${percent(confidence)} sure` : "nothing"
  document.title = text ? `${text} – Digit appliance` : "Digit appliance"
}

function showFacts({health, temperature}) {
  const milliseconds = spread => (spread ? `${Math.round(spread.median)} ms` : "–")
  $("fps").textContent = health.fps.toFixed(1)
  $("read-ms").textContent = milliseconds(health.read_ms)
  $("light-ms").textContent = milliseconds(health.light_ms)
  $("temperature").textContent = temperature === null ? "not measured" : `${Math.round(temperature)} °C`
  $("frames").textContent = health.frames.toLocaleString()
  $("uptime").textContent = duration(health.time - health.since)
  const {network, sha256, installed} = health.weights
  $("weights").textContent = `${network} ${sha256.slice(0, 12)}${installed ? `, installation ${installed}` : ""}`
  $("source").textContent = health.source
  $("broker").hidden = health.mqtt === null
  $("mqtt").textContent = health.mqtt
}

function duration(seconds) {
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1) return `${Math.floor(seconds)} s`
  if (minutes < 60) return `${minutes} min`
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 1440)} days`
}

// --- The last minute --------------------------------------------------------

const MINUTE = 60

function remember(news) {
  const known = changes.at(-1)?.time ?? 0
  changes = [...changes, ...news.filter(change => change.time > known)].slice(-200)
  $("changes").replaceChildren(...changes.slice(-14).reverse().map(change => {
    const item = document.createElement("li")
    const text = document.createElement("b")
    text.textContent = change.text || "nothing"
    item.append(text, clock.format(1000 * change.time))
    return item
  }))
}

function drawStrip({health: {time}}) {
  const start = time - MINUTE
  const spans = changes.map((change, index) => ({...change, until: changes[index + 1]?.time ?? time}))
  $("strip").replaceChildren(...spans.filter(span => span.text && span.until > start).map(span => {
    const block = document.createElement("span")
    const left = Math.max(0, (span.time - start) / MINUTE)
    block.style.left = `${100 * left}%`
    block.style.width = `${100 * Math.min(1, (span.until - start) / MINUTE) - 100 * left}%`
    block.textContent = span.text
    block.title = `${span.text}, ${percent(span.confidence)} sure`
    return block
  }))
}

// --- Aim --------------------------------------------------------------------

let best = 0

function showAim(aim) {
  if ($("advice").textContent !== aim.advice) $("advice").textContent = aim.advice
  for (const name of ["sharpness", "brightness", "contrast", "glare"]) {
    $(name).value = aim[name]
    $(`${name}-value`).textContent = percent(aim[name])
  }
  best = Math.max(best, aim.sharpness)
  $("best").hidden = !best
  $("best").style.left = `${100 * best}%`
}

$("forget").onclick = () => { best = 0 }

// --- "That's wrong" ---------------------------------------------------------

$("keys").append(...VALUES.map(value => {
  const button = document.createElement("button")
  Object.assign(button, {type: "submit", value, textContent: value})
  return button
}))

$("ask").addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (VALUES.includes(event.key)) $("ask").close(event.key)
  if (event.key.toLowerCase() === "n") $("ask").close("none")
})

/** Asks for the right value; null for none, undefined if there is no answer. */
function question(title, crop) {
  $("question").textContent = title
  paint($("asked"), crop)
  $("ask").returnValue = "cancel"
  $("ask").showModal()
  return new Promise(resolve => {
    $("ask").onclose = () => {
      const answer = $("ask").returnValue
      resolve(answer === "none" ? null : VALUES.includes(answer) ? Number(answer) : undefined)
    }
  })
}

/** Keeps the digit at once, before its frame is gone, and then asks what it is. */
async function putRight({frame, place, crop, value, read}) {
  await trying(async () => {
    const {id} = await ask("POST", "/api/corrections", {frame, place})
    const right = await question(read ? `This was read as ${value}. What is it?` : "What is it?", crop)
    if (right === undefined) await ask("DELETE", `/api/corrections/${id}`)
    else await ask("PUT", `/api/corrections/${id}`, {value: right})
    await loadCorrections()
  })
}

// --- Corrections ------------------------------------------------------------

async function loadCorrections() {
  const collection = await ask("GET", "/api/corrections")
  $("waiting").hidden = !collection.waiting
  $("waiting").textContent = collection.waiting
  $("enough").textContent = collection.advice
  const most = Math.max(...collection.counts, 1)
  $("counts").replaceChildren(...collection.counts.map((count, value) => {
    const item = document.createElement("li")
    const bar = document.createElement("i")
    bar.style.height = `${(66 * count) / most}%`
    const name = document.createElement("small")
    name.textContent = value < 10 ? value : "none"
    item.append(count, bar, name)
    return item
  }))
  const total = collection.counts.reduce((sum, count) => sum + count, 0)
  $("export").hidden = !total
  $("no-corrections").hidden = collection.corrections.length > 0
  const sorted = [...collection.corrections].sort((one, other) => other.waits - one.waits)
  $("list").replaceChildren(...sorted.map(listed))
}

function listed(one) {
  const item = $("correction").content.firstElementChild.cloneNode(true)
  const place = `/api/corrections/${one.id}`
  const named = value => (value === null ? NO_DIGIT : value)
  item.classList.toggle("waits", one.waits)
  item.dataset.id = one.id
  item.querySelector("img").src = `${place}/crop.png`
  item.querySelector(".what").textContent =
    `${one.read === null ? "Not read" : `Read as ${one.read}`}, ${one.waits ? "and what is it?" : `is ${named(one.value)}`}`
  item.querySelector(".when").textContent = date.format(1000 * one.time)
  item.querySelector("a").href = `${place}/frame.jpg`
  const choice = item.querySelector("select")
  if (one.waits) choice.add(new Option("choose …", ""))
  for (const value of [...VALUES, NO_DIGIT]) choice.add(new Option(value, value))
  choice.value = one.waits ? "" : String(named(one.value))
  choice.onchange = () => trying(async () => {
    await ask("PUT", place, {value: choice.value === NO_DIGIT ? null : Number(choice.value)})
    await loadCorrections()
  })
  item.querySelector(".delete").onclick = () => trying(async () => {
    await ask("DELETE", place)
    await loadCorrections()
    $("main").focus()
  })
  return item
}

// --- Set-up -----------------------------------------------------------------

let original = ""

function showSetup(setup, keepText = false) {
  $("path").textContent = setup.file
  if (!keepText) $("text").value = original = setup.text
  $("refused").hidden = $("broken").hidden = setup.refused === null
  $("refused").textContent = setup.refused && `The file is not in use, for it has a mistake: ${setup.refused}`
  $("in-use").replaceChildren(...setup.in_use.map(({key, value, default: usual}) => {
    const row = document.createElement("tr")
    row.classList.toggle("changed", value !== usual)
    for (const text of [key, value, usual]) row.insertCell().textContent = text
    return row
  }))
  $("no-kept").hidden = setup.kept.length > 0
  $("kept").replaceChildren(...setup.kept.map((name, index) => {
    const item = document.createElement("li")
    const when = name.replace(/(....)(..)(..)T(..)(..)(..)/, "$1-$2-$3T$4:$5:$6Z")
    const look = document.createElement("button")
    const back = document.createElement("button")
    Object.assign(look, {type: "button", className: "plain", textContent: "Look at it", onclick: () => lookAt(name)})
    Object.assign(back, {type: "button", className: "plain", textContent: "Bring it back", onclick: () => change("POST", `/api/configuration/kept/${name}`)})
    item.append(`since ${date.format(new Date(when))}`, look, ...(index || setup.refused ? [back] : ["(in use)"]))
    return item
  }))
}

async function change(method, path, body) {
  $("saved").className = ""
  $("saved").textContent = "Checking …"
  try {
    const setup = await ask(method, path, body)
    showSetup(setup)
    $("saved").className = setup.refused ? "bad" : ""
    $("saved").textContent = setup.refused ? "Saved, but not taken over: see above." : "Saved, and in use."
  } catch (error) {
    $("saved").className = "bad"
    $("saved").textContent = error.message
  }
}

async function lookAt(name) {
  await trying(async () => {
    $("text").value = (await ask("GET", `/api/configuration/kept/${name}`)).text
    $("text").focus()
    $("saved").textContent = "This is how it was; it is not saved yet."
  })
}

async function loadSetup(anew = false) {
  const setup = await ask("GET", "/api/configuration")
  showSetup(setup, !anew && $("text").value !== original)
}
$("reload").onclick = () => trying(async () => { await loadSetup(true); $("saved").textContent = "" })
$("file").onsubmit = event => {
  event.preventDefault()
  change("PUT", "/api/configuration", {text: $("text").value})
}
addEventListener("beforeunload", event => { if ($("text").value !== original) event.preventDefault() })

// --- Views ------------------------------------------------------------------

const TITLES = {live: "Live", aim: "Aim", corrections: "Corrections", setup: "Set-up"}

function view() {
  const name = location.hash.slice(1)
  return name in TITLES ? name : "live"
}

function turn() {
  if (location.hash === "#main") return
  const name = view()
  document.body.dataset.view = name
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page")
    else link.removeAttribute("aria-current")
  }
  $("see").hidden = !["live", "aim"].includes(name)
  $("put-right").hidden = name !== "corrections"
  $("set-up").hidden = name !== "setup"
  $("heading").textContent = TITLES[name]
  if (name === "aim") best = 0
  if (name === "corrections") trying(loadCorrections)
  if (name === "setup" && $("text").value === original) trying(loadSetup)
  scrollTo(0, 0)
  connect()
}

addEventListener("hashchange", turn)
display("")
turn()
trying(async () => {
  await loadCorrections()
  await loadSetup()
  remember(await ask("GET", "/api/history"))
})
