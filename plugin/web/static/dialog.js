// Dialogs on the platform's own <dialog>, placed where a person can see them even inside a tall iframe.
import { visiblePart } from './frame.js';

const stack = [];
const EDGE = 8;
const LEAST_HEIGHT = 440;

/** Put a dialog where the frame is on screen; the browser alone would centre it in the whole frame. */
async function place(dialog) {
  const part = await visiblePart();
  const height = part ? Math.max(part.height, LEAST_HEIGHT) : window.innerHeight;
  document.documentElement.style.setProperty('--visible', `${height}px`);
  if (!dialog.open) dialog.showModal();
  if (!part) return;
  const centred = part.top + Math.max(0, (part.height - dialog.offsetHeight) / 2);
  const lowest = Math.max(EDGE, window.innerHeight - dialog.offsetHeight - EDGE);
  dialog.style.marginBlockStart = '0';
  dialog.style.top = `${Math.min(Math.max(EDGE, centred), lowest)}px`;
}

/** The words and size come from the content: data-dialog, aria-labelledby, data-alert. */
function dress(dialog, content) {
  const body = content.querySelector('[data-dialog]');
  dialog.className = `dialog ${body.dataset.dialog}`;
  for (const name of ['aria-labelledby', 'aria-describedby']) {
    if (body.hasAttribute(name)) dialog.setAttribute(name, body.getAttribute(name));
    else dialog.removeAttribute(name);
    body.removeAttribute(name);
  }
  if ('alert' in body.dataset) dialog.setAttribute('role', 'alertdialog');
  else dialog.removeAttribute('role');
  dialog.replaceChildren(content);
}

function focusInside(dialog) {
  const wanted = dialog.querySelector('[role=alert]') ? null : dialog.querySelector('[data-first]');
  const first = wanted ?? dialog.querySelector('.dialog-main :is(input, select, textarea, a[href], button), select, input');
  (first ?? dialog.querySelector('a[href], button'))?.focus({ preventScroll: true });
}

/**
 * Open content as a modal dialog. Focus goes in when the content's behaviour is there, so that no key is lost, and comes
 * back to the opener, or stays where a swap has put it.
 * @param {(dialog: HTMLDialogElement) => Promise<void>} prepare gives life to the content
 */
export function openDialog(content, opener, prepare) {
  const dialog = document.createElement('dialog');
  dress(dialog, content);
  const row = opener?.closest('tr')?.dataset.key;
  document.body.append(dialog);
  stack.push(dialog);
  dialog.addEventListener('close', () => {
    stack.splice(stack.indexOf(dialog), 1);
    dialog.remove();
    if (!dialog.dataset.quiet) returnTo(opener, row)?.focus();
  });
  Promise.all([place(dialog), prepare(dialog)]).then(() => focusInside(dialog));
}

/** A link inside a closed menu cannot take focus; its menu button does. A row replaced meanwhile has the same link. */
function returnTo(opener, row) {
  if (opener?.isConnected) return opener.closest('details:not([open])')?.querySelector('summary') ?? opener;
  if (!row) return null;
  return document.querySelector(`tr[data-key="${CSS.escape(row)}"] [data-role="${opener.dataset.role}"]`);
}

/** Refresh the topmost dialog with new content. */
export function replaceDialog(content, prepare) {
  const dialog = stack.at(-1);
  dress(dialog, content);
  Promise.all([place(dialog), prepare(dialog)]).then(() => focusInside(dialog));
}

export function closeTop() {
  stack.at(-1)?.close();
}

/** Close every dialog without moving focus: the caller does. */
export function closeAll() {
  for (const dialog of [...stack].reverse()) {
    dialog.dataset.quiet = 'yes';
    dialog.close();
  }
}

// Escape closes the dialog on top, unless that asks first, and no other; left to themselves, browsers may close several that opened in one go.
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.defaultPrevented || event.isComposing || !stack.length) return;
  event.preventDefault();
  if (stack.at(-1).dispatchEvent(new Event('leaving', { cancelable: true }))) closeTop();
});
