/* Where a person was at last: addresses alone, kept in this browser. Their names come from the server, for who asks then. */

const MOST = 8;
const PLACE = /^\/(?:[a-z_]+(?:\/[a-z_0-9]+(?:\/\d+)?)?)?$/;
const NO_PLACE = /^\/(?:search|sign-in|account|lookups)(?:\/|$)/;

function kept(person) {
  return `console.recent.${person}`;
}

export function recent(person) {
  try {
    return JSON.parse(localStorage.getItem(kept(person)) ?? "[]");
  } catch {
    return [];
  }
}

/** Put the page one is on before the others. */
export function remember(person) {
  const here = location.pathname;
  if (!PLACE.test(here) || NO_PLACE.test(here)) return;
  const others = recent(person).filter((each) => each !== here);
  localStorage.setItem(kept(person), JSON.stringify([here, ...others].slice(0, MOST)));
}
