// The values of learning curves at the pointer or at the place chosen by arrow keys.

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
