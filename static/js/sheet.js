/* The sheet of keys: those that do something on this page as it stands, read off the page itself. */

import { newestUndo, singleKeysOn, usable } from "./keys.js";

const NAMES = { control: "Ctrl", escape: "Esc", arrowdown: "↓", arrowup: "↑" };

/** What a control is called: its label, else its words, without the key its tooltip names. */
function words(element) {
  const said = element.getAttribute("aria-label") ?? element.getAttribute("title") ?? element.textContent;
  return (element.matches("[data-keys]") ? element.firstElementChild?.nextSibling?.textContent?.trim() || said : said).split(/, keys? /)[0].trim();
}

function inARow(first) {
  return [...document.querySelectorAll(`[data-keys^="${first} "]`)].map((each) => [each.dataset.keys.toUpperCase(), words(each)]);
}

/** The keys written in a part of the page; `single` leaves those out that a person has switched off. */
function declared(part, but = "") {
  return [...document.querySelectorAll(`${part} [aria-keyshortcuts]`)]
    .filter((each) => usable(each) && !(but && each.closest(but)))
    .flatMap((each) => each.getAttribute("aria-keyshortcuts").split(" ").map((keys) => [spelled(keys), words(each)]));
}

function spelled(keys) {
  return keys.split("+").map((each) => NAMES[each.toLowerCase()] ?? (each.length === 1 ? each.toUpperCase() : each)).join(" ");
}

function ofTable() {
  const table = document.querySelector("#main data-grid table");
  if (!table) return [];
  return [
    ["J", "Next row"], ["K", "Previous row"], ["← ↑ → ↓", "Move from cell to cell"], ["Home End", "First, last cell of the row"],
    ["Ctrl Home", "First row"], ["Ctrl End", "Last row"], ["Enter", table.querySelector(".can-edit") ? "Edit the value; at the name, open the row" : "Open the row"],
    ...(table.querySelector(".can-edit") ? [["F2", "Edit the value"], ["Tab", "Save the value and edit the next"]] : []),
    ...(table.querySelector(".pick .check") ? [["Space", "Select the row"], ["Shift ↑ ↓", "Select further rows"]] : []),
  ];
}

function everywhere() {
  return [
    ["?", "This sheet"],
    ...(document.querySelector("palette-box, #palette, .searchbox") ? [["Ctrl K", "Search or jump to anything"]] : []),
    ...(usable(newestUndo()) ? [["Ctrl Z", "Undo your newest change"]] : []),
    ["Esc", "Close what is on top"],
  ];
}

function groups() {
  const single = singleKeysOn();
  const found = [
    ["This page", declared("#main", "form[data-guard], .pager")],
    ["Pages of the list", declared("#main .pager")],
    ["The table", ofTable()],
    ["This form", declared("#main form[data-guard]")],
    ["Go to", inARow("g")],
    ["Begin", inARow("c")],
    ["Everywhere", everywhere()],
  ];
  return found.map(([name, rows]) => [name, rows.filter(([keys]) => single || !/^(\S|[GC] \S)$/.test(keys))]).filter(([, rows]) => rows.length);
}

function made(tag, properties = {}, ...inside) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
}

function listed(name, rows) {
  const list = made("dl", { className: "keys" });
  for (const [keys, does] of rows) {
    list.append(made("div", {}, made("dt", { textContent: does }), made("dd", {}, ...keys.split(" ").map((key) => made("kbd", { textContent: key })))));
  }
  return made("section", {}, made("h3", { textContent: name }), list);
}

export function showSheet() {
  if (document.getElementById("keys")) return;
  const sheet = made("dialog", { id: "keys", className: "dialog wide" });
  sheet.setAttribute("aria-labelledby", "keys-h");
  const close = made("form", { method: "dialog" }, made("button", { className: "btn sm", textContent: "Close" }));
  const said = singleKeysOn()
    ? "Single keys work outside fields. Your account menu switches them off."
    : "Single keys are switched off in your account menu; what is left works with Ctrl or in the table.";
  const head = made("header", {}, made("div", {}, made("h2", { id: "keys-h", textContent: "Keys of this page" }), made("p", { textContent: said })), close);
  const body = made("div", { className: "body keygroups" });
  body.append(...groups().map(([name, rows]) => listed(name, rows)));
  sheet.append(head, body);
  document.getElementById("modal").append(sheet);
}
