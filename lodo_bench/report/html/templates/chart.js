// Learning curves: lines with bands, a legend that toggles them, and the values at the pointer.

function sectionCharts(section, charts) {
  const hidden = new Set();
  const redraws = charts.map(({figure, data}) => chart(figure, data, hidden));
  const legend = section.querySelector(".legend");
  const styles = new Map(charts.flatMap(({data}) => data.lines.map((line) => [line.label, line.style])));
  for (const [label, style] of styles) {
    const button = html("button", "entry", swatch(style), html("span", "", label));
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      if (!hidden.delete(label)) hidden.add(label);
      button.setAttribute("aria-pressed", String(!hidden.has(label)));
      redraws.forEach((redraw) => redraw());
    });
    legend.append(button);
  }
}

function swatch(style) {
  const root = svg("svg", {width: 34, height: 12, viewBox: "0 0 34 12", "aria-hidden": "true"});
  root.append(
    svg("path", {class: "line", d: "M1 6H33", "stroke-dasharray": DASHES[style.dash]}),
    svg("path", {class: "marker", d: MARKERS[style.marker], transform: "translate(17 6)"}),
  );
  return inked(root, style);
}

function chart(figure, data, hidden) {
  const place = figure.querySelector(".plot");
  const tooltip = html("div", "tooltip");
  tooltip.hidden = true;
  tooltip.setAttribute("role", "status");
  const notes = html("p", "clipped");
  figure.append(notes);
  const state = {x: suits("log", data.lines.map((line) => line.x)), y: suits("log", data.lines.map((line) => line.middle))};
  const redraw = redrawn(place, (width) => drawChart(place, tooltip, notes, data, hidden, state, width));
  for (const axis of ["x", "y"]) figure.querySelector(".controls").append(scaleButton(axis, state, redraw));
  return redraw;
}

// A logarithmic scale suits values that are never negative and not all 0.
function suits(kind, lists) {
  const values = lists.flat().filter((value) => value !== null);
  return values.every((value) => value >= 0) && values.some((value) => value > 0) ? kind : "linear";
}

function scaleButton(axis, state, redraw) {
  const button = html("button", "scale");
  button.type = "button";
  const show = () => {
    button.textContent = `${axis}: ${state[axis]}`;
    button.setAttribute("aria-label", `${axis} axis is ${state[axis]}; change it`);
  };
  button.addEventListener("click", () => {
    state[axis] = state[axis] === "log" ? "linear" : "log";
    show();
    redraw();
  });
  show();
  return button;
}

function drawChart(place, tooltip, notes, data, hidden, state, width) {
  const height = Math.min(Math.max(0.62 * width, 250), 400);
  const box = {left: 62, right: width - 12, top: 14, bottom: height - 44};
  const shown = data.lines.filter((line) => !hidden.has(line.label));
  let values = shown.flatMap(settled);
  if (!values.length) values = shown.flatMap((line) => [...line.low, ...line.high]);
  // If all visible curves explode, none is clipped.
  const clipped = shown.every((line) => line.clipped) ? [] : shown.filter((line) => line.clipped);
  if (clipped.length) values = values.filter((value) => value <= data.ceiling);
  notes.textContent = clipped.map((line) => line.clipped).join("; ");
  if (data.bound) values.push(data.bound.loss);
  const x = makeScale(state.x, shown.flatMap((line) => line.x), box.left, box.right, 0.015);
  const y = makeScale(state.y, values, box.bottom, box.top);
  const root = svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", tabindex: 0});
  root.setAttribute("aria-label", `${data.title}. Use the arrow keys to move along the curves and read their values.`);
  axes(root, box, x, y, {x: data.x});
  if (data.bound) drawBound(root, box, y, data.bound);
  const inside = clippedGroup(root, box);
  shown.forEach((line) => drawBand(inside, line, x, y));
  shown.forEach((line) => drawLine(inside, line, x, y));
  shown.forEach((line, index) => drawMarks(root, line, x, y, index / shown.length));
  if (data.bound) nameBound(root, box, y, data.bound);
  const pointer = svg("line", {class: "pointer", y1: box.top, y2: box.bottom, visibility: "hidden"});
  root.append(pointer);
  place.replaceChildren(root, tooltip);
  tooltip.hidden = true;
  readValues({place, root, pointer, tooltip, box, x, data, shown});
}

// The values after the last divergence, which determine the axis limits: a diverging run reaches arbitrarily large values
// first, and would compress everything else.
function settled(line) {
  const last = Math.max(-Infinity, ...line.ends.map(([x]) => x));
  const after = (_, index) => line.x[index] > last;
  return [...line.low.filter(after), ...line.high.filter(after)];
}

function drawBound(root, box, y, bound) {
  const place = y(bound.loss);
  root.append(svg("line", {class: "bound", x1: box.left, x2: box.right, y1: place, y2: place}));
}

