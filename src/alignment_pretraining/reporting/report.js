// A card for every number: what its row says, which table it stands in, and the command that traces it. The page does without.
(() => {
  const root = document.documentElement;
  const commandOf = key => "kedro trace " + (key.startsWith("example/") ? "item/" + key.split("/").slice(2).join("/") : key)
    + (window.lineage && lineage.env !== "base" ? " --env " + lineage.env : "");
  const add = (parent, tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    parent.append(made);
    return made;
  };
  const card = add(document.body, "div", "", { class: "card", role: "dialog", "aria-label": "A number", hidden: "" });
  let pinned = false, from = null;

  const fill = (key, mark) => {
    card.replaceChildren();
    add(card, "code", key);
    const row = document.getElementById(key);
    const table = row && row.closest("table");
    const list = add(card, "dl", "");
    const tell = (name, value) => { if (value) { add(list, "dt", name); add(list, "dd", value); } };
    tell("shown", mark.dataset ? mark.dataset.field && mark.dataset.field.replaceAll("_", " ") + ": " + mark.textContent : "");
    if (table) {
      const heads = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
      [...row.cells].forEach((cell, at) => {
        if (cell.textContent.trim() === key) return;
        const interval = cell.querySelector(".i");
        const value = cell.querySelector("[data-key]");
        tell(heads[at], (value || cell).textContent.trim());
        if (interval) tell("95 % interval", interval.textContent);
      });
      const name = table.dataset.table, hash = window.lineage && lineage.tables[name];
      if (name) tell("stands in", name + (hash ? ", md5 " + hash.slice(0, 12) : ""));
    }
    const command = add(card, "code", commandOf(key), { class: "command" });
    const buttons = add(card, "p", "");
    const copy = add(buttons, "button", "Copy the command", { type: "button" });
    copy.onclick = async () => {
      try { await navigator.clipboard.writeText(command.textContent); copy.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(command); copy.textContent = "Selected: copy it"; }
    };
    if (row) add(buttons, "a", "Its row", { href: "#" + key }).onclick = () => hide();
  };
  const show = (key, mark) => {
    fill(key, mark);
    card.hidden = false;
    from = mark;
    const at = mark.getBoundingClientRect(), wide = root.clientWidth;
    card.style.left = Math.max(8, Math.min(at.left, wide - card.offsetWidth - 8)) + scrollX + "px";
    const below = at.bottom + card.offsetHeight + 8 < innerHeight || at.top < card.offsetHeight + 8;
    card.style.top = (below ? at.bottom + 6 : at.top - card.offsetHeight - 6) + scrollY + "px";
  };
  const hide = () => { card.hidden = true; pinned = false; from = null; };
  const markOf = target => {
    const mark = target.closest && target.closest("[data-key], svg a");
    if (!mark) return [];
    return [mark.dataset.key || decodeURIComponent((mark.getAttribute("href") || "#").slice(1)), mark];
  };

  let leaving;
  document.addEventListener("mouseover", event => {
    if (pinned) return;
    clearTimeout(leaving);
    const [key, mark] = markOf(event.target);
    if (key && mark !== from) show(key, mark);
    else if (!key && !card.hidden && !card.contains(event.target)) leaving = setTimeout(hide, 250);
  });
  document.addEventListener("click", event => {
    const [key, mark] = markOf(event.target);
    if (key && !card.contains(event.target)) {
      event.preventDefault();
      show(key, mark);
      pinned = true;
    } else if (!card.contains(event.target) && !event.target.closest(".plot")) hide();
  });
  document.addEventListener("number", ({ detail: { key, x, y } }) => {  // a mark of an interactive figure
    show(key, { getBoundingClientRect: () => new DOMRect(x, y, 0, 0) });
    pinned = true;
  });
  document.addEventListener("keydown", event => {
    if (event.key === "Escape" && !card.hidden) { const mark = from; hide(); if (mark && mark.focus) mark.focus(); }
  });

  // What the page does not hold, so that the same results give the same page: who made it, when, and where MLflow has it.
  const beside = document.createElement("script");
  beside.src = "../lineage/report.js";
  beside.onload = () => {
    const list = document.querySelector("footer dl");
    const tell = (name, value, link) => {
      add(list, "dt", name);
      const place = add(list, "dd", link ? "" : value);
      if (link) add(place, "a", value, { href: link });
    };
    tell("Commit", lineage.commit + (lineage.committed ? " of " + lineage.committed : ""));
    tell("Made", lineage.when + ", environment " + lineage.env);
    if (lineage.run) tell("MLflow run", lineage.run, lineage.run_url);
  };
  if (location.protocol === "file:" || location.protocol.startsWith("http")) document.head.append(beside);
})();
