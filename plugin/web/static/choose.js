// Rows to be chosen, and buttons for what every chosen one allows: data-allows names the values of the buttons.

/** @param {HTMLFormElement} form */
export function prepareChoose(form) {
  const buttons = [...form.querySelectorAll('button[name=action]')];
  const everyone = form.querySelector('[name=everyone]');
  const rows = [...form.querySelectorAll('[name=person]')];
  const update = () => {
    for (const row of rows) row.disabled = Boolean(everyone?.checked);
    const chosen = everyone?.checked ? [everyone] : rows.filter((one) => one.checked);
    const allowed = chosen.map((one) => one.dataset.allows.split(' '));
    for (const button of buttons) button.disabled = !allowed.every((some) => some.includes(button.value));
  };
  form.addEventListener('change', update);
  update();
}
