// Keeps changes in order and clicks whole: what is sent about a part of the page goes one after the other, only the last
// answer is shown, and nothing is put in place under a finger that is pressing – a click needs its press and its release
// on the same element, and would be lost.
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
