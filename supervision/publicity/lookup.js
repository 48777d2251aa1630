"use strict";
// Shows the enterprise that the address asks for, from the files beside this one; also works from a folder,
// without a server. The form is sent by the browser itself: so a look-up has an address, goes back and forth
// with the history, and is not lost when it is sent before this script has come.
(() => {
  const labels = JSON.parse(document.getElementById("labels").textContent);
  const answer = document.getElementById("answer");
  const zh = document.documentElement.lang.startsWith("zh");
  const asked = (new URLSearchParams(location.search).get("code") ?? "").trim();

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

  // The page is a new one: the keyboard and a screen reader are led to what was asked for.
  const lead = (name, text) => {
    const first = element(name, text, answer);
    first.tabIndex = -1;
    first.focus({ preventScroll: true });
  };

  window.found = (enterprises) => {
    const code = [asked, asked.toUpperCase()].find((one) => Object.hasOwn(enterprises, one));
    if (code === undefined) {
      lead("p", zh ? "没有公示信息。" : "Nothing is published.");
      return;
    }
    const tables = enterprises[code];
    lead("h2", code);
    for (const [name, rows] of Object.entries(tables)) {
      const { title, columns: described } = labels[name];
      const table = element("table", "", answer);
      element("caption", title, table);
      const columns = Object.entries(described);
      const head = element("tr", "", element("thead", "", table));
      for (const [, column] of columns) element("th", column.title, head).scope = "col";
      const body = element("tbody", "", table);
      for (const row of rows) {
        const line = element("tr", "", body);
        for (const [key, column] of columns) element("td", shown(column, row[key]), line);
      }
    }
  };

  if (!asked) return;
  document.getElementById("code").value = asked;
  for (const link of document.querySelectorAll("a[hreflang]")) link.search = location.search;
  const shard = asked.slice(-2).toUpperCase().replace(/[^0-9A-Z]/g, "") || "other";
  if (!document.getElementById("lookup").dataset.shards.split(" ").includes(shard)) {
    window.found({});
    return;
  }
  const script = document.createElement("script");
  script.src = `../lookup/${shard}.js`;
  script.onerror = () => lead("p", zh ? "查询失败，请稍后重试。" : "The look-up failed. Try again later.");
  document.head.append(script);
})();
