// Course sets: added, moved and removed on the page; the order of the page is the order that is saved.
import { say } from './fragments.js';

const MANY = 8;

function number(root) {
  const sets = [...root.querySelectorAll(':scope > ol > [data-set]')];
  sets.forEach((one, at) => {
    one.querySelector('[data-number]').textContent = at + 1;
    one.querySelector('[data-move="-1"]').hidden = at === 0;
    one.querySelector('[data-move="1"]').hidden = at === sets.length - 1;
  });
}

function prepareSet(one) {
  const boxes = [...one.querySelectorAll('.course-list label')];
  const narrow = one.querySelector('[data-narrow]');
  one.querySelector('[data-tools]').hidden = false;
  narrow.hidden = boxes.length <= MANY;
  narrow.querySelector('input').addEventListener('input', (event) => {
    const words = event.target.value.trim().toLocaleLowerCase();
    for (const box of boxes) box.hidden = Boolean(words) && !box.textContent.toLocaleLowerCase().includes(words);
  });
  narrow.querySelector('input').addEventListener('keydown', (event) => {
    if (event.key === 'Enter') event.preventDefault(); // searching is not saving
  });
  one.querySelector('.course-list').addEventListener('change', () => {
    one.querySelector('[data-chosen]').textContent = one.querySelectorAll('.course-list :checked').length;
  });
}

export function prepareContent(root) {
  const list = root.querySelector('ol');
  const add = root.querySelector('[data-add-set]');
  let next = Math.max(...[...list.querySelectorAll('[name$="-set"]')].map((one) => Number(one.value))) + 1;
  list.querySelectorAll('[data-set]').forEach(prepareSet);
  add.hidden = false;
  number(root);

  add.addEventListener('click', () => {
    const holder = document.createElement('template');
    holder.innerHTML = root.querySelector('[data-new-set]').innerHTML.replaceAll('__', String(next));
    next += 1;
    const fresh = holder.content.querySelector('[data-set]');
    list.append(fresh);
    prepareSet(fresh);
    number(root);
    fresh.querySelector('[name$="-name"]').focus();
  });
  list.addEventListener('click', (event) => {
    const one = event.target.closest('[data-set]');
    const by = Number(event.target.dataset.move ?? 0);
    if (by) {
      if (by < 0) one.previousElementSibling?.before(one);
      else one.nextElementSibling?.after(one);
      number(root);
      const still = event.target.hidden ? one.querySelector('[data-move]:not([hidden])') : event.target;
      still?.focus();
      say(one.querySelector('legend').textContent);
    } else if (event.target.matches('[data-remove-set]')) {
      const near = one.nextElementSibling ?? one.previousElementSibling;
      one.remove();
      number(root);
      (near?.querySelector('[name$="-name"]') ?? add).focus();
    }
  });
}
