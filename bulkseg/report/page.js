// Sorts, searches and saves the table of failures. Without it the page is whole, only the table stands still.
"use strict";
const table = document.getElementById("table");
if (table) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows].map((row, place) => ({
    row,
    place,
    cells: [...row.cells].map((cell) => cell.textContent.trimEnd()),
  }));
  const order = new Intl.Collator(undefined, { numeric: true });
  const shown = document.getElementById("shown");
  const search = document.getElementById("search");

  const sort = (column) => {
    const up = heads[column].getAttribute("aria-sort") !== "ascending";
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
    const sign = up ? 1 : -1;
    rows.sort((a, b) => sign * order.compare(a.cells[column], b.cells[column]) || a.place - b.place);
    body.append(...rows.map((each) => each.row));
  };

  const find = () => {
    const wanted = search.value.trim().toLowerCase();
    let count = 0;
    for (const { row, cells } of rows) {
      row.hidden = !cells.some((cell) => cell.toLowerCase().includes(wanted));
      count += !row.hidden;
    }
    shown.textContent = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
  };

  // A spreadsheet would run such a cell as a formula.
  const quoted = (cell) => `"${(/^[=+\-@\t\r]/.test(cell) ? "'" + cell : cell).replaceAll('"', '""')}"`;

  const save = () => {
    const lines = [heads.map((head) => head.textContent.trim().toLowerCase().replaceAll(" ", "_"))];
    lines.push(...rows.filter(({ row }) => !row.hidden).map(({ cells }) => cells));
    const text = lines.map((cells) => cells.map(quoted).join(",") + "\r\n").join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff" + text], { type: "text/csv" }));
    link.download = "failed.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    button.disabled = false;
    button.addEventListener("click", () => sort(column));
  });
  search.addEventListener("input", find);
  document.getElementById("download").addEventListener("click", save);
  document.querySelector(".tools").hidden = false;
  find();
}
