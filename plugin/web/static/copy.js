// Copies a read-only field. In a frame of another site the clipboard may be closed to us: then the text is selected,
// ready for the keyboard.
import { say } from './fragments.js';

async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  field.focus();
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    if (!document.execCommand('copy')) return;
  }
  say(button.dataset.done);
  const words = button.firstChild;
  const before = words.textContent;
  words.textContent = button.dataset.done;
  setTimeout(() => { words.textContent = before; }, 2000);
  button.focus();
}

/** Give life to the copy buttons of a page. */
export function prepareCopy(root) {
  for (const button of root.querySelectorAll('[data-copy]')) button.addEventListener('click', () => copy(button));
}
