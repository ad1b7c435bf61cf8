// Sorts tables and reads charts. A page is whole without it: rows then stay in the order of the list.
"use strict";
(() => {
  // Tables: a head sorts by its column, a second time the other way round. An order survives a refresh of the page's part.

  const orders = new Map(); // of each table: column and direction
  const key = (table) => {
    const part = table.closest("[data-live]");
    return part ? `${part.id}/${[...part.querySelectorAll("table")].indexOf(table)}` : "";
  };

  function value(row, column) {
    const cell = row.cells[column];
    if (!cell) return "";
    if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
    const time = cell.querySelector("time");
    if (time) return Date.parse(time.dateTime);
    const text = cell.textContent.trim();
    const number = text.replace(/,/g, "").match(/^-?\d+(\.\d+)?/);
    return cell.classList.contains("n") ? (number ? Number(number[0]) : -1) : text.toLowerCase();
  }

  function compare(one, other) {
    if (typeof one === "number" && typeof other === "number") return one - other;
    return String(one).localeCompare(String(other), undefined, { numeric: true });
  }

  function sort(table, { column, down }) {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({ row, value: value(row, column) }));
    rows.sort((one, other) => (down ? compare(other.value, one.value) : compare(one.value, other.value)));
    body.append(...rows.map(({ row }) => row));
    [...table.tHead.rows[0].cells].forEach((head, at) => {
      if (at === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  function prepare(root) {
    for (const table of root.querySelectorAll("table.cards")) {
      if (table.tBodies[0].rows.length < 2) continue;
      for (const head of table.tHead.rows[0].cells) {
        if (head.querySelector("button")) continue;
        const button = document.createElement("button");
        button.type = "button";
        button.className = "sort";
        button.append(...head.childNodes);
        head.append(button);
      }
      const order = orders.get(key(table));
      if (order) sort(table, order);
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.sort");
    if (!button) return;
    const head = button.parentElement;
    const table = head.closest("table");
    const was = head.getAttribute("aria-sort");
    // Numbers and times are looked at from the greatest on.
    const first = head.classList.contains("n") || table.tBodies[0].rows[0].cells[head.cellIndex].querySelector("time");
    const down = was ? was === "ascending" : Boolean(first);
    const order = { column: head.cellIndex, down };
    orders.set(key(table), order);
    sort(table, order);
    button.focus();
  });

  // Charts: pointer or arrow keys read one point, whose figures stand in the table below.

  const at = new WeakMap(); // of each chart: the point that is read

  function read(figure, point) {
    const rows = figure.querySelector("tbody").rows;
    if (!rows.length) return;
    const index = Math.min(rows.length - 1, Math.max(0, point));
    at.set(figure, index);
    const [time, mean, peak] = [...rows[index].cells].map((cell) => cell.textContent);
    figure.querySelector(".readout").textContent = peak === undefined ? `${time}: ${mean}` : `${time}: mean ${mean}, peak ${peak}`;
    const x = ((index + 0.5) * 1000) / rows.length;
    figure.querySelector(".cursor").setAttribute("d", `M${x} 0V100`);
  }

  function leave(figure) {
    figure.querySelector(".readout").textContent = "";
    figure.querySelector(".cursor").removeAttribute("d");
  }

  document.addEventListener("pointermove", (event) => {
    const plot = event.target.closest("svg.plot");
    if (!plot) return;
    const figure = plot.closest("figure");
    const box = plot.getBoundingClientRect();
    const rows = figure.querySelector("tbody").rows.length;
    read(figure, Math.floor(((event.clientX - box.left) / box.width) * rows));
  });
  document.addEventListener("pointerout", (event) => {
    const plot = event.target.closest("svg.plot");
    if (plot && !plot.contains(event.relatedTarget)) leave(plot.closest("figure"));
  });
  document.addEventListener("focusout", (event) => {
    if (event.target.matches("svg.plot")) leave(event.target.closest("figure"));
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches("svg.plot")) return;
    const figure = event.target.closest("figure");
    const last = figure.querySelector("tbody").rows.length - 1;
    const now = at.get(figure) ?? last;
    const point = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key];
    if (point === undefined) return;
    event.preventDefault();
    read(figure, point);
  });

  prepare(document);
  window.licdash = { prepare };
})();
