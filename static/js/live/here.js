/* Who else has this record open, and who is editing it: small round marks beside its name. */

import { announce } from "../announce.js";
import { open } from "./stream.js";

const SHOWN = 3;
let editing = new Set();

document.addEventListener("console:here", ({ detail }) => {
  const place = open();
  if (!place?.matches(".here")) return;
  const marks = detail.slice(0, SHOWN).map((person) => {
    const round = Object.assign(document.createElement("span"), { className: person.edits ? "avatar edits" : "avatar", textContent: initials(person.name) });
    round.setAttribute("aria-hidden", "true");
    return round;
  });
  const words = sentence(detail);
  place.replaceChildren(...marks, ...(words ? [Object.assign(document.createElement("span"), { className: "sub", textContent: words })] : []));
  const now = new Set(detail.filter((person) => person.edits).map((person) => person.name));
  for (const name of now) if (!editing.has(name)) announce(`${name} is editing this`);
  editing = now;
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.target?.id === "main" && !ctx.live) editing = new Set();
});

function sentence(people) {
  if (!people.length) return "";
  const busy = people.filter((person) => person.edits);
  const first = (busy[0] ?? people[0]).name;
  const others = people.length - 1;
  const who = others ? `${first} and ${others} more` : first;
  if (busy.length) return `${first} is editing${others ? `, ${others} more ${others === 1 ? "is" : "are"} here` : ""}`;
  return `${who} ${others ? "are" : "is"} here too`;
}

function initials(name) {
  const parts = name.trim().split(/\s+/);
  return ((parts[0]?.[0] ?? "") + (parts.length > 1 ? parts.at(-1)[0] : "")).toUpperCase();
}
