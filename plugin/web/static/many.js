// Rows to be chosen on a page, all of them at once, and how many are; the boxes belong to the form #many.
const boxes = () => [...document.querySelectorAll('input[form=many][name=row]')];

function update(form) {
  const all = form.querySelector('[name=everyone]');
  for (const box of boxes()) box.disabled = Boolean(all?.checked);
  const size = boxes().filter((box) => box.checked).length;
  const count = form.querySelector('[data-chosen-count]');
  count.textContent = all?.checked || !size ? '' : count.dataset.text.replace('{count}', size);
  form.querySelector('[data-page]').checked = size > 0 && size === boxes().length;
}

export function watchMany() {
  document.addEventListener('change', (event) => {
    const form = event.target.form;
    if (form?.id !== 'many') return;
    if ('page' in event.target.dataset) for (const box of boxes()) box.checked = event.target.checked;
    update(form);
  });
}
