// Fetches pieces of pages as HTML, puts them in place, and announces what happened. Holds no words of its own.
const FRAGMENT = 'X-Muster-Fragment';
const GO_TO = 'X-Muster-Location';

const latest = new Map();

/** Raised when the launch session is over; what was done is kept in the draft on the server. */
export class SessionEnded extends Error {}

/**
 * Ask the server for a fragment.
 * @param {string|URL} address
 * @param {RequestInit} options
 * @param {string} [series] a later request of the same series cancels this one
 * @returns {Promise<{html: string, location: string|null, status: number}>}
 */
export async function ask(address, options = {}, series = '') {
  let signal;
  if (series) {
    latest.get(series)?.abort();
    const controller = new AbortController();
    latest.set(series, controller);
    signal = controller.signal;
  }
  const answer = await fetch(address, {
    ...options,
    signal,
    headers: { ...options.headers, [FRAGMENT]: '1' },
    credentials: 'same-origin',
  });
  if (answer.status === 401) throw new SessionEnded();
  const html = answer.status === 204 ? '' : await answer.text();
  if (answer.status >= 500 && !html.includes('data-dialog')) throw new Error(String(answer.status));
  return { html, location: answer.headers.get(GO_TO), status: answer.status };
}

/** Tell a screen reader. */
export function say(text) {
  const live = document.querySelector('#live');
  live.textContent = '';
  if (text) setTimeout(() => { live.textContent = text.trim(); }, 60);
}

/**
 * Replace the inside of a region; templates in it go where data-put says, and may name the page's address from now on; what
 * is marked with data-say is announced.
 */
export function swap(selector, html) {
  const region = document.querySelector(selector);
  region.innerHTML = html;
  for (const part of region.querySelectorAll('template[data-put]')) {
    document.querySelector(part.dataset.put)?.replaceChildren(part.content);
    if (part.dataset.address) window.history.replaceState(null, '', part.dataset.address);
  }
  const told = region.querySelector('[data-say]');
  if (told) say(told.textContent);
}

/**
 * Show in place that something did not work; nothing on the page is lost.
 * @param {Error} error
 * @param {(() => Promise<void>)} [again] what to do when the reader wants to try once more
 */
export function fail(error, again) {
  if (error?.name === 'AbortError') return;
  const ended = error instanceof SessionEnded;
  const home = [...document.querySelectorAll('dialog[open] [data-dialog]')].pop() ?? document.querySelector('#main');
  home.querySelector('[data-failure]')?.remove();
  const notice = document.querySelector(ended ? '#ended' : '#failed').content.firstElementChild.cloneNode(true);
  const retry = notice.querySelector('[data-retry]');
  if (again && retry) {
    retry.addEventListener('click', () => {
      notice.remove();
      again().catch((next) => fail(next, again));
    });
  } else {
    retry?.remove();
  }
  const head = home.querySelector('.dialog-head');
  if (head) head.after(notice);
  else home.prepend(notice);
}

// Changes keep their order and clicks stay whole: what is sent about a part of the page goes one after the other, only the last
// answer is shown, and nothing is put in place under a finger that is pressing – a click needs its press and its release on
// the same element, and would be lost.
const AFTER_RELEASE = 80;
const LONGEST_PRESS = 2000;

const last = new Map();
let pressed = null;
let release = () => {};
let timer = 0;

function press() {
  if (!pressed) {
    pressed = new Promise((resolve) => { release = resolve; });
    pressed.then(() => { pressed = null; });
  }
  clearTimeout(timer);
  timer = setTimeout(release, LONGEST_PRESS); // some lists of choices swallow the release
}

function letGo(wait) {
  clearTimeout(timer);
  timer = setTimeout(release, wait);
}

/** Follow the pointer, and the keys that press what has focus. */
export function watchPresses() {
  const on = (type, work) => document.addEventListener(type, work, { capture: true, passive: true });
  on('pointerdown', press);
  on('pointerup', () => letGo(AFTER_RELEASE));
  on('pointercancel', () => letGo(0));
  on('click', () => letGo(0)); // after those who hear it
  on('keydown', (event) => { if (event.key === ' ') press(); });
  on('keyup', () => { if (pressed) letGo(AFTER_RELEASE); });
}

/** Resolves when nothing is being pressed. */
export async function unpressed() {
  while (pressed) await pressed;
}

/**
 * Do work about a part of the page when what was begun before it is done.
 * @param {string} part
 * @param {(newest: () => boolean) => Promise<void>} work asks `newest` whether nothing has been begun since
 */
export async function inTurn(part, work) {
  const before = last.get(part);
  const turn = (async () => {
    await before?.catch(() => {}); // told to whoever began it
    await work(() => last.get(part) === turn);
  })();
  last.set(part, turn);
  try {
    await turn;
  } finally {
    if (last.get(part) === turn) last.delete(part);
  }
}

/** Resolves when everything begun about a part of the page is done. */
export async function settled(part) {
  while (last.has(part)) await last.get(part).catch(() => {});
}
