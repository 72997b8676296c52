// The due date dialog: shows the fields of the chosen kind and event, and the chosen day in words.

export function prepareDue(form) {
  const kinds = [...form.querySelectorAll('[name=kind]')];
  const event = form.querySelector('[name=event]');
  const day = form.querySelector('[name=date]');
  const output = form.querySelector('[data-in-words]');
  const inWords = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'full', timeZone: 'UTC' });

  const update = () => {
    const chosen = kinds.find((one) => one.checked)?.value;
    for (const part of form.querySelectorAll('[data-for]')) part.hidden = part.dataset.for !== chosen;
    for (const part of form.querySelectorAll('[data-event]')) {
      part.hidden = !part.dataset.event.split(' ').includes(event.value);
    }
    const value = day.valueAsDate;
    output.textContent = value ? `${inWords.format(value)}.` : '';
  };
  form.addEventListener('change', update);
  day.addEventListener('input', update);
  update();
}