function nameBound(root, box, y, bound) {
  const below = y(bound.loss) + 16;
  const place = below < box.bottom ? below : y(bound.loss) - 6;
  root.append(svg("text", {class: "bound", x: box.right, y: place, "text-anchor": "end"}, `${bound.name} (bound)`));
}

function drawBand(root, line, x, y) {
  if (line.runs < 2 || line.x.length < 2) return;
  const upper = line.x.map((value, i) => `${x(value).toFixed(1)} ${y.beyond(line.high[i]).toFixed(1)}`);
  const lower = line.x.map((value, i) => `${x(value).toFixed(1)} ${y.beyond(line.low[i]).toFixed(1)}`).reverse();
  root.append(inked(svg("path", {class: "band", d: `M${[...upper, ...lower].join("L")}z`}), line.style));
}

function drawLine(parent, line, x, y) {
  if (!line.x.length) return;
  const path = line.x.map((value, i) => `${x(value).toFixed(1)} ${y.beyond(line.middle[i]).toFixed(1)}`).join("L");
  parent.append(inked(svg("path", {class: "line", d: `M${path}`, "stroke-dasharray": DASHES[line.style.dash]}), line.style));
}

// Markers of different lines are staggered, so that none hides another. Crosses are where runs diverged.
function drawMarks(root, line, x, y, shift) {
  const group = inked(svg("g"), line.style);
  const put = (name, d, px, py) => group.append(svg("path", {class: name, d, transform: `translate(${px} ${py})`}));
  let next = line.x.length ? x(line.x[0]) + 90 * shift : 0;
  line.x.forEach((value, index) => {
    const [px, py] = [x(value), y(line.middle[index])];
    if (px < next || py !== y.beyond(line.middle[index])) return;
    next = px + 90;
    put("marker", MARKERS[line.style.marker], px, py);
  });
  for (const [ex, ey] of line.ends) if (ey !== null) put("cross", CROSS, x(ex), y(ey));
  root.append(group);
}

function readValues({place, root, pointer, tooltip, box, x, data, shown}) {
  const places = [...new Set(shown.flatMap((line) => line.x))].sort((a, b) => a - b);
  let current = -1;
  const hide = () => { tooltip.hidden = true; pointer.setAttribute("visibility", "hidden"); };
  const show = (index) => {
    if (!places.length) return;
    current = Math.min(Math.max(index, 0), places.length - 1);
    const at = x(places[current]);
    pointer.setAttribute("x1", at);
    pointer.setAttribute("x2", at);
    pointer.setAttribute("visibility", "visible");
    tooltip.replaceChildren(...valuesAt(places[current], shown, data));
    tooltip.hidden = false;
    float(tooltip, place, at, box.top);
  };
  root.addEventListener("pointermove", (event) => {
    const at = event.clientX - root.getBoundingClientRect().left;
    if (at < box.left - 4 || at > box.right + 4) return hide();
    show(nearest(places, x.inverse(at), x.forward));
  });
  root.addEventListener("pointerleave", hide);
  root.addEventListener("blur", hide);
  root.addEventListener("keydown", (event) => {
    const step = {ArrowRight: 1, ArrowLeft: -1, PageUp: 20, PageDown: -20, Home: -Infinity, End: Infinity}[event.key];
    if (event.key === "Escape") return hide();
    if (step === undefined) return;
    event.preventDefault();
    show(current < 0 ? (step < 0 ? places.length : 0) : current + step);
  });
}

// Places the tooltip beside the pointer; below the chart where it would cover most of it.
function float(tooltip, place, at, top) {
  if (place.clientWidth < 520) top = place.clientHeight + 4;
  const room = place.clientWidth - tooltip.offsetWidth;
  const beside = at + 12 <= room ? at + 12 : at - 12 - tooltip.offsetWidth;
  tooltip.style.left = `${Math.min(Math.max(beside, 0), Math.max(room, 0))}px`;
  tooltip.style.top = `${top}px`;
}

function nearest(sorted, value, forward) {
  let low = 0, high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1; else high = middle;
  }
  const far = (index) => Math.abs(forward(sorted[index]) - forward(value));
  return low > 0 && far(low - 1) < far(low) ? low - 1 : low;
}

function valuesAt(at, shown, data) {
  const found = [];
  for (const line of shown) {
    const last = line.x[line.x.length - 1];
    if (!line.x.length || at < line.x[0] || at > last) continue;
    const index = nearest(line.x, at, (value) => value);
    found.push({line, middle: line.middle[index], low: line.low[index], high: line.high[index]});
  }
  found.sort((a, b) => a.middle - b.middle);
  const rows = found.map(({line, middle, low, high}) => html(
    "tr", "",
    html("td", "", swatch(line.style)), html("th", "", line.label), html("td", "number", few(middle)),
    html("td", "number faint", line.runs > 1 ? `${few(low, 3)} … ${few(high, 3)}` : ""),
  ));
  return [html("strong", "", `${few(at, 5)} ${data.unit}`), html("table", "", html("tbody", "", ...rows))];
}
