// Asks again for parts of the page that are still moving, ever more seldom, until the server says they are done.
import { ask, fail, say, unpressed } from './fragments.js';

const FIRST = 700;
const SLOWER = 1.3;
const SELDOM = 10_000;

async function poll(region, wait) {
  await new Promise((resolve) => { setTimeout(resolve, wait); });
  if (!region.isConnected) return;
  const answer = await ask(region.dataset.poll);
  const holder = document.createElement('template');
  holder.innerHTML = answer.html;
  const fresh = holder.content.querySelector(`#${region.id}`);
  if (!fresh) return;
  await unpressed();
  region.setAttribute('aria-busy', 'false');
  const focused = region.contains(document.activeElement) ? document.activeElement.textContent : null;
  region.replaceWith(fresh);
  if (focused) [...fresh.querySelectorAll('a, button')].find((one) => one.textContent === focused)?.focus();
  if (fresh.dataset.poll) poll(fresh, Math.min(wait * SLOWER, SELDOM)).catch(fail);
  else say(fresh.querySelector('[data-say]')?.textContent ?? '');
}

/** Follow a region until it no longer names an address to ask. */
export function watch(region) {
  poll(region, FIRST).catch(fail);
}
