// Saves a chart as a picture and its data as CSV, in the browser alone.

const COPIED = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "font-family",
  "font-size", "font-weight", "text-anchor", "visibility", "paint-order",
];
const PICTURE_SCALE = 2;

function saveButtons(name, {csv, picture}) {
  const file = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return [
    saveButton("PNG", "picture", async () => download(`${file}.png`, await png(picture()))),
    saveButton("CSV", "data", () => download(`${file}.csv`, new Blob([csv()], {type: "text/csv"}))),
  ];
}

function saveButton(format, content, save) {
  const button = html("button", "scale save", format);
  button.type = "button";
  button.setAttribute("aria-label", `save the ${content} as ${format}`);
  button.addEventListener("click", save);
  return button;
}

function download(name, blob) {
  const link = html("a");
  link.download = name;
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function csvText(rows) {
  const cell = (value) => {
    const number = typeof value === "number" ? Number(value.toPrecision(15)) : value;
    const text = number === null || number === undefined ? "" : String(number);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",") + "\n").join("");
}

function curvesCsv(data) {
  const rows = data.lines.flatMap((line) => line.x.map((x, i) => [line.label, x, line.middle[i], line.low[i], line.high[i], line.runs]));
  return csvText([["line", data.x, `${data.quantity}: median`, "lowest", "highest", "seeds"], ...rows]);
}

function searchCsv(data) {
  const rows = data.individuals.map((one) => [one.generation, one.index, one.status, one.fitness, ...one.values]);
  return csvText([["generation", "individual", "status", "fitness", ...data.panels.map((panel) => panel.name)], ...rows]);
}

// A picture of charts as they are shown, with title, legend and notes. `within` contains the charts.
async function png(content) {
  const root = composed(content);
  const [width, height] = ["width", "height"].map((name) => Number(root.getAttribute(name)));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(root))}`;
  await image.decode();
  const canvas = html("canvas");
  [canvas.width, canvas.height] = [width * PICTURE_SCALE, height * PICTURE_SCALE];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function composed({title, within, parts, legend, notes}) {
  const style = getComputedStyle(within), section = getComputedStyle(within.closest("section"));
  const corner = within.getBoundingClientRect();
  const margin = 12, width = Math.ceil(corner.width) + 2 * margin;
  const text = (x, y, content, size = 12, weight = 400) => svg("text", {
    x, y, fill: style.color, "font-family": style.fontFamily, "font-size": size, "font-weight": weight,
  }, content);
  const root = svg("svg", {width});
  root.append(svg("rect", {width: "100%", height: "100%", fill: section.backgroundColor}));
  let top = margin + 14;
  for (const line of wrapped(title, width - 2 * margin, 14)) (root.append(text(margin, top, line, 14, 600)), top += 19);
  for (const part of parts) {
    const place = part.root.getBoundingClientRect();
    const [x, y] = [margin + place.left - corner.left, top + place.top - corner.top];
    if (part.title) root.append(text(x + 62, y - 6, part.title, 13, 600));
    const copy = portrait(part.root);
    copy.setAttribute("x", x);
    copy.setAttribute("y", y);
    root.append(copy);
  }
  top += corner.height + 18;
  let left = margin;
  for (const line of legend) {
    const size = 44 + textWidth(line.label, 12) + 18;
    if (left > margin && left + size > width - margin) [left, top] = [margin, top + 19];
    root.append(swatchCopy(line.style, left, top - 10), text(left + 40, top, line.label));
    left += size;
  }
  if (legend.length) top += 22;
  for (const note of notes.filter((line) => line)) {
    for (const line of wrapped(note, width - 2 * margin, 11)) (root.append(text(margin, top, line, 11)), top += 15);
  }
  root.setAttribute("height", Math.ceil(top));
  return root;
}

// A copy of a chart that looks the same without the page's style sheet.
function portrait(root) {
  const copy = root.cloneNode(true);
  const originals = [root, ...root.querySelectorAll("*")], copies = [copy, ...copy.querySelectorAll("*")];
  copies.forEach((element, index) => {
    const style = getComputedStyle(originals[index]);
    for (const name of COPIED) element.setAttribute(name, style.getPropertyValue(name));
    for (const name of ["class", "style", "tabindex"]) element.removeAttribute(name);
  });
  return copy;
}

function swatchCopy(style, x, y) {
  const shown = swatch(style);
  shown.setAttribute("x", x);
  shown.setAttribute("y", y);
  document.body.append(shown);  // styles are computed for elements of the page only
  const copy = portrait(shown);
  shown.remove();
  return copy;
}

function textWidth(content, size) {
  const pen = textWidth.pen ??= html("canvas").getContext("2d");
  pen.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(content).width;
}

function wrapped(content, width, size) {
  const lines = [];
  for (const word of content.split(" ")) {
    const longer = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
    if (lines.length && textWidth(longer, size) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
