/** What several parts of the page do with its elements. */

export const at = (id) => document.getElementById(id);

/** Show a state in a badge; the style sheet knows a colour and a shape for each. */
export function setBadge(badge, state) {
  // Set again, the same text would be read out again.
  if (badge.textContent === state) return;
  badge.dataset.state = state;
  badge.textContent = state;
}

/** Set a `<dl>` to rows of `[term, text, class?, title?]`, each in a `<div>`, in place. */
export function fillList(list, rows) {
  while (list.children.length > rows.length) list.lastElementChild.remove();
  while (list.children.length < rows.length) {
    const row = document.createElement("div");
    row.append(document.createElement("dt"), document.createElement("dd"));
    list.append(row);
  }
  rows.forEach(([term, text, kind = "", title = ""], i) => {
    const row = list.children[i];
    const [dt, dd] = row.children;
    row.className = kind;
    dt.textContent = term;
    dd.textContent = text;
    dd.title = title;
  });
}
