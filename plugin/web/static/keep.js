// Asks before a form with changes is left by a click elsewhere, or by closing the page.
import { closeAll, openDialog } from './dialog.js';
import { putBack, sending } from './kept.js';

const said = (form) => new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)])).toString();

/** Ask with the words of a template; its link marked data-go does what was wanted. */
export function askFirst(template, opener, go) {
  openDialog(document.querySelector(template).content.cloneNode(true), opener, async (dialog) => {
    dialog.querySelector('[data-go]').addEventListener('click', (event) => {
      event.preventDefault();
      closeAll();
      go();
    });
  });
}

/** Watch a form of settings. */
export function prepareKeep(form) {
  const before = said(form);
  let leaving = false;
  const dirty = () => !leaving && said(form) !== before;
  const back = document.querySelector('[data-back]');
  if (back && putBack(form)) back.hidden = false;
  form.addEventListener('submit', () => {
    leaving = true;
    sending(form, said(form));
  });
  window.addEventListener('beforeunload', (event) => { if (dirty()) event.preventDefault(); });
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href]');
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    if (link.target || link.closest('dialog') || link.matches('[data-open-dialog]') || link.getAttribute('href').startsWith('#')) return;
    if (!dirty()) return;
    event.preventDefault();
    askFirst('#unsaved', link, () => {
      leaving = true;
      window.location.assign(link.href);
    });
  });
}
