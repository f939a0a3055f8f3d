// Tables that are sorted by clicking a column header.

function sortable(table) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const original = [...body.rows];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const before = head.getAttribute("aria-sort");
    const order = before === "ascending" ? "descending" : before === "descending" ? "none" : "ascending";
    for (const other of heads) other.setAttribute("aria-sort", other === head ? order : "none");
    const rows = order === "none" ? original : sorted(original, column, order === "ascending" ? 1 : -1);
    body.append(...rows);
  }));
}

// The row of a bound, which is not an optimizer, stays on top. Missing values come last in either direction.
function sorted(rows, column, sign) {
  const key = (row) => {
    const {value} = row.cells[column].dataset;
    return value === undefined ? row.cells[column].textContent.trim() : value === "" ? null : Number(value);
  };
  const compare = (a, b) => {
    const [left, right] = [key(a), key(b)];
    if (left === null || right === null) return (left === null) - (right === null);
    return sign * (typeof left === "number" ? left - right : left.localeCompare(right));
  };
  const isBound = (row) => row.classList.contains("bound");
  return [...rows.filter(isBound), ...rows.filter((row) => !isBound(row)).sort(compare)];
}

const data = JSON.parse(document.getElementById("data").textContent);
document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll("section[data-task]").forEach((section, index) => {
  const {title, charts, searches} = data.tasks[index];
  const figures = [...section.querySelectorAll("figure.chart")];
  sectionCharts(section, charts.map((content, n) => ({figure: figures[n], data: content})), title);
  [...section.querySelectorAll(".search")].forEach((place, n) => search(place, searches[n], title));
});
