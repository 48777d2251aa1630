"use strict";
// Looks one enterprise up in the files beside this one; also works from a folder, without a server.
(() => {
  const labels = JSON.parse(document.getElementById("labels").textContent);
  const answer = document.getElementById("answer");
  const zh = document.documentElement.lang.startsWith("zh");
  let asked = "";

  const element = (name, text, parent) => {
    const made = document.createElement(name);
    made.textContent = text;
    parent.append(made);
    return made;
  };

  const shown = (column, value) => {
    if (value === undefined || value === null) return "";
    if (column.money) return (value / 100).toLocaleString(undefined, { minimumFractionDigits: 2 });
    return column.codes[value] ?? String(value);
  };

  window.found = (enterprises) => {
    answer.replaceChildren();
    const tables = Object.hasOwn(enterprises, asked) ? enterprises[asked] : null;
    if (!tables) {
      element("p", zh ? "没有公示信息。" : "Nothing is published.", answer);
      return;
    }
    element("h2", asked, answer);
    for (const [name, rows] of Object.entries(tables)) {
      const told = labels[name];
      const table = element("table", "", answer);
      element("caption", told.title, table);
      const columns = Object.entries(told.columns);
      const head = element("tr", "", element("thead", "", table));
      for (const [, column] of columns) element("th", column.title, head).scope = "col";
      const body = element("tbody", "", table);
      for (const row of rows) {
        const line = element("tr", "", body);
        for (const [key, column] of columns) element("td", shown(column, row[key]), line);
      }
    }
  };

  document.getElementById("lookup").addEventListener("submit", (event) => {
    event.preventDefault();
    asked = document.getElementById("code").value.trim();
    const shard = asked.slice(-2).toUpperCase().replace(/[^0-9A-Z]/g, "") || "other";
    const script = document.createElement("script");
    script.src = `../lookup/${shard}.js`;
    script.onerror = () => window.found({});
    script.onload = () => script.remove();
    document.head.append(script);
  });
})();
