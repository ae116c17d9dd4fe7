/* Changes that wait to be saved together: kept for their author alone in this tab, by the table they belong to. They outlast
   pages, orders, filters and a reload; saving or dropping them ends it. */

const KEPT = "console.staged";
export const MOST = 200;

/** Whose they are: the part of the page's mark that stays the same from sign-in to sign-in. */
function author() {
  return document.body.dataset.by?.split(".")[0] ?? "";
}

function read() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  return kept?.by === author() ? kept.tables : {};
}

function write(tables) {
  if (Object.keys(tables).length) sessionStorage.setItem(KEPT, JSON.stringify({ by: author(), tables }));
  else sessionStorage.removeItem(KEPT);
  document.dispatchEvent(new CustomEvent("staged"));
}

/** Whether this person collects changes rather than saving each at once. */
export function collecting() {
  return document.documentElement.dataset.edits === "collect";
}

/** The changes of a table, in the order they were made. */
export function of(path) {
  return read()[path] ?? [];
}

export function anywhere() {
  return Object.keys(read()).length > 0;
}

function is(key, field) {
  return (each) => each.key === key && each.field === field;
}

export function find(path, key, field) {
  return of(path).find(is(key, field));
}

/** Keep a change, in place of an earlier one of the same value; what it was before is what it was at first. */
export function put(path, change) {
  const tables = read();
  const list = tables[path] ?? [];
  const at = list.findIndex(is(change.key, change.field));
  if (at < 0) list.push(change);
  else list[at] = change;
  write({ ...tables, [path]: list });
}

export function amend(path, key, field, news) {
  const found = find(path, key, field);
  if (found) put(path, { ...found, ...news });
}

export function drop(path, key, field) {
  replace(path, of(path).filter((each) => !is(key, field)(each)));
}

export function replace(path, list) {
  const tables = read();
  if (list.length) tables[path] = list;
  else delete tables[path];
  write(tables);
}
