// Hyperparameter searches: the fitness and each hyperparameter by generation.

function search(place, data, task) {
  const panels = [
    {name: "fitness (loss)", scale: suits("log", [data.individuals.map((one) => one.fitness)]), values: (one) => one.fitness, ceiling: data.ceiling},
    ...data.panels.map((panel, index) => ({...panel, values: (one) => one.values[index]})),
  ];
  const tooltip = html("div", "tooltip");
  tooltip.hidden = true;
  const grid = html("div", "panels");
  const drawn = panels.map((panel) => {
    const holder = html("div", "plot");
    grid.append(html("figure", "panel", html("figcaption", "", panel.name), holder));
    return {panel, holder, marks: []};
  });
  const saves = html("div", "saves");
  saves.append(...saveButtons(`${task}-search-${data.title}`, {
    csv: () => searchCsv(data),
    picture: () => ({
      title: `${task}: search of ${data.title}`,
      within: grid,
      parts: drawn.map(({panel, holder}) => ({root: holder.querySelector("svg"), title: panel.name})),
      legend: [],
      notes: [data.caption],
    }),
  }));
  place.append(saves, grid, tooltip);
  for (const one of drawn) redrawn(one.holder, (width) => drawPanel(one, data, width, (individual, holder) => {
    drawn.forEach(({marks}) => marks.forEach((mark, index) => mark.classList.toggle("chosen", index === individual)));
    tell(tooltip, place, holder, data, individual);
  }));
}

function drawPanel(one, data, width, choose) {
  const {panel, holder} = one;
  const height = Math.min(Math.max(0.75 * width, 190), 260);
  const box = {left: 62, right: width - 8, top: 12, bottom: height - 26};
  const count = data.generations;
  const x = makeScale("linear", [0.5, count + 1.4], box.left, box.right, 0);
  const means = panel.mean ? [...panel.mean, ...panel.low, ...panel.high, panel.result ?? null] : [];
  const ceiling = panel.ceiling ?? Infinity;
  const values = [...data.individuals.map(panel.values), ...means].filter((value) => value === null || value <= ceiling);
  const y = makeScale(panel.scale, values, box.bottom, box.top);
  const root = svg("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img"});
  root.setAttribute("aria-label", `${data.title}: ${panel.name} by generation`);
  const every = Math.ceil(count / 10);
  const xTicks = Array.from({length: count}, (_, index) => index + 1).filter((n) => (n - 1) % every === 0);
  axes(root, box, x, y, {xTicks});
  const group = inked(svg("g"), data.style);
  if (panel.mean) drawSpread(group, panel, x, y);
  const places = data.individuals.map((individual) => [x(individual.x), broken(individual, panel) ? box.top : y(panel.values(individual))]);
  one.marks = data.individuals.map((individual, index) => {
    const [px, py] = places[index];
    const value = panel.values(individual);
    if (value !== null && (value > ceiling || !y.has(value))) {
      return markEdge(group, px, py, value > 0 ? "top" : "bottom");
    }
    const mark = individual.fitness === null
      ? svg("path", {class: "cross", d: "M-2.4 -2.4L2.4 2.4M-2.4 2.4L2.4 -2.4", transform: `translate(${px} ${py})`})
      : svg("circle", {class: "dot", cx: px, cy: py, r: 2.4});
    group.append(mark);
    return mark;
  });
  if (panel.result !== undefined && panel.result !== null) {
    group.append(svg("circle", {class: "result", cx: x(count + 1), cy: y(panel.result), r: 5}));
  }
  root.append(group);
  root.addEventListener("pointermove", (event) => {
    const corner = root.getBoundingClientRect();
    choose(closest(places, event.clientX - corner.left, event.clientY - corner.top), holder);
  });
  root.addEventListener("pointerleave", () => choose(-1, holder));
  holder.replaceChildren(root);
}

// The fitness of an individual that diverged is missing: it is drawn on the upper edge.
function broken(individual, panel) {
  return panel.values(individual) === null;
}

function drawSpread(group, panel, x, y) {
  const upper = panel.high.map((value, index) => `${x(index + 1)} ${y(value)}`);
  const lower = panel.low.map((value, index) => `${x(index + 1)} ${y(value)}`).reverse();
  group.append(
    svg("path", {class: "band", d: `M${[...upper, ...lower].join("L")}z`}),
    svg("path", {class: "mean", d: `M${panel.mean.map((value, index) => `${x(index + 1)} ${y(value)}`).join("L")}`}),
  );
}

function closest(places, px, py) {
  let found = -1, least = 20 ** 2;
  places.forEach(([x, y], index) => {
    const far = (x - px) ** 2 + (y - py) ** 2;
    if (far < least) [found, least] = [index, far];
  });
  return found;
}

function tell(tooltip, place, holder, data, index) {
  tooltip.hidden = index < 0;
  if (index < 0) return;
  const one = data.individuals[index];
  const rows = data.panels.map((panel, i) => html("tr", "", html("th", "", panel.name), html("td", "number", few(one.values[i]))));
  tooltip.replaceChildren(
    html("strong", "", `generation ${one.generation}, individual ${one.index}`),
    html("table", "", html("tbody", "",
      html("tr", "", html("th", "", "fitness"), html("td", "number", one.fitness === null ? one.status : few(one.fitness))), ...rows)),
  );
  const outer = place.getBoundingClientRect(), inner = holder.getBoundingClientRect();
  const room = place.clientWidth - tooltip.offsetWidth;
  const right = inner.right - outer.left + 6, left = inner.left - outer.left - tooltip.offsetWidth - 6;
  tooltip.style.left = `${Math.max(right <= room ? right : Math.min(Math.max(left, 0), room), 0)}px`;
  tooltip.style.top = `${inner.top - outer.top + 8}px`;
}
