// Marks where a curve leaves the axes, by the rule of `lodo_bench/charts/off_scale.py`.

const APART = 0.03;  // least distance of two marks, as a share of the width
// Triangles within the axes, with their tips at the edge.
const EXITS = {"top": "M0 0.6L3.6 6.4L-3.6 6.4z", "bottom": "M0 -0.6L3.6 -6.4L-3.6 -6.4z"};

// Where a curve leaves the top or the bottom of the box, and where it starts if that is outside. Points are in pixels.
function exits(points, box) {
  const found = [];
  const sideOf = ([, y]) => y < box.top - 1e-6 ? "top" : y > box.bottom + 1e-6 ? "bottom" : null;
  let before = null;
  for (const point of points) {
    const side = sideOf(point);
    if (side && (before === null || !sideOf(before))) {
      const place = crossing(before ?? point, point, box[side]);
      const near = (other) => other.side === side && Math.abs(other.x - place) < APART * (box.right - box.left);
      if (!found.some(near)) found.push({x: place, side});
    }
    before = point;
  }
  return found;
}

function crossing([x0, y0], [x1, y1], edge) {
  return y1 === y0 ? x1 : x0 + (x1 - x0) * (edge - y0) / (y1 - y0);
}

function markExits(group, points, box, open) {
  const places = exits(points, box);
  for (const {x, side} of places) markEdge(group, x, box[side], side, open);
  return places.length > 0;
}

function markEdge(group, x, y, side, open = false) {
  const mark = svg("path", {class: open ? "exit open" : "exit", d: EXITS[side], transform: `translate(${x} ${y})`});
  group.append(mark);
  return mark;
}
