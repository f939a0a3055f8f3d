// Learning curves: lines with bands, a legend that toggles them, and the values at the pointer.

function sectionCharts(section, charts, task) {
  const hidden = new Set();
  const rows = new Map();
  for (const {data} of charts) rows.set(data.row, [...(rows.get(data.row) || []), data]);
  for (const [number, members] of rows) rows.set(number, sharedRow(members));
  const redraws = charts.map(({figure, data}) => chart(figure, data, hidden, rows.get(data.row), task));
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

// Charts that share a y axis: its scale, and the functions that draw them again.
function sharedRow(members) {
  const lines = members.flatMap((data) => data.lines);
  const y = members[0].floor === null ? suits("log", lines.map((line) => line.middle)) : "log";
  return {members, lines, y, redraws: []};
}

function chart(figure, data, hidden, row, task) {
  const place = figure.querySelector(".plot");
  const tooltip = html("div", "tooltip");
  tooltip.hidden = true;
  tooltip.setAttribute("role", "status");
  const notes = html("p", "clipped");
  place.after(notes);
  const own = {x: suits("log", data.lines.map((line) => line.x)), redraws: []};
  const redraw = redrawn(place, (width) => drawChart(place, tooltip, notes, data, hidden, own.x, row, width));
  own.redraws.push(redraw);
  row.redraws.push(redraw);
  const controls = figure.querySelector(".controls");
  controls.append(scaleButton("x", own), scaleButton("y", row), ...saveButtons(`${task}-${data.title}`, {
    csv: () => curvesCsv(data),
    picture: () => ({
      title: `${task}: ${data.title}`,
      within: place,
      parts: [{root: place.querySelector("svg")}],
      legend: data.lines.filter((line) => !hidden.has(line.label)),
      notes: [notes.textContent, data.caption],
    }),
  }));
  return redraw;
}

// A logarithmic scale suits values that are never negative and not all 0.
function suits(kind, lists) {
  const values = lists.flat().filter((value) => value !== null);
  return values.every((value) => value >= 0) && values.some((value) => value > 0) ? kind : "linear";
}

function scaleButton(axis, state) {
  const button = html("button", "scale");
  button.type = "button";
  const show = () => {
    button.textContent = `${axis}: ${state[axis]}`;
    button.setAttribute("aria-label", `${axis} axis is ${state[axis]}; change it`);
  };
  button.addEventListener("click", () => {
    state[axis] = state[axis] === "log" ? "linear" : "log";
    state.redraws.forEach((redraw) => redraw());
  });
  state.redraws.push(show);
  show();
  return button;
}

function drawChart(place, tooltip, notes, data, hidden, xKind, row, width) {
  const height = Math.min(Math.max(0.62 * width, 250), 400);
  const box = {left: 62, right: width - 12, top: 14, bottom: height - 44};
  const shown = data.lines.filter((line) => !hidden.has(line.label));
  const {values, clipped} = yValues(row, hidden);
  notes.textContent = shown.flatMap((line) => [clipped.includes(line) ? line.clipped : null, line.invisible])
    .filter((note) => note !== null).join("; ");
  const x = makeScale(xKind, shown.flatMap((line) => line.x), box.left, box.right, 0.015);
  const y = makeScale(row.y, values, box.bottom, box.top);
  const root = svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", tabindex: 0});
  root.setAttribute("aria-label", `${data.title}. Use the arrow keys to move along the curves and read their values.`);
  axes(root, box, x, y, {x: data.x});
  if (data.bound) drawBound(root, box, y, data.bound);
  const inside = clippedGroup(root, box);
  shown.forEach((line) => drawBand(inside, line, x, y));
  // A gap where the line is below the axis: a log axis would draw its noise as vertical lines.
  const floor = row.y === "log" && data.floor !== null ? data.floor : -Infinity;
  shown.forEach((line) => drawLine(inside, line, x, y, floor));
  shown.forEach((line, index) => drawMarks(root, line, x, y, index / shown.length, box));
  if (data.bound) nameBound(root, box, y, data.bound);
  const pointer = svg("line", {class: "pointer", y1: box.top, y2: box.bottom, visibility: "hidden"});
  root.append(pointer);
  place.replaceChildren(root, tooltip);
  tooltip.hidden = true;
  readValues({place, root, pointer, tooltip, box, x, data, shown});
}

// The values that the y axis of a row must show, and the lines that are clipped at its top: none if all of them explode.
function yValues(row, hidden) {
  const shown = row.lines.filter((line) => !hidden.has(line.label));
  const [{ceiling, floor, bound}] = row.members;
  let values = shown.flatMap(settled);
  if (!values.length) values = shown.flatMap((line) => [...line.low, ...line.high]);
  const clipped = shown.every((line) => line.clipped) ? [] : shown.filter((line) => line.clipped);
  if (clipped.length) values = values.filter((value) => value <= ceiling);
  if (row.y === "log" && floor !== null) values = [...values.filter((value) => value > floor), floor];
  if (bound) values.push(bound.loss);
  return {values, clipped};
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

function drawLine(parent, line, x, y, floor) {
  if (!line.x.length) return;
  const path = line.x.map((value, i) => {
    if (line.middle[i] < floor) return "";
    return `${i && line.middle[i - 1] >= floor ? "L" : "M"}${x(value).toFixed(1)} ${y.beyond(line.middle[i]).toFixed(1)}`;
  }).join("");
  parent.append(inked(svg("path", {class: "line", d: path, "stroke-dasharray": DASHES[line.style.dash]}), line.style));
}

// Markers of different lines are staggered, so that none hides another. Crosses are where runs diverged, triangles where
// the line leaves the axes; they are open where only its band does.
function drawMarks(root, line, x, y, shift, box) {
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
  const placed = (list) => line.x.map((value, index) => [x(value), y.beyond(list[index])]);
  if (!markExits(group, placed(line.middle), box, false) && line.runs > 1) {
    for (const edge of [line.high, line.low]) markExits(group, placed(edge), box, true);
  }
  root.append(group);
}
