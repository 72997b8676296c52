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
