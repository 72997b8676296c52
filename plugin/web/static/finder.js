// Search from anywhere: "/" leads to the field, what is found opens under it as it is typed; Enter opens the whole page.
import { ask, fail, say } from './fragments.js';

const SEARCH_WAIT = 180;
const OFF = 'muster-slash-off';

let form = null;
let timer = 0;

/** Whether the key is off: somebody whose software types it by itself can switch it off on the search page. */
function off() {
  try {
    return window.localStorage.getItem(OFF) === '1';
  } catch {
    return false; // a frame without storage
  }
}

function close() {
  form.querySelector('[data-found]').hidden = true;
}

async function search(input) {
  const found = form.querySelector('[data-found]');
  if (!input.value.trim()) { close(); return; }
  const address = new URL(form.getAttribute('action'), document.baseURI);
  address.search = new URLSearchParams({ q: input.value });
  const answer = await ask(address, {}, 'finder');
  found.innerHTML = answer.html;
  found.hidden = false;
  say(found.querySelector('.after, .empty')?.textContent ?? '');
}

function move(event) {
  const links = [...form.querySelectorAll('[data-found] a')];
  const at = links.indexOf(document.activeElement);
  const input = form.querySelector('input');
  if (event.key === 'Escape') {
    close();
    input.focus();
  } else if (event.key === 'ArrowDown' && links.length) {
    links[Math.min(at + 1, links.length - 1)].focus();
  } else if (event.key === 'ArrowUp' && at >= 0) {
    (links[at - 1] ?? input).focus();
  } else {
    return;
  }
  event.preventDefault();
}

function listen(finder) {
  form = finder;
  const input = form.querySelector('input');
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => search(input).catch((error) => { if (error.name !== 'AbortError') fail(error); }), SEARCH_WAIT);
  });
  form.addEventListener('keydown', move);
  form.addEventListener('focusout', (event) => { if (!form.contains(event.relatedTarget)) close(); });
  if (document.activeElement === input && input.value !== input.defaultValue) input.dispatchEvent(new Event('input'));
}

/** Somebody came to the field, or pressed the key. */
export function turnTo(finder, event) {
  if (form !== finder) listen(finder);
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input, textarea, select, [contenteditable], dialog') || off()) return;
  const input = finder.querySelector('input');
  input.focus();
  input.select();
}

/** The switch on the search page. */
export function prepareSlash(box) {
  box.checked = !off();
  box.addEventListener('change', () => {
    try {
      if (box.checked) window.localStorage.removeItem(OFF);
      else window.localStorage.setItem(OFF, '1');
    } catch {
      box.checked = true;
    }
  });
}
