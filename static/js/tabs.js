/* Where the tabs over a list are wider than the window, the open one is in view. */

function show() {
  const open = document.querySelector(".viewbar [aria-current]");
  const row = open?.parentElement;
  if (row && row.scrollWidth > row.clientWidth) row.scrollLeft = open.offsetLeft - row.offsetLeft - 16;
}

document.addEventListener("htmx:after:swap", show);
show();
