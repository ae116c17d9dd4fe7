/* Everything here makes the console quicker; nothing here is needed to read a page or send a form. */

import "./page.js";
import "./place.js";
import "./nav.js";
import "./tabs.js";
import "./busy.js";
import "./keys.js";
import "./cells.js";
import "./session.js";
import "./unsaved.js";
import "./drafts.js";
import "./tick.js";
import "./live/list.js";
import "./live/record.js";
import "./live/here.js";
import "./copy.js";
import "./widths.js";
import "./touch-select.js";
import "./elements/console-toast.js";
import "./elements/dialog-host.js";
import "./elements/drop-menu.js";
import "./elements/data-grid.js";
import "./elements/order-list.js";
import "./elements/column-list.js";
import "./elements/bulk-bar.js";
import "./elements/reference-picker.js";
import "./elements/staged-changes.js";
import "./elements/find-in-list.js";
import "./elements/theme-switch.js";
import "./elements/password-field.js";
import "./elements/seen-until.js";
import "./elements/time-chart.js";
import "./elements/sql-desk.js";
import "./elements/merge-table.js";
import "./elements/command-palette.js";

document.documentElement.dataset.script = "on";
