// Lists by keyboard: up and down go to the same thing in the next row, Home and End to the first and last row.
const REACHED = 'a[href], button, input[type=checkbox], select, summary';

function rowFor(key, row) {
  const rows = [...row.closest('tbody').rows].filter((one) => one.querySelector(REACHED));
  const at = rows.indexOf(row);
  return { ArrowDown: rows[at + 1], ArrowUp: rows[at - 1], Home: rows[0], End: rows.at(-1) }[key];
}

export function watchLists() {
  document.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    const here = event.target;
    const row = here.closest?.('.grid tbody tr');
    if (!row || !here.matches('a, button, input[type=checkbox]')) return;
    const next = rowFor(event.key, row);
    if (!next) return;
    const place = [...row.querySelectorAll(REACHED)].indexOf(here);
    const there = [...next.querySelectorAll(REACHED)];
    (there[place] ?? there.at(-1)).focus();
    event.preventDefault();
  });
}
