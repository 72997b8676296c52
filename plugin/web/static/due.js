// The due date dialog: shows the fields of the chosen kind and event, the chosen day in words, and who gets which date.
import { ask, fail } from './fragments.js';

const WAIT = 250;

export function prepareDue(form) {
  const kinds = [...form.querySelectorAll('[name=kind]')];
  const event = form.querySelector('[name=event]');
  const day = form.querySelector('[name=date]');
  const output = form.querySelector('[data-in-words]');
  const counts = form.querySelector('[data-counts]');
  const inWords = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'full', timeZone: 'UTC' });
  let waiting = 0;

  const update = () => {
    const chosen = kinds.find((one) => one.checked)?.value;
    for (const part of form.querySelectorAll('[data-for]')) part.hidden = part.dataset.for !== chosen;
    for (const part of form.querySelectorAll('[data-event]')) {
      part.hidden = !part.dataset.event.split(' ').includes(event.value);
    }
    const value = day.valueAsDate;
    output.textContent = value ? `${inWords.format(value)}.` : '';
  };
  const count = async () => {
    if (!counts) return;
    const address = new URL(counts.dataset.counts, window.location.href);
    address.search = new URLSearchParams([...new FormData(form)].filter(([, value]) => value)).toString();
    const answer = await ask(address, {}, 'due-counts');
    if (answer.status === 200) counts.innerHTML = answer.html;
  };
  form.addEventListener('change', update);
  day.addEventListener('input', update);
  form.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => count().catch((error) => fail(error, count)), WAIT);
  });
  update();
}
