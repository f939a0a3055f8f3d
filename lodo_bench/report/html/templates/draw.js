// Elements, scales, ticks and numbers. Text enters the page as text nodes only, so that no label becomes markup.

const SVG = "http://www.w3.org/2000/svg";
const DASHES = {
  "solid": "", "dashed": "6 3", "dotted": "1.5 3", "dash-dot": "8 3 1.5 3", "dash-dot-dot": "8 3 1.5 3 1.5 3",
};
const MARKERS = {
  "circle": "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0 -6.8 0z",
  "square": "M-3 -3h6v6h-6z",
  "diamond": "M0 -4.2L4.2 0L0 4.2L-4.2 0z",
  "triangle-up": "M0 -4.2L3.9 3L-3.9 3z",
  "triangle-down": "M0 4.2L3.9 -3L-3.9 -3z",
  "plus": "M-1.3 -4h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7v-2.6h2.7z",
  "star": "M0 -5L1.2 -1.6L4.8 -1.5L1.9 .6L2.9 4L0 2L-2.9 4L-1.9 .6L-4.8 -1.5L-1.2 -1.6z",
};
const CROSS = "M-3.5 -3.5L3.5 3.5M-3.5 3.5L3.5 -3.5";

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function html(name, className = "", ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function inked(element, style) {
  element.classList.add("ink");
  element.style.setProperty("--light", style.light);
  element.style.setProperty("--dark", style.dark);
  return element;
}

// Formats with few digits: plain where that is short, else with a power of ten.
function few(value, digits = 4) {
  if (value === null || !isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e-3 && size < 1e6) return Number(value.toPrecision(digits)).toLocaleString("en-US", {maximumSignificantDigits: digits});
  const [factor, exponent] = value.toExponential(digits - 1).split("e");
  return `${Number(factor)}·10${superscript(Number(exponent))}`;
}

function superscript(exponent) {
  const digits = {"-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹"};
  return [...String(exponent)].map((digit) => digits[digit]).join("");
}

function tickText(value) {
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e5)) return Number(value.toPrecision(12)).toLocaleString("en-US", {maximumFractionDigits: 12});
  const exponent = Math.floor(Math.log10(size) + 1e-9);
  const factor = Number((value / 10 ** exponent).toPrecision(3));
  return (factor === 1 ? "" : `${factor}·`) + `10${superscript(exponent)}`;
}

// Transforms of each kind of scale.
const SCALES = {
  linear: {forward: (v) => v, inverse: (v) => v, has: (v) => isFinite(v)},
  log: {forward: Math.log10, inverse: (v) => 10 ** v, has: (v) => v > 0 && isFinite(v)},
  logit: {
    forward: (v) => Math.log(v) - Math.log1p(-v),
    inverse: (v) => 1 / (1 + Math.exp(-v)),
    has: (v) => v > 0 && v < 1,
  },
};

// Maps the range of the values, with a margin, to pixels from `start` to `end`. Values out of range, and values outside
// of the scale's domain such as 0 on a log scale, map to the edge; with `beyond`, outside of it.
function makeScale(kind, values, start, end, margin = 0.04) {
  const rule = SCALES[kind];
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value === null || !rule.has(value)) continue;
    const place = rule.forward(value);
    if (place < low) low = place;
    if (place > high) high = place;
  }
  if (low > high) [low, high] = [0, 1];
  const room = high > low ? margin * (high - low) : Math.max(Math.abs(low) * 0.1, 0.1);
  [low, high] = [low - room, high + room];
  const placed = (value, least, most) => {
    const share = rule.has(value) ? (rule.forward(value) - low) / (high - low) : value > 0 ? most : least;
    return start + Math.min(Math.max(share, least), most) * (end - start);
  };
  const scale = (value) => placed(value, 0, 1);
  scale.beyond = (value) => placed(value, -1, 2);
  scale.inverse = (pixel) => rule.inverse(low + (pixel - start) / (end - start) * (high - low));
  scale.ticks = (count) => ticks(kind, low, high, count);
  scale.forward = rule.forward;
  scale.has = rule.has;
  return scale;
}

function ticks(kind, low, high, count) {
  if (kind === "log") return logTicks(low, high, count);
  if (kind === "logit") return logitTicks(low, high, count);
  const rough = (high - low) / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * size).find((candidate) => candidate >= rough);
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high; n++) found.push(n * step);
  return found;
}

function logTicks(low, high, count) {
  if (high - low < 0.25) return ticks("linear", 10 ** low, 10 ** high, count);
  const apart = Math.max(1, Math.ceil((high - low) / count));
  const candidates = [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 5], [1]].map((factors) => decadeTicks(low, high, apart, factors));
  return candidates.find((found) => found.length <= 1.4 * count) || candidates[2];
}

function decadeTicks(low, high, apart, factors) {
  const found = [];
  for (let n = Math.floor(low); n <= high; n++) {
    if (n % apart) continue;
    for (const factor of factors) {
      const place = n + Math.log10(factor);
      if (place >= low && place <= high) found.push(factor * 10 ** n);
    }
  }
  return found;
}

function logitTicks(low, high, count) {
  const small = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 0.001, 0.01, 0.1];
  const inside = (list) => list.filter((v) => SCALES.logit.forward(v) >= low && SCALES.logit.forward(v) <= high);
  let found = inside([...small, 0.5, ...small.map((v) => 1 - v).reverse()]);
  if (found.length < 3) found = inside([0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99]);
  const apart = Math.ceil(found.length / count);
  return found.filter((_, index) => index % apart === 0);
}

// Grid lines, tick labels and titles of both axes. `box` is {left, right, top, bottom} in pixels.
function axes(parent, box, x, y, labels) {
  const group = svg("g", {class: "axes"});
  for (const value of y.ticks(Math.max(3, Math.round((box.bottom - box.top) / 36)))) {
    const place = y(value);
    group.append(
      svg("line", {x1: box.left, x2: box.right, y1: place, y2: place}),
      svg("text", {x: box.left - 7, y: place + 4, "text-anchor": "end"}, tickText(value)),
    );
  }
  for (const value of labels.xTicks || x.ticks(Math.max(3, Math.round((box.right - box.left) / 75)))) {
    const place = x(value);
    group.append(
      svg("line", {x1: place, x2: place, y1: box.top, y2: box.bottom}),
      svg("text", {x: place, y: box.bottom + 17, "text-anchor": "middle"}, tickText(value)),
    );
  }
  group.append(svg("line", {class: "edge", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom}));
  if (labels.x) {
    const middle = (box.left + box.right) / 2;
    group.append(svg("text", {class: "title", x: middle, y: box.bottom + 36, "text-anchor": "middle"}, labels.x));
  }
  parent.append(group);
}

// A group that is clipped to the box.
let clips = 0;
function clippedGroup(parent, box) {
  const id = `clip-${++clips}`;
  const frame = svg("rect", {x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top});
  const group = svg("g", {"clip-path": `url(#${id})`});
  parent.append(svg("clipPath", {id}, frame), group);
  return group;
}

// Redraws whenever the width of the element changes, including when it is first shown.
function redrawn(element, draw) {
  let width = 0;
  const redraw = () => { if (width > 0) draw(width); };
  new ResizeObserver(() => {
    const now = Math.round(element.clientWidth);
    if (now === width) return;
    width = now;
    redraw();
  }).observe(element);
  return redraw;
}
